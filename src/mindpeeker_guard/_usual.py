"""The usual token, read in one go: most of what a cold check costs is calls between small functions.

This is a shortcut and never a judge. What it returns, the functions of `_jose`, `_json` and `_claims` return as well;
whatever it has not seen before, or finds odd in any way, it leaves to them, and they say what is wrong.
"""

from __future__ import annotations

from binascii import a2b_base64
from typing import Any, Final, NamedTuple

from mindpeeker_guard._claims import ID_TOKEN_MARKS, RFC9068_CLAIMS, YEAR_9999
from mindpeeker_guard._jose import LAST, PADDING, TO_BASE64, Header
from mindpeeker_guard._json import scan
from mindpeeker_guard._jwks import Key, KeySet

_MEMO: Final = 64
# By length modulo 4: the last characters that leave no bits over, in the alphabet of RFC 4648 section 4; the padding.
_ENDS: Final = {over: (frozenset(TO_BASE64[last] for last in LAST[over]), PADDING[over]) for over in PADDING}


class Known(NamedTuple):
    """The header of a token that was good, and the keys that tokens with it may be signed with, in one key set."""

    header: Header
    keys: KeySet
    candidates: tuple[Key, ...]


Usual = tuple[Known, dict[str, Any], bytes, bytes, float, bool]
"""What is known of the header; claims, signing input, signature, end: all is checked but the signature. And whether all
claims but two, ``exp`` and ``iat``, are strings."""


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
        self._headers: dict[bytes, Known] = {}

    def remember(self, signing_input: bytes, known: Known) -> None:
        """Note the header of a token whose signature is good: all tokens of one key share it."""
        head = signing_input.partition(b".")[0]
        if len(self._headers) >= _MEMO and head not in self._headers:
            self._headers.clear()
        self._headers[head] = known

    def read(self, text: str, raw: bytes, now: float) -> Usual | None:  # noqa: C901, PLR0911 - each check is a way out
        """Return the token in `text`, with all checked that needs no key; None where it must be read with care.

        `raw` is the same as bytes, where a character beyond ASCII is one that no token has.
        """
        try:
            head, _, body = raw.partition(b".")
            known = self._headers[head]
            # Two characters differ from the plain alphabet; what belongs to neither, the strict decoder refuses.
            if "+" in text or "/" in text:
                return None
            payload, _, signature = body.replace(b"-", b"+").replace(b"_", b"/").partition(b".")
            ends, padding = _ENDS[len(payload) % 4]
            if payload[-1] not in ends:
                return None
            document = a2b_base64(payload + padding, strict_mode=True).decode()
            claims, end = scan(document, 0)
            if end != len(document) or document.rfind("{") != 0 or "[" in document or "\\" in document:
                return None  # one flat object, and nothing around it
            # Without escapes every quote begins or ends a string: a name that stands twice leaves some over.
            count, strings = len(claims), [*map(type, claims.values())].count(str)
            if document.count('"') != 2 * (count + strings):
                return None
            if claims["iss"] != self._issuer or claims["aud"] not in self._audiences:
                return None
            expires, issued, leeway = claims["exp"], claims["iat"], self._leeway
            if not (type(expires) is type(issued) is int and expires <= YEAR_9999):
                return None
            if not (now < expires + leeway and 0 <= issued <= now + leeway):
                return None
            if "nbf" in claims and not (type(claims["nbf"]) is int and 0 <= claims["nbf"] <= now + leeway):
                return None
            if not (ID_TOKEN_MARKS.isdisjoint(claims) and self._demanded <= claims.keys()):
                return None
            ends, padding = _ENDS[len(signature) % 4]
            if signature[-1] not in ends:
                return None
            decoded = a2b_base64(signature + padding, strict_mode=True)
        except (ValueError, LookupError, TypeError, StopIteration, RecursionError):
            return None
        return known, claims, raw[: -1 - len(signature)], decoded, expires, strings + 2 == count
