"""The token endpoint for client credentials (RFC 6749 sections 2.3, 4.4 and 5)."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote_plus

import jwt
import pytest

from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.issuer import EmbeddedIssuer

NO_STORE = {"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache"}


def headers_of(response):
    return {name: response.headers.get(name) for name in NO_STORE}


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_platform_form_works_as_curl_sends_it(http):
    """The guide's `curl -d` form, spaces and colons unencoded, gets a token with the guide's fields in that order."""
    with EmbeddedIssuer(clock=lambda: 1_700_000_000.9) as issuer:
        issuer.add_client("your_client_id", "your_client_secret", ["remote-viewing:read", "remote-viewing:write"])
        body = (
            "grant_type=client_credentials&client_id=your_client_id&client_secret=your_client_secret"
            "&scope=remote-viewing:read remote-viewing:write"
        )

        response = http.post(
            issuer.token_endpoint, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )

    answer = response.json()
    assert 200 == response.status_code
    assert ["access_token", "token_type", "expires_in", "scope", "issued_at"] == list(answer)
    assert {
        "access_token": answer["access_token"],
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "remote-viewing:read remote-viewing:write",
        "issued_at": 1_700_000_000,
    } == answer
    assert 3 == len(answer["access_token"].split("."))


def test_answer_is_not_stored(shared, http):
    """A token answer forbids caching (RFC 6749 section 5.1)."""
    response = http.token(shared)

    assert NO_STORE == headers_of(response)


def test_token_has_exactly_the_promised_members():
    """Header and claims are those of the platform; `sub` of a service is its client_id."""
    with EmbeddedIssuer(clock=lambda: 1_700_000_000.5, lifetime=60) as issuer:
        token = issuer._authority.token_response(client=_client(issuer))["access_token"]
        iss, kid = issuer.url, issuer.kid

    claims = claims_of(token)
    assert {"alg": "RS256", "typ": "JWT", "kid": kid} == jwt.get_unverified_header(token)
    assert {
        "iss": iss,
        "aud": "https://api.mindpeeker.com",
        "sub": "worker",
        "client_id": "worker",
        "scope": "profile",
        "iat": 1_700_000_000,
        "exp": 1_700_000_060,
        "jti": claims["jti"],
    } == claims


def _client(issuer):
    issuer.add_client("worker", "secret", ["profile"])
    return issuer._authority.clients["worker"]


def test_two_tokens_have_two_identifiers(shared, http):
    """`jti` is unique."""
    first, second = (claims_of(http.token(shared).json()["access_token"])["jti"] for _ in range(2))

    assert first != second


@pytest.mark.parametrize("encode", [str, quote_plus], ids=["as curl sends it", "as RFC 6749 writes it"])
def test_basic_authentication(shared, http, secret, encode):
    """client_secret_basic works with raw and with form-encoded characters; `+`, space, `%` and `/` are all there."""
    response = http.post(
        shared.token_endpoint,
        data={"grant_type": "client_credentials"},
        headers=basic(encode("your_client_id"), encode(secret)),
    )

    assert 200 == response.status_code


def test_basic_authentication_by_the_http_library(shared, http, secret):
    """What the HTTP library makes of a user and a password is understood."""
    response = http.token(shared, auth=("your_client_id", secret), client_id=None, client_secret=None)

    assert 200 == response.status_code


def test_basic_authentication_with_the_same_client_id_in_the_body(shared, http, secret):
    """The identifier may be repeated in the body as long as it is the same."""
    same = http.token(shared, auth=("your_client_id", secret), client_secret=None)
    other = http.token(shared, auth=("your_client_id", secret), client_secret=None, client_id="other")

    assert [200, 401] == [same.status_code, other.status_code]


def test_two_methods_of_authentication_are_refused(shared, http, secret):
    """A client uses one method (RFC 6749 section 2.3)."""
    response = http.token(shared, auth=("your_client_id", secret))

    assert (400, "invalid_request") == (response.status_code, response.json()["error"])


@pytest.mark.parametrize(
    ("client_id", "client_secret"),
    [
        ("your_client_id", "wrong"),
        ("your_client_id", ""),
        ("your_client_id", None),
        ("nobody", "p+ss w%rd/very-secret-42"),
        ("your_client_id\x00", "p+ss w%rd/very-secret-42"),
        ("", "p+ss w%rd/very-secret-42"),
        (None, None),
        ("ünïcode", "\ud7ff\U0001f511"),
    ],
)
def test_wrong_credentials_are_all_the_same_to_the_caller(shared, http, client_id, client_secret):
    """Unknown client and wrong secret get one and the same answer: 401 invalid_client with a challenge."""
    response = http.token(shared, client_id=client_id, client_secret=client_secret)

    assert 401 == response.status_code
    assert {"error": "invalid_client", "error_description": "Client authentication failed."} == response.json()
    assert 'Basic realm="mindpeeker-issuer"' == response.headers["www-authenticate"]
    assert NO_STORE == headers_of(response)


@pytest.mark.parametrize(
    "value",
    [
        "Basic",
        "Basic !!!!",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b"your_client_id:wrong").decode(),
        "Bearer abc",
        "Basic eW91cl9jbGllbnRfaWQ6d3Jvbmc=, Basic eW91cl9jbGllbnRfaWQ6d3Jvbmc=",
    ],
)
def test_broken_basic_authentication_is_401(shared, http, value):
    """An Authorization header that proves nothing is 401, whatever is in it."""
    response = http.post(
        shared.token_endpoint, data={"grant_type": "client_credentials"}, headers={"Authorization": value}
    )

    assert (401, "invalid_client") == (response.status_code, response.json()["error"])


@pytest.mark.parametrize("scope", [None, ""])
def test_no_scope_means_all_scopes_of_the_client(shared, http, scope):
    """A parameter without a value counts as left out (RFC 6749 section 3.2)."""
    response = http.token(shared, scope=scope)

    assert "remote-viewing:read remote-viewing:write profile" == response.json()["scope"]
    assert response.json()["scope"] == claims_of(response.json()["access_token"])["scope"]


def test_fewer_scopes_can_be_asked_for(shared, http):
    """The token has what was asked for, once each and in that order."""
    response = http.token(shared, scope="profile remote-viewing:read profile")

    assert "profile remote-viewing:read" == response.json()["scope"]


@pytest.mark.parametrize(
    "scope",
    [
        "remote-viewing:admin",
        "remote-viewing:read dowsing:read",
        "unknown",
        "remote-viewing:",
        "REMOTE-VIEWING:READ",
        "profile  remote-viewing:read",
        " profile",
        "profile ",
        "profile\tremote-viewing:read",
        "profile\u00a0remote-viewing:read",
        "profile,remote-viewing:read",
        'pro"file',
        " ",
    ],
)
def test_other_scopes_are_refused(shared, http, scope):
    """Unknown, ungranted and malformed scopes are 400 invalid_scope, and the answer does not repeat them."""
    response = http.token(shared, scope=scope)

    assert 400 == response.status_code
    assert {
        "error": "invalid_scope",
        "error_description": "The requested scope is unknown, malformed, or not granted to this client.",
    } == response.json()
    assert NO_STORE == headers_of(response)


def test_client_without_scopes_gets_a_token_without_the_claim(issuer, http):
    """Nothing granted is no `scope` claim, not an empty one."""
    issuer.add_client("bare", "secret", [])

    answer = http.token(issuer, client_id="bare", client_secret="secret").json()

    assert "" == answer["scope"]
    assert "scope" not in claims_of(answer["access_token"])


def test_adding_a_client_again_replaces_it(issuer, http, secret):
    """The newest registration counts."""
    issuer.add_client("your_client_id", "new-secret", ["profile"])

    old = http.token(issuer)
    new = http.token(issuer, client_secret="new-secret")

    assert [401, 200] == [old.status_code, new.status_code]
    assert "profile" == new.json()["scope"]


@pytest.mark.parametrize(
    ("client_id", "client_secret", "scopes"),
    [
        ("", "secret", []),
        ("id", "", []),
        ("id\n", "secret", []),
        ("id", "sécret", []),
        ("id", "secret", "profile"),
        ("id", "secret", [""]),
        ("id", "secret", ["two scopes"]),
        ("id", "secret", ['quo"te']),
        ("id", "secret", ["back\\slash"]),
    ],
)
def test_clients_outside_the_grammar_are_refused(client_id, client_secret, scopes):
    """A client that could never authenticate or ask is an error where it is added."""
    issuer = EmbeddedIssuer()

    with pytest.raises(ConfigurationError):
        issuer.add_client(client_id, client_secret, scopes)


def test_twenty_requests_at_once(shared, http):
    """Parallel requests all get a token of their own."""
    with ThreadPoolExecutor(20) as pool:
        responses = list(pool.map(lambda _: http.token(shared), range(20)))

    assert [200] * 20 == [response.status_code for response in responses]
    assert 20 == len({response.json()["access_token"] for response in responses})
