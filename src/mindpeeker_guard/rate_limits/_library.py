"""Budgets kept in any other storage of ``limits``: Memcached, MongoDB, Redis Sentinel, or one of the application's own.

Its strategies ask for one budget at a time, and each question is a round trip. A request that is refused takes nothing
as far as they can tell beforehand; where two come at the same moment, one may use up a little that the other is refused
for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from mindpeeker_guard.errors import ConfigurationError, StoreUnavailableError
from mindpeeker_guard.rate_limits._store import Budget, Level, Strategy


class LibraryWindows:
    """Counts requests with a strategy of ``limits``.

    Args:
        storage: A storage, plain or of ``limits.aio``.
        strategy: The name of the strategy.

    Raises:
        ConfigurationError: The storage cannot be used with it.
    """

    def __init__(self, storage: Any, strategy: Strategy) -> None:
        from limits import aio, strategies  # noqa: PLC0415 - an extra

        self._is_async = isinstance(storage, aio.storage.Storage)
        known: Any = aio.strategies if self._is_async else strategies
        try:
            self._strategy: Any = known.STRATEGIES[strategy](storage)
        except (NotImplementedError, AttributeError) as error:
            raise ConfigurationError(f"{type(storage).__name__} cannot be used with {strategy!r}: {error}") from None

    def take(self, budgets: Sequence[Budget]) -> list[Level]:
        """Take one request from all of `budgets`, or from none; see `RemoteStore.take`."""
        if self._is_async:
            raise ConfigurationError("The storage of the rate limits is async, and nothing awaits here.")
        strategy, items = self._strategy, [_item(budget) for budget in budgets]
        try:
            passes = all(strategy.test(item, key) for item, key in items)
            hits = [strategy.hit(item, key) if passes else strategy.test(item, key) for item, key in items]
            stats = [strategy.get_window_stats(item, key) for item, key in items]
        except Exception as error:  # each storage has errors of its own
            raise StoreUnavailableError(f"{type(error).__name__}") from error
        return _levels(hits, stats)

    async def atake(self, budgets: Sequence[Budget]) -> list[Level]:
        """Do the same, leaving the event loop free; a plain storage is asked in a worker thread."""
        if not self._is_async:
            import asyncio  # noqa: PLC0415 - who awaits has it

            return await asyncio.to_thread(self.take, budgets)
        strategy, items = self._strategy, [_item(budget) for budget in budgets]
        try:
            passes = all([await strategy.test(item, key) for item, key in items])
            hits = [await (strategy.hit if passes else strategy.test)(item, key) for item, key in items]
            stats = [await strategy.get_window_stats(item, key) for item, key in items]
        except Exception as error:  # each storage has errors of its own
            raise StoreUnavailableError(f"{type(error).__name__}") from error
        return _levels(hits, stats)


def _item(budget: Budget) -> tuple[Any, str]:
    from limits import RateLimitItemPerSecond  # noqa: PLC0415 - an extra

    return RateLimitItemPerSecond(budget.amount, budget.seconds, namespace="mindpeeker"), budget.key


def _levels(hits: Sequence[bool], stats: Sequence[Any]) -> list[Level]:
    now = time.time()
    return [
        Level(hit, max(0, one.remaining), max(0.0, one.reset_time - now)) for hit, one in zip(hits, stats, strict=True)
    ]
