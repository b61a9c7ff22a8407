"""A good request, and ASGI by hand: bodies in pieces, without an end, or cut short."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.api_keys.routes.world import bearer
from tests.contract.clients import gateways

KEYS = "/v1/api-keys"
HEADERS = [("Authorization", bearer()), ("Content-Type", "application/json")]
GOOD = json.dumps({"name": "CI", "scopes": ["remote-viewing:read"]}).encode()
CHUNK = 4096


def asgi_scope(**changes: Any) -> dict[str, Any]:
    """Return the connection scope of a request for a new key."""
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS]
    return gateways._scope("http", KEYS, []) | {"method": "POST", "headers": headers, **changes}


async def converse(app: Any, scope: dict[str, Any], receive: Any) -> list[Any]:
    """Send one request, and return the messages of the answer."""
    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def messages_of(body: bytes) -> Any:
    """Return what an ASGI server hands over: a body in one piece, and then nothing more."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else await asyncio.Event().wait()

    return receive
