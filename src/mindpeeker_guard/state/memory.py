"""State that is kept in memory: for one process, for tests, and where nothing needs to be shared."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._types import Principal
from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.errors import ConfigurationError, StoreUnavailableError
from mindpeeker_guard.state._protocols import Forget, RevocationHealth
from mindpeeker_guard.state._revocation import Revoked, Terms, Unpack
from mindpeeker_guard.state._table import Table

MAX_ENTRIES: Final = 100_000
MAX_TOKEN_AGE: Final = 86_400.0
SKEW: Final = 5.0


class MemoryState:
    """Everything that outlives a request, in the memory of this process.

    Args:
        max_token_age: The longest life that a token can have, in seconds; revocations are kept that long.
        max_entries: How many revocations, and how many replay marks, there may be. Past that nothing is dropped: more
            are refused.
        skew: How far the issuer's clock may be ahead of this one, in seconds.
        clock: Tells the time, in seconds since the epoch.

    Raises:
        ConfigurationError: An argument is out of range.
    """

    def __init__(
        self,
        *,
        max_token_age: float = MAX_TOKEN_AGE,
        max_entries: int = MAX_ENTRIES,
        skew: float = SKEW,
        clock: Callable[[], float] = time.time,
    ) -> None:
        terms = Terms(max_token_age=max_token_age, skew=skew)
        self.revocations = MemoryRevocations(terms, max_entries=max_entries, clock=clock)
        self.replay = MemoryReplayCache(max_entries=max_entries, clock=clock)
        self.invalidations = MemoryInvalidations()

    def __repr__(self) -> str:
        return "MemoryState()"


class MemoryRevocations:
    """A revocation list for one process; see `RevocationList`."""

    ready: Final = True

    def __init__(self, terms: Terms, *, max_entries: int, clock: Callable[[], float]) -> None:
        self._terms = terms
        self._max_entries = check_most(max_entries)
        self._clock = clock
        self._table = Table(clock)

    def prepare(self) -> Flow[None]:
        """Do nothing: the list is here."""
        yield from ()

    def is_revoked(self, principal: Principal) -> bool:
        """Tell whether `principal` is refused."""
        return self._table.covers(principal)

    def revoke(self, **what: Unpack[Revoked]) -> None:
        """Refuse credentials from now on; see `RevocationList.revoke`.

        Raises:
            ConfigurationError: The arguments contradict each other, or are wrong.
            StoreUnavailableError: The list is full.
        """
        if not self._table.add(self._terms.revocation(self._clock(), **what), self._max_entries):
            raise StoreUnavailableError("the revocation list is full")

    async def arevoke(self, **what: Unpack[Revoked]) -> None:
        """Refuse credentials from now on; see `revoke`."""
        self.revoke(**what)

    def health(self) -> RevocationHealth:
        """Return how many revocations there are."""
        return RevocationHealth(entries=len(self._table), max_entries=self._max_entries)


class MemoryReplayCache:
    """Remembers what may be used once, for one process; see `ReplayCache`. What is full refuses, and forgets nothing.

    Args:
        max_entries: How many there may be.
        clock: Tells the time, in seconds since the epoch.
    """

    def __init__(self, *, max_entries: int = MAX_ENTRIES, clock: Callable[[], float] = time.time) -> None:
        self._max_entries = check_most(max_entries)
        self._clock = clock
        self._until: dict[bytes, float] = {}
        self._ends: list[tuple[float, bytes]] = []
        self._lock = threading.Lock()
        on_fork(self, MemoryReplayCache._forget_lock)

    def add(self, key: str, ttl: float) -> bool:
        """Remember `key` for `ttl` seconds, and tell whether it was new; see `ReplayCache.add`.

        Raises:
            StoreUnavailableError: The cache is full.
        """
        digest = digest_of(key, ttl)
        with self._lock:
            now = self._clock()
            while self._ends and self._ends[0][0] <= now:
                self._until.pop(heapq.heappop(self._ends)[1], None)
            if digest in self._until:
                return False
            if len(self._until) >= self._max_entries:
                raise StoreUnavailableError("the replay cache is full")
            self._until[digest] = now + ttl
            heapq.heappush(self._ends, (now + ttl, digest))
            return True

    async def aadd(self, key: str, ttl: float) -> bool:
        """Remember `key`; see `add`."""
        return self.add(key, ttl)

    def __len__(self) -> int:
        return len(self._until)

    def _forget_lock(self) -> None:
        self._lock = threading.Lock()


class MemoryInvalidations:
    """Tells this process that an API key has changed; see `Invalidations`."""

    def __init__(self) -> None:
        self._callbacks: tuple[Forget, ...] = ()

    def on_invalidate(self, callback: Forget) -> None:
        """Have `callback` called for every API key that changes."""
        self._callbacks = (*self._callbacks, callback)

    def start(self) -> None:
        """Do nothing: who tells and who listens are one."""

    def publish(self, key_id: str) -> None:
        """Tell this process that an API key has changed."""
        self.announce(check_key_id(key_id))

    async def apublish(self, key_id: str) -> None:
        """Tell this process; see `publish`."""
        self.publish(key_id)

    def announce(self, key_id: str | None) -> None:
        """Call the callbacks."""
        for callback in self._callbacks:
            callback(key_id)


def digest_of(key: str, ttl: float) -> bytes:
    """Return what is kept of a replay key: as short as any other, and nothing of it readable."""
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 < ttl <= MAX_TTL:
        raise ConfigurationError(f"ttl must be a number of seconds, more than 0 and at most {MAX_TTL}: {ttl!r}.")
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


MAX_TTL: Final = 31_536_000
"""The longest time for which a replay key is remembered: a year, in seconds."""


def check_key_id(key_id: str) -> str:
    """Return the id of an API key, if it may be one.

    Raises:
        ConfigurationError: It may not.
    """
    if not isinstance(key_id, str) or not 0 < len(key_id) <= _LONGEST_ID:
        raise ConfigurationError(f"key_id must be a string of 1 to {_LONGEST_ID} characters.")
    return key_id


_LONGEST_ID: Final = 256


def check_most(max_entries: int) -> int:
    """Return a bound, if it is one.

    Raises:
        ConfigurationError: It is not.
    """
    if isinstance(max_entries, bool) or not isinstance(max_entries, int) or max_entries < 1:
        raise ConfigurationError(f"max_entries must be a whole number, 1 or more: {max_entries!r}.")
    return max_entries
