"""The API keys of the contract: one of every kind, and a store that is down for one of them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final
from zlib import crc32

from mindpeeker_guard.api_keys import APIKeyRecord, APIKeys, MemoryStore, StoreUnavailableError

NOW: Final = 1_700_000_000
RETRY_AFTER: Final = 7
OWNER: Final = "service-1"
_PEPPER: Final = "the pepper of the contract, for no other use"
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class _Store(MemoryStore):
    """A memory store whose connection breaks whenever one id is asked for."""

    broken = ""

    def get(self, key_id: str) -> APIKeyRecord | None:
        """Return the key."""
        if key_id == self.broken:
            raise StoreUnavailableError("the test says so", retry_after=RETRY_AFTER)
        return super().get(key_id)


STORE: Final = _Store()


def service(*, cache_for: float = 30, environment: str = "live") -> APIKeys:
    """Return a service over the one store, with a clock that stands still."""
    return APIKeys(STORE, pepper=_PEPPER, environment=environment, cache_for=cache_for, clock=lambda: NOW)


def sealed(body: str) -> str:
    """Put the checksum behind `body`, worked out by hand."""
    number, digits = crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return body + digits


@cache
def keyring() -> dict[str, str]:
    """Return the keys, by what is the matter with each; made once."""
    keys = service()
    late = datetime.fromtimestamp(NOW + 1, UTC)
    issued = {
        "good": keys.issue("Good", ["dowsing:admin", "profile"], owner=OWNER),
        "reader": keys.issue("Reader", ["remote-viewing:read"], owner=OWNER, expires_at=late),
        "revoked": keys.issue("Revoked", ["profile"], owner=OWNER),
        "overlapping": keys.issue("Rotated", ["profile"], owner=OWNER),
        "rotated": keys.issue("Rotated at once", ["profile"], owner=OWNER),
        "down": keys.issue("Down", ["profile"], owner=OWNER),
        "test": service(environment="test").issue("Of another environment", ["profile"], owner=OWNER),
    }
    keys.revoke(issued["revoked"].record.id)
    issued["successor"] = keys.rotate(issued["overlapping"].record.id, overlap=60)
    keys.rotate(issued["rotated"].record.id)
    STORE.broken = issued["down"].record.id
    return {name: one.key for name, one in issued.items()}
