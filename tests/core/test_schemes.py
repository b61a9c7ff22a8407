"""Routes that accept some kinds of credential only."""

from __future__ import annotations

import asyncio

import pytest
from tests.api_keys.keywork import NOW, Store, service
from tests.support.tokens import jwks, token

from mindpeeker_guard import (
    APIKey,
    AuthError,
    ConfigurationError,
    Guard,
    InsufficientScopeError,
    InvalidAPIKeyError,
    JWTBearer,
    MissingCredentialsError,
    Principal,
    Request,
    Requirement,
    SchemeNotAcceptedError,
    StepUpRequiredError,
    requirement,
)

TOKENS = requirement("profile", schemes=["Bearer"])
KEYS = requirement("profile", schemes="ApiKey")
BEARER = JWTBearer(keys=jwks(), clock=lambda: NOW)
REALM = 'realm="mindpeeker"'


def both(store=None) -> tuple[Guard, str]:
    """Return a guard for tokens and keys, and a good key."""
    keys = service(store)
    return Guard(BEARER, APIKey(keys)), keys.issue("n", ["profile"], owner="u").key


def refused(decide) -> AuthError:
    with pytest.raises(AuthError) as caught:
        decide()
    return caught.value


def challenge(guard: Guard, error: AuthError) -> str:
    return dict(guard.refusal(error).headers)["WWW-Authenticate"]


def test_a_requirement_takes_one_scheme_or_several():
    """
    The order in which they are written does not matter; without any, all are accepted.
    """
    assert ("Bearer",) == requirement(schemes="Bearer").schemes
    assert requirement(schemes=["ApiKey", "Bearer"]) == requirement(schemes=("Bearer", "ApiKey", "Bearer"))
    assert () == requirement().schemes == requirement(schemes=None).schemes == Requirement().schemes
    assert requirement() != requirement(schemes="Bearer")


@pytest.mark.parametrize("schemes", [[], (), "", [""], [None], 5, ["Bearer", 5], b"Bearer", {}])
def test_schemes_that_are_none_are_found_at_import(schemes: object):
    """
    An empty list would accept nothing, or everything: it is refused.
    """
    with pytest.raises(ConfigurationError, match="schemes"):
        requirement(schemes=schemes)


@pytest.mark.parametrize("scheme", ["bearer", "ApiKeys", "Basic"])
def test_a_scheme_that_the_guard_has_not_is_found_at_start(scheme: str):
    """
    The text has the schemes that there are.
    """
    guard, _ = both()

    guard.validate(requirement(schemes=["Bearer", "ApiKey"]))
    with pytest.raises(ConfigurationError, match=f"'{scheme}'.*Bearer, ApiKey"):
        guard.validate(requirement(schemes=[scheme, "Bearer"]))
    with pytest.raises(ConfigurationError, match="ApiKey"):
        Guard(BEARER).validate(KEYS)


def test_a_credential_of_another_scheme_is_not_looked_at():
    """
    Good, bad, or with its store down, blocking and awaited: the answer is the same, and the store is not asked.
    """
    store = Store()
    guard, key = both(store)
    store.asked.clear()
    store.fail(OSError())

    for value in (key, "x"):
        request = Request(headers={"X-API-Key": value})
        for decide in (
            lambda r=request: guard.check(r, TOKENS),
            lambda r=request: asyncio.run(guard.acheck(r, TOKENS)),
        ):
            error = refused(decide)
            assert (SchemeNotAcceptedError, 401, None) == (type(error), error.status, error.error)
            assert f"Bearer {REALM}" == challenge(guard, error)
    assert 0 == store.asked.total()


def test_it_is_no_way_around_an_optional_route():
    """
    A credential is there, and it is not accepted.
    """
    guard, key = both()
    needed = requirement(optional=True, schemes="Bearer")

    assert None is guard.check(Request(), needed)
    assert isinstance(refused(lambda: guard.check(Request(headers={"X-API-Key": key}), needed)), SchemeNotAcceptedError)


def test_every_refusal_offers_the_accepted_schemes_only():
    """
    None, bad, too little, too old: what the caller is told to bring is what the route takes.
    """
    guard, key = both()
    sent = Request(headers={"X-API-Key": key})
    tokens = Request(headers={"Authorization": f"Bearer {token(now=int(NOW), scope='email')}"})
    cases = [
        (Request(), KEYS, MissingCredentialsError, "ApiKey"),
        (Request(headers={"X-API-Key": "x"}), KEYS, InvalidAPIKeyError, "ApiKey"),
        (sent, requirement("email", schemes="ApiKey"), InsufficientScopeError, "ApiKey"),
        (sent, requirement(max_age=1, schemes="ApiKey"), StepUpRequiredError, "ApiKey"),
        (tokens, TOKENS, InsufficientScopeError, "Bearer"),
        (Request(), TOKENS, MissingCredentialsError, "Bearer"),
    ]

    for request, needed, kind, scheme in cases:
        error = refused(lambda r=request, n=needed: guard.check(r, n))
        assert kind is type(error)
        assert challenge(guard, error).startswith(f"{scheme} {REALM}")
        assert 1 == challenge(guard, error).count(REALM)


def test_schemes_are_offered_in_the_order_of_the_guard():
    """
    However the route writes them.
    """
    guard, _ = both()
    error = refused(lambda: guard.check(Request(), requirement(schemes=["ApiKey", "Bearer"])))

    assert f"Bearer {REALM}, ApiKey {REALM}" == challenge(guard, error)


def test_authorize_holds_a_known_principal_to_it():
    """
    A second requirement of the same request is met by the principal's own scheme, or not at all.
    """
    guard, key = both()
    known = guard.check(Request(headers={"X-API-Key": key}))

    guard.authorize(known, KEYS)
    error = refused(lambda: guard.authorize(known, TOKENS))
    assert isinstance(error, SchemeNotAcceptedError)
    assert f"Bearer {REALM}" == challenge(guard, error)
    error = refused(lambda: guard.authorize(Principal(scheme="ApiKey"), KEYS))
    assert isinstance(error, InsufficientScopeError)
    assert challenge(guard, error).startswith("ApiKey")


def test_a_scheme_that_nobody_has_lets_nobody_in():
    """
    A requirement that was not checked at start is closed, and its answer still has a challenge (RFC 9110 15.5.2).
    """
    guard, key = both()
    needed = requirement(schemes="Basic")

    for headers in ({}, {"X-API-Key": key}, {"Authorization": f"Bearer {token(now=int(NOW))}"}):
        error = refused(lambda h=headers: guard.check(Request(headers=h), needed))
        assert f"Bearer {REALM}, ApiKey {REALM}" == challenge(guard, error)
