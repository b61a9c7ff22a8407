"""How a row of the table is written: one request, and all of the answer, spelled out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from tests.api_keys.routes import world

KEYS: Final = "/v1/api-keys"
NEW_ID: Final = "0" * 16
TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    # Python 3.13 has the names of RFC 9110 here, 3.11 those of the RFCs before.
    413: ("Content Too Large", "Request Entity Too Large"),
    415: "Unsupported Media Type",
    422: ("Unprocessable Content", "Unprocessable Entity"),
    503: "Service Unavailable",
}
NO_STORE: Final = {"cache-control": "no-store"}
JSON: Final = {"content-type": "application/json", **NO_STORE}
GOOD: Final[Mapping[str, Any]] = {"name": "CI", "scopes": ["remote-viewing:read"]}
READ: Final = "remote-viewing:read"


@dataclass(frozen=True)
class Case:
    """One request, and the answer that every carrier must give.

    Attributes:
        name: What the case is about.
        request: Method and path.
        status: The status of the answer.
        body: The answer's JSON; None for an empty body.
        headers: The answer's headers, of those that are compared.
        send: The body that is sent: a value for JSON, or bytes as they are.
        content_type: The content type that is sent; None for no header.
        scope: The caller's scopes.
        claims: Changes to the caller's token.
        is_down: Whether the store does not answer.
        credentials: The headers that are sent in place of the caller's token.
    """

    name: str
    request: str
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    send: Any = None
    content_type: str | None = "application/json"
    scope: str | None = READ
    claims: Mapping[str, Any] = field(default_factory=dict)
    is_down: bool = False
    credentials: tuple[tuple[str, str], ...] | None = None

    @property
    def content(self) -> bytes:
        """The bytes that are sent."""
        if isinstance(self.send, bytes):
            return self.send
        return b"" if self.send is None else json.dumps(self.send).encode("utf-8")


def problem(status: int, detail: str, **members: Any) -> dict[str, Any]:
    """Return problem details."""
    return {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail, **members}


def refused(name: str, request: str, status: int, detail: str, **options: Any) -> Case:
    """Return a case of a refusal. `field` and other members of its body may be among the options."""
    known = Case.__dataclass_fields__
    members = {key: value for key, value in options.items() if key not in known}
    rest = {key: value for key, value in options.items() if key in known}
    headers = {"content-type": "application/problem+json", **NO_STORE, **rest.pop("headers", {})}
    return Case(name, request, status, problem(status, detail, **members), headers, **rest)


def wrong(name: str, field: str, detail: str, send: Any, request: str = f"POST {KEYS}", **options: Any) -> Case:
    """Return a case of a value that cannot be used."""
    return refused(name, request, 422, detail, send=send, field=field, **options)


def when(hours: float) -> str:
    """Return a time from now as answers show it."""
    return f"{world.START + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"


def shown(key_id: str) -> dict[str, Any]:
    """Return what is to be seen of a key of the world."""
    record = next(one for one in world.RECORDS if one.id == key_id)
    times = {
        name: at and f"{at:%Y-%m-%dT%H:%M:%SZ}"
        for name in ("created_at", "expires_at", "revoked_at", "last_used_at")
        if (at := getattr(record, name)) or True
    }
    plain = {"id": key_id, "name": record.name, "owner": record.owner, "scopes": sorted(record.scopes)}
    return {**plain, **times, "rotated_to": record.rotated_to}


def made(**changes: Any) -> dict[str, Any]:
    """Return the answer with a new key; its text is compared apart."""
    plain = {"id": NEW_ID, "key": "…", "name": "CI", "scopes": [READ], "created_at": when(0), "expires_at": None}
    return plain | changes


def page(*key_ids: str, following: str | None = None) -> dict[str, Any]:
    """Return a page of keys."""
    return {"api_keys": [shown(key_id) for key_id in key_ids], "next": following}


ENDED: Final = "The API key was revoked, has expired, or was rotated already."
ABSENT: Final = "There is no such API key."
NOT_JSON: Final = "The body must be one JSON object in UTF-8, with unique names."
TYPE: Final = "The body must be of the type application/json."
NAME: Final = "The name must be 1 to 100 printable characters."
TIME: Final = "The end must be an ISO 8601 time in UTC, such as 2030-01-31T12:00:00Z."
OVERLAP: Final = "The overlap must be a number of seconds, 0 or more."
HELD: Final = "A key can only have scopes that its maker holds."
LIMIT: Final = "The limit must be a whole number from 1 to 100."
UNKNOWN: Final = "Every scope must be one that this API knows."
NO_KEY_ID: Final = "What to list after must be the id of a key."
CREATED: Final = {**JSON, "location": f"{KEYS}/{NEW_ID}"}
CREATE: Final = f"POST {KEYS}"


def not_held(name: str, request: str, *missing: str, **options: Any) -> Case:
    """Return a case of scopes that the caller does not hold."""
    rfc6750 = {"error": "insufficient_scope", "error_description": HELD}
    challenge = (
        f'Bearer realm="mindpeeker", error="insufficient_scope", error_description="{HELD}", '
        f'scope="{" ".join(missing)}"'
    )
    return refused(
        name,
        request,
        403,
        HELD,
        **rfc6750,
        required_scopes=list(missing),
        field="scopes",
        headers={"www-authenticate": challenge},
        **options,
    )
