"""Making keys: what can be asked for, and every way to ask wrongly."""

from __future__ import annotations

from typing import Final

from tests.api_keys.routes.casework import (
    CREATE,
    CREATED,
    GOOD,
    NAME,
    NOT_JSON,
    READ,
    TIME,
    TYPE,
    UNKNOWN,
    Case,
    made,
    not_held,
    refused,
    when,
    wrong,
)
from tests.api_keys.routes.world import ADMIN, NOW

MAKING: Final = [
    Case("a key", CREATE, 201, made(), CREATED, send=GOOD),
    Case("a key with null for no end", CREATE, 201, made(), CREATED, send={**GOOD, "expires_at": None}),
    Case("a key with an end", CREATE, 201, made(expires_at=when(3)), CREATED, send={**GOOD, "expires_at": when(3)}),
    Case(
        "a key with an end elsewhere on earth",
        CREATE,
        201,
        made(expires_at="2027-01-16T07:30:00Z"),
        CREATED,
        send={**GOOD, "expires_at": "2027-01-16T13:00:00.5+05:30"},
    ),
    Case(
        "type with parameter", CREATE, 201, made(), CREATED, send=GOOD, content_type="Application/JSON; charset=utf-8"
    ),
    Case("a scope twice", CREATE, 201, made(), CREATED, send={**GOOD, "scopes": [READ, READ]}),
    Case("a scope that is implied", CREATE, 201, made(), CREATED, send=GOOD, scope="remote-viewing:admin"),
    Case("a client without a user", CREATE, 201, made(), CREATED, send=GOOD, claims={"sub": None}),
    not_held("more than is held", CREATE, "remote-viewing:write", send={**GOOD, "scopes": ["remote-viewing:write"]}),
    not_held(
        "admin for a reader", CREATE, "remote-viewing:admin", send={**GOOD, "scopes": [READ, "remote-viewing:admin"]}
    ),
    not_held(
        "admin of another service",
        CREATE,
        "dowsing:read",
        send={**GOOD, "scopes": ["dowsing:read"]},
        scope="remote-viewing:admin",
    ),
    not_held("no scope at all", CREATE, READ, send=GOOD, scope=None),
    not_held("more than administrators hold", CREATE, "profile", send={**GOOD, "scopes": ["profile"]}, scope=ADMIN),
    refused(
        "nobody to own it",
        CREATE,
        403,
        "The access token names neither a user nor a client.",
        send=GOOD,
        claims={"sub": None, "client_id": None},
    ),
]

BODIES: Final = [
    refused("no JSON", CREATE, 400, NOT_JSON, send=b"name=CI"),
    refused("no body", CREATE, 400, NOT_JSON),
    refused("a list", CREATE, 400, NOT_JSON, send=[GOOD]),
    refused("a name twice", CREATE, 400, NOT_JSON, send=b'{"name": "a", "scopes": [], "scopes": ["profile"]}'),
    refused("not a number", CREATE, 400, NOT_JSON, send=b'{"name": NaN}'),
    refused("half a character", CREATE, 400, NOT_JSON, send=rb'{"name": "\ud800"}'),
    refused("latin-1", CREATE, 400, NOT_JSON, send=b'{"name": "\xe9"}'),
    refused("two values", CREATE, 400, NOT_JSON, send=b"{}{}"),
    refused("deep", CREATE, 400, NOT_JSON, send=b'{"name":' + b"[" * 2000 + b"]" * 2000 + b"}"),
    refused("too large", CREATE, 413, "The body is too large.", send=b" " * (16 * 1024) + b"{"),
    refused("a form", CREATE, 415, TYPE, send=b"name=CI", content_type="application/x-www-form-urlencoded"),
    refused("no type", CREATE, 415, TYPE, send=GOOD, content_type=None),
    refused("JSON of a kind", CREATE, 415, TYPE, send=GOOD, content_type="application/ld+json"),
    refused("a multipart form", CREATE, 415, TYPE, send=b"--x--", content_type="multipart/form-data; boundary=x"),
    wrong("an unknown member", "owner", "The body has an unknown member.", {**GOOD, "owner": "user-2"}),
    wrong("an odd member", "body", "The body has an unknown member.", {**GOOD, "<script>": 1}),
    wrong("no name", "name", "The name must be a string.", {"scopes": [READ]}),
    wrong("a number for a name", "name", "The name must be a string.", {**GOOD, "name": 1}),
    wrong("an empty name", "name", NAME, {**GOOD, "name": ""}),
    wrong("a blank name", "name", NAME, {**GOOD, "name": "   "}),
    wrong("a huge name", "name", NAME, {**GOOD, "name": "n" * 101}),
    wrong("a name with NUL", "name", NAME, {**GOOD, "name": "a\0b"}),
    wrong("no scopes", "scopes", "The scopes must be a list of strings.", {"name": "CI"}),
    wrong("scopes in one string", "scopes", "The scopes must be a list of strings.", {**GOOD, "scopes": READ}),
    wrong("a number among scopes", "scopes", "The scopes must be a list of strings.", {**GOOD, "scopes": [READ, 1]}),
    wrong("an empty list of scopes", "scopes", "There must be 1 to 50 scopes.", {**GOOD, "scopes": []}),
    wrong("an unknown scope", "scopes", UNKNOWN, {**GOOD, "scopes": ["remote-viewing:paint"]}),
    wrong(
        "an unknown scope that is held", "scopes", UNKNOWN, {**GOOD, "scopes": ["painting:read"]}, scope="painting:read"
    ),
    wrong("an end without zone", "expires_at", TIME, {**GOOD, "expires_at": "2030-01-31T12:00:00"}),
    wrong("an end without time", "expires_at", TIME, {**GOOD, "expires_at": "2030-01-31"}),
    wrong("an end as a number", "expires_at", TIME, {**GOOD, "expires_at": NOW + 60}),
    wrong("an end that is no day", "expires_at", TIME, {**GOOD, "expires_at": "2030-02-30T12:00:00Z"}),
    wrong("an end after all days", "expires_at", TIME, {**GOOD, "expires_at": "9999-12-31T23:59:59-01:00"}),
    wrong("an end before all days", "expires_at", TIME, {**GOOD, "expires_at": "0001-01-01T00:00:00+01:00"}),
    wrong("an end in Arabic digits", "expires_at", TIME, {**GOOD, "expires_at": "٢٠٣٠-01-31T12:00:00Z"}),
    wrong("an end now", "expires_at", "The end must lie in the future.", {**GOOD, "expires_at": when(0)}),
    wrong("an end in the past", "expires_at", "The end must lie in the future.", {**GOOD, "expires_at": when(-1)}),
]
