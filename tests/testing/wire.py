"""What tests of the fake issuer share: requests over HTTP, and what a token says."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any

from mindpeeker_guard import Request

READ = "remote-viewing:read"
FORM = "application/x-www-form-urlencoded"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url: str, *, data: bytes | None = None, method: str | None = None, **headers: str) -> tuple[int, Any, Any]:
    """Return status, headers and body of an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, named, method=method)
    try:
        with _OPENER.open(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def shown(token: str) -> Request:
    """Return a request with this token."""
    return Request("GET", "/", [("Authorization", f"Bearer {token}")])


def claims(token: str) -> dict[str, Any]:
    """Return what a token says, unverified."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
