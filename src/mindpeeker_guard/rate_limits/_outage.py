"""What becomes of the limits while their store is out of reach: whether to ask it at all, and who counts meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from mindpeeker_guard._flow import Call, Flow
from mindpeeker_guard._logs import logger
from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.errors import StoreUnavailableError
from mindpeeker_guard.rate_limits._store import Budget, Level, LocalStore, RemoteStore

_LOGGER: Final = "mindpeeker_guard.limits"
_BACK_OFF: Final = (0.5, 5.0)  # seconds after the first failure, doubling up to this


class RateLimitHealth(NamedTuple):
    """What there is to know about the store of the rate limits.

    Attributes:
        store: ``memory``, or the kind of the store that is shared.
        connected: Whether it answered last time; None where it was not asked yet, or is this process's memory.
        failures: How often in a row it did not answer.
        last_error: What was the matter last.
        retry_in: Seconds until it is asked again; None where it is asked.
    """

    store: str
    connected: bool | None = None
    failures: int = 0
    last_error: str | None = None
    retry_in: float | None = None


class SharedStore:
    """Asks a store that may fail. After a failure nobody waits for it but one request at a time, every few seconds.

    Args:
        store: The store.
        kind: Its name, for `health`.
        instead: Counts while the store fails; None refuses with 503.
        timer: Tells seconds that only ever grow.
    """

    def __init__(
        self, store: RemoteStore, kind: str, instead: LocalStore | None, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._kind, self._instead, self._timer = store, kind, instead, timer
        self._failures = 0
        self._asked = False
        self._last_error: str | None = None
        self._next_try = 0.0
        self._lock = threading.Lock()
        on_fork(self, SharedStore._leave)

    def take(self, budgets: Sequence[Budget]) -> Flow[list[Level]]:
        """Take one request from all of `budgets`, or from none.

        Raises:
            StoreUnavailableError: The store cannot be reached, and nothing counts in its place.
        """
        if self._failures and not self._is_my_turn():
            return self._without(budgets)
        try:
            levels: list[Level] = yield Call(self._store.take, budgets, twin=self._store.atake)
        except StoreUnavailableError as error:
            self._failed(error)
            return self._without(budgets)
        if self._failures or not self._asked:
            self._worked()
        return levels

    def health(self) -> RateLimitHealth:
        """Return what there is to know, without asking the store."""
        failures = self._failures
        retry_in = max(0.0, self._next_try - self._timer()) if failures else None
        return RateLimitHealth(self._kind, not failures if self._asked else None, failures, self._last_error, retry_in)

    def close(self) -> None:
        """Close the store's connections of this process, where it has some."""
        getattr(self._store, "close", _nothing)()

    async def aclose(self) -> None:
        """Close the store's connections of this event loop, where it has some."""
        await getattr(self._store, "aclose", _nothing_async)()

    def _without(self, budgets: Sequence[Budget]) -> list[Level]:
        if self._instead is None:
            retry_after = max(1.0, self._next_try - self._timer())
            raise StoreUnavailableError(f"rate limits: {self._last_error}", retry_after=retry_after)
        return self._instead.take(budgets)

    def _is_my_turn(self) -> bool:
        """Tell whether this request is the one that tries the store; the others go on without it for a while."""
        with self._lock:
            now = self._timer()
            if now < self._next_try:
                return False
            self._next_try = now + self._delay()
            return True

    def _delay(self) -> float:
        first, most = _BACK_OFF
        return min(most, first * 2.0 ** min(self._failures, 10) / 2)

    def _failed(self, error: StoreUnavailableError) -> None:
        with self._lock:
            is_news = not self._failures
            self._failures += 1
            self._asked = True
            self._last_error = error.reason or error.code
            self._next_try = self._timer() + self._delay()
        if is_news:
            meanwhile = (
                "each process counts for itself" if self._instead is not None else "requests are answered with 503"
            )
            logger(_LOGGER).warning("the store of the rate limits fails (%s): %s meanwhile", error.reason, meanwhile)

    def _worked(self) -> None:
        with self._lock:
            was_down, self._failures, self._asked = self._failures, 0, True
        if was_down:
            logger(_LOGGER).warning("the store of the rate limits answers again")

    def _leave(self) -> None:
        # The thread that held the lock at a fork does not exist in the child.
        self._lock = threading.Lock()


def _nothing() -> None:
    """Stand in where there is nothing to close."""


async def _nothing_async() -> None:
    """Stand in where there is nothing to close."""
