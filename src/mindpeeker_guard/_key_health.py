"""Sight of a fetched key set: what it has, how it came by it, and a line in the log for what happens to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from mindpeeker_guard._jwks import KeySet
from mindpeeker_guard._key_state import Failure, Seen, Snapshot
from mindpeeker_guard._logs import logger

_CLOCK_OFF: Final = 10.0  # seconds of difference to the issuer's clock that are worth a warning


class KeySetHealth(NamedTuple):
    """What a `RemoteKeySet` has, and how it came by it. All times are seconds.

    Attributes:
        jwks_uri: Where the keys come from; None while the issuer has not told.
        age: Since the last good answer; None where there was none.
        fresh: Whether the keys are used without a thought.
        usable: Whether there are keys that may be used.
        keys: Key id to algorithms, of the keys in force.
        seen: Key id to when it was first and last published, those that have vanished too.
        skipped: Why keys of the set are not used, and how many.
        fetches: How many refreshes were tried.
        failures: How many of the latest ones failed in a row.
        last_error: What went wrong last; None where the last refresh was good.
        retry_in: Until the next try may be; 0 where it may be now.
        clock_offset: How far the issuer's clock is ahead of ours; None where it does not tell.
    """

    jwks_uri: str | None
    age: float | None
    fresh: bool
    usable: bool
    keys: Mapping[str, tuple[str, ...]]
    seen: Mapping[str, Seen]
    skipped: Mapping[str, int]
    fetches: int
    failures: int
    last_error: str | None
    retry_in: float
    clock_offset: float | None

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - all that a key set knows of itself
        cls,
        snapshot: Snapshot | None,
        failure: Failure | None,
        now: float,
        jwks_uri: str | None,
        fetches: int,
        clock_offset: float | None,
    ) -> KeySetHealth:
        """Return what there is to know of a key set in these states."""
        keys = snapshot.keys.keys if snapshot is not None else ()
        return cls(
            jwks_uri=jwks_uri,
            age=now - snapshot.fetched_at if snapshot is not None else None,
            fresh=snapshot is not None and snapshot.is_fresh(now),
            usable=snapshot is not None and not snapshot.is_dead(now),
            keys={key.kid or "": tuple(sorted(key.algorithms)) for key in keys},
            seen=snapshot.seen if snapshot is not None else {},
            skipped=snapshot.keys.skipped if snapshot is not None else {},
            fetches=fetches,
            failures=failure.in_a_row if failure is not None else 0,
            last_error=failure.reason if failure is not None else None,
            retry_in=max(0.0, failure.retry_at - now) if failure is not None else 0.0,
            clock_offset=clock_offset,
        )


def log_success(url: str, keys: KeySet, old: KeySet | None, clock_offset: float | None) -> None:
    """Note a good answer: loudly only where it changed something."""
    log = logger("mindpeeker_guard.keys")
    if keys is old:
        log.debug("keys refreshed from %s", url)
    else:
        before = set(old.keys) if old is not None else set()
        after = set(keys.keys)
        new, gone = len(after - before), len(before - after)
        log.info("keys fetched from %s: %d in force, %d new, %d gone", url, len(after), new, gone)
        if keys.skipped:
            log.warning("keys not used: %s", ", ".join(f"{count} {why}" for why, count in keys.skipped.items()))
    if clock_offset is not None and abs(clock_offset) >= _CLOCK_OFF:
        log.warning("the issuer's clock is %+.0f seconds off ours: times in tokens may be misjudged", clock_offset)


def log_failure(failure: Failure, now: float) -> None:
    """Note a refresh that failed."""
    log, pause = logger("mindpeeker_guard.keys"), failure.retry_at - now
    log.warning("keys not fetched (%s), try %d; next in %.1f seconds", failure.reason, failure.in_a_row, pause)
