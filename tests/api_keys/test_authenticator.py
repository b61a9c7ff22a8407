"""The authenticator, in a guard of its own and beside bearer tokens."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from tests.api_keys.keywork import NOW, AsyncStore, Clock, Store, service
from tests.support.tokens import jwks, token

from mindpeeker_guard import (
    MINDPEEKER_SCOPES,
    APIKey,
    AuthError,
    ConfigurationError,
    Guard,
    InsufficientScopeError,
    InvalidAPIKeyError,
    InvalidRequestError,
    JWTBearer,
    MissingCredentialsError,
    Request,
    ScopeCatalogue,
    StepUpRequiredError,
    UnavailableError,
    requirement,
)
from mindpeeker_guard.api_keys import APIKeys

READ = requirement("dowsing:read")


def key_of(keys: APIKeys, *scopes: str) -> str:
    return keys.issue("n", scopes or ("dowsing:admin",), owner="u").key


def sent(*keys: str, also: tuple[tuple[str, str], ...] = (), name: str = "X-API-Key") -> Request:
    return Request("GET", "https://api.example/?x-api-key=query", [*((name, key) for key in keys), *also])


def both(keys: APIKeys) -> Guard:
    return Guard(JWTBearer(keys=jwks(), clock=lambda: NOW), APIKey(keys), clock=lambda: NOW)


def bearer(**changes: object) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {token(now=int(NOW), **changes)}"),)


def test_a_key_is_taken_from_its_header():
    """
    In any case, with blanks around it, blocking and awaited, cold and warm.
    """
    keys = service()
    guard = Guard(APIKey(keys))
    key = key_of(keys)

    assert "u" == guard.check(sent(key), READ).subject
    assert "u" == asyncio.run(guard.acheck(sent(f" {key}\t", name="x-api-KEY"), READ)).subject
    assert guard.check(sent(key)) is guard.check(sent(key))


def test_a_warm_key_asks_nobody():
    """
    The store is not asked, and no flow is run.
    """
    store = Store()
    keys = service(store)
    guard = Guard(APIKey(keys))
    key = key_of(keys)
    guard.check(sent(key), READ)
    store.asked.clear()

    assert guard.check(sent(key), READ)
    assert 0 == store.asked.total()


def test_an_async_store_serves_an_async_guard():
    """
    A cold key is awaited.
    """
    keys = service(AsyncStore())
    guard = Guard(APIKey(keys))

    async def live() -> str | None:
        key = (await keys.aissue("n", ["dowsing:read"], owner="u")).key
        return (await guard.acheck(sent(key), READ)).subject

    assert "u" == asyncio.run(live())


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ((), MissingCredentialsError),
        (("",), InvalidRequestError),
        ((" \t ",), InvalidRequestError),
        (("{key}", "{key}"), InvalidRequestError),
        (("{key}, {key}",), InvalidRequestError),
        (("{key},",), InvalidRequestError),
        (("x", ""), InvalidRequestError),
        (("x",), InvalidAPIKeyError),
        (("{key}x",), InvalidAPIKeyError),
        (("Bearer {key}",), InvalidAPIKeyError),
        (("é" * 60,), InvalidAPIKeyError),
        (("k" * 10_240,), InvalidAPIKeyError),
        (("\x00",), InvalidAPIKeyError),
        (("\ud800",), InvalidAPIKeyError),
    ],
)
def test_what_is_not_one_key_is_refused(values: tuple[str, ...], error: type[AuthError]):
    """
    Two headers, equal or not, joined by the server or not, are a bad request; anything else is a bad key.
    """
    keys = service()
    key = key_of(keys)

    with pytest.raises(AuthError) as caught:
        Guard(APIKey(keys)).check(sent(*(value.replace("{key}", key) for value in values)), READ)
    assert error is type(caught.value)


def test_a_key_elsewhere_is_no_credential():
    """
    Not in the query, a cookie, or the Authorization header, under whatever scheme.
    """
    keys = service()
    key = key_of(keys)
    elsewhere = [("Cookie", f"X-API-Key={key}"), ("Authorization", f"ApiKey {key}"), ("X-Key", key), ("Api-Key", key)]

    for header in elsewhere:
        with pytest.raises(MissingCredentialsError):
            both(keys).check(Request("GET", f"https://api.example/?X-API-Key={key}&api_key={key}", [header]), READ)


def test_a_key_as_a_bearer_token_is_a_bad_token():
    """
    It is not looked up, and the answer is that to a malformed token.
    """
    store = Store()
    keys = service(store)
    key = key_of(keys)
    store.asked.clear()

    with pytest.raises(AuthError) as caught:
        both(keys).check(Request(headers=[("Authorization", f"Bearer {key}")]), READ)

    assert ("token_malformed", 0) == (caught.value.code, store.asked.total())


def test_a_token_or_a_key_will_do_but_not_both():
    """
    They are alternatives; with both at once neither is looked at.
    """
    store = Store()
    keys = service(store)
    guard, key = both(keys), key_of(keys)
    good = bearer(scope="dowsing:read")

    assert ("ApiKey", "u") == (guard.check(sent(key), READ).scheme, guard.check(sent(key), READ).subject)
    assert ("Bearer", "user-1") == (
        guard.check(sent(also=good), READ).scheme,
        guard.check(sent(also=good), READ).subject,
    )
    store.asked.clear()
    for values in ((key,), ("x",), (key, key)):
        with pytest.raises(InvalidRequestError):
            guard.check(sent(*values, also=good), READ)
    with pytest.raises(InvalidRequestError):
        guard.check(sent(key, also=(("Authorization", "Bearer x"),)), READ)
    assert 0 == store.asked.total()


def test_a_key_is_worth_its_scopes_and_no_more():
    """
    An administrative scope implies those of its service; a key cannot step up.
    """
    keys = service()
    guard = Guard(APIKey(keys))
    admin, profile = key_of(keys), key_of(keys, "profile")

    assert guard.check(sent(admin), READ)
    for key, needed in ((profile, READ), (admin, requirement("analytics:read")), (admin, requirement("profile"))):
        with pytest.raises(InsufficientScopeError):
            guard.check(sent(key), needed)
    for needed in (requirement(max_age=10), requirement(acr="mfa")):
        with pytest.raises(StepUpRequiredError):
            guard.check(sent(admin), needed)


def test_the_catalogue_of_the_guard_says_what_scopes_imply():
    """
    As it does for tokens.
    """
    keys = service()
    guard = Guard(APIKey(keys), catalogue=ScopeCatalogue({"dowsing:read": "", "dowsing:admin": "", "dowsing:x": ""}))

    assert guard.check(sent(key_of(keys)), requirement("dowsing:x"))


def test_the_challenges_name_the_schemes_in_order():
    """
    A guard with keys only offers keys; with both, the one that was given first comes first.
    """
    keys = service()
    only, two = Guard(APIKey(keys)), both(keys)

    def challenge(guard: Guard, error: AuthError) -> str:
        return dict(guard.refusal(error).headers)["WWW-Authenticate"]

    assert 'ApiKey realm="mindpeeker"' == challenge(only, MissingCredentialsError())
    assert 'Bearer realm="mindpeeker", ApiKey realm="mindpeeker"' == challenge(two, MissingCredentialsError())
    assert (
        'ApiKey realm="mindpeeker", error="invalid_token", error_description="The API key is not valid."'
        == challenge(only, InvalidAPIKeyError())
    )


def test_a_store_that_is_down_is_a_503_and_a_warm_key_goes_on():
    """
    Nobody's credential is at fault; what is remembered is good until it is old.
    """
    clock = Clock()
    store = Store()
    keys = service(store, clock=clock)
    guard = Guard(APIKey(keys))
    warm, cold = key_of(keys), key_of(keys)
    guard.check(sent(warm), READ)
    store.fail(OSError())

    assert guard.check(sent(warm), READ)
    with pytest.raises(UnavailableError):
        guard.check(sent(cold), READ)
    clock.now += 30
    with pytest.raises(UnavailableError):
        guard.check(sent(warm), READ)


def test_refusals_tell_nothing_of_the_key(caplog):
    """
    Neither the log nor the answer has more of it than its id.
    """
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    keys = service(clock=clock)
    guard = Guard(APIKey(keys))
    key = key_of(keys)
    keys.revoke(keys.list()[0].id)

    for text in (key, key[:-1] + "-", f"{key[:-20]}{'A' * 20}"):
        with pytest.raises(AuthError) as caught:
            guard.check(sent(text), READ)
        refusal = guard.refusal(caught.value)
        assert set(json.loads(refusal.body)) == {"type", "title", "status", "detail", "error", "error_description"}
        assert key[26:40] not in f"{refusal} {caplog.text} {caught.value!r}"


def test_another_header_can_be_named():
    """
    As long as it is one of its own.
    """
    keys = service()
    guard = Guard(APIKey(keys, header="X-Service-Key"))

    assert guard.check(sent(key_of(keys), name="x-service-key"), READ)
    with pytest.raises(MissingCredentialsError):
        guard.check(sent(key_of(keys)), READ)
    assert "X-Service-Key" == guard.authenticators[0].describe(MINDPEEKER_SCOPES)["name"]


@pytest.mark.parametrize("header", ["", "a b", "Authorization", "cookie", "x:y", "é", "a\n", None, 5])
def test_a_header_that_cannot_be_is_refused_at_the_start(header: object):
    """
    A name of RFC 9110, and not one that other credentials have.
    """
    with pytest.raises(ConfigurationError, match="header"):
        APIKey(service(), header=header)


@pytest.mark.parametrize("keys", [None, APIKeys, "mp_live_x", object()])
def test_what_is_no_service_is_refused_at_the_start(keys: object):
    """
    A key in place of the service is a mistake that is easily made.
    """
    with pytest.raises(ConfigurationError, match="service"):
        APIKey(keys)


def test_the_service_can_be_had_from_the_authenticator():
    """
    Who has the guard has the keys: to issue some, to serve the routes.
    """
    keys = service()

    assert keys is APIKey(keys).keys
    assert "X-API-Key" in repr(APIKey(keys))


def test_decisions_about_keys_are_told():
    """
    Kind, outcome and whether the key was known, of good keys and bad ones; nothing of the key.
    """
    told = []
    keys = service()
    guard = Guard(APIKey(keys), on_decision=told.append, clock=lambda: NOW)
    key = key_of(keys)

    for request in (sent(key), sent(key), sent(key[:-1])):
        try:
            guard.check(request, READ)
        except InvalidAPIKeyError:
            continue

    assert [("allowed", "ApiKey", False), ("allowed", "ApiKey", True), ("api_key_invalid", "ApiKey", False)] == [
        (one.outcome, one.scheme, one.remembered) for one in told
    ]
    assert key[26:40] not in repr(told)
