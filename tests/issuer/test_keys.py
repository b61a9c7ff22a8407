"""Keys: what is published, what signs, and what rotation does (RFC 7517, RFC 7638)."""

from __future__ import annotations

import base64
import hashlib
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.issuer import EmbeddedIssuer

AUDIENCE = "https://api.mindpeeker.com"


@pytest.fixture(scope="module")
def still():
    """An issuer that never listens: signing needs no server."""
    return EmbeddedIssuer(issuer="https://auth.mindpeeker.com", clock=lambda: 1000.0)


def kids(http, issuer):
    return [key["kid"] for key in http.get(issuer.jwks_uri).json()["keys"]]


def verify(http, issuer, token):
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(http.get(issuer.jwks_uri).json()).keys}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=issuer.issuer)


def test_token_verifies_against_the_served_keys(shared, http):
    """What the token endpoint signs, PyJWT verifies with the published key."""
    token = http.token(shared).json()["access_token"]

    assert "your_client_id" == verify(http, shared, token)["sub"]


def test_published_keys_have_public_members_only(issuer, http):
    """Every key is RSA for signatures with RS256; no private member ever appears."""
    issuer.rotate()

    keys = http.get(issuer.jwks_uri).json()["keys"]

    assert 2 == len(keys)
    for key in keys:
        assert {"kty", "n", "e", "kid", "use", "alg"} == set(key)
        assert ("RSA", "AQAB", "sig", "RS256") == (key["kty"], key["e"], key["use"], key["alg"])
        assert 256 == len(base64.urlsafe_b64decode(key["n"] + "=="))


def test_kid_is_the_thumbprint(shared, http):
    """The kid is SHA-256 over the required members in alphabetical order (RFC 7638 section 3)."""
    (key,) = http.get(shared.jwks_uri).json()["keys"]
    canonical = f'{{"e":"{key["e"]}","kty":"RSA","n":"{key["n"]}"}}'

    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).decode().rstrip("=")

    assert thumbprint == key["kid"] == shared.kid


def test_rotation_keeps_the_old_key_published(issuer, http):
    """Tokens of the old key stay good, new tokens have the new kid."""
    old, old_token = issuer.kid, issuer.issue()

    new = issuer.rotate()

    assert [new, old] == kids(http, issuer)
    assert new == issuer.kid != old
    assert new == jwt.get_unverified_header(http.token(issuer).json()["access_token"])["kid"]
    assert "demo-user" == verify(http, issuer, old_token)["sub"] == verify(http, issuer, issuer.issue())["sub"]


def test_rotation_without_the_old_key(issuer, http):
    """`keep_old=False` drops the key that is replaced, and no other."""
    first = issuer.kid
    second = issuer.rotate()

    third = issuer.rotate(keep_old=False)

    assert [third, first] == kids(http, issuer)
    assert second not in kids(http, issuer)


def test_a_withdrawn_key_is_gone(issuer, http):
    """Withdrawing takes a key out of the set, once."""
    old = issuer.kid
    new = issuer.rotate()

    issuer.withdraw(old)

    assert [new] == kids(http, issuer)
    with pytest.raises(ConfigurationError):
        issuer.withdraw(old)


def test_the_current_key_can_be_withdrawn(issuer, http):
    """Signing goes on with a key that nobody can fetch: the outage a resource server must survive."""
    issuer.withdraw(issuer.kid)

    assert [] == kids(http, issuer)
    assert issuer.kid == jwt.get_unverified_header(http.token(issuer).json()["access_token"])["kid"]


def test_issue_changes_and_leaves_out(still):
    """Claims and header members can be changed, added, and left out with None."""
    token = still.issue(
        scope=None,
        sub="u",
        aud=None,
        exp=5,
        iss="https://other.example",
        acr="x",
        headers={"kid": None, "typ": "at+jwt"},
    )

    claims = jwt.decode(token, options={"verify_signature": False})
    assert {"alg": "RS256", "typ": "at+jwt"} == jwt.get_unverified_header(token)
    assert {
        "iss": "https://other.example",
        "sub": "u",
        "client_id": "demo-client",
        "iat": 1000,
        "exp": 5,
        "acr": "x",
        "jti": claims["jti"],
    } == claims


def test_issue_takes_any_value(still):
    """Claims appear as given, also where PyJWT would refuse to write them."""
    payload = still.issue(iss=["a"], aud={"x": 1}, exp="soon", sub=7).split(".")[1]

    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert (["a"], {"x": 1}, "soon", 7) == tuple(claims[name] for name in ("iss", "aud", "exp", "sub"))


def test_issue_with_other_keys(still):
    """`alg` and `key` go together: another algorithm signs with the key it is given."""
    private, secret = ec.generate_private_key(ec.SECP256R1()), b"k" * 32

    elliptic = still.issue(headers={"alg": "ES256"}, key=private)
    symmetric = still.issue(headers={"alg": "HS256"}, key=secret)

    options = {"verify_exp": False, "verify_aud": False}
    assert jwt.decode(elliptic, private.public_key(), algorithms=["ES256"], options=options)
    assert jwt.decode(symmetric, secret, algorithms=["HS256"], options=options)


def test_issue_without_a_signature(still):
    """`alg: none` gives an unsigned token, for tests that it is refused."""
    token = still.issue(headers={"alg": "none"})

    assert "none" == jwt.get_unverified_header(token)["alg"]
    assert token.endswith(".")


@pytest.mark.parametrize(
    ("alg", "key"),
    [("XX99", None), (5, None), ("ES256", None), ("HS256", 7), ("RS256", b"no key"), ("RS256", object())],
)
def test_issue_refuses_keys_that_do_not_fit(still, alg, key):
    """A token that cannot be signed is one kind of error."""
    with pytest.raises(ConfigurationError):
        still.issue(headers={"alg": alg}, key=key)
