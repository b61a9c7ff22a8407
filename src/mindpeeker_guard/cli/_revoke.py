"""``revoke``: refuse credentials in every process that shares a Redis."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from mindpeeker_guard.cli._command import json_option, print_json
from mindpeeker_guard.cli._exits import NetworkError, SettingError
from mindpeeker_guard.errors import ConfigurationError, StoreUnavailableError
from mindpeeker_guard.settings import state_from_environ


def _time(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read a time: seconds since the epoch, ISO 8601 with an offset, or ``now``."""
    if value is None:
        return None
    try:
        if value == "now":
            return datetime.now(UTC).timestamp()
        if value.replace(".", "", 1).isdigit():
            return float(value)
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        text = "give seconds since the epoch, ISO 8601 such as 2026-01-31T12:00:00Z, or now."
        raise click.BadParameter(text, ctx, param)
    return moment.timestamp()


@click.command("revoke", short_help="Revoke tokens or an API key, everywhere at once.")
@click.option("--token-id", metavar="ID", help="The jti of a token; not the token.")
@click.option("--subject", metavar="NAME", help="The sub of tokens.")
@click.option("--client-id", metavar="NAME", help="The client of tokens.")
@click.option("--api-key", metavar="ID", help="The id of an API key; not the key.")
@click.option("--issuer", metavar="URL", help="Whose tokens; every issuer's by default.")
@click.option("--issued-before", metavar="TIME", callback=_time, help="Newer ones stay good; alone, it means all.")
@click.option("--expires-at", metavar="TIME", callback=_time, help="When the token or the key ends by itself.")
@json_option
def command(*, as_json: bool, **what: Any) -> None:
    """Revoke a token, a subject's or a client's tokens, an API key, or everything issued before a time.

    The Redis is the one that the API uses: MINDPEEKER_REDIS_URL, with the other variables that go with it. There is no
    option for the URL: others on the machine could read it, and the password in it.

    A TIME is now, seconds since the epoch, or 2026-01-31T12:00:00Z. Exits with 4 if Redis did not confirm it.
    """
    try:
        state = state_from_environ()
    except ConfigurationError as error:
        raise SettingError(str(error)) from None
    if state is None:
        raise SettingError("MINDPEEKER_REDIS_URL is not set.", "Set it to the Redis that the API uses.")
    try:
        state.revocations.revoke(**{name: value for name, value in what.items() if value is not None})
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    except StoreUnavailableError as error:
        raise NetworkError(f"Redis did not confirm it: {error.reason}.", "Repeat it: doing it twice is safe.") from None
    finally:
        state.close()
    if as_json:
        print_json({"revoked": True})
    else:
        click.echo("Revoked. Every process that follows this Redis refuses it from now on.")
