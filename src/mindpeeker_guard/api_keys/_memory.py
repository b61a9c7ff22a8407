"""A store in memory: for tests, and for a single process whose keys may go with it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.api_keys._records import APIKeyRecord
from mindpeeker_guard.api_keys._stores import DuplicateKeyError


class MemoryStore:
    """Keeps keys in this process, for all its threads; see `APIKeyStore` for what the methods do."""

    def __init__(self) -> None:
        self._records: dict[str, APIKeyRecord] = {}
        self._lock = threading.Lock()
        on_fork(self, MemoryStore._renew_lock)

    def add(self, record: APIKeyRecord) -> None:
        """Store a new key; see `APIKeyStore.add`."""
        with self._lock:
            self._add(record)

    def get(self, key_id: str) -> APIKeyRecord | None:
        """Return the key `key_id`, or None."""
        return self._records.get(key_id)

    def list(self, owner: str | None, *, after: str | None = None, limit: int = 50) -> Sequence[APIKeyRecord]:
        """Return a page of keys; see `APIKeyStore.list`."""
        with self._lock:
            records = sorted(self._records.values(), key=_place)
            last = self._records.get(after or "")
        if after is not None and last is None:
            return []
        page = [
            record
            for record in records
            if owner in {None, record.owner} and (last is None or _place(record) > _place(last))
        ]
        return page[:limit]

    def revoke(self, key_id: str, at: datetime) -> bool:
        """Mark a key as revoked; see `APIKeyStore.revoke`."""
        with self._lock:
            record = self._records.get(key_id)
            if record is None or record.revoked_at is not None:
                return False
            self._records[key_id] = replace(record, revoked_at=at)
            return True

    def rotate(self, key_id: str, successor: APIKeyRecord, ends_at: datetime, at: datetime) -> bool:
        """Put `successor` in a key's place; see `APIKeyStore.rotate`."""
        with self._lock:
            record = self._records.get(key_id)
            if record is None or not record.is_active(at) or record.rotated_to is not None:
                return False
            self._add(successor)
            end = ends_at if record.expires_at is None else min(ends_at, record.expires_at)
            self._records[key_id] = replace(record, expires_at=end, rotated_to=successor.id)
            return True

    def touch(self, key_id: str, at: datetime, unless_since: datetime) -> None:
        """Note that a key was used; see `APIKeyStore.touch`."""
        with self._lock:
            record = self._records.get(key_id)
            if record is not None and (record.last_used_at is None or record.last_used_at <= unless_since):
                self._records[key_id] = replace(record, last_used_at=at)

    def _add(self, record: APIKeyRecord) -> None:
        if record.id in self._records:
            raise DuplicateKeyError(f"The key {record.id} is stored already.")
        self._records[record.id] = record

    def _renew_lock(self) -> None:
        # The thread that held the lock at a fork does not exist in the child.
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._records)} keys)"


def _place(record: APIKeyRecord) -> tuple[datetime, str]:
    return record.created_at, record.id
