"""One async engine for each event loop: connections and the queue of a pool belong to the loop they were made on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from mindpeeker_guard.api_keys._sql_engines import async_engine_from, forget_connections, reading, writing


class Engines(NamedTuple):
    """An engine, and what operations run on: the same pool under two levels of isolation."""

    engine: AsyncEngine
    reading: AsyncEngine
    writing: AsyncEngine


class LoopEngines:
    """Finds the engine of the running event loop, and makes one where it has none.

    Nothing tells that a loop has ended: its engine is closed when the next loop comes along.
    """

    def __init__(self, url: URL, make: Callable[[], AsyncEngine]) -> None:
        self.url: Final = url
        self._make = make
        self._by_loop: dict[asyncio.AbstractEventLoop, Engines] = {}
        self._lock = threading.Lock()

    @classmethod
    def of_one(cls, engine: AsyncEngine) -> LoopEngines:
        """Return a holder of `engine`, whatever the loop is: it is for one, and its owner knows which."""
        return cls(engine.url, lambda: engine)

    @classmethod
    def of_url(cls, url: URL, timeout: float) -> LoopEngines:
        """Return a holder of engines for `url`; the first is made at once, so that a missing driver is noticed."""
        async_engine_from(url, timeout)
        return cls(url, lambda: async_engine_from(url, timeout))

    async def current(self) -> Engines:
        """Return the engine of the running loop."""
        loop = asyncio.get_running_loop()
        known = self._by_loop.get(loop)
        if known is not None:
            return known
        engine = self._make()
        with self._lock:
            ended = [self._by_loop.pop(other) for other in list(self._by_loop) if other.is_closed()]
            made = self._by_loop[loop] = Engines(engine, reading(engine), writing(engine))
        for engines in ended:
            if engines.engine is not engine:
                await engines.engine.dispose()
        return made

    async def close(self) -> None:
        """Close the engines of this loop and of those that have ended."""
        here = asyncio.get_running_loop()
        with self._lock:
            over = [loop for loop in self._by_loop if loop is here or loop.is_closed()]
            engines = [self._by_loop.pop(loop) for loop in over]
        for one in engines:
            await one.engine.dispose()

    def forget(self) -> None:
        """Leave all connections to the parent of this process."""
        self._lock = threading.Lock()
        for engines in self._by_loop.values():
            forget_connections(engines.engine.sync_engine)
        self._by_loop = {}
