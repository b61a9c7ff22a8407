"""Credentials out of headers; duplicates, malformed and oversize ones refused (RFC 9110 section 11.6.2, RFC 6750)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mindpeeker_guard.errors import InvalidRequestError

MAX_TOKEN: Final = 16 * 1024
"""The longest token that is looked at, in bytes."""

# Characters of a scheme's name (RFC 9110 section 5.6.2); the end of the value is none, so it stands apart.
_TCHAR: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~")
_B64TOKEN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"


def scheme_credential(values: Sequence[str], scheme: str) -> str | None:
    """Return what follows `scheme` in the one ``Authorization`` header, or None where another scheme stands there.

    A second header is refused, equal or not. Servers that join repeated headers do it with a comma, which no token can
    contain: it is the same mistake and gets the same answer.

    Raises:
        InvalidRequestError: There is more than one credential, or nothing follows the scheme.
    """
    if not values:
        return None
    if len(values) == 1:
        value = values[0]
        value = value.strip(" \t")
        name, rest = value[: len(scheme)], value[len(scheme) :]
        if name.lower() == scheme.lower() and rest[:1] not in _TCHAR:
            if not rest.startswith(" "):
                raise InvalidRequestError("nothing follows the scheme")
            return rest.lstrip(" ")
        if "," not in value:
            return None
    if _mentions(values, scheme):
        raise InvalidRequestError("more than one Authorization header")
    return None


def _mentions(values: Sequence[str], scheme: str) -> bool:
    pattern = re.compile(rf"(?:^|,)[ \t]*{re.escape(scheme)}(?![A-Za-z0-9!#$%&'*+.^_`|~-])", re.IGNORECASE)
    return any(pattern.search(value) for value in values)


def check_token(token: bytes) -> None:
    """Demand that `token` is a ``b64token``, as bearer tokens are (RFC 6750 section 2.1).

    Raises:
        InvalidRequestError: It is empty, or has characters that no bearer token can have.
    """
    text = token.rstrip(b"=")
    if not text or text.translate(None, _B64TOKEN):
        raise InvalidRequestError("characters in the credential that no token can have")
