"""The states of a fetched key set, as values: how old it is, what failed, what may be tried (no I/O, no clock).

A set is *fresh* until ``refresh_at``; *ageing* until ``stale_at``: used, while a refresh runs in the background;
*stale* until ``dead_at``: used, after one try to refresh it; then *dead*. A clock that was set back makes it stale, so
that it is asked for anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mindpeeker_guard._jwks import KeySet
from mindpeeker_guard.errors import ConfigurationError, KeysUnavailableError

_MAX_AGE: Final = (60.0, 3600.0)  # a server's max-age counts between these
_REFRESH_AHEAD: Final = (0.7, 0.8)  # of the fresh time, at random, so that a fleet does not fetch as one
_BACK_OFF: Final = (1.0, 60.0)  # seconds after the first failure, doubling up to this
_LEAST_PAUSE: Final = 0.25  # full jitter may come out as nothing: those who wait together would not fail together
_LONGEST_PAUSE: Final = 300.0  # more than any pause that was ever set: the clock has moved
_REMEMBERED_KIDS: Final = 64


class Seen(NamedTuple):
    """When a key was first and last published, in seconds since the epoch."""

    first: float
    last: float


class Lifetimes(NamedTuple):
    """How long a set is fresh, ageing and stale, in seconds; see `RemoteKeySet`."""

    fresh_for: float
    stale_for: float
    max_stale: float

    def fresh(self, max_age: float | None) -> float:
        """Return for how many seconds an answer is fresh; `max_age` is what the server said, if it did."""
        return self.fresh_for if max_age is None else min(max(max_age, _MAX_AGE[0]), _MAX_AGE[1])

    def soonest_refresh(self, max_age: float | None) -> float:
        """Return after how many seconds it is refreshed at the soonest."""
        return self.fresh(max_age) * _REFRESH_AHEAD[0]


class Snapshot(NamedTuple):
    """One good answer. It is replaced, never changed: readers in other threads hold the old one."""

    keys: KeySet
    fetched_at: float
    refresh_at: float
    stale_at: float
    dead_at: float
    url: str
    validators: Mapping[str, str]
    seen: Mapping[str, Seen]

    @classmethod
    def of(  # noqa: PLR0913 - all that a good answer says
        cls,
        keys: KeySet,
        *,
        now: float,
        lifetimes: Lifetimes,
        max_age: float | None,
        jitter: float,
        url: str,
        validators: Mapping[str, str],
        old: Snapshot | None,
    ) -> Snapshot:
        """Return the snapshot of an answer that came `now`; `jitter` is a random number from 0 to 1."""
        fresh_for = lifetimes.fresh(max_age)
        low, high = _REFRESH_AHEAD
        stale_at = now + fresh_for + lifetimes.stale_for
        return cls(
            keys=keys,
            fetched_at=now,
            refresh_at=now + fresh_for * (low + (high - low) * jitter),
            stale_at=stale_at,
            dead_at=max(stale_at, now + lifetimes.max_stale),
            url=url,
            validators=validators,
            seen=_seen(keys, now, old),
        )

    def is_fresh(self, now: float) -> bool:
        """Whether the keys may be used without a thought."""
        return self.fetched_at <= now < self.refresh_at

    def is_usable(self, now: float) -> bool:
        """Whether the keys may be used without a try to refresh them first."""
        return self.fetched_at <= now < self.stale_at

    def is_dead(self, now: float) -> bool:
        """Whether the keys may not be used any more."""
        return now >= self.dead_at


def _seen(keys: KeySet, now: float, old: Snapshot | None) -> Mapping[str, Seen]:
    """Return when each key id was published, those that have vanished too; the latest 64."""
    before = dict(old.seen) if old is not None else {}
    for key in keys.keys:
        if key.kid is not None:
            first = before[key.kid].first if key.kid in before else now
            before[key.kid] = Seen(first, now)
    latest = sorted(before.items(), key=lambda item: item[1].last)[-_REMEMBERED_KIDS:]
    return MappingProxyType(dict(latest))


class Failure(NamedTuple):
    """What went wrong last, how often in a row, and when the next try may be."""

    reason: str
    in_a_row: int
    retry_at: float

    @classmethod
    def after(cls, old: Failure | None, reason: str, *, now: float, retry_after: float, jitter: float) -> Failure:
        """Return the failure that comes after `old`; the pause is random and doubles, or what the server asked for."""
        count = old.in_a_row + 1 if old is not None else 1
        first, longest = _BACK_OFF
        pause = max(_LEAST_PAUSE, jitter * min(first * 2 ** min(count - 1, 10), longest))
        return cls(reason, count, now + min(max(pause, retry_after), _LONGEST_PAUSE))

    def forbids(self, now: float) -> bool:
        """Whether a try would be too early."""
        return 0 < self.retry_at - now <= _LONGEST_PAUSE


def unavailable(failure: Failure | None, now: float) -> KeysUnavailableError:
    """Return what to say to a caller whose key cannot be had."""
    if failure is None:
        return KeysUnavailableError("no answer in time")
    return KeysUnavailableError(failure.reason, retry_after=failure.retry_at - now)


def check_numbers(arguments: Mapping[str, Any]) -> None:
    """Refuse numbers that no key set can work with.

    Raises:
        ConfigurationError: Names the argument.
    """
    for name, least in _LEAST.items():
        value = arguments[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < float("inf"):
            raise ConfigurationError(f"{name} must be a number, {least} or more: {value!r}.")


_LEAST: Final = {
    "fresh_for": 1,
    "stale_for": 0,
    "max_stale": 0,
    "unknown_kid_burst": 1,
    "unknown_kid_refill": 1,
    "connect_timeout": 0.01,
    "timeout": 0.01,
    "max_bytes": 1024,
}


class Bucket:
    """A budget: so many at once, one more every so many seconds. The caller holds a lock."""

    __slots__ = ("_burst", "_last", "_left", "_refill")

    def __init__(self, burst: int, refill: float, now: float) -> None:
        self._burst, self._refill = burst, refill
        self._left, self._last = float(burst), now

    def take(self, now: float) -> bool:
        """Take one, if one is there."""
        self._left = min(self._burst, self._left + max(0.0, now - self._last) / self._refill)
        self._last = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
