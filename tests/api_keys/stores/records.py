"""Records for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mindpeeker_guard.api_keys import APIKeyRecord

NOW = datetime(2026, 11, 22, 15, 46, 48, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def record(key_id: str = "K1", **values: Any) -> APIKeyRecord:
    """Return a record; whatever is not given is the same for all."""
    known = {
        "digest": bytes(range(224, 256)),
        "pepper_id": "1",
        "name": "reports",
        "owner": "user-1",
        "scopes": frozenset({"remote-viewing:read", "analytics:read"}),
        "created_at": NOW,
    }
    return APIKeyRecord(id=key_id, **(known | values))
