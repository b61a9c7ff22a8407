"""The form of a key: ``mp_<environment>_<id>_<secret><checksum>``.

The checksum (CRC-32 over everything before it, in base62) is no secret. With it, typos and made-up keys are dropped
before anything is looked up, and a secret scanner can tell a key from a string that looks like one.
"""

from __future__ import annotations

import re
import secrets
import string
from typing import Final, NamedTuple
from zlib import crc32

from mindpeeker_guard.errors import ConfigurationError

API_KEY_PATTERN: Final = r"\bmp_[a-z0-9]{1,16}_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}\b"
"""A regular expression for secret scanners: it finds every key of every environment in a text."""

ID_LENGTH: Final = 16
SECRET_LENGTH: Final = 32  # base62 characters: 190 bits
CHECKSUM_LENGTH: Final = 6

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM: Final = re.compile(r"mp_([a-z0-9]{1,16})_([0-9A-Za-z]{16})_[0-9A-Za-z]{38}", re.ASCII)
_ENVIRONMENT: Final = re.compile(r"[a-z0-9]{1,16}", re.ASCII)
_ID: Final = re.compile(r"[0-9A-Za-z]{16}", re.ASCII)


class ParsedKey(NamedTuple):
    """A key that is well-formed; whether it is good is another question.

    Attributes:
        environment: The environment it was made for.
        id: The public part that names it.
        body: All of it but the checksum: what its digest is made of.
    """

    environment: str
    id: str
    body: bytes


class NewKey(NamedTuple):
    """A key just made. The tuple must not be kept, or shown."""

    text: str
    id: str
    body: bytes


def make_key(environment: str) -> NewKey:
    """Make a key out of the system's randomness."""
    key_id, secret = _random(ID_LENGTH), _random(SECRET_LENGTH)
    body = f"mp_{environment}_{key_id}_{secret}".encode("ascii")
    return NewKey(body.decode("ascii") + checksum(body), key_id, body)


def parse_key(text: str) -> ParsedKey | None:
    """Take a key apart; None where it is not well-formed or its checksum is wrong."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    body = text[:-CHECKSUM_LENGTH].encode("ascii")
    return ParsedKey(found[1], found[2], body) if checksum(body) == text[-CHECKSUM_LENGTH:] else None


def checksum(body: bytes) -> str:
    """Return CRC-32 of `body` as six base62 characters, the highest first."""
    number, digits = crc32(body), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits


def is_key_id(text: object) -> bool:
    """Tell whether `text` could be the id of a key. What could not is in no store, and is not looked for."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def checked_environment(environment: str) -> str:
    """Return `environment`.

    Raises:
        ConfigurationError: It is not 1 to 16 small letters and digits.
    """
    if not isinstance(environment, str) or not _ENVIRONMENT.fullmatch(environment):
        raise ConfigurationError(f"environment must be 1 to 16 small letters and digits: {environment!r}.")
    return environment


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))
