"""Tests of a protected route, with the public kit alone."""

import pytest

from mindpeeker_guard.testing import assert_guarded


@pytest.mark.parametrize(("scopes", "status"), [(["remote-viewing:read"], 200), (["profile"], 403)])
def test_sessions(client, mindpeeker_as_principal, scopes, status):
    mindpeeker_as_principal(subject="u-1", scopes=scopes)
    answer = client.get("/v1/sessions")
    assert answer.status_code == status


def test_expired(client, mindpeeker_auth_headers):
    headers = mindpeeker_auth_headers(scopes=["remote-viewing:read"], expired=True)
    answer = client.get("/v1/sessions", headers=headers)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_sessions_are_guarded(client):
    assert_guarded(client, "GET /v1/sessions", scopes=["remote-viewing:read"])
