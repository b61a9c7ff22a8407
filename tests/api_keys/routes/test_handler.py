"""The handler, without a framework."""

from __future__ import annotations

import json
import logging

import pytest
from tests.api_keys.routes.world import ADMIN, ALIVE, FOREIGN, NOBODYS, PEPPER, RECORDS, STRONG, World
from tests.support.tokens import jwks

from mindpeeker_guard import (
    APIKey,
    ConfigurationError,
    Guard,
    JWTBearer,
    KeysUnavailableError,
    Principal,
    SchemeNotAcceptedError,
    StaticKeySet,
)
from mindpeeker_guard._flow import run
from mindpeeker_guard.api_key_routes import APIKeyRoutes, RouteRequest, keys_of
from mindpeeker_guard.api_keys import StoreUnavailableError

READER = Principal(subject="user-1", granted_scopes=frozenset({"remote-viewing:read"}))
GOOD = json.dumps({"name": "CI", "scopes": ["remote-viewing:read"]}).encode()
PATH = "/v1/api-keys"


def asked(principal, path=PATH, key_id="", body=GOOD):
    """Return a request."""
    return RouteRequest(principal, path, key_id, content_type="application/json", body=body)


@pytest.mark.parametrize("name", ["list", "create", "get", "revoke", "rotate"])
@pytest.mark.parametrize("principal", [None, Principal(subject="user-1", scheme="ApiKey")], ids=["nobody", "a key"])
def test_the_routes_check_themselves_that_an_access_token_was_sent(name, principal):
    """
    Where somebody has taken the guard away, the routes let nobody in but callers with an access token.
    """
    world = World()
    operation = {route.name: route.operation for route in APIKeyRoutes(world.keys).table}[name]

    with pytest.raises(SchemeNotAcceptedError) as refused:
        run(operation(asked(principal, key_id=ALIVE)))

    assert 'Bearer realm="mindpeeker"' == dict(world.guard.refusal(refused.value).headers)["WWW-Authenticate"]
    assert set(RECORDS) == set(world.store.list(None, limit=100))


@pytest.mark.parametrize("scope", ["organizations:writ", "", "a b"])
def test_an_administrative_scope_that_nobody_could_hold_is_said_at_start(scope):
    """
    An unknown administrative scope is a configuration error.
    """
    with pytest.raises(ConfigurationError, match="Unknown scope"):
        APIKeyRoutes(World().keys, admin_scope=scope)


def test_without_an_administrative_scope_nobody_is_an_administrator():
    """
    By default even those who may do everything see only their own keys.
    """
    everything = Principal(subject="user-1", granted_scopes=frozenset({ADMIN, "remote-viewing:admin"}))
    routes = APIKeyRoutes(World().keys)

    answer = run(routes.list(asked(everything)))

    assert FOREIGN not in answer.body.decode()


def test_what_implies_the_administrative_scope_is_enough():
    """
    Where the administrative scope is one that another implies, that other will do.
    """
    routes = APIKeyRoutes(World().keys, admin_scope="remote-viewing:write")
    admin = Principal(subject="user-3", granted_scopes=frozenset({"remote-viewing:admin"}))

    assert 200 == run(routes.get(asked(admin, key_id=FOREIGN))).status


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api/v1/api-keys", "/api/v1/api-keys/"),
        ("/kö ln/api-keys", "/k%C3%B6%20ln/api-keys/"),
        ("/x\r\nSet-Cookie: a=b/api-keys", "/x%0D%0ASet-Cookie%3A%20a%3Db/api-keys/"),
    ],
)
@pytest.mark.usefixtures("zeros")
def test_the_location_is_below_the_path_that_was_called(path, location):
    """
    ``Location`` is the new key's own path, wherever the routes are mounted, and nothing else gets into the header.
    """
    routes = APIKeyRoutes(World().keys)

    made = run(routes.create(asked(READER, path)))
    rotated = run(APIKeyRoutes(World().keys).rotate(asked(READER, f"{path}/{ALIVE}/rotate", ALIVE, b"")))

    assert location + "0" * 16 == dict(made.headers)["Location"]
    assert location + "0" * 16 == dict(rotated.headers)["Location"]


def test_nothing_secret_is_logged(caplog):
    """
    No log record of ours holds a key, a digest, a pepper, or what a store's error says.
    """
    caplog.set_level(logging.DEBUG)
    world, down = World(), World(is_down=True)
    made = json.loads(run(APIKeyRoutes(world.keys).create(asked(READER))).body)["key"]
    rotated = json.loads(run(APIKeyRoutes(world.keys).rotate(asked(READER, key_id=ALIVE, body=b""))).body)["key"]

    with pytest.raises(StoreUnavailableError) as failed:
        run(APIKeyRoutes(down.keys).create(asked(READER)))
    answer = down.guard.refusal(failed.value)

    for secret in (made, rotated, PEPPER, "digest of", "hunter2"):
        assert secret not in caplog.text
        assert secret not in str(answer)


def test_a_key_cannot_be_told_from_no_key():
    """
    Somebody else's key and no key get the same answer, to the byte, and no change is tried.
    """
    world = World()
    routes = APIKeyRoutes(world.keys)
    for name in ("get", "revoke", "rotate"):
        operation = getattr(routes, name)
        answers = []
        for key_id in (FOREIGN, NOBODYS, "../etc/passwd"):
            with pytest.raises(Exception) as refused:
                run(operation(asked(READER, key_id=key_id, body=b"")))
            answers.append(world.guard.refusal(refused.value))
        assert 1 == len(set(answers))

    assert [] == world.events


def test_rotation_does_not_bring_lost_scopes_back():
    """
    Who has lost a scope of a key since may end the key, but gets no new one with that scope.
    """
    world = World()
    routes = APIKeyRoutes(world.keys, admin_scope=ADMIN)
    for granted in ({"remote-viewing:read"}, {ADMIN}):
        caller = Principal(subject="user-1", granted_scopes=frozenset(granted))
        with pytest.raises(Exception, match="maker holds"):
            run(routes.rotate(asked(caller, key_id=STRONG, body=b"")))

    assert world.store.get(STRONG).rotated_to is None
    assert 204 == run(routes.revoke(asked(READER, key_id=STRONG))).status


def test_the_service_of_a_guard():
    """
    The service behind a guard's API keys can be had for the routes; without one that is said.
    """
    world = World()

    assert world.keys is keys_of(world.guard)
    with pytest.raises(ConfigurationError, match="has no API keys"):
        keys_of(Guard(JWTBearer(keys=StaticKeySet(jwks()))))
    with pytest.raises(ConfigurationError, match="has no API keys"):
        keys_of(Guard(APIKey(_Others())))


class _Others:
    """A service that knows keys, and is not ours."""

    def at_hand(self, text):
        return None

    def verify(self, text):
        raise KeysUnavailableError
