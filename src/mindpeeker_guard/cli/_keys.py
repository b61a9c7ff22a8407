"""``keys``: make, list, revoke and rotate API keys, straight in their store."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import click

from mindpeeker_guard._json import InvalidJSONError, load_object
from mindpeeker_guard.api_keys import (
    APIKeyRecord,
    APIKeys,
    APIKeyStore,
    InvalidFieldError,
    IssuedKey,
    KeyConflictError,
    KeyNotFoundError,
    store_from_url,
)
from mindpeeker_guard.cli._command import json_option, note, print_json
from mindpeeker_guard.cli._exits import NO, CommandError, InputError, NetworkError, SettingError
from mindpeeker_guard.errors import ConfigurationError, UnavailableError

F = TypeVar("F", bound=Callable[..., Any])

STORE: Final = "MINDPEEKER_API_KEY_STORE"
PEPPER: Final = "MINDPEEKER_API_KEY_PEPPER"
ENVIRONMENT: Final = "MINDPEEKER_API_KEY_ENVIRONMENT"

_PAGE: Final = 100


@click.group(name="keys", short_help="Make, list, revoke and rotate API keys.")
def command() -> None:
    """Make, list, revoke and rotate API keys, straight in their store.

    Keys are made with the pepper in MINDPEEKER_API_KEY_PEPPER: a secret of at least 32 bytes, or, to change it, a JSON
    object of ids and secrets with the one for new keys in front. It is never taken from the command line.

    Each of the commands below takes --json, to print one JSON object, and --debug. Exits with 1 if there is no such
    key, or it has ended already, with 3 if a value cannot be used, and with 4 if the store cannot be reached.
    """


def _store_option(function: F) -> F:
    text = "Where the keys are: sqlite:///keys.db, or postgresql://user@host/database."
    option = click.option("--store", metavar="URL", envvar=STORE, show_envvar=True, required=True, help=text)
    return option(json_option(function))


def _making_options(function: F) -> F:
    """Add what the commands need that make a key."""
    text = "What stands in keys, so that none works elsewhere."
    decorate = click.option(
        "--environment", metavar="NAME", envvar=ENVIRONMENT, show_envvar=True, default="live", help=text
    )
    function = decorate(function)
    return _store_option(function)


def _time(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    try:
        return None if value is None else datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("write a date and time such as 2030-01-31T12:00:00Z.", ctx, param) from None


@command.command()
@_store_option
def init(*, store: str, as_json: bool) -> None:
    """Create the table of the keys, where it is not there yet."""
    with _opened(store) as opened:
        _create_schema(opened)
    _tell({"ready": True}, "The store is ready.", as_json=as_json)


@command.command()
@click.option("--name", required=True, help="What to call the key.")
@click.option("--scope", "scopes", metavar="SCOPE", multiple=True, required=True, help="May be given more than once.")
@click.option("--owner", required=True, help="Whose key it is: the subject of calls made with it.")
@click.option("--expires-at", metavar="TIME", callback=_time, help="Such as 2030-01-31T12:00:00Z.")
@click.option("--create-schema", is_flag=True, help="Create the table first, where it is not there yet.")
@_making_options
def create(  # noqa: PLR0913 - one for each option
    *,
    store: str,
    environment: str,
    name: str,
    scopes: tuple[str, ...],
    owner: str,
    expires_at: datetime | None,
    create_schema: bool,
    as_json: bool,
) -> None:
    """Make a key, and print it, and nothing else, to standard output. It cannot be had again."""
    with _opened(store) as opened:
        keys = APIKeys(opened, pepper=_pepper(), environment=environment)
        if create_schema:
            _create_schema(opened)
        issued = keys.issue(name, scopes, owner=owner, expires_at=expires_at, actor="mindpeeker-guard keys")
    _print_key(issued, as_json=as_json)


@command.command(name="list")
@click.option("--owner", help="Show this one's keys only.")
@_store_option
def list_keys(*, store: str, owner: str | None, as_json: bool) -> None:
    """List keys, the oldest first. Their secrets are not known to anybody."""
    with _opened(store) as opened:
        records = _pages(_reader(opened), owner)
        if as_json:
            print_json({"api_keys": [_members(record) for record in records]})
        else:
            for record in records:
                click.echo(_line(record))


@command.command()
@click.argument("key_id", metavar="ID")
@_store_option
def revoke(*, store: str, key_id: str, as_json: bool) -> None:
    """End a key for good. Running applications refuse it within 30 seconds."""
    with _opened(store) as opened:
        keys = _reader(opened)
        if not keys.revoke(key_id, actor="mindpeeker-guard keys"):
            raise KeyNotFoundError if keys.get(key_id) is None else KeyConflictError
    _tell({"id": key_id, "state": "revoked"}, f"{key_id} is revoked.", as_json=as_json)


@command.command()
@click.argument("key_id", metavar="ID")
@click.option("--overlap", metavar="SECONDS", type=float, default=0, help="How long the old key goes on working.")
@_making_options
def rotate(*, store: str, environment: str, key_id: str, overlap: float, as_json: bool) -> None:
    """Put a new key into the place of one, and print it, and nothing else, to standard output."""
    with _opened(store) as opened:
        keys = APIKeys(opened, pepper=_pepper(), environment=environment)
        issued = keys.rotate(key_id, overlap=overlap, actor="mindpeeker-guard keys")
    _print_key(issued, as_json=as_json)


@contextmanager
def _opened(url: str) -> Iterator[APIKeyStore]:
    """Open a store for a block; errors in it become one sentence and an exit code."""
    try:
        store = _store(url)
        try:
            yield store
        finally:
            store.close()  # type: ignore[attr-defined] # every store from a URL has it, but the one in memory
    except InvalidFieldError as error:
        raise InputError(f"{error.field}: {error.description}", code=error.code) from error
    except (KeyNotFoundError, KeyConflictError) as error:
        raise CommandError(error.description, code=error.code, exit_code=NO) from error
    except UnavailableError as error:
        hint = "Look whether it is there; mindpeeker-guard keys init makes its table."
        raise NetworkError(f"The store cannot be used ({error.reason}).", hint) from error
    except ConfigurationError as error:
        raise SettingError(str(error)) from error


def _store(url: str) -> APIKeyStore:
    if url == "memory:":
        raise ConfigurationError("Keys in memory end with this command: name a database.")
    return store_from_url(url)


def _create_schema(store: APIKeyStore) -> None:
    store.create_schema()  # type: ignore[attr-defined] # as above


def _reader(store: APIKeyStore) -> APIKeys:
    """Return a service that makes no keys, and so needs no pepper."""
    return APIKeys(store, pepper=secrets.token_bytes(32))


def _pepper() -> str | Mapping[str, str]:
    """Return what the environment says.

    Raises:
        ConfigurationError: It says nothing, or what it says cannot be read.
    """
    text = os.environ.get(PEPPER, "")
    if not text:
        raise ConfigurationError(f"There is no pepper: set {PEPPER}.")
    if not text.startswith("{"):
        return text
    try:
        return load_object(text.encode("utf-8", "surrogateescape"))
    except InvalidJSONError as error:
        raise ConfigurationError(f"{PEPPER} is no JSON object of ids and secrets: {error}.") from None


def _pages(keys: APIKeys, owner: str | None) -> Iterator[APIKeyRecord]:
    after = None
    while page := keys.list(owner, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def _tell(members: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(members)
    else:
        note(text)


def _print_key(issued: IssuedKey, *, as_json: bool) -> None:
    if as_json:
        print_json({"key": issued.key, **_members(issued.record)})
        return
    note(_line(issued.record))
    click.echo(issued.key)


def _line(record: APIKeyRecord) -> str:
    end = "" if record.expires_at is None else f"  until {_shown(record.expires_at)}"
    words = [record.id, _state(record), _plain(record.owner), _plain(record.name), " ".join(sorted(record.scopes))]
    return "  ".join(words) + end


def _members(record: APIKeyRecord) -> dict[str, Any]:
    times = ("created_at", "expires_at", "revoked_at", "last_used_at")
    return {
        "id": record.id,
        "name": record.name,
        "owner": record.owner,
        "scopes": sorted(record.scopes),
        **{name: _shown(getattr(record, name)) for name in times},
        "rotated_to": record.rotated_to,
        "state": _state(record),
    }


def _state(record: APIKeyRecord) -> str:
    if record.revoked_at is not None:
        return "revoked"
    if not record.is_active(datetime.now(UTC)):
        return "expired"
    return "active" if record.rotated_to is None else "rotated"


def _shown(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _plain(text: str) -> str:
    """Return `text` with escapes for what could move the cursor or turn the line around."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
