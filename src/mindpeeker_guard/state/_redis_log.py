"""What is written to Redis, and under which names: a list of all revocations, and a log of what changes.

The list is a hash: each revocation's name to its mark, and three fields of its own: ``@epoch`` names the list's life,
``@seq`` counts its changes, ``@id`` is the log's entry of the last one. The log is a stream whose entries carry epoch
and number, so that a reader knows when it has missed any. A sorted set has the list's names by when they end. Each
change is one script, which Redis runs as one step.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Any, Final

from mindpeeker_guard.errors import ConfigurationError, StoreUnavailableError
from mindpeeker_guard.state._redis_clients import RedisClients
from mindpeeker_guard.state._revocation import Revocation, encode

EPOCH, SEQUENCE, LAST_ID = b"@epoch", b"@seq", b"@id"
OWN_FIELDS: Final = (EPOCH, SEQUENCE, LAST_ID)

_PREFIX: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_LOG_LENGTH: Final = 10_000
_AT_ONCE: Final = 100
_NO_BOUND: Final = 0

# The time is Redis's own: writers whose clocks disagree must not tidy up what the others still need.
_REVOKE: Final = """
local list, ends, log = KEYS[1], KEYS[2], KEYS[3]
local now = tonumber(redis.call('TIME')[1]) * 1000
local over = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 1000)
if #over > 0 then
  redis.call('HDEL', list, unpack(over))
  redis.call('ZREM', ends, unpack(over))
end
redis.call('HSETNX', list, '@epoch', ARGV[1])
local epoch, most = redis.call('HGET', list, '@epoch'), tonumber(ARGV[2])
local refused = 0
for i = 4, #ARGV, 2 do
  local name, mark = ARGV[i], ARGV[i + 1]
  local before, ending = string.match(mark, '^(%d+) (%d+)$')
  local old = redis.call('HGET', list, name)
  local known = false
  if old then
    local old_before, old_ending = string.match(old, '^(%d+) (%d+)$')
    if old_before then
      if tonumber(old_before) >= tonumber(before) then before = old_before end
      if tonumber(old_ending) >= tonumber(ending) then ending = old_ending end
      known = before == old_before and ending == old_ending
    end
  end
  if not old and most > 0 and redis.call('ZCARD', ends) >= most then
    refused = refused + 1
  elseif not known then
    mark = before .. ' ' .. ending
    redis.call('HSET', list, name, mark)
    redis.call('ZADD', ends, ending, name)
    local seq = redis.call('HINCRBY', list, '@seq', 1)
    local id = redis.call('XADD', log, 'MAXLEN', '~', ARGV[3], '*', 'e', epoch, 'n', seq, 'r', name, 'm', mark)
    redis.call('HSET', list, '@id', id)
  end
end
return refused
"""
_PUBLISH: Final = """
local list, log = KEYS[1], KEYS[2]
redis.call('HSETNX', list, '@epoch', ARGV[1])
local seq = redis.call('HINCRBY', list, '@seq', 1)
local epoch = redis.call('HGET', list, '@epoch')
local id = redis.call('XADD', log, 'MAXLEN', '~', ARGV[2], '*', 'e', epoch, 'n', seq, 'k', ARGV[3])
redis.call('HSET', list, '@id', id)
return seq
"""


class Names:
    """The names of all keys. One part of them stands in braces, so that a cluster keeps them in one place.

    Raises:
        ConfigurationError: `prefix` has other characters than letters, digits and ``_.:-``, or more than 64.
    """

    def __init__(self, prefix: str) -> None:
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            raise ConfigurationError("The prefix of Redis keys is 1 to 64 letters, digits or _.:- characters.")
        self._tag = f"{{{prefix}}}"
        self.list = f"{self._tag}:revocations"
        self.ends = f"{self._tag}:revocations:ends"
        self.log = f"{self._tag}:log"

    def replay(self, digest: bytes) -> str:
        """Return where a replay mark is kept."""
        return f"{self._tag}:replay:{digest.hex()}"

    def keys(self, name: str) -> str:
        """Return where a key set is kept."""
        return f"{self._tag}:keys:{name}"

    def lease(self, name: str) -> str:
        """Return where the lease on a key set is kept."""
        return f"{self._tag}:keys:{name}:lease"


class Log:
    """Writes revocations and invalidations.

    Args:
        clients: Where to.
        names: Under which names.
        max_entries: How many revocations there may be.
        length: How many entries of the log are kept, about. Who falls further behind reads the list again.
    """

    def __init__(self, clients: RedisClients, names: Names, max_entries: int, length: int = _LOG_LENGTH) -> None:
        self._clients, self._names = clients, names
        self._most, self._length = max_entries, length

    def revoke(self, revocation: Revocation) -> None:
        """Add a revocation to the list, and tell everybody.

        Raises:
            StoreUnavailableError: Redis did not do it, or the list is full.
        """
        script = self._revoke([revocation], self._most)
        _check_taken(self._clients.ask(lambda client: client.eval(*script)))

    async def arevoke(self, revocation: Revocation) -> None:
        """Add a revocation to the list, leaving the event loop free; see `revoke`."""
        script = self._revoke([revocation], self._most)
        _check_taken(await self._clients.aask(lambda client: client.eval(*script)))

    def restore(self, client: Any, revocations: Iterable[Revocation]) -> int:
        """Write back what the list should have, and return how many; its bound held when they were first written."""
        missing = list(revocations)
        for start in range(0, len(missing), _AT_ONCE):
            client.eval(*self._revoke(missing[start : start + _AT_ONCE], _NO_BOUND))
        return len(missing)

    def publish(self, key_id: str) -> None:
        """Tell everybody that an API key has changed.

        Raises:
            StoreUnavailableError: Redis did not do it.
        """
        script = self._publish(key_id)
        self._clients.ask(lambda client: client.eval(*script))

    async def apublish(self, key_id: str) -> None:
        """Tell everybody, leaving the event loop free; see `publish`."""
        script = self._publish(key_id)
        await self._clients.aask(lambda client: client.eval(*script))

    def _revoke(self, revocations: Iterable[Revocation], most: int) -> tuple[Any, ...]:
        texts = [text for revocation in revocations for text in encode(revocation)]
        names = self._names
        return _REVOKE, 3, names.list, names.ends, names.log, uuid.uuid4().hex, most, self._length, *texts

    def _publish(self, key_id: str) -> tuple[Any, ...]:
        return _PUBLISH, 2, self._names.list, self._names.log, uuid.uuid4().hex, self._length, key_id


def _check_taken(refused: int) -> None:
    if refused:
        raise StoreUnavailableError("the revocation list is full")
