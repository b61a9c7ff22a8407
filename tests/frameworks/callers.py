"""Callers with their credentials, and guards that know them."""

from __future__ import annotations

from typing import Any

from tests.support.tokens import AUDIENCE, jwks, token

from mindpeeker_guard import Guard, JWTBearer

READ = "remote-viewing:read"
WRITE = "remote-viewing:write"
OTHER_AUDIENCE = "https://other.mindpeeker.com"


def make_guard(audience: str = AUDIENCE, **options: Any) -> Guard:
    """Return a guard that knows the key of `bearer`."""
    return Guard(JWTBearer(audience=audience, keys=jwks()), **options)


def bearer(**claims: Any) -> dict[str, str]:
    """Return the headers of a caller with a good token: good but for the claims named."""
    return {"Authorization": f"Bearer {token(**claims)}"}


PREFLIGHT = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
