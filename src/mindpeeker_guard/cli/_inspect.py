"""``inspect``: what a token says, which anybody can have written."""

from __future__ import annotations

import re
import time
from typing import Any, Final, NamedTuple

import click
from rich.text import Text

from mindpeeker_guard._headers import check_token
from mindpeeker_guard._jose import decode_segment, parse
from mindpeeker_guard._json import InvalidJSONError, load_object
from mindpeeker_guard._shown import distance, moment, plain, shown
from mindpeeker_guard.api_keys import API_KEY_PATTERN
from mindpeeker_guard.cli._command import json_option, note, pairs, print_json, show
from mindpeeker_guard.cli._exits import InputError
from mindpeeker_guard.cli._input import read_token, token_options
from mindpeeker_guard.cli._options import at_option
from mindpeeker_guard.errors import InvalidRequestError, MalformedTokenError

_API_KEY: Final = re.compile(API_KEY_PATTERN)
_TIMES: Final = {
    "exp": ("expired", "expires"),
    "nbf": ("good since", "not good before"),
    "iat": ("issued", "issued"),
    "auth_time": ("signed in", "signed in"),
    "updated_at": ("updated", "updated"),
}
_SEGMENTS: Final = {"JWS": 3, "JWE": 5}
_LONGEST: Final = 400  # characters of one value


class Decoded(NamedTuple):
    """A token's parts, unverified, and what the guard would say of its form."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signature: int
    objection: str | None


def decode(token: str) -> Decoded:
    """Take a token apart, even one that the guard would refuse for its form.

    Raises:
        InputError: It is no signed JWT.
    """
    segments = token.encode("ascii", "replace").split(b".")
    if len(segments) == _SEGMENTS["JWE"]:
        raise InputError(
            "This is an encrypted token (JWE): only who has the key can read it.",
            "A guard takes signed tokens: have the issuer send one that is not encrypted.",
            code="token_encrypted",
        )
    if len(segments) != _SEGMENTS["JWS"]:
        raise _not_a_jwt(token, len(segments))
    try:
        header, claims = (load_object(decode_segment(segment)) for segment in segments[:2])
    except (MalformedTokenError, InvalidJSONError) as error:
        hint = "Was it copied whole? mindpeeker-guard explain tells what a guard answers."
        raise InputError(f"This is no JWT: {error}.", hint, code="token_malformed") from None
    return Decoded(header, claims, len(segments[2]) * 3 // 4, _objection(token))


def _not_a_jwt(token: str, count: int) -> InputError:
    try:
        check_token(token.encode("ascii", "replace"))
    except InvalidRequestError:
        return InputError(
            "This is no token: it has characters that no token can have.",
            "Give one token, on one line, and nothing else.",
            code="token_malformed",
        )
    if _API_KEY.fullmatch(token):
        return InputError(
            "This is an API key, not a token: there is nothing in it to decode.",
            "It is sent as X-API-Key. If it was shown where others can see it, revoke it.",
            code="api_key",
        )
    if count == 1:
        return InputError(
            "This is an opaque token, or no token at all: there is nothing in it to decode.",
            "Only its issuer can tell what it means (introspection, RFC 7662).",
            code="token_opaque",
        )
    return InputError(
        f"This is no JWT: it has {count} segments, where a signed one has 3 and an encrypted one 5.",
        "Was it copied whole?",
        code="token_malformed",
    )


def _objection(token: str) -> str | None:
    try:
        parse(token.encode("ascii", "replace"))
    except MalformedTokenError as error:
        return str(error)
    return None


def in_words(name: str, value: Any, now: float) -> str | None:
    """Return what a claim means, where that is not plain: ``expired 3 minutes ago``."""
    if name not in _TIMES:
        return None
    date = moment(value)
    if date is None:
        return "no time in seconds since the epoch"
    past, future = _TIMES[name]
    return f"{date}, {past if value <= now else future} {distance(value, now)}"


@click.command(short_help="Show what a token says, unverified.")
@token_options
@at_option
@json_option
def command(*, file: str | None, token_env: str | None, at: float | None, as_json: bool) -> None:
    """Show what a token says, with times in words. Nothing is verified: anybody can write such a token.

    Reads FILE, or standard input. Quotes, "Bearer" and a whole token response around the token are taken off.
    """
    given = read_token(file, token_env)
    decoded = decode(given.token)
    now = time.time() if at is None else at
    if as_json:
        print_json(_members(decoded, now))
    else:
        for text in given.notes:
            note(text)
        _print(decoded, now)


def _members(decoded: Decoded, now: float) -> dict[str, Any]:
    words = {name: in_words(name, value, now) for name, value in decoded.claims.items()}
    return {
        "verified": False,
        "header": decoded.header,
        "claims": decoded.claims,
        "in_words": {name: text for name, text in words.items() if text is not None},
        "signature_bytes": decoded.signature,
        "objection": decoded.objection,
    }


def _print(decoded: Decoded, now: float) -> None:
    header = {plain(name, 40): shown(value, _LONGEST) for name, value in decoded.header.items()}
    claims = {plain(name, 40): _claim(name, value, now) for name, value in decoded.claims.items()}
    lines = [Text(f"Signature  {decoded.signature} bytes, not checked")]
    if decoded.objection is not None:
        lines.append(Text(f"A guard refuses it for its form: {plain(decoded.objection)}.", style="yellow"))
    lines.append(Text("mindpeeker-guard explain checks it, and says what a guard answers.", style="dim"))
    warning = Text("UNVERIFIED: the signature was not checked; anybody can write this.", style="bold yellow")
    show(warning, "", pairs("Header", header), "", pairs("Claims", claims), "", *lines)


def _claim(name: str, value: Any, now: float) -> str:
    words = in_words(name, value, now)
    return shown(value, _LONGEST) + (f"  {words}" if words is not None else "")
