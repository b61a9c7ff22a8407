"""Guards that point at the real issuer take the fake one's tokens for the length of a test."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from tests.testing.apps import READ, ROUTE, django_project, fastapi_app, flask_app, real_guard

from mindpeeker_guard import (
    ConfigurationError,
    ExpiredTokenError,
    Guard,
    InvalidAudienceError,
    InvalidIssuerError,
    JWTBearer,
    KeysUnavailableError,
    Principal,
    Request,
    UnknownKeyError,
    UnsupportedAlgorithmError,
    WrongTokenTypeError,
)
from mindpeeker_guard.testing import Clock, FakeIssuer


@pytest.fixture
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


def shown(token: str) -> Request:
    return Request("GET", "/", [("Authorization", f"Bearer {token}")])


def statuses(client) -> list[int]:
    """Return what a good token, one without the scope, one that has expired and none at all get."""
    return [client("good"), client("poor"), client("stale"), client(None)]


def test_every_framework(issuer):
    """
    An application whose guard points at the real issuer takes the fake issuer's tokens, and checks them.
    """
    tokens = {"good": issuer.token(READ), "poor": issuer.token(), "stale": issuer.token(READ, expired=True)}

    def headers(name: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {tokens[name]}"} if name else {}

    flask, fastapi = flask_app().test_client(), TestClient(fastapi_app())
    with issuer.trusted_by(), django_project():
        from django.test import Client

        found = [
            statuses(lambda name: flask.get(ROUTE, headers=headers(name)).status_code),
            statuses(lambda name: fastapi.get(ROUTE, headers=headers(name)).status_code),
            statuses(lambda name: Client().get(ROUTE, headers=headers(name)).status_code),
        ]

    assert [[200, 403, 401, 401]] * 3 == found


def test_afterwards_it_is_trusted_no_more(issuer):
    """
    Outside of the block a guard trusts nobody but its own issuer, and needs no key to say so.
    """
    guard = real_guard()

    with issuer.trusted_by():
        guard.check(shown(issuer.token()))

    with pytest.raises(InvalidIssuerError):
        guard.check(shown(issuer.token()))


def test_one_guard_alone(issuer):
    """
    With an application named, all other guards stay as they are.
    """
    app, other = flask_app(), real_guard()

    with issuer.trusted_by(app):
        status = app.test_client().get(ROUTE, headers=issuer.auth_headers(READ)).status_code
        with pytest.raises(InvalidIssuerError):
            other.check(shown(issuer.token()))

    assert 200 == status


@pytest.mark.parametrize(
    ("options", "changes", "error"),
    [
        ({}, {"aud": "https://other.example"}, InvalidAudienceError),
        ({}, {"iss": "https://auth.mindpeeker.com"}, InvalidIssuerError),
        ({"profile": "rfc9068"}, {}, WrongTokenTypeError),
        ({"algorithms": ["ES256"]}, {}, UnsupportedAlgorithmError),
    ],
)
def test_the_guard_s_own_rules_hold(issuer, options, changes, error):
    """
    Profile and algorithms are the guard's own, and issuer and audience the fake issuer's.
    """
    with issuer.trusted_by(), pytest.raises(error):
        real_guard(**options).check(shown(issuer.token(**changes)))


def test_the_guard_s_own_leeway_and_clock_hold():
    """
    Leeway and clock are the guard's own.
    """
    clock = Clock()
    with FakeIssuer(clock=clock, lifetime=60) as issuer, issuer.trusted_by():
        guard = real_guard(leeway=5, clock=clock)
        token = issuer.token()
        clock.advance(64)
        guard.check(shown(token))
        clock.advance(1)
        with pytest.raises(ExpiredTokenError):
            guard.check(shown(token))


def test_keys_count_at_once(issuer):
    """
    Nothing is fetched: a new key counts at once, and a withdrawn one no more, tokens that were seen before included.
    """
    guard, old, before = real_guard(), issuer.kid, issuer.token()

    with issuer.trusted_by():
        guard.check(shown(before))
        issuer.rotate(algorithm="EdDSA")
        guard.check(shown(issuer.token()))
        guard.check(shown(before))
        issuer.withdraw(old)
        with pytest.raises(UnknownKeyError):
            guard.check(shown(before))

    assert {} == issuer.requests


def test_a_fault_is_an_outage(issuer):
    """
    While the issuer has a fault, guards cannot tell: 503, and good again afterwards.
    """
    client = flask_app().test_client()

    with issuer.trusted_by():
        with issuer.fault("500"):
            down = client.get(ROUTE, headers=issuer.auth_headers(READ))
            with pytest.raises(KeysUnavailableError):
                real_guard().warm_up()
        up = client.get(ROUTE, headers=issuer.auth_headers(READ))

    assert (503, 200) == (down.status_code, up.status_code)
    assert "Retry-After" in down.headers


def test_a_guard_that_knows_the_issuer_already(issuer):
    """
    A guard that is configured with this issuer is left alone, and fetches its keys.
    """
    guard = Guard.from_env(issuer.environ())

    with issuer.trusted_by():
        guard.check(shown(issuer.token()))

    assert {"/.well-known/jwks.json": 1} == issuer.requests


def test_other_authenticators_stay(issuer):
    """
    Only bearer tokens are about the issuer: other kinds of credentials stay what they are.
    """

    class Badge:
        scheme = "Badge"

        def extract(self, request):
            return next(iter(request.values("x-badge")), None)

        def authenticate(self, credential, request):
            yield from ()
            return Principal(subject=credential, scheme="Badge")

    guard = Guard(JWTBearer(), Badge())
    only_badges = Guard(Badge())

    with issuer.trusted_by():
        badge = Request("GET", "/", [("X-Badge", "b-1")])
        assert ["b-1", "b-1"] == [guard.check(badge).subject, only_badges.check(badge).subject]
        assert "user-1" == guard.check(shown(issuer.token())).subject


def test_who_has_no_guard(issuer):
    """
    An application without a guard is a mistake that says what to give.
    """
    with pytest.raises(ConfigurationError, match="after init_app"):
        issuer.trusted_by(object())


def test_the_fixtures(mindpeeker_token, mindpeeker_auth_headers, mindpeeker_issuer, mindpeeker_clock):
    """
    The fixtures make tokens that every guard trusts in the test, and a clock that stands still.
    """
    client = flask_app().test_client()

    good = client.get(ROUTE, headers=mindpeeker_auth_headers(scopes=[READ], sub="u-7"))
    stale = client.get(ROUTE, headers={"Authorization": f"Bearer {mindpeeker_token(scopes=[READ], expired=True)}"})

    assert (200, {"sub": "u-7"}, 401) == (good.status_code, good.get_json(), stale.status_code)
    assert mindpeeker_issuer.url.startswith("http://127.0.0.1:")
    assert mindpeeker_clock() == mindpeeker_clock()


def test_a_bearer_of_ones_own(issuer):
    """
    A class derived from `JWTBearer` stays what it is, with what it has.
    """

    class Loud(JWTBearer):
        def __init__(self, word):
            super().__init__()
            self.word = word

        def attempt(self, credential, request):
            found = super().attempt(credential, request)
            return None if found is None else Principal(subject=f"{found.subject}{self.word}")

    with issuer.trusted_by():
        found = Guard(Loud("!")).check(shown(issuer.token()))

    assert "user-1!" == found.subject
