"""A replay cache that all processes share through a Redis."""

from __future__ import annotations

import math
import uuid
from typing import Any

from mindpeeker_guard.state._redis_clients import RedisClients
from mindpeeker_guard.state._redis_log import Names
from mindpeeker_guard.state.memory import digest_of


class RedisReplayCache:
    """See `ReplayCache`. Redis adds what is not there in one step, and forgets it by itself.

    Each addition has a mark of its own. Where an answer is lost with its connection, the mark tells whether it was
    this addition that was made, so that nobody is taken for a replay of himself.
    """

    def __init__(self, clients: RedisClients, names: Names) -> None:
        self._clients, self._names = clients, names

    def add(self, key: str, ttl: float) -> bool:
        """Remember `key` for `ttl` seconds, and tell whether it was new; see `ReplayCache.add`.

        Raises:
            StoreUnavailableError: Redis did not tell.
        """
        name, milliseconds = self._named(key, ttl)
        mark, tries = uuid.uuid4().hex, 0

        def work(client: Any) -> bool:
            nonlocal tries
            tries += 1
            if client.set(name, mark, nx=True, px=milliseconds):
                return True
            return tries > 1 and client.get(name) == mark.encode()

        return self._clients.ask(work)

    async def aadd(self, key: str, ttl: float) -> bool:
        """Remember `key`, leaving the event loop free; see `add`."""
        name, milliseconds = self._named(key, ttl)
        mark, tries = uuid.uuid4().hex, 0

        async def work(client: Any) -> bool:
            nonlocal tries
            tries += 1
            if await client.set(name, mark, nx=True, px=milliseconds):
                return True
            return tries > 1 and await client.get(name) == mark.encode()

        return await self._clients.aask(work)

    def _named(self, key: str, ttl: float) -> tuple[str, int]:
        return self._names.replay(digest_of(key, ttl)), math.ceil(ttl * 1000)
