"""What a key set tells about itself: fetches, failures, rotations, keys that vanish, and floods."""

from __future__ import annotations

import logging

import pytest
from tests.support.server import Reply
from tests.support.tokens import jwks, public_jwk

from mindpeeker_guard import GuardError, KeyEvent, RemoteKeySet
from mindpeeker_guard._flow import run

A, B, C = (public_jwk(name, "ES256") for name in "abc")


@pytest.fixture
def told():
    return []


def key_set(server, clock, hook, **options):
    return RemoteKeySet(server.url(), clock=clock, jitter=lambda: 0.5, on_event=hook, **options)


def refreshed(keys, clock):
    """Have the keys fetched anew, and wait for it."""
    clock.now += 700
    run(keys.warm_up())


def find(keys, kid):
    """Look a key up; return the error, if there is one."""
    try:
        run(keys.find(kid, "ES256"))
    except GuardError as error:
        return error
    return None


def seen(told):
    return [(event.kind, event.keys) for event in told]


def test_a_life_of_keys(server, clock, told):
    """
    The first answer is a fetch; later ones say which keys are new and which have vanished.
    """
    server.answer(Reply(jwks(A)), Reply(jwks(A)), Reply(jwks(A, B)), Reply(jwks(B, C)))
    keys = key_set(server, clock, told.append)
    run(keys.warm_up())
    for _ in range(3):
        refreshed(keys, clock)

    assert seen(told) == [
        ("fetched", ("a",)),
        ("fetched", ("a",)),
        ("fetched", ("a", "b")),
        ("rotated", ("b",)),
        ("fetched", ("b", "c")),
        ("rotated", ("c",)),
        ("vanished", ("a",)),
    ]
    assert {server.url()} == {event.url for event in told}
    assert told[-1].at == clock.now


def test_failures(server, clock, told):
    """
    A refresh that fails says why; the keys that are kept cause no event.
    """
    server.answer(Reply(jwks(A)), Reply(status=500))
    keys = key_set(server, clock, told.append)
    run(keys.warm_up())
    refreshed(keys, clock)

    assert [("fetched", ("a",)), ("failed", ())] == seen(told)
    assert "500" in told[-1].reason


def test_a_flood_is_told_once_in_a_while(server, clock, told):
    """
    However many unknown keys tokens name, one event tells that they cause no fetch; the next comes 15 seconds later.
    """
    server.answer(Reply(jwks(A)))
    keys = key_set(server, clock, told.append)
    run(keys.warm_up())
    for number in range(100):
        find(keys, f"junk-{number}")
    clock.now += 15.5
    for number in range(100, 200):
        find(keys, f"junk-{number}")

    assert 2 == [event.kind for event in told].count("flood_limited")


@pytest.mark.parametrize("error", [LookupError, IndexError])
def test_a_hook_that_fails_changes_nothing(server, clock, caplog, error):
    """
    What the hook raises is logged; the keys are there.
    """

    def hook(event: KeyEvent) -> None:
        raise error(event.kind)

    server.answer(Reply(jwks(A)))
    keys = key_set(server, clock, hook)
    with caplog.at_level(logging.ERROR):
        run(keys.warm_up())

    assert find(keys, "a") is None
    assert "on_event failed" in caplog.text


def test_the_hook_holds_no_lock(server, clock, told):
    """
    The hook may ask the key set itself: nothing is held while it runs.
    """

    def hook(event: KeyEvent) -> None:
        told.append((event.kind, keys.health().fetches, keys._worker.lock.acquire(timeout=5)))
        keys._worker.lock.release()

    server.answer(Reply(jwks(A)))
    keys = key_set(server, clock, hook)
    run(keys.warm_up())
    for number in range(5):
        find(keys, f"junk-{number}")

    assert ("fetched", 1, True) == told[0]
    assert all(acquired for *_, acquired in told)
