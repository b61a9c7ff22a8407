"""What happens to a fetched key set: a line in the log for each event, and a call of whoever wants to know."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from mindpeeker_guard._fleet import Fetched
from mindpeeker_guard._jwks import KeySet
from mindpeeker_guard._key_health import log_failure, log_success
from mindpeeker_guard._key_state import Failure
from mindpeeker_guard._logs import logger

_LIMITED_EVERY: Final = 15.0  # seconds; a flood of tokens must not become one of events

Kind = Literal["fetched", "failed", "rotated", "vanished", "flood_limited"]


class KeyEvent(NamedTuple):
    """Something that happened to a `RemoteKeySet`.

    Attributes:
        kind: ``fetched``: a good answer came. ``rotated``: it has keys that were not there before. ``vanished``: keys
            are not published any more. ``failed``: a refresh failed. ``flood_limited``: a token names an unknown
            key, and no fetch is made for it; at most one in 15 seconds.
        url: Where the keys are; None while the issuer has not told.
        keys: The ids of the keys that are new, that have vanished, or that are in force.
        reason: What went wrong.
        at: When, in seconds since the epoch.
    """

    kind: Kind
    url: str | None
    keys: tuple[str, ...]
    reason: str
    at: float


KeyEventHook = Callable[[KeyEvent], object]


class KeyEvents:
    """Notes events while a lock may be held, and tells the hook about them when `deliver` is called, without it.

    Args:
        hook: Who is told; None for nobody.
    """

    def __init__(self, hook: KeyEventHook | None) -> None:
        self._hook = hook
        self._waiting: deque[KeyEvent] = deque(maxlen=100)
        self._limited_at = -_LIMITED_EVERY

    def accepted(self, fetched: Fetched, old: KeySet | None, now: float) -> None:
        """Note a good answer, and what it has changed."""
        url, keys = fetched.url, fetched.keys
        log_success(url, keys, old, fetched.clock_offset)
        if self._hook is not None:
            new, gone = _difference(keys, old)
            self._note("fetched", url, _ids(keys), now)
            if new and old is not None:
                self._note("rotated", url, new, now)
            if gone:
                self._note("vanished", url, gone, now)

    def failed(self, url: str | None, failure: Failure, now: float) -> None:
        """Note a refresh that failed."""
        log_failure(failure, now)
        self._note("failed", url, (), now, failure.reason)

    def limited(self, url: str | None, now: float) -> None:
        """Note that no fetch is made for an unknown key, be it known as absent or too much; told once in a while."""
        if self._hook is not None and not 0 <= now - self._limited_at < _LIMITED_EVERY:
            self._limited_at = now
            self._note("flood_limited", url, (), now)

    def deliver(self) -> None:
        """Tell the hook what was noted. What it raises is logged."""
        while self._waiting and self._hook is not None:
            try:
                event = self._waiting.popleft()
            except IndexError:
                return  # another thread was quicker
            try:
                self._hook(event)
            except Exception:  # noqa: BLE001 - whoever listens has no say in what happens
                logger("mindpeeker_guard").exception("on_event failed")

    def _note(self, kind: Kind, url: str | None, keys: tuple[str, ...], now: float, reason: str = "") -> None:
        if self._hook is not None:
            self._waiting.append(KeyEvent(kind, url, keys, reason, now))


def _difference(keys: KeySet, old: KeySet | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of the keys that are new, and of those that have gone."""
    before, after = set(old.keys if old is not None else ()), set(keys.keys)
    return tuple(sorted(key.kid or "" for key in after - before)), tuple(
        sorted(key.kid or "" for key in before - after)
    )


def _ids(keys: KeySet) -> tuple[str, ...]:
    return tuple(key.kid or "" for key in keys.keys)
