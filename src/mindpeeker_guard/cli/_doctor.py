"""``doctor``: what is wrong with the set-up, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.text import Text

from mindpeeker_guard._guard import Guard
from mindpeeker_guard.cli._command import json_option, print_json, show, table, verdict, working
from mindpeeker_guard.cli._doctor_local import check_machine, check_settings
from mindpeeker_guard.cli._doctor_online import Online
from mindpeeker_guard.cli._exits import GOOD, NO, CommandError, SettingError
from mindpeeker_guard.cli._explain import ADVICE
from mindpeeker_guard.cli._findings import Finding, ok, problem, skipped, warning
from mindpeeker_guard.cli._input import read_token
from mindpeeker_guard.cli._options import bearer_of, configured_guard, guard_options, make_guard, setting
from mindpeeker_guard.errors import UnavailableError
from mindpeeker_guard.explain import explain


@click.command(short_help="Look for what is wrong with the set-up, with advice.")
@click.option("--offline", is_flag=True, help="Ask nobody: look at this machine only.")
@click.option("--token", "token_file", metavar="FILE", help="Explain this token, too; - for standard input.")
@click.option("--token-env", metavar="NAME", help="Explain the token in this environment variable, too.")
@guard_options
@json_option
def command(*, offline: bool, as_json: bool, **options: Any) -> None:
    """Look at packages, settings, discovery, keys, clock and TLS, and give one line of advice for what is wrong.

    Settings are read from the environment and the options, not from a framework's configuration. Exits with 1 if there
    is a problem; warnings are none.
    """
    with working("Looking"):
        findings = list(_findings(options, offline=offline))
    bad = any(finding.level == "problem" for finding in findings)
    if as_json:
        print_json({"healthy": not bad, "findings": [finding._asdict() for finding in findings]})
    else:
        _print(findings)
    click.get_current_context().exit(NO if bad else GOOD)


def _findings(options: dict[str, Any], *, offline: bool) -> Iterator[Finding]:
    yield from check_machine()
    told = list(check_settings(options))
    yield from told
    try:
        schemes = [one.scheme for one in configured_guard(options).authenticators]
        guard = make_guard(options)
    except CommandError as error:
        if not any(finding.text == error.message for finding in told):
            yield problem("guard", error.message, error.hint)
        return
    rules = bearer_of(guard)
    text = f"{rules.issuer} for {', '.join(sorted(rules.audiences))}"
    yield ok("guard", text if len(schemes) == 1 else f"{text}; schemes: {', '.join(schemes)}")
    if offline:
        yield skipped("issuer", "not asked: --offline")
        return
    try:
        yield from Online(rules, setting(options, "jwks_uri")).findings()
    except SettingError as error:
        yield problem("HTTP client", error.message, error.hint)
    if options["token_file"] is not None or options["token_env"] is not None:
        yield _token(guard, options)


def _token(guard: Guard, options: dict[str, Any]) -> Finding:
    try:
        given = read_token(options["token_file"], options["token_env"])
    except CommandError as error:
        return problem("token", error.message, error.hint)
    refused = explain(guard, given.token).error
    if refused is None:
        return ok("token", "a guard with these settings accepts it")
    judge = warning if isinstance(refused, UnavailableError) else problem
    return judge("token", f"{refused.code}: {refused.description}", ADVICE.get(refused.code, ""))


def _print(findings: list[Finding]) -> None:
    made = table("", "Check", "What was found")
    made.columns[0].no_wrap = made.columns[1].no_wrap = True
    for finding in findings:
        text = Text(finding.text)
        if finding.advice:
            text.append(f"\nNext: {finding.advice}", style="bold")
        made.add_row(verdict(finding.level), Text(finding.name), text)
    levels = [finding.level for finding in findings]
    words = (
        f"{levels.count(level)} {level}{'' if levels.count(level) == 1 else 's'}" for level in ("problem", "warning")
    )
    show(made, "", Text(f"{', '.join(words)}."))
