"""Values from outside as text that is safe to show: one line of ASCII, of modest length, that no terminal obeys."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Final

MAX_SHOWN: Final = 160
"""How many characters of one value are shown."""

_SPANS: Final = (
    (90, 1, "second"),
    (90 * 60, 60, "minute"),
    (36 * 3600, 3600, "hour"),
    (730 * 86_400, 86_400, "day"),
    (float("inf"), 31_556_952, "year"),
)


def shown(value: Any, limit: int = MAX_SHOWN) -> str:
    """Return `value` as JSON in printable ASCII; what is cut off is said.

    Control characters would be obeyed by a terminal, and letters of other alphabets can look like the expected ones.
    """
    return _cut(json.dumps(value, default=str).replace("\x7f", "\\u007f"), limit)


def plain(text: str, limit: int = MAX_SHOWN) -> str:
    """Return `text` without quotes around it, escaped and cut like any other value."""
    return _cut(json.dumps(text).replace("\x7f", "\\u007f")[1:-1].replace('\\"', '"'), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def moment(seconds: Any) -> str | None:
    """Return a time in seconds since the epoch as a date and time in UTC; None where it is none that a calendar has."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return None


def distance(seconds: float, now: float) -> str:
    """Return how far a time is from `now`, in words: ``3 minutes ago``, ``in 2 hours``, ``now``."""
    gap = seconds - now
    for limit, unit, name in _SPANS:
        if abs(gap) < limit:
            count = int(abs(gap) // unit)
            words = f"{count} {name}{'' if count == 1 else 's'}"
            return "now" if not count else f"in {words}" if gap > 0 else f"{words} ago"
    return "never"


def time_in_words(value: Any, now: float) -> str:
    """Return a claim that should be a time: the number, the date, and how far it is from `now`."""
    date = moment(value)
    if date is None:
        return shown(value)
    return f"{shown(value)} ({date}, {distance(value, now)})"
