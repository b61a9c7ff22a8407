"""Budgets kept in a Redis that all processes share: one script, one round trip, whatever a request is counted for.

The keys hold what ``limits`` keeps in them, the times of the requests with the newest first, or a counter, so that its
tools can read them. The script differs from those of ``limits`` in three points: it takes all budgets of a request in
one step, it says what is left in the same answer, and it reads the clock of Redis, not those of the processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha1
from typing import Any, Final

from mindpeeker_guard.errors import StoreUnavailableError
from mindpeeker_guard.rate_limits._store import Budget, Level, Strategy
from mindpeeker_guard.state._redis_clients import RedisClients

_START: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local used, passes, answer = {}, true, {}
"""

_MOVING: Final = """
for i, key in ipairs(KEYS) do
  local amount, seconds = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local oldest = redis.call('LINDEX', key, -1)
  while oldest and tonumber(oldest) < now - seconds do
    redis.call('RPOP', key)
    oldest = redis.call('LINDEX', key, -1)
  end
  used[i] = redis.call('LLEN', key)
  if used[i] >= amount then passes = false end
end
for i, key in ipairs(KEYS) do
  local amount, seconds = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  if passes then
    redis.call('LPUSH', key, string.format('%.6f', now))
    redis.call('EXPIRE', key, seconds)
    used[i] = used[i] + 1
  end
  local reset = seconds
  if used[i] >= amount then
    reset = tonumber(redis.call('LINDEX', key, amount - 1)) + seconds - now
  end
  answer[i] = {used[i], string.format('%.6f', reset)}
end
return {passes and 1 or 0, answer}
"""

_FIXED: Final = """
for i, key in ipairs(KEYS) do
  used[i] = tonumber(redis.call('GET', key) or 0)
  if used[i] >= tonumber(ARGV[2 * i - 1]) then passes = false end
end
for i, key in ipairs(KEYS) do
  if passes then used[i] = redis.call('INCR', key) end
  local left = redis.call('PTTL', key)
  if left < 0 and used[i] > 0 then
    left = tonumber(ARGV[2 * i]) * 1000
    redis.call('PEXPIRE', key, left)
  end
  if left < 0 then left = tonumber(ARGV[2 * i]) * 1000 end
  answer[i] = {used[i], string.format('%.6f', left / 1000)}
end
return {passes and 1 or 0, answer}
"""

_SCRIPTS: Final[Mapping[Strategy, str]] = {"moving-window": _START + _MOVING, "fixed-window": _START + _FIXED}


class RedisWindows:
    """Counts requests in a Redis.

    Args:
        clients: How to reach it.
        prefix: What all names begin with, in braces: a cluster keeps them in one place.
        strategy: See `MemoryWindows`.
    """

    def __init__(self, clients: RedisClients, prefix: str, strategy: Strategy) -> None:
        from redis.exceptions import NoScriptError  # noqa: PLC0415 - `clients` has loaded it; others need not

        self._clients = clients
        self._start = f"{{{prefix}}}:limits:"
        self._script = _SCRIPTS[strategy]
        self._digest = sha1(self._script.encode("ascii"), usedforsecurity=False).hexdigest()
        self._unknown = NoScriptError

    def take(self, budgets: Sequence[Budget]) -> list[Level]:
        """Take one request from all of `budgets`, or from none; see `RemoteStore.take`."""
        call = self._call(budgets)

        def work(client: Any) -> Any:
            try:
                return client.evalsha(self._digest, *call)
            except self._unknown:  # a Redis that has just started
                return client.eval(self._script, *call)

        return _levels(self._clients.ask(work), budgets)

    async def atake(self, budgets: Sequence[Budget]) -> list[Level]:
        """Do the same, leaving the event loop free."""
        call = self._call(budgets)

        async def work(client: Any) -> Any:
            try:
                return await client.evalsha(self._digest, *call)
            except self._unknown:
                return await client.eval(self._script, *call)

        return _levels(await self._clients.aask(work), budgets)

    def close(self) -> None:
        """Close the connections of this process; they are made anew when they are needed."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop; they are made anew when they are needed."""
        await self._clients.aclose()

    def _call(self, budgets: Sequence[Budget]) -> list[Any]:
        names = [self._start + budget.key for budget in budgets]
        return [len(names), *names, *(number for budget in budgets for number in (budget.amount, budget.seconds))]


def _levels(answer: Any, budgets: Sequence[Budget]) -> list[Level]:
    """Read the script's answer.

    Raises:
        StoreUnavailableError: It is none: something else than Redis answered.
    """
    try:
        passes, rows = answer
        return [
            Level(bool(passes) or int(used) < budget.amount, max(0, budget.amount - int(used)), float(reset))
            for (used, reset), budget in zip(rows, budgets, strict=True)
        ]
    except (TypeError, ValueError):
        raise StoreUnavailableError("Redis: an answer of another form") from None
