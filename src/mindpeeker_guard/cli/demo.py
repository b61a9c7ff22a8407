"""The demonstration: an issuer, a protected API, real requests, and a table of what came of them."""

from __future__ import annotations

import json
import os
import secrets
import signal
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from tempfile import TemporaryDirectory
from typing import Final

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mindpeeker_guard.authenticators._jwt_rules import MINDPEEKER_AUDIENCE
from mindpeeker_guard.cli._command import print_json
from mindpeeker_guard.cli._key_scenarios import curl_lines
from mindpeeker_guard.cli._outcomes import Outcome
from mindpeeker_guard.cli._scenarios import CLIENT_ID, CLIENT_SCOPES, CLIENT_SECRET, Scenario
from mindpeeker_guard.cli._servers import StartError, serving
from mindpeeker_guard.issuer import EmbeddedIssuer

__all__ = ["StartError", "run"]

_TITLES: Final = {"flask": "Flask", "fastapi": "FastAPI", "django": "Django"}
_WORDS: Final = {2: ("allowed", "green"), 4: ("refused", "yellow"), 5: ("not now", "magenta")}
_WIDTH: Final = 118  # where the output is no terminal


def run(framework: str, *, serve: bool = False, port: int = 0, issuer_port: int = 0, as_json: bool = False) -> bool:
    """Run the demonstration.

    Args:
        framework: ``flask``, ``fastapi`` or ``django``.
        serve: Whether to keep everything running, with curl lines to paste, until interrupted.
        port: The API's port; 0 picks a free one.
        issuer_port: The issuer's port; 0 picks a free one.
        as_json: Whether to print one JSON object instead of words.

    Returns:
        Whether every answer was the expected one.

    Raises:
        ImportError: The framework or its server is not installed.
        StartError: The issuer or the API cannot be started.
    """
    # The default action of SIGTERM would leave the API's process behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    try:
        issuer = _issuer(issuer_port)
    except OSError as error:
        raise StartError(f"Port {issuer_port} cannot be used: {error.strerror}.") from error
    with issuer, ExitStack() as running:
        environ = {
            "MINDPEEKER_ISSUER": issuer.issuer,
            "MINDPEEKER_AUDIENCE": MINDPEEKER_AUDIENCE,
            "MINDPEEKER_JWKS_URI": issuer.jwks_uri,
            # The demo names three unknown keys within seconds, one more than are looked up at once by default.
            "MINDPEEKER_UNKNOWN_KID_BURST": "3",
            "MINDPEEKER_API_KEY_STORE": f"sqlite:///{running.enter_context(TemporaryDirectory())}/keys.db",
            "MINDPEEKER_API_KEY_PEPPER": secrets.token_urlsafe(48),
        }
        with console.status(f"Starting {_TITLES[framework]} and an issuer …"):
            url = running.enter_context(serving(framework, environ, port))
        if serve:
            return _serve(console, issuer, url, as_json=as_json)
        with console.status("Sending requests …"):
            acts = list(Scenario(issuer, url).play())
    if as_json:
        return _tell(framework, acts)
    return _show(console, framework, issuer, acts)


def _issuer(port: int) -> EmbeddedIssuer:
    issuer = EmbeddedIssuer(port=port)
    issuer.start()
    issuer.add_client(CLIENT_ID, CLIENT_SECRET, CLIENT_SCOPES)
    own = os.environ.get("MINDPEEKER_CLIENT_ID"), os.environ.get("MINDPEEKER_CLIENT_SECRET")
    if own[0] and own[1]:
        issuer.add_client(own[0], own[1], CLIENT_SCOPES)
    return issuer


def _tell(framework: str, acts: list[list[Outcome]]) -> bool:
    outcomes = [outcome for act in acts for outcome in act]
    good = all(outcome.good for outcome in outcomes)
    print_json({"framework": framework, "good": good, "answers": [asdict(outcome) for outcome in outcomes]})
    return good


def _show(console: Console, framework: str, issuer: EmbeddedIssuer, acts: list[list[Outcome]]) -> bool:
    console.print(_table(f"A MindPeeker API in {_TITLES[framework]}, guarded", acts))
    outcomes = [outcome for act in acts for outcome in act]
    good = sum(outcome.good for outcome in outcomes)
    console.print(f"{good} of {len(outcomes)} answers are the expected ones.", style="bold", highlight=False)
    fetches = sum(count for path, count in issuer.requests.items() if path.endswith("/jwks.json"))
    console.print(f"The API fetched the issuer's keys {fetches} times.", highlight=False)
    console.print("Try it yourself: mindpeeker-guard demo --serve", style="dim", highlight=False)
    return good == len(outcomes)


def _table(title: str, acts: Iterable[Iterable[Outcome]]) -> Table:
    table = Table(title=title, title_style="bold", header_style="bold", box=box.SIMPLE_HEAD)
    for column in ("Request", "Credential", "Answer", "Why"):
        table.add_column(column, no_wrap=column in {"Request", "Answer"})
    for act in acts:
        for outcome in act:
            table.add_row(Text(outcome.request), Text(outcome.credential), _answer(outcome), Text(outcome.why))
        table.add_section()
    return table


def _answer(outcome: Outcome) -> Text:
    if not outcome.good:
        return Text(f"{outcome.status}, not {outcome.expected}", style="bold red")
    word, style = _WORDS[outcome.status // 100]
    return Text(f"{outcome.status} {word}", style=style)


def _serve(console: Console, issuer: EmbeddedIssuer, url: str, *, as_json: bool) -> bool:
    try:  # whoever reads the last line may end it at once
        if as_json:
            told = {"issuer": issuer.url, "api": url, "token_endpoint": issuer.token_endpoint}
            click.echo(json.dumps(told | {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}))
        else:
            _print_lines(console, issuer, url)
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("Stopped.", err=as_json)
    return True


def _print_lines(console: Console, issuer: EmbeddedIssuer, url: str) -> None:
    console.print(f"Issuer  {issuer.url}\nAPI     {url}\n", highlight=False)
    console.print("Paste these into another terminal:\n", style="bold")
    lines = f"""\
TOKEN=$(curl -s -X POST {issuer.token_endpoint} \\
  -d grant_type=client_credentials -d client_id={CLIENT_ID} -d client_secret={CLIENT_SECRET} \\
  -d "scope=remote-viewing:read profile" | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
curl -iw '\\n' {url}/v1/status
curl -iw '\\n' {url}/v1/sessions
curl -iw '\\n' {url}/v1/sessions -H "Authorization: Bearer $TOKEN"
curl -iw '\\n' {url}/v1/user/profile -H "Authorization: Bearer $TOKEN"
curl -iw '\\n' -X DELETE {url}/v1/sessions/s-1 -H "Authorization: Bearer $TOKEN"
"""
    lines += curl_lines(url)
    console.print(lines, highlight=False, markup=False, soft_wrap=True)
    console.print("Ctrl-C ends both.", style="dim")
