"""What HTTP headers say about time: how long an answer keeps, when to come back, what the clock shows (RFC 9110)."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import Final

_MAX_AGE: Final = r"(?i)(?:^|,)\s*max-age\s*=\s*\"?(\d{1,9})"  # compiled by the first fetch
_LONGEST_RETRY_AFTER: Final = 300.0


def max_age(cache_control: str) -> float | None:
    """Return the seconds for which ``Cache-Control`` calls an answer fresh; None where it does not say."""
    found = re.search(_MAX_AGE, cache_control)
    return float(found[1]) if found else None


def seconds(value: str | None) -> float:
    """Return a whole number of seconds; 0 for anything else."""
    return float(value[:9]) if value is not None and value.isascii() and value.isdigit() else 0.0


def clock_offset(date: str | None, age: float) -> float | None:
    """Return how far the server's clock is ahead: ``Date`` was written `age` seconds ago (RFC 9110 section 6.6.1)."""
    written = _date(date)
    return None if written is None else written + age - time.time()


def retry_after(value: str | None) -> float:
    """Return the seconds that ``Retry-After`` asks for, at most 300; 0 for none (RFC 9110 section 10.2.3)."""
    at = _date(value)
    pause = seconds(value) if at is None else at - time.time()
    return min(max(pause, 0.0), _LONGEST_RETRY_AFTER)


def _date(value: str | None) -> float | None:
    try:
        return None if value is None else parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
