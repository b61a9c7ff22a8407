"""What was read of the store a moment ago: bounded, read without a lock, and never believed for long.

Keys that exist and ids that do not are kept apart, so that made-up ids cannot push out good keys. Plain keys are not
kept: an entry has the SHA-256 of the key that was verified against it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Final, NamedTuple

from cachetools import TTLCache

from mindpeeker_guard._types import Principal
from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.api_keys._records import APIKeyRecord

USE_NOTED_FOR: Final = 60.0
"""The use of a key is written down once in so many seconds."""

_ABSENT_IDS: Final = 1024


class Found(NamedTuple):
    """What the cache knows of an id: the record, or that there is none."""

    record: APIKeyRecord | None


class _Entry(NamedTuple):
    record: APIKeyRecord
    since: float
    until: float  # the end of this entry, or of the key where that is sooner
    proof: bytes = b""  # SHA-256 of the key, once it was verified; nothing has an empty digest
    principal: Principal | None = None


class KeyCache:
    """At most `size` keys, each believed for `keep_for` seconds from the moment before it was read.

    Args:
        size: How many keys are kept; the oldest entry makes room.
        keep_for: How long, in seconds; 0 for not at all.
        clock: Tells the time, in seconds since the epoch.
    """

    def __init__(self, size: int, keep_for: float, clock: Callable[[], float]) -> None:
        self._entries: dict[str, _Entry] = {}
        self._size = size
        self._keep_for = keep_for
        self._clock = clock
        self._changes = 0
        self._reset()
        on_fork(self, KeyCache._reset)

    def recall(self, key_id: str, text: str, now: float) -> Principal | None:
        """Return who the key `text` stands for, if it was verified before and is in force. Takes no lock."""
        entry = self._entries.get(key_id)
        if entry is None or not entry.since <= now < entry.until:
            return None
        return entry.principal if compare_digest(_proof(text), entry.proof) else None

    def look_up(self, key_id: str, now: float) -> Found | None:
        """Return what is known of `key_id`; None where the store must be asked."""
        entry = self._entries.get(key_id)
        if entry is not None:
            return Found(entry.record) if entry.since <= now < entry.since + self._keep_for else None
        with self._lock:
            return Found(None) if key_id in self._absent else None

    @property
    def changes(self) -> int:
        """How often something was forgotten. What was read before a change must not be remembered after it."""
        return self._changes

    def remember(self, key_id: str, record: APIKeyRecord | None, read_at: float, changes: int) -> None:
        """Keep what the store said at `read_at`, unless something has changed since."""
        with self._lock:
            if changes != self._changes:
                return
            self._entries.pop(key_id, None)
            if record is None:
                self._absent[key_id] = None
                return
            while len(self._entries) >= self._size:
                del self._entries[next(iter(self._entries))]
            end = math.inf if record.expires_at is None else record.expires_at.timestamp()
            self._entries[key_id] = _Entry(record, read_at, min(read_at + self._keep_for, end))

    def prove(self, record: APIKeyRecord, text: str, principal: Principal) -> None:
        """Note that `text` is the key of `record`, and whom it stands for, where that very record is remembered."""
        with self._lock:
            entry = self._entries.get(record.id)
            if entry is not None and entry.record is record:
                self._entries[record.id] = entry._replace(proof=_proof(text), principal=principal)

    def forget(self, key_id: str) -> None:
        """Drop what is known of `key_id`, because it has changed."""
        with self._lock:
            self._changes += 1
            self._entries.pop(key_id, None)
            self._absent.pop(key_id, None)

    def clear(self) -> None:
        """Drop what is known of all keys, because any may have changed."""
        with self._lock:
            self._changes += 1
            self._entries.clear()
            self._absent.clear()

    def is_use_due(self, record: APIKeyRecord, now: float) -> bool:
        """Tell whether the use of a key is to be written down now, and take that as done."""
        noted = record.last_used_at
        if noted is not None and now - noted.timestamp() < USE_NOTED_FOR:
            return False
        with self._lock:
            if record.id in self._uses:
                return False
            self._uses[record.id] = None
            return True

    def _reset(self) -> None:
        # At a fork another thread may have held the lock, or been amid a change.
        self._lock = threading.Lock()
        self._absent: TTLCache[str, None] = TTLCache(_ABSENT_IDS, self._keep_for, self._clock)
        self._uses: TTLCache[str, None] = TTLCache(self._size, USE_NOTED_FOR, self._clock)

    def __len__(self) -> int:
        return len(self._entries)


def _proof(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
