"""The fake issuer: its tokens, its documents, its keys."""

from __future__ import annotations

import base64
import json
import time

import pytest
from tests.testing.wire import READ, ask, claims, shown

from mindpeeker_guard import (
    ConfigurationError,
    ExpiredTokenError,
    Guard,
    ImmatureTokenError,
    InvalidAudienceError,
    InvalidSignatureError,
    JWTBearer,
    UnknownKeyError,
)
from mindpeeker_guard.settings import guard_from_settings
from mindpeeker_guard.testing import Clock, FakeIssuer


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_is_good(algorithm):
    """
    A guard that is configured with the issuer's settings takes its tokens, signed with any of its algorithms.
    """
    with FakeIssuer(algorithm=algorithm) as issuer:
        principal = guard_from_settings(issuer.settings(), {}).check(shown(issuer.token([READ], sub="u-1")))

    told = (principal.subject, principal.client_id, principal.issuer, set(principal.granted_scopes))
    assert ("u-1", "client-1", issuer.url, {READ}) == told


def test_settings_from_the_environment(issuer):
    """
    The same settings can be environment variables.
    """
    principal = Guard.from_env(issuer.environ()).check(shown(issuer.token("profile email")))

    assert {"profile", "email"} == principal.granted_scopes


def test_discovery(issuer):
    """
    A guard that knows only the issuer finds its keys by its metadata.
    """
    guard = Guard(JWTBearer(issuer.issuer))

    assert "user-1" == guard.check(shown(issuer.token())).subject
    assert 1 == issuer.requests["/.well-known/oauth-authorization-server"]


def test_an_issuer_of_another_name():
    """
    Tokens and metadata can name another issuer than the URL, such as the real one.
    """
    with FakeIssuer("https://auth.mindpeeker.com") as issuer:
        metadata = json.loads(ask(issuer.metadata_url)[2])

        assert "https://auth.mindpeeker.com" == claims(issuer.token())["iss"] == metadata["issuer"]
        assert metadata["jwks_uri"] == issuer.jwks_uri
        assert "user-1" == Guard.from_env(issuer.environ()).check(shown(issuer.token())).subject


def test_what_a_token_can_say(issuer):
    """
    Claims and header members can be changed, added and left out.
    """
    token = issuer.token(["profile"], sub=None, aud="https://other.example", tenant=7, jti=None, headers={"kid": None})

    said = claims(token)
    assert ("profile", "https://other.example", 7) == (said["scope"], said["aud"], said["tenant"])
    assert {"sub", "jti"}.isdisjoint(said)
    assert "kid" not in json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))


def test_a_token_that_has_expired(issuer, guard):
    """
    An expired token ended an hour ago: no leeway saves it.
    """
    with pytest.raises(ExpiredTokenError):
        guard.check(shown(issuer.token(expired=True)))


def test_the_audience(clock):
    """
    Tokens are for the issuer's audience.
    """
    with FakeIssuer(audience="https://maps.example", clock=clock) as issuer:
        guard = Guard(JWTBearer(issuer.issuer, keys=issuer.jwks()))
        with pytest.raises(InvalidAudienceError):
            guard.check(shown(issuer.token()))


def test_time_passes_when_the_test_says_so(issuer, guard, clock):
    """
    With one clock for all, a token ends when the clock is moved past its end and the leeway.
    """
    token = issuer.token()
    guard.check(shown(token))

    clock.advance(3600 + 29)
    guard.check(shown(token))
    clock.advance(1)

    with pytest.raises(ExpiredTokenError):
        guard.check(shown(token))


def test_the_clock():
    """
    A clock begins at the present time, stands still, and goes where it is sent.
    """
    before, clock = time.time(), Clock()

    assert before <= clock() == clock() <= time.time()
    clock.set(1_000.0)
    clock.advance(-0.5)
    assert 999.5 == clock()
    assert "Clock(999.5)" == repr(clock)


