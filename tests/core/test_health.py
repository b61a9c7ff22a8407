"""`Guard.health`: what it tells, and that it asks nobody."""

from __future__ import annotations

from tests.support.tokens import jwks

from mindpeeker_guard import Guard, JWTBearer, RemoteKeySet


def test_a_guard_tells_how_its_keys_are():
    """
    For each scheme there is what its authenticator tells, before the first fetch too.
    """
    guard = Guard(JWTBearer(keys=RemoteKeySet("https://auth.example.com/jwks", clock=lambda: 1000.0)))

    health = guard.health()["Bearer"]

    assert ("https://auth.example.com/jwks", None, False, 0) == (
        health.jwks_uri,
        health.age,
        health.usable,
        health.fetches,
    )


def test_keys_given_in_code_have_nothing_to_tell():
    """
    What depends on nobody is not in the answer.
    """
    assert {} == Guard(JWTBearer(keys=jwks())).health()


def test_an_authenticator_need_not_tell_anything():
    """
    An authenticator without `health` is left out.
    """

    class Silent:
        scheme = "Silent"

        def extract(self, request):
            return None

    assert {} == Guard(Silent()).health()
