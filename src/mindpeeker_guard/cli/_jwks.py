"""``jwks``: an issuer's keys, and which of them a guard can use."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import click
from rich.text import Text

from mindpeeker_guard._discovery import discover_jwks_uri
from mindpeeker_guard._http import FetchError, check_url
from mindpeeker_guard._jwks import parse_jwks
from mindpeeker_guard._shown import plain
from mindpeeker_guard.authenticators._jwt_rules import MINDPEEKER_ISSUER
from mindpeeker_guard.cli._command import json_option, print_json, session, show, table, working
from mindpeeker_guard.cli._exits import GOOD, NO, InputError, SettingError, fetch_problem
from mindpeeker_guard.cli._options import load_jwks, setting
from mindpeeker_guard.errors import ConfigurationError

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
}
"""The members of a thumbprint (RFC 7638 section 3.2, RFC 8037 section 2); never one of a secret key."""


class KeyRow(NamedTuple):
    """One key of a set, as it is shown.

    Attributes:
        kid: Its identifier; None where it has none.
        type: Its type, with curve or size in bits: ``RSA 2048``.
        algorithms: What a guard takes it for; what it names itself, where it is not usable.
        use: Its ``use``; None where it has none.
        usable: Whether a guard uses it.
        reason: Why not.
        thumbprint: Its RFC 7638 thumbprint; None where it lacks a member.
    """

    kid: str | None
    type: str
    algorithms: tuple[str, ...]
    use: str | None
    usable: bool
    reason: str | None
    thumbprint: str | None


def describe(entry: Any) -> KeyRow:
    """Describe one key, judged by the code that a guard judges it by."""
    judged = parse_jwks({"keys": [entry]})
    members = entry if isinstance(entry, Mapping) else {}
    named = members.get("alg")
    own = (named,) if isinstance(named, str) else ()
    return KeyRow(
        kid=_string(members, "kid"),
        type=_type(members),
        algorithms=tuple(sorted(judged.keys[0].algorithms)) if judged.keys else own,
        use=_string(members, "use"),
        usable=bool(judged.keys),
        reason=next(iter(judged.skipped), None),
        thumbprint=thumbprint(members),
    )


def _string(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None


def _type(members: Mapping[str, Any]) -> str:
    kty = _string(members, "kty")
    if kty == "RSA":
        return f"RSA {_bits(_string(members, 'n') or '')}".strip()
    return " ".join(filter(None, (kty or "unknown", _string(members, "crv"))))


def _bits(number: str) -> str:
    try:
        raw = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))
    except (binascii.Error, ValueError):
        return ""
    return str(int.from_bytes(raw, "big").bit_length())


def thumbprint(members: Mapping[str, Any]) -> str | None:
    """Return a key's thumbprint with SHA-256 (RFC 7638); None where a member is missing, or the key is secret."""
    names = _REQUIRED.get(_string(members, "kty") or "", ())
    values = {name: _string(members, name) for name in names}
    if not values or None in values.values():
        return None
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@click.command(short_help="Show an issuer's keys, and which are usable.")
@click.argument("source", required=False, metavar="[URL|FILE]")
@click.option("--issuer", metavar="URL", help="Ask this issuer's metadata where its keys are.")
@json_option
def command(*, source: str | None, issuer: str | None, as_json: bool) -> None:
    """Show the keys at URL or in FILE (- for standard input), and which of them a guard can use, or why not.

    Without URL, the issuer's metadata tell where they are. Exits with 1 if there is no usable key, and with 4 if the
    keys cannot be had.
    """
    if source is not None and issuer is not None:
        raise click.UsageError("Give a URL, a file, or --issuer; not two of them.")
    where, document = _document(source, issuer)
    rows = _rows(where, document)
    usable = sum(row.usable for row in rows)
    if as_json:
        print_json({"source": where, "usable": usable, "keys": [row._asdict() for row in rows]})
    else:
        _print(where, rows, usable)
    click.get_current_context().exit(GOOD if usable else NO)


def _document(source: str | None, issuer: str | None) -> tuple[str, dict[str, Any]]:
    if source is not None and "://" not in source:
        return source, load_jwks(source)
    if source is None and issuer is None:
        source = setting({}, "jwks_uri")
    asked = issuer or setting({}, "issuer") or MINDPEEKER_ISSUER
    with working("Fetching"):
        return fetch_jwks(source, asked)


def fetch_jwks(url: str | None, issuer: str) -> tuple[str, dict[str, Any]]:
    """Return where the keys are, and the document there; without `url`, the issuer's metadata tell.

    Raises:
        CommandError: The URL is none that may be used, or the document cannot be had.
    """
    try:
        check_url(url if url is not None else issuer, "The URL" if url is not None else "The issuer")
    except ConfigurationError as error:
        raise SettingError(str(error)) from None
    with session() as opened:
        try:
            found = url if url is not None else discover_jwks_uri(issuer, opened)
        except FetchError as error:
            raise fetch_problem("The metadata", issuer, error) from None
        try:
            return found, opened.get(found).members or {}
        except FetchError as error:
            raise fetch_problem("The keys", found, error) from None


def _rows(where: str, document: dict[str, Any]) -> list[KeyRow]:
    try:
        parse_jwks(document)
    except ValueError as error:
        raise InputError(f"{where!r}: {error}.", 'A JWK set looks like {"keys": [...]}.') from None
    return [describe(entry) for entry in document["keys"]]


def _print(where: str, rows: list[KeyRow], usable: int) -> None:
    made = table("Key id, thumbprint", "Type", "Alg", "Use", "Usable")
    for row in rows:
        names = ["(none)" if row.kid is None else plain(row.kid)]
        names += [row.thumbprint] if row.thumbprint not in {None, row.kid} else []
        texts = ("\n".join(names), plain(row.type), plain(" ".join(row.algorithms)), plain(row.use or "-"))
        word = Text("yes", "green") if row.usable else Text(f"no: {row.reason}", "yellow")
        made.add_row(*map(Text, texts), word)
    show(
        Text(f"Keys of {plain(where)}"),
        "",
        made,
        "",
        Text(f"{usable} of {len(rows)} {'key is' if len(rows) == 1 else 'keys are'} usable."),
    )
