"""Every public form of the API keys' interface, for the type checkers. Nothing here is ever run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import assert_type

from mindpeeker_guard import APIKey, Authenticator, Flow, Guard, JWTBearer, Principal, ScopeCatalogue, call
from mindpeeker_guard.api_keys import (
    API_KEY_PATTERN,
    APIKeyRecord,
    APIKeys,
    APIKeyStore,
    AuditEvent,
    InvalidFieldError,
    IssuedKey,
    MemoryStore,
    ScopeNotGrantedError,
    store_from_url,
)
from mindpeeker_guard.api_keys.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore


def told(event: AuditEvent) -> None:
    assert_type(event.key_id, str)
    assert_type(event.successor_id, str | None)


stores: list[APIKeyStore] = [MemoryStore(), SQLAlchemyStore("sqlite:///x"), AsyncSQLAlchemyStore("sqlite:///x")]
assert_type(store_from_url("memory:"), APIKeyStore)
keys = APIKeys(stores[0], pepper="x" * 32)
APIKeys(stores[0], pepper=b"x" * 32, environment="test", cache_for=5, cache_size=10, audit=told, clock=lambda: 0.0)
APIKeys(stores[0], pepper={"2": "x" * 32, "1": b"x" * 32}, catalogue=ScopeCatalogue({}))
APIKeys(stores[0])  # type: ignore[call-arg]
APIKeys(5, pepper="")  # type: ignore[arg-type]
assert_type(keys.environment, str)
assert_type(keys.catalogue, ScopeCatalogue)
pattern: str = API_KEY_PATTERN

issued = keys.issue("n", ["profile"], owner="u", expires_at=datetime.now(UTC), actor="boss")
assert_type(issued, IssuedKey)
assert_type(issued.key, str)
assert_type(issued.record, APIKeyRecord)
key, record = issued
assert_type(record.scopes, frozenset[str])
assert_type(record.is_active(datetime.now(UTC)), bool)
assert_type(keys.get("x"), APIKeyRecord | None)
assert_type(keys.list("u", after=record.id, limit=5), Sequence[APIKeyRecord])
assert_type(keys.revoke(record.id, actor=None), bool)
assert_type(keys.rotate(record.id, overlap=60), IssuedKey)
keys.touch(record.id)
keys.forget(record.id)
assert_type(keys.at_hand(key), Principal | None)
assert_type(keys.verify(key), Flow[Principal])


async def awaited() -> None:
    assert_type(await keys.aissue("n", ["profile"], owner="u"), IssuedKey)
    assert_type(await keys.aget("x"), APIKeyRecord | None)
    assert_type(await keys.alist(), Sequence[APIKeyRecord])
    assert_type(await keys.arevoke("x"), bool)
    assert_type(await keys.arotate("x", overlap=0.5), IssuedKey)
    await keys.atouch("x")


def within_a_flow() -> Flow[str]:
    made = yield from keys.issue_flow("n", ["profile"], owner="u")
    found = yield from keys.get_flow(made.record.id)
    assert_type(found, APIKeyRecord | None)
    assert_type((yield from keys.list_flow("u")), Sequence[APIKeyRecord])
    assert_type((yield from keys.revoke_flow("x")), bool)
    yield from keys.touch_flow("x")
    return (yield from call(str, 5)) + (yield from keys.rotate_flow("x")).key


authenticator: Authenticator = APIKey(keys, header="X-Service-Key")
guard = Guard(JWTBearer(), APIKey(keys))
Guard(authenticator)
APIKey("mp_live_x")  # type: ignore[arg-type]


class Other:
    """A service of an application's own."""

    def at_hand(self, text: str) -> Principal | None:
        return None

    def verify(self, text: str) -> Flow[Principal]:
        yield from ()
        return Principal(subject=text)


APIKey(Other())
assert_type(InvalidFieldError("name").field, str)
assert_type(ScopeNotGrantedError(["profile"]).scopes, tuple[str, ...])
