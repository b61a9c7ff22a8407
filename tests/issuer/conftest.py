"""A running issuer with one client, and an HTTP client that knows nothing of proxies."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from mindpeeker_guard.issuer import EmbeddedIssuer

CLIENT_ID = "your_client_id"
SECRET = "p+ss w%rd/very-secret-42"
SCOPES = ["remote-viewing:read", "remote-viewing:write", "profile"]


class Caller(httpx.Client):
    """Asks for tokens the way clients of the platform do."""

    def token(self, issuer: EmbeddedIssuer, *, auth: tuple[str, str] | None = None, **changes: str | None):
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": SECRET, **changes}
        data = {name: value for name, value in form.items() if value is not None}
        return self.post(issuer.token_endpoint, data=data, auth=auth)


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedIssuer]:
    """An issuer for tests that only ask."""
    with EmbeddedIssuer() as issuer:
        issuer.add_client(CLIENT_ID, SECRET, SCOPES)
        yield issuer


@pytest.fixture
def issuer() -> Iterator[EmbeddedIssuer]:
    """An issuer for tests that change it."""
    with EmbeddedIssuer() as issuer:
        issuer.add_client(CLIENT_ID, SECRET, SCOPES)
        yield issuer


@pytest.fixture
def http() -> Iterator[Caller]:
    with Caller(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def secret() -> str:
    return SECRET
