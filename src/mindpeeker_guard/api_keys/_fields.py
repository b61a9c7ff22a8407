"""What the fields of a key may be. Values come from clients: whatever is wrong is said, and nothing else happens."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mindpeeker_guard._scopes import ScopeCatalogue
from mindpeeker_guard.api_keys._errors import InvalidFieldError

MAX_NAME: Final = 100
MAX_OWNER: Final = 255
MAX_SCOPES: Final = 50
MAX_OVERLAP: Final = 366 * 86400.0  # seconds
MAX_PAGE: Final = 100

_UNSTORABLE: Final = frozenset({"Cc", "Cs"})


def checked_name(name: Any) -> str:
    """Return `name` in normal form C, without blanks around it.

    Raises:
        InvalidFieldError: It is not 1 to 100 printable characters. What changes the direction of text is not printable.
    """
    # Normalisation can make a string shorter, never by more than this.
    text = unicodedata.normalize("NFC", name).strip(" ") if _is_text(name, 4 * MAX_NAME) else ""
    if not text or len(text) > MAX_NAME or not text.isprintable():
        raise InvalidFieldError("name", f"The name must be 1 to {MAX_NAME} printable characters.")
    return text


def is_owner(owner: Any) -> bool:
    """Tell whether `owner` could be the owner of a key: 1 to 255 characters, without control characters."""
    return _is_text(owner, MAX_OWNER) and _UNSTORABLE.isdisjoint(map(unicodedata.category, owner))


def checked_owner(owner: Any) -> str:
    """Return `owner`.

    Raises:
        InvalidFieldError: It is not 1 to 255 characters, or has control characters.
    """
    if not is_owner(owner):
        raise InvalidFieldError("owner", f"The owner must be 1 to {MAX_OWNER} characters, without control characters.")
    return str(owner)


def checked_scopes(scopes: Any, catalogue: ScopeCatalogue) -> frozenset[str]:
    """Return `scopes` as a set.

    Raises:
        InvalidFieldError: It is not 1 to 50 scopes of the catalogue.
    """
    if isinstance(scopes, str | bytes) or not isinstance(scopes, Iterable):
        raise InvalidFieldError("scopes", "The scopes must be a list of strings.")
    listed = list(scopes)
    if not 0 < len(listed) <= MAX_SCOPES:
        raise InvalidFieldError("scopes", f"There must be 1 to {MAX_SCOPES} scopes.")
    if not all(isinstance(scope, str) and scope in catalogue for scope in listed):
        raise InvalidFieldError("scopes", "Every scope must be one that this API knows.")
    return frozenset(listed)


def checked_end(expires_at: Any, now: datetime) -> datetime | None:
    """Return `expires_at` in UTC; None for a key without an end.

    Raises:
        InvalidFieldError: It is no time with a zone, or does not lie in the future.
    """
    if expires_at is None:
        return None
    if not isinstance(expires_at, datetime) or expires_at.utcoffset() is None:
        raise InvalidFieldError("expires_at", "The end must be a time with its zone, such as 2027-01-31T00:00:00Z.")
    try:
        end = expires_at.astimezone(UTC)
    except OverflowError:
        raise InvalidFieldError("expires_at", "The end must lie before the year 10000.") from None
    if end <= now:
        raise InvalidFieldError("expires_at", "The end must lie in the future.")
    return end


def checked_overlap(overlap: Any) -> timedelta:
    """Return `overlap`, in seconds, as a time span.

    Raises:
        InvalidFieldError: It is no number from 0 to 366 days.
    """
    is_number = isinstance(overlap, int | float) and not isinstance(overlap, bool)
    if not is_number or not 0 <= overlap <= MAX_OVERLAP:
        raise InvalidFieldError("overlap", f"The overlap must be a number of seconds from 0 to {MAX_OVERLAP:.0f}.")
    return timedelta(seconds=overlap)


def checked_limit(limit: Any) -> int:
    """Return `limit`, how many keys a page may have.

    Raises:
        InvalidFieldError: It is no whole number from 1 to 100.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 < limit <= MAX_PAGE:
        raise InvalidFieldError("limit", f"The limit must be a whole number from 1 to {MAX_PAGE}.")
    return limit


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest
