"""``manage.py mindpeeker_apikey create|list|revoke|rotate``: API keys from the command line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from mindpeeker_guard.api_keys import APIKeyRecord, APIKeys, InvalidFieldError, IssuedKey
from mindpeeker_guard.django.api_keys import api_keys
from mindpeeker_guard.errors import AnswerError, ConfigurationError

_ACTOR: Final = "manage.py"
_PAGE: Final = 100


class Command(BaseCommand):
    """Makes, lists, revokes and rotates API keys. A key is printed once, when it is made."""

    help = "Make, list, revoke and rotate API keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the four commands and their options."""
        commands = parser.add_subparsers(dest="command", required=True)
        for name, about in _COMMANDS.items():
            command = commands.add_parser(name, help=about)
            command.add_argument("--json", action="store_true", help="print JSON")
            _OPTIONS[name](command)

    def handle(self, **options: Any) -> None:
        """Run one of them."""
        try:
            getattr(self, f"_{options['command']}")(api_keys(), options)
        except InvalidFieldError as error:
            raise CommandError(f"{error.field}: {error.description}") from error
        except AnswerError as error:
            raise CommandError(error.description) from error
        except ConfigurationError as error:
            raise CommandError(str(error)) from error

    def _create(self, keys: APIKeys, options: dict[str, Any]) -> None:
        end = None if options["expires_at"] is None else _time(options["expires_at"])
        issued = keys.issue(options["name"], options["scope"], owner=options["owner"], expires_at=end, actor=_ACTOR)
        self._show(issued, options)

    def _rotate(self, keys: APIKeys, options: dict[str, Any]) -> None:
        self._show(keys.rotate(options["id"], overlap=options["overlap"], actor=_ACTOR), options)

    def _revoke(self, keys: APIKeys, options: dict[str, Any]) -> None:
        done = keys.revoke(options["id"], actor=_ACTOR)
        if not done and keys.get(options["id"]) is None:
            raise CommandError("There is no such API key.")
        said = "Revoked." if done else "It was revoked before."
        self.stdout.write(json.dumps({"id": options["id"], "revoked": done}) if options["json"] else said)

    def _list(self, keys: APIKeys, options: dict[str, Any]) -> None:
        records = list(_all(keys, options["owner"]))
        if options["json"]:
            self.stdout.write(json.dumps([_public(record) for record in records], indent=2))
            return
        for record in records:
            self.stdout.write(_line(record))

    def _show(self, issued: IssuedKey, options: dict[str, Any]) -> None:
        """Print a new key: alone on the standard output, so that it can be piped to where it is kept."""
        if options["json"]:
            self.stdout.write(json.dumps({**_public(issued.record), "key": issued.key}, indent=2))
            return
        self.stderr.write(f"Key {issued.record.id}. It is shown this once:")
        self.stdout.write(issued.key)


def _create_options(command: ArgumentParser) -> None:
    command.add_argument("--name", required=True, help="what its owner calls it")
    command.add_argument("--owner", required=True, help="whose key it is: the subject of calls made with it")
    command.add_argument("--scope", action="append", required=True, help="what it may do; may be given several times")
    command.add_argument("--expires-at", help="when it ends, such as 2027-01-31T00:00:00Z; never without")


def _list_options(command: ArgumentParser) -> None:
    command.add_argument("--owner", help="whose keys; everybody's without")


def _revoke_options(command: ArgumentParser) -> None:
    command.add_argument("id", help="the id of the key")


def _rotate_options(command: ArgumentParser) -> None:
    command.add_argument("id", help="the id of the key")
    command.add_argument("--overlap", type=float, default=0, help="seconds that the old key works on")


_COMMANDS: Final = {
    "create": "make a key, and print it",
    "list": "list keys, without the keys themselves",
    "revoke": "refuse a key from now on",
    "rotate": "put a new key in the place of one, and print it",
}
_OPTIONS: Final = {
    "create": _create_options,
    "list": _list_options,
    "revoke": _revoke_options,
    "rotate": _rotate_options,
}


def _all(keys: APIKeys, owner: str | None) -> Iterator[APIKeyRecord]:
    page = keys.list(owner, limit=_PAGE)
    while page:
        yield from page
        page = keys.list(owner, after=page[-1].id, limit=_PAGE)


def _public(record: APIKeyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "owner": record.owner,
        "scopes": sorted(record.scopes),
        "created_at": _text(record.created_at),
        "expires_at": _text(record.expires_at),
        "revoked_at": _text(record.revoked_at),
        "last_used_at": _text(record.last_used_at),
        "rotated_to": record.rotated_to,
    }


def _line(record: APIKeyRecord) -> str:
    state = "revoked" if record.revoked_at else "active" if record.is_active(datetime.now(UTC)) else "expired"
    return f"{record.id}  {state:7}  {record.owner}  {record.name}  {' '.join(sorted(record.scopes))}"


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise CommandError("expires_at: write a time with its zone, such as 2027-01-31T00:00:00Z.") from None
