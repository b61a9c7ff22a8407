"""State that all processes of a fleet share through a Redis (6 or later) or Valkey. Needs the extra ``redis``.

Requests never wait for Redis to hear of a revocation: a thread in every process follows a log into memory. What cannot
be known without asking, such as whether a proof was used before, is asked within a time limit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.state._follower import Follower
from mindpeeker_guard.state._protocols import Forget
from mindpeeker_guard.state._redis_clients import RedisClients
from mindpeeker_guard.state._redis_keys import RedisKeys
from mindpeeker_guard.state._redis_log import Log, Names
from mindpeeker_guard.state._redis_replay import RedisReplayCache
from mindpeeker_guard.state._redis_revocations import Policy, RedisRevocations, check_policy
from mindpeeker_guard.state._revocation import Terms
from mindpeeker_guard.state._table import Table
from mindpeeker_guard.state.memory import (
    MAX_ENTRIES,
    MAX_TOKEN_AGE,
    SKEW,
    MemoryInvalidations,
    check_key_id,
    check_most,
)

__all__ = ["RedisInvalidations", "RedisKeys", "RedisReplayCache", "RedisRevocations", "RedisState"]


class RedisState:
    """Everything that outlives a request, shared through one Redis. Making it connects to nothing.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user (ACL) and password where there are any. It is
            never shown.
        prefix: What all names in Redis begin with, in braces: one deployment's names are apart from another's, and a
            cluster keeps them in one place.
        policy: ``fail_open``: while Redis is out of reach, the last known list of revocations decides, for
            `max_outage` seconds; then requests are answered with 503. ``fail_closed``: the same with a bound of a few
            seconds, and nothing is decided before the list was read once.
        max_outage: That bound, in seconds; by default 300, and 5 for ``fail_closed``. Infinity for ever.
        max_token_age: The longest life that a token can have, in seconds; revocations are kept that long.
        max_entries: How many revocations there may be. Past that nothing is dropped: ``revoke`` raises.
        skew: How far the issuer's clock may be ahead of ours, in seconds.
        secret: What shared keys are signed with, the same in the whole fleet; 32 bytes or more. Without one, `keys`
            cannot be used.
        connect_timeout: Seconds to connect.
        timeout: Seconds to wait for an answer.
        cluster: Whether `url` is a node of a Redis Cluster; the others are found through it, and remembered.
        clock: Tells the time, in seconds since the epoch.
        timer: Tells seconds that only ever grow.
        options: More arguments for redis-py's client, such as ``ssl_ca_certs``.

    Raises:
        ConfigurationError: redis-py is not installed, or an argument is wrong.
    """

    def __init__(  # noqa: PLR0913 - each is a rule of its own
        self,
        url: str,
        *,
        prefix: str = "mindpeeker",
        policy: Policy = "fail_open",
        max_outage: float | None = None,
        max_token_age: float = MAX_TOKEN_AGE,
        max_entries: int = MAX_ENTRIES,
        skew: float = SKEW,
        secret: str | bytes | None = None,
        connect_timeout: float = 1.0,
        timeout: float = 1.0,
        cluster: bool = False,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        for name, value in (("connect_timeout", connect_timeout), ("timeout", timeout)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ConfigurationError(f"{name} must be a number of seconds, more than 0: {value!r}.")
        bound = check_policy(policy, max_outage)
        terms = Terms(max_token_age=max_token_age, skew=skew)
        self._names = Names(prefix)
        self._secret = secret
        self._timer = timer
        self._clients = RedisClients(
            url, connect_timeout=connect_timeout, timeout=timeout, cluster=cluster, options=options
        )
        log = Log(self._clients, self._names, check_most(max_entries))
        table = Table(clock)
        listeners = MemoryInvalidations()
        self._follower = Follower(
            self._clients,
            self._names,
            log,
            table,
            listeners.announce,
            patience=connect_timeout + timeout,
            timer=timer,
            now=clock,
        )
        self._prefix = prefix
        self.revocations = RedisRevocations(
            table,
            log,
            self._follower,
            terms,
            policy=policy,
            max_outage=bound,
            max_entries=max_entries,
            clock=clock,
            timer=timer,
        )
        self.replay = RedisReplayCache(self._clients, self._names)
        self.invalidations = RedisInvalidations(log, self._follower, listeners)

    @cached_property
    def keys(self) -> RedisKeys:
        """Key sets that the fleet shares, for ``RemoteKeySet(shared=…)``.

        Raises:
            ConfigurationError: There is no secret to sign them with: who can write to Redis could add keys of his own.
        """
        return RedisKeys(self._clients, self._names, self._secret, self._timer)

    def start(self) -> None:
        """Begin to follow Redis, without waiting for it; the first request does so by itself."""
        self._follower.start()

    def close(self) -> None:
        """Stop following, and close the connections of this process. Everything begins anew where it is used again."""
        self._follower.stop()
        self._clients.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop; a loop that is run by ``asyncio.run`` does so when it ends."""
        await self._clients.aclose()

    def __repr__(self) -> str:
        return f"RedisState(prefix={self._prefix!r})"


class RedisInvalidations:
    """See `Invalidations`. A process that was cut off, and may have missed one, is told to forget all it remembers."""

    def __init__(self, log: Log, follower: Follower, listeners: MemoryInvalidations) -> None:
        self._log, self._follower, self._listeners = log, follower, listeners

    def on_invalidate(self, callback: Forget) -> None:
        """Have `callback` called for every API key that changes from now on; with None where any may have changed.

        It is called by the thread that follows Redis, and must neither block nor raise.
        """
        self._listeners.on_invalidate(callback)

    def start(self) -> None:
        """Begin to listen; see `Invalidations.start`. After a fork it must be called again, in the child."""
        if not self._follower.ready:
            self._follower.start()

    def publish(self, key_id: str) -> None:
        """Tell every process that the API key `key_id` has changed; this one at once.

        Raises:
            StoreUnavailableError: The others could not be told.
        """
        self._listeners.announce(check_key_id(key_id))
        self._log.publish(key_id)

    async def apublish(self, key_id: str) -> None:
        """Tell every process, leaving the event loop free; see `publish`."""
        self._listeners.announce(check_key_id(key_id))
        await self._log.apublish(key_id)
