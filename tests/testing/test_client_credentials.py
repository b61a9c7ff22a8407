"""The fake issuer's token endpoint: client credentials (RFC 6749 section 4.4)."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.testing.wire import FORM, READ, ask, shown

from mindpeeker_guard.testing import FakeIssuer


def token_request(issuer: FakeIssuer, content_type: str = FORM, **form: str) -> tuple[int, Any, Any]:
    headers = {"Content_Type": content_type} | ({"Authorization": form.pop("basic")} if "basic" in form else {})
    status, answered, body = ask(issuer.token_endpoint, data=urlencode(form).encode(), **headers)
    return status, answered, json.loads(body)


GRANT = {"grant_type": "client_credentials"}
CLIENT = {"client_id": "client-1", "client_secret": "secret-1"}
BASIC = "Basic " + base64.b64encode(b"client-1:secret-1").decode()


@pytest.mark.parametrize("credentials", [CLIENT, {"basic": BASIC}], ids=["in the body", "Basic"])
def test_client_credentials(issuer, guard, credentials):
    """
    A client gets a token of its own, with the fields of the platform.
    """
    status, headers, body = token_request(issuer, **GRANT, **credentials, scope="remote-viewing:read profile")

    principal = guard.check(shown(body.pop("access_token")))
    assert (200, "no-store") == (status, headers["Cache-Control"])
    assert {
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "remote-viewing:read profile",
        "issued_at": int(issuer._clock()),
    } == body
    assert ("client-1", {READ, "profile"}) == (principal.subject, set(principal.granted_scopes))
    assert principal.is_service


def test_a_client_of_ones_own(issuer):
    """
    A client that is added has its own secret and scopes, and gets all of them when it asks for none.
    """
    issuer.add_client("worker", "s3cret", ["profile"])

    assert "profile" == token_request(issuer, **GRANT, client_id="worker", client_secret="s3cret")[2]["scope"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        pytest.param(GRANT, 401, "invalid_client", id="no client"),
        pytest.param({**GRANT, **CLIENT, "client_secret": "wrong"}, 401, "invalid_client", id="wrong secret"),
        pytest.param({**GRANT, **CLIENT, "client_id": "nobody"}, 401, "invalid_client", id="unknown client"),
        pytest.param({**GRANT, "basic": "Basic !"}, 401, "invalid_client", id="Basic that is no base64"),
        pytest.param({**GRANT, "basic": "Bearer x"}, 401, "invalid_client", id="another scheme"),
        pytest.param({**GRANT, **CLIENT, "basic": BASIC}, 400, "invalid_request", id="two ways"),
        pytest.param(CLIENT, 400, "invalid_request", id="no grant type"),
        pytest.param({**CLIENT, "grant_type": "password"}, 400, "unsupported_grant_type", id="another grant"),
        pytest.param({**GRANT, **CLIENT, "scope": "launch:rockets"}, 400, "invalid_scope", id="another scope"),
        pytest.param({**GRANT, **CLIENT, "content_type": "application/json"}, 400, "invalid_request", id="no form"),
    ],
)
def test_token_requests_that_are_refused(issuer, form, status, error):
    """
    A token request is refused with the error of RFC 6749.
    """
    got, headers, body = token_request(issuer, **form)

    assert (status, {"error": error}) == (got, body)
    assert ("WWW-Authenticate" in headers) is (status == 401)


def test_other_token_requests(issuer):
    """
    A token is asked for by POST, each parameter once, in a body of a reasonable size.
    """
    twice = b"grant_type=client_credentials&grant_type=password"

    assert 405 == ask(issuer.token_endpoint)[0]
    assert 400 == ask(issuer.token_endpoint, data=twice, Content_Type=FORM)[0]
    assert 413 == ask(issuer.token_endpoint, data=b"x" * 70_000, Content_Type=FORM)[0]
