"""Tests of a protected route, with the public kit alone."""

from mindpeeker_guard.testing import assert_guarded


def test_sessions(client, mindpeeker_as_principal):
    mindpeeker_as_principal(subject="u-1", scopes=["remote-viewing:read"])
    answer = client.get("/v1/sessions")
    assert answer.status_code == 200
    assert answer.get_json() == {"sub": "u-1"}


def test_a_real_token(client, mindpeeker_auth_headers):
    headers = mindpeeker_auth_headers(scopes=["remote-viewing:read"], sub="u-1")
    answer = client.get("/v1/sessions", headers=headers)
    assert answer.get_json() == {"sub": "u-1"}


def test_sessions_are_guarded(client):
    assert_guarded(client, "GET /v1/sessions", scopes=["remote-viewing:read"])
