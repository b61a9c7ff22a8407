"""``issuer``: an issuer on this machine, in the foreground."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import threading
from contextlib import suppress
from typing import Any

import click

from mindpeeker_guard._scopes import MINDPEEKER_SCOPES
from mindpeeker_guard.authenticators._jwt_rules import MINDPEEKER_AUDIENCE
from mindpeeker_guard.cli._command import json_option, note
from mindpeeker_guard.cli._exits import SettingError


@click.command(short_help="Run an issuer on this machine, for tests.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; 0 picks a free one.")
@click.option("--audience", metavar="NAME", default=MINDPEEKER_AUDIENCE, show_default=True, help="The aud of tokens.")
@click.option(
    "--lifetime", type=click.IntRange(min=1), default=3600, show_default=True, help="Seconds that tokens live."
)
@click.option("--client-id", metavar="ID", default="local-client", show_default=True, help="The client.")
@click.option("--secret-env", metavar="NAME", help="Take the client's secret from this variable; a new one otherwise.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What the client may have; all by default.")
@json_option
def command(*, as_json: bool, **options: Any) -> None:
    """Run an issuer on loopback until Ctrl-C, with metadata, keys and a token endpoint for one client.

    Prints the variables that point a guard and a client at it. Everything is in memory, and new at each start.
    """
    try:
        from mindpeeker_guard.issuer import EmbeddedIssuer  # noqa: PLC0415 - it needs an extra of its own
    except ImportError as error:
        raise SettingError(str(error), code="extra_missing") from error
    known = _secret(options["secret_env"])
    secret = known or secrets.token_urlsafe(24)
    # What ends a service ends this: quietly.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    issuer = EmbeddedIssuer(port=options["port"], audience=options["audience"], lifetime=options["lifetime"])
    try:
        scopes = [name for text in options["scopes"] for name in text.split()] or list(MINDPEEKER_SCOPES)
        issuer.add_client(options["client_id"], secret, scopes)
        issuer.start()
    except OSError as error:
        text = f"Port {options['port']} cannot be used: {error.strerror}."
        raise SettingError(text, "Give another --port, or none for a free one.", code="not_started") from None
    with issuer:
        told = _members(issuer, options, None if known else secret)
        text = json.dumps(told) if as_json else "\n".join(lines(told, options["secret_env"]))
        with suppress(KeyboardInterrupt):
            click.echo(text)
            threading.Event().wait()
    note("Stopped.")


def _secret(variable: str | None) -> str | None:
    if variable is None:
        return None
    secret = os.environ.get(variable)
    if not secret:
        raise SettingError("The variable of --secret-env is not set.")
    return secret


def _members(issuer: Any, options: dict[str, Any], secret: str | None) -> dict[str, Any]:
    return {
        "issuer": issuer.issuer,
        "audience": options["audience"],
        "jwks_uri": issuer.jwks_uri,
        "metadata_url": issuer.metadata_url,
        "token_endpoint": issuer.token_endpoint,
        "client_id": options["client_id"],
    } | ({"client_secret": secret} if secret else {})


def lines(told: dict[str, Any], variable: str | None) -> list[str]:
    """Return what to paste into another terminal; a secret that was given is named, not shown."""
    values = {
        "MINDPEEKER_ISSUER": shlex.quote(told["issuer"]),
        "MINDPEEKER_AUDIENCE": shlex.quote(told["audience"]),
        "MINDPEEKER_CLIENT_ID": shlex.quote(told["client_id"]),
        "MINDPEEKER_CLIENT_SECRET": shlex.quote(told["client_secret"]) if variable is None else f'"${variable}"',
    }
    return [
        f"# An issuer on {told['issuer']}; Ctrl-C ends it. Paste into another terminal:",
        *(f"export {name}={value}" for name, value in values.items()),
        "mindpeeker-guard token | mindpeeker-guard explain",
        f"curl -s {shlex.quote(told['token_endpoint'])} -d grant_type=client_credentials \\",
        '  --data-urlencode "client_id=$MINDPEEKER_CLIENT_ID" \\',
        '  --data-urlencode "client_secret=$MINDPEEKER_CLIENT_SECRET"',
    ]
