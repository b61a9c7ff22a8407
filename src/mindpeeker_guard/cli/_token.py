"""``token``: get a token with a client's credentials (RFC 6749 section 4.4)."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import click

from mindpeeker_guard._discovery import metadata_urls
from mindpeeker_guard._headers import check_token
from mindpeeker_guard._http import FetchError, Posted, Session, check_url
from mindpeeker_guard._shown import plain, shown
from mindpeeker_guard.authenticators._jwt_rules import MINDPEEKER_ISSUER
from mindpeeker_guard.cli._command import json_option, note, print_json, session, working
from mindpeeker_guard.cli._exits import NO, CommandError, InputError, NetworkError, SettingError, fetch_problem
from mindpeeker_guard.cli._input import read_file
from mindpeeker_guard.cli._options import setting
from mindpeeker_guard.errors import ConfigurationError, InvalidRequestError

_PATH: Final = "/oauth2/token"
_MAX_SECRET: Final = 4096  # bytes
_OK: Final = 200
_ADVICE: Final = {
    "invalid_client": "Check client id and secret, and that they are of this issuer.",
    "invalid_scope": "Ask for scopes that the client was granted; mindpeeker-guard scopes lists the platform's.",
    "unauthorized_client": "The client may not use client credentials: have it allowed.",
    "unsupported_grant_type": "This issuer gives no tokens for client credentials.",
}


@click.command(short_help="Get a token with a client's credentials.")
@click.option("--issuer", metavar="URL", help="Who issues the token; MINDPEEKER_ISSUER, or the platform's.")
@click.option("--token-endpoint", metavar="URL", help="Where to ask; the issuer's metadata tell otherwise.")
@click.option("--client-id", metavar="ID", help="The client; MINDPEEKER_CLIENT_ID otherwise.")
@click.option("--secret-file", metavar="FILE", help="Read the client's secret from here; - for standard input.")
@click.option("--secret-env", metavar="NAME", default="MINDPEEKER_CLIENT_SECRET", show_default=True, help="Or here.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What to ask for; may be given more than once.")
@click.option("--audience", metavar="NAME", help="Send an audience parameter, for issuers that want one.")
@click.option("--auth", type=click.Choice(["post", "basic"]), default="post", show_default=True, help="How to log in.")
@json_option
def command(*, as_json: bool, **options: Any) -> None:
    """Get an access token with a client's id and secret, and print it, and nothing else, to standard output.

    The secret comes from a variable, a file or a prompt, never from the command line. --json prints the whole response.
    Exits with 1 if the issuer refuses, and with 4 if it cannot be reached.
    """
    client_id = options["client_id"] or os.environ.get("MINDPEEKER_CLIENT_ID")
    if not client_id:
        raise SettingError("There is no client id.", "Set MINDPEEKER_CLIENT_ID, or give --client-id.")
    secret = _secret(options["secret_file"], options["secret_env"])
    form = {"grant_type": "client_credentials"}
    form |= {"scope": " ".join(options["scopes"])} if options["scopes"] else {}
    form |= {"audience": options["audience"]} if options["audience"] else {}
    headers = {}
    if options["auth"] == "basic":
        headers["authorization"] = basic(client_id, secret)
    else:
        form |= {"client_id": client_id, "client_secret": secret}
    with working("Asking for a token"):
        posted = _ask(options["token_endpoint"], setting(options, "issuer") or MINDPEEKER_ISSUER, form, headers)
    _print(_granted(posted), as_json=as_json)


def basic(client_id: str, secret: str) -> str:
    """Return the header of ``client_secret_basic`` (RFC 6749 section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _secret(file: str | None, variable: str) -> str:
    if file is not None:
        raw = read_file(file, _MAX_SECRET)
        try:
            secret = raw.decode().strip("\r\n")
        except ValueError:
            raise InputError("The client's secret is not text.") from None
    else:
        secret = os.environ.get(variable, "")
        if not secret and sys.stdin is not None and sys.stdin.isatty():
            secret = click.prompt("Client secret", hide_input=True, err=True)
    if not secret:
        raise SettingError("There is no client secret.", f"Set {plain(variable)}, or give --secret-file.")
    if len(secret) > _MAX_SECRET:
        raise InputError(f"The client's secret has more than {_MAX_SECRET} characters.")
    return secret


def _ask(endpoint: str | None, issuer: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Posted:
    try:
        check_url(endpoint if endpoint is not None else issuer, "The URL")
    except ConfigurationError as error:
        raise SettingError(str(error)) from None
    with session() as opened:
        url = endpoint if endpoint is not None else _endpoint(issuer, opened)
        try:
            return opened.post(url, form, headers)
        except FetchError as error:
            raise fetch_problem("A token", url, error) from None


def _endpoint(issuer: str, opened: Session) -> str:
    """Return the token endpoint that the issuer's metadata name, else the platform's place below the issuer."""
    for url in metadata_urls(issuer):
        try:
            members = opened.get(url).members or {}
            if members.get("issuer") == issuer:
                return check_url(members.get("token_endpoint", ""), "token_endpoint")
        except ConfigurationError:
            break
        except FetchError as error:
            if not error.answered:
                raise fetch_problem("The metadata", issuer, error) from None
    return issuer.rstrip("/") + _PATH


def _granted(posted: Posted) -> dict[str, Any]:
    """Return a good response; a refusal is told by its code, escaped (RFC 6749 section 5.2)."""
    members = posted.members
    if posted.status == _OK and isinstance(members.get("access_token"), str):
        return members
    error = members.get("error")
    if isinstance(error, str):
        text = members.get("error_description")
        words = f" ({plain(text)})" if isinstance(text, str) else ""
        raise CommandError(
            f"The issuer refuses: {plain(error)}{words}.", _ADVICE.get(error, ""), code="token_refused", exit_code=NO
        )
    raise NetworkError(
        f"The answer is no token response (HTTP status {posted.status}).", "Check the URL of the token endpoint."
    )


def _print(members: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(members)
        return
    token = members["access_token"]
    try:
        check_token(token.encode("ascii", "replace"))
    except InvalidRequestError:
        text = "The issuer's access token has characters that no token can have."
        raise NetworkError(text, "--json shows the whole response.") from None
    told = {name: members[name] for name in ("token_type", "scope", "expires_in") if name in members}
    note(", ".join(f"{name} {shown(value)}" for name, value in told.items()))
    click.echo(token)
