"""What all adapters have in common, besides their answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.api_keys.routes.carriers import CARRIERS
from tests.api_keys.routes.wire import GOOD, HEADERS, KEYS
from tests.api_keys.routes.world import ALIVE, World, bearer
from tests.contract.clients import gateways

from mindpeeker_guard import ConfigurationError, Request, RevokedAPIKeyError
from mindpeeker_guard.api_key_routes.django import urls
from mindpeeker_guard.api_key_routes.fastapi import router
from mindpeeker_guard.api_key_routes.flask import blueprint

pytestmark = pytest.mark.usefixtures("zeros")


def application(carrier: str, **options: Any) -> tuple[Any, World]:
    """Return a client of an application with the routes, and its world."""
    made = CARRIERS[carrier]
    world = World(is_async=made.is_async)
    return made.make(world, **options), world


@pytest.mark.parametrize("carrier", CARRIERS)
def test_other_methods_are_answered_by_the_framework(carrier):
    """
    A method that a path does not have gets the framework's own 405, for good callers.
    """
    client, world = application(carrier)

    answers = [client.send(method, KEYS, HEADERS) for method in ("PUT", "DELETE", "PATCH")]
    answers += [client.send("PUT", f"{KEYS}/{ALIVE}", HEADERS), client.send("GET", f"{KEYS}/{ALIVE}/rotate", HEADERS)]

    assert [405] * 5 == [answer.status for answer in answers]
    assert all("allow" in answer.headers for answer in answers)
    assert [] == world.events


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_prefix_and_scopes_can_be_given(carrier):
    """
    The routes are where `prefix` says, and ask for `scopes` before anything else.
    """
    client, _ = application(carrier, prefix="/keys", scopes=["organizations:read"])
    caller = [("Authorization", bearer("organizations:read"))]

    assert 404 == client.send("GET", KEYS, caller).status
    assert 200 == client.send("GET", "/keys", caller).status
    refused = client.send("GET", "/keys", HEADERS)
    assert (403, ["organizations:read"]) == (refused.status, json.loads(refused.body)["required_scopes"])


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_made_key_can_do_what_it_may_until_it_is_revoked(carrier):
    """
    The key of the answer is good for the guard, as the caller's own, until the revocation; then it is not.
    """
    client, world = application(carrier)
    made = json.loads(client.send("POST", KEYS, HEADERS, GOOD).body)
    sent = Request(headers={"X-API-Key": made["key"]})

    principal = gateways.run(world.guard.acheck(sent))

    assert ("user-1", "ApiKey", {"remote-viewing:read"}) == (principal.subject, principal.scheme, principal.scopes)
    assert "key" not in json.loads(client.send("GET", f"{KEYS}/{made['id']}", HEADERS).body)
    assert 204 == client.send("DELETE", f"{KEYS}/{made['id']}", HEADERS).status
    with pytest.raises(RevokedAPIKeyError):
        gateways.run(world.guard.acheck(sent))


@pytest.mark.parametrize("make", [blueprint, router, urls])
def test_an_unknown_scope_is_said_at_start(make):
    """
    A misspelt scope is a configuration error with the nearest name.
    """
    with pytest.raises(ConfigurationError, match="did you mean 'profile'"):
        make(World().keys, scopes=["profil"])