def test_a_shifted_clock(issuer, guard, clock):
    """
    An issuer whose clock is ahead says so in Date, and its tokens are of the future.
    """
    with issuer.shifted_clock(600):
        token = issuer.token()
        guard.warm_up()

    assert 600 == pytest.approx(guard.health()["Bearer"].clock_offset, abs=2)
    with pytest.raises(ImmatureTokenError):
        guard.check(shown(token))
    assert int(clock()) == claims(issuer.token())["iat"]


def test_rotation(issuer, guard):
    """
    After a rotation a guard takes tokens of the new key, and of the old one until it is withdrawn.
    """
    old, before = issuer.kid, issuer.token()
    guard.check(shown(before))

    new = issuer.rotate()

    assert {old, new} == {key["kid"] for key in issuer.jwks()["keys"]}
    guard.check(shown(issuer.token()))
    guard.check(shown(before))


def test_withdrawal(issuer, guard, clock):
    """
    Tokens of a key that is withdrawn are refused once the guard has fetched anew.
    """
    old, before = issuer.kid, issuer.token()
    guard.check(shown(before))

    issuer.rotate(algorithm="ES256")
    issuer.withdraw(old)
    guard.check(shown(issuer.token()))

    with pytest.raises(UnknownKeyError):
        guard.check(shown(before))
    with pytest.raises(ConfigurationError, match="No published key"):
        issuer.withdraw(old)


def test_rotation_without_the_old_key(issuer):
    """
    A rotation can take all other keys away at once.
    """
    kid = issuer.rotate(keep_old=False)

    assert [kid] == [key["kid"] for key in issuer.jwks()["keys"]]


def test_keys_are_public(issuer):
    """
    Nothing private is ever published.
    """
    for algorithm in ("ES256", "EdDSA", "RS256"):
        issuer.rotate(algorithm=algorithm)

    assert {"d", "p", "q", "dp", "dq", "qi"}.isdisjoint({name for key in issuer.jwks()["keys"] for name in key})


@pytest.mark.parametrize("algorithm", ["HS256", "none", "PS256"])
def test_another_algorithm(algorithm):
    """
    An algorithm that the issuer has no keys for is a mistake that names those there are.
    """
    with pytest.raises(ConfigurationError, match="RS256, ES256, EdDSA"):
        FakeIssuer(algorithm=algorithm)


def test_not_modified(issuer):
    """
    Who has the keys already is told so, with 304, until they change.
    """
    _, headers, _ = ask(issuer.jwks_uri)

    assert 304 == ask(issuer.jwks_uri, If_None_Match=headers["ETag"])[0]
    issuer.rotate()
    assert 200 == ask(issuer.jwks_uri, If_None_Match=headers["ETag"])[0]


def test_a_guard_that_is_told_304(issuer, guard, clock):
    """
    A guard that refreshes and gets 304 goes on with its keys.
    """
    token = issuer.token()
    guard.check(shown(token))

    clock.advance(601)
    guard.warm_up()

    assert (2, None) == (guard.health()["Bearer"].fetches, guard.health()["Bearer"].last_error)
    guard.check(shown(issuer.token()))


def test_a_forged_token_is_a_forged_token(issuer, guard):
    """
    The issuer's real keys are at work: one letter changed in a signature, and the token is refused.
    """
    head, _, signature = issuer.token().rpartition(".")

    with pytest.raises(InvalidSignatureError):
        guard.check(shown(f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"))


def test_before_the_start():
    """
    An issuer that was never started has no URL, and says how to start it.
    """
    issuer = FakeIssuer()
    with pytest.raises(ConfigurationError, match="with block"):
        issuer.token()

    assert "<FakeIssuer of its own URL>" == repr(issuer)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/", "GET", 404), ("/.well-known/jwks.json", "POST", 405), ("/.well-known/jwks.json", "HEAD", 200)],
)
def test_other_requests(issuer, path, method, status):
    """
    What is not there is not found, and documents are only read.
    """
    data = b"" if method == "POST" else None

    assert status == ask(issuer.url + path, data=data, method=method)[0]
    assert {path: 1} == issuer.requests
