"""Compact JWS, parsed strictly (RFC 7515 section 7.1): one way to write each token, or none.

Signatures are checked by the keys of `_jwks`; nothing here trusts anything.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mindpeeker_guard._json import InvalidJSONError, load_object
from mindpeeker_guard.errors import MalformedTokenError

MAX_KEY_ID: Final = 1024
"""The longest ``kid`` that is looked up, in characters."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# Everything that is not base64url becomes "!", which the strict decoder refuses; "-" and "_" become "+" and "/".
TO_BASE64: Final = bytes(
    ord("+") if c == ord("-") else ord("/") if c == ord("_") else c if c in _ALPHABET else ord("!") for c in range(256)
)
# By length modulo 4: the padding to add, and the last characters that leave no bits over.
PADDING: Final = {0: b"", 2: b"==", 3: b"="}
LAST: Final = {0: frozenset(_ALPHABET), 2: frozenset(_ALPHABET[::16]), 3: frozenset(_ALPHABET[::4])}


class Header(NamedTuple):
    """The JOSE header's members that matter here; ``jku``, ``jwk``, ``x5u`` and ``x5c`` are never sources of keys."""

    alg: str
    kid: str | None
    typ: str | None


class Token(NamedTuple):
    """A token taken apart; its signature is not verified."""

    header: Header
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes


def parse(raw: bytes) -> Token:
    """Take a compact JWS apart.

    Raises:
        MalformedTokenError: It is not exactly one header, payload and signature in canonical form.
    """
    segments = raw.split(b".", 3)
    if len(segments) != 3:  # noqa: PLR2004 - header, payload, signature
        raise MalformedTokenError("not three segments")
    head, payload, signature = segments
    try:
        return Token(
            _header(load_object(decode_segment(head))),
            load_object(decode_segment(payload)),
            raw[: -1 - len(signature)],
            decode_segment(signature),
        )
    except InvalidJSONError as error:
        raise MalformedTokenError(f"JSON: {error}") from None


def decode_segment(segment: bytes) -> bytes:
    """Decode base64url without padding, in the one canonical form (RFC 7515 section 2).

    Raises:
        MalformedTokenError: A character, the length or the unused bits are wrong.
    """
    over = len(segment) % 4
    try:
        if segment[-1] in LAST[over]:
            return binascii.a2b_base64(segment.translate(TO_BASE64) + PADDING[over], strict_mode=True)
    except (IndexError, KeyError, binascii.Error):
        pass
    raise MalformedTokenError("a segment is not canonical base64url")


def _header(members: Mapping[str, Any]) -> Header:
    alg, kid, typ = members.get("alg"), members.get("kid"), members.get("typ")
    if not isinstance(alg, str):
        raise MalformedTokenError("alg is not a string")
    if "crit" in members or "b64" in members:
        raise MalformedTokenError("an extension that this guard does not know (crit, b64)")
    if not isinstance(kid, str | None) or ("kid" in members and kid is None):
        raise MalformedTokenError("kid is not a string")
    if kid is not None and len(kid) > MAX_KEY_ID:
        raise MalformedTokenError("kid is too long")
    if not isinstance(typ, str | None) or ("typ" in members and typ is None):
        raise MalformedTokenError("typ is not a string")
    return Header(alg, kid, typ)
