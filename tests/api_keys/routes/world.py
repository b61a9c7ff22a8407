"""The keys that are there when a request comes, and who may call."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.support.tokens import jwks, token

from mindpeeker_guard import APIKey, Guard, JWTBearer, StaticKeySet
from mindpeeker_guard.api_keys import APIKeyRecord, APIKeys, AuditEvent, MemoryStore

NOW: Final = 1_800_000_000
PEPPER: Final = "a pepper that nobody knows, at least not here"
ADMIN: Final = "organizations:write"
START: Final = datetime.fromtimestamp(NOW, UTC)

GOOD_KEY: Final = "mp_live_Good000000000001_00000000000000000000000000000000" + "1b7KQd"
"""A key that is well-formed but for its checksum perhaps, which nobody should come so far as to look at."""

ALIVE: Final = "Alive00000000001"
SECOND: Final = "Alive00000000002"
REVOKED: Final = "Revoked000000001"
EXPIRED: Final = "Expired000000001"
ROTATED: Final = "Rotated000000001"
STRONG: Final = "Strong0000000001"
FOREIGN: Final = "Foreign000000001"
NOBODYS: Final = "Nobodys000000001"


def _record(key_id: str, minutes: int, **changes: Any) -> APIKeyRecord:
    plain = APIKeyRecord(
        id=key_id,
        digest=b"digest of " + key_id.encode(),
        pepper_id="1",
        name=f"Key {minutes}",
        owner="user-1",
        scopes=frozenset({"remote-viewing:read"}),
        created_at=START - timedelta(days=2) + timedelta(minutes=minutes),
    )
    return replace(plain, **changes)


RECORDS: Final = (
    _record(ALIVE, 1, expires_at=START + timedelta(days=1), last_used_at=START - timedelta(minutes=5)),
    _record(SECOND, 2, scopes=frozenset({"profile", "remote-viewing:read"})),
    _record(REVOKED, 3, revoked_at=START - timedelta(hours=1)),
    _record(EXPIRED, 4, expires_at=START - timedelta(hours=1)),
    _record(ROTATED, 5, expires_at=START + timedelta(hours=1), rotated_to=SECOND),
    _record(STRONG, 6, scopes=frozenset({"remote-viewing:admin"})),
    _record(FOREIGN, 7, owner="user-2"),
)
OWN: Final = (ALIVE, SECOND, REVOKED, EXPIRED, ROTATED, STRONG)


class AsyncStore:
    """`MemoryStore`, awaited."""

    def __init__(self, store: Any) -> None:
        self._store = store

    async def add(self, record: APIKeyRecord) -> None:
        self._store.add(record)

    async def get(self, key_id: str) -> APIKeyRecord | None:
        return self._store.get(key_id)

    async def list(self, owner: str | None, *, after: str | None = None, limit: int = 50) -> Any:
        return self._store.list(owner, after=after, limit=limit)

    async def revoke(self, key_id: str, at: datetime) -> bool:
        return self._store.revoke(key_id, at)

    async def rotate(self, key_id: str, successor: APIKeyRecord, ends_at: datetime, at: datetime) -> bool:
        return self._store.rotate(key_id, successor, ends_at, at)

    async def touch(self, key_id: str, at: datetime, unless_since: datetime) -> None:
        self._store.touch(key_id, at, unless_since)


class DownStore(MemoryStore):
    """A store whose database does not answer."""

    def get(self, key_id: str) -> APIKeyRecord | None:
        raise ConnectionRefusedError("postgresql://admin:hunter2@db")

    def list(self, owner: str | None, *, after: str | None = None, limit: int = 50) -> Any:
        raise ConnectionRefusedError("postgresql://admin:hunter2@db")

    def add(self, record: APIKeyRecord) -> None:
        raise ConnectionRefusedError("postgresql://admin:hunter2@db")


def filled(store: Any) -> Any:
    """Return `store` with the keys that are there."""
    for record in RECORDS:
        store.add(record)
    return store


class World:
    """A service with its keys, and the guard of the application."""

    def __init__(self, *, is_async: bool = False, is_down: bool = False, store: Any = None) -> None:
        self.events: list[AuditEvent] = []
        self.store: Any = DownStore() if is_down else store if store is not None else filled(MemoryStore())
        store: Any = AsyncStore(self.store) if is_async else self.store
        self.keys = APIKeys(store, pepper=PEPPER, audit=self.events.append, clock=lambda: NOW)
        self.guard = guard_for(self.keys)


def guard_for(keys: APIKeys) -> Guard:
    """Return a guard that knows tokens of these tests."""
    return Guard(JWTBearer(keys=StaticKeySet(jwks()), clock=lambda: NOW), APIKey(keys), clock=lambda: NOW)


def bearer(scope: str | None = "remote-viewing:read", **changes: Any) -> str:
    """Return the value of an Authorization header."""
    return f"Bearer {token(now=NOW, scope=scope, **changes)}"
