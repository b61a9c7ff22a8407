"""Tests of a protected route, with the public kit alone."""

from django.test import SimpleTestCase

from mindpeeker_guard.testing import as_principal, assert_guarded


class SessionTests(SimpleTestCase):
    def test_sessions(self):
        with as_principal(subject="u-1", scopes=["remote-viewing:read"]):
            answer = self.client.get("/v1/sessions")
        assert answer.json() == {"sub": "u-1"}

    async def test_async(self):
        with as_principal(subject="u-1", scopes=["remote-viewing:read"]):
            answer = await self.async_client.get("/v1/sessions")
        assert answer.json() == {"sub": "u-1"}


def test_a_real_token(client, mindpeeker_auth_headers):
    headers = mindpeeker_auth_headers(scopes=["remote-viewing:read"], sub="u-1")
    answer = client.get("/v1/sessions", headers=headers)
    assert answer.json() == {"sub": "u-1"}


def test_sessions_are_guarded(client):
    assert_guarded(client, "GET /v1/sessions", scopes=["remote-viewing:read"])
