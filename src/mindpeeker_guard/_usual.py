"""The usual token, read in one go: most of what a cold check costs is calls between small functions.

This is a shortcut and never a judge. What it returns, the functions of `_jose`, `_json` and `_claims` return as well;
whatever it has not seen before, or finds odd in any way, it leaves to them, and they say what is wrong.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from mindpeeker_guard._claims import ID_TOKEN_MARKS, RFC9068_CLAIMS, YEAR_9999
from mindpeeker_guard._jose import PADDING, TO_BASE64, Header
from mindpeeker_guard._json import scan

Checked = tuple[Header, Mapping[str, Any], bytes, bytes, float]
"""Header, read-only claims, signing input, signature, end of the token: all is checked but the signature."""

_FLAT: Final = frozenset({str, int, float, bool, type(None)})
_MEMO: Final = 64
_DOT: Final = ord(".")
_TO_BASE64: Final = TO_BASE64[:_DOT] + b"." + TO_BASE64[_DOT + 1 :]  # for all of a token at once
# By length modulo 4: the last characters that leave no bits over, in the alphabet of RFC 4648 section 4.
_LAST: Final = {
    0: frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
    2: frozenset(b"AQgw"),
    3: frozenset(b"AEIMQUYcgkosw048"),
}


class UsualTokens:
    """Reads tokens that have nothing unusual about them.

    Their header is that of a token that was good before; their claims are one flat object without lists and escapes,
    with whole numbers for times.

    Args:
        issuer: What ``iss`` must be.
        audiences: Of which ``aud`` must name one.
        leeway: Seconds of clock difference.
        strict: Whether the claims of RFC 9068 must be there.
    """

    __slots__ = ("_audiences", "_demanded", "_headers", "_issuer", "_leeway")

    def __init__(self, issuer: str, audiences: frozenset[str], leeway: float, *, strict: bool) -> None:
        self._issuer = issuer
        self._audiences = audiences
        self._leeway = leeway
        self._demanded = frozenset(RFC9068_CLAIMS if strict else ())
        self._headers: dict[bytes, Header] = {}

    def remember(self, token: Checked) -> None:
        """Note the header of a token whose signature is good: all tokens of one key share it."""
        header, _, signing_input, *_ = token
        if len(self._headers) >= _MEMO:
            self._headers.clear()
        self._headers[signing_input.partition(b".")[0].translate(_TO_BASE64)] = header

    def read(self, raw: bytes, now: float) -> Checked | None:  # noqa: PLR0911 - each check is a way out
        """Return the token in `raw`, with all checked that needs no key; None where it must be read with care."""
        try:
            head, payload, signature = raw.translate(_TO_BASE64).split(b".")
            header = self._headers[head]
            over, signature_over = len(payload) % 4, len(signature) % 4
            if payload[-1] not in _LAST[over] or signature[-1] not in _LAST[signature_over]:
                return None
            text = a2b_base64(payload + PADDING[over], strict_mode=True).decode("utf-8")
            claims, end = scan(text, 0)
            if type(claims) is not dict or end != len(text) or "\\" in text:
                return None
            kinds = [*map(type, claims.values())]
            # Without escapes every quote begins or ends a string: a name that stands twice leaves some over.
            if text.count('"') != 2 * (len(kinds) + kinds.count(str)) or not _FLAT.issuperset(kinds):
                return None
            if claims["iss"] != self._issuer:
                return None
            audience, expires, leeway = claims["aud"], claims["exp"], self._leeway
            if audience not in self._audiences:
                return None
            latest, starts, issued = now + leeway, claims.get("nbf", 0), claims.get("iat", 0)
            if not (type(expires) is type(starts) is type(issued) is int and 0 <= expires <= YEAR_9999):
                return None
            if not (now < expires + leeway and 0 <= starts <= latest and 0 <= issued <= latest):
                return None
            if not (ID_TOKEN_MARKS.isdisjoint(claims) and self._demanded <= claims.keys()):
                return None
            signature_bytes = a2b_base64(signature + PADDING[signature_over], strict_mode=True)
        except (ValueError, LookupError, TypeError, StopIteration, RecursionError):
            return None
        return header, MappingProxyType(claims), raw[: -1 - len(signature)], signature_bytes, expires
