"""Sight of a fetched key set."""

from __future__ import annotations

import email.utils
import logging
import re
import time

import pytest
from tests.support.server import Reply
from tests.support.tokens import jwks, public_jwk

from mindpeeker_guard import KeysUnavailableError, RemoteKeySet, UnknownKeyError
from mindpeeker_guard._flow import run

A, B = (public_jwk(name, "ES256") for name in "ab")


def remote(server, clock):
    return RemoteKeySet(server.url(), clock=clock, jitter=lambda: 1.0, timeout=30, connect_timeout=30)


def date(offset):
    return {"Date": email.utils.formatdate(time.time() + offset, usegmt=True)}


def use(keys):
    run(keys.find("a", "ES256"))
    running = keys._worker.running()
    if running is not None:
        running.result(60)


def test_before_the_first_fetch(server, clock):
    """
    Before anything was fetched there is nothing to know, and looking fetches nothing.
    """
    health = remote(server, clock).health()

    assert (health.age, health.fresh, health.usable, health.keys) == (None, False, False, {})
    assert (health.fetches, health.failures, health.last_error, health.retry_in) == (0, 0, None, 0)
    assert health.jwks_uri == server.url()
    assert server.count() == 0


def test_after_a_fetch(server, clock):
    """
    After a fetch it is known how old the keys are, what they are for, since when they are seen, and what was skipped.
    """
    server.answer(Reply(jwks(A, public_jwk("x", "ES256", kid=None), {"kty": "oct"}), headers=date(0)))
    keys = remote(server, clock)
    run(keys.warm_up())
    fetched = clock.now

    clock.now += 100
    health = keys.health()

    assert (health.age, health.fresh, health.usable, health.fetches) == (100, True, True, 1)
    assert health.keys == {"a": ("ES256",), "": ("ES256",)}
    assert health.skipped == {"unknown type, curve or algorithm": 1}
    assert {kid: (seen.first, seen.last) for kid, seen in health.seen.items()} == {"a": (fetched, fetched)}


def test_during_an_outage(server, clock):
    """
    During an outage it is known what went wrong, how often, and when the next try may be.
    """
    server.answer(Reply(jwks(A)), Reply(status=404))
    keys = remote(server, clock)
    run(keys.warm_up())

    for pause in (1000, 1000):
        clock.now += pause
        use(keys)
    health = keys.health()
    clock.now += 86_400

    assert (health.fresh, health.usable, health.failures, health.last_error) == (False, True, 2, "HTTP status 404")
    assert health.retry_in == 2
    assert not keys.health().usable
    assert keys.health().retry_in == 0


def test_keys_that_have_vanished(server, clock):
    """
    A key that is not published any more is still known to have been.
    """
    server.answer(Reply(jwks(A)), Reply(jwks(B)))
    keys = remote(server, clock)
    run(keys.warm_up())
    clock.now += 1000

    with pytest.raises(UnknownKeyError):
        run(keys.find("a", "ES256"))
    health = keys.health()

    assert set(health.keys) == {"b"}
    assert set(health.seen) == {"a", "b"}


@pytest.mark.parametrize(("headers", "expected"), [({}, 100), ({"Age": "50"}, 150), ({"Age": "junk"}, 100)], ids=repr)
def test_the_issuers_clock(server, clock, headers, expected):
    """
    How far the issuer's clock is ahead is told by its Date and Age.
    """
    start = time.time()
    server.answer(Reply(jwks(A), headers={"Expires": "0"} | headers | date(100)))
    keys = remote(server, clock)

    run(keys.warm_up())

    took = time.time() - start
    assert expected - took - 1 <= keys.health().clock_offset <= expected


def test_a_clock_that_is_off_is_logged(server, clock, caplog):
    """
    A clock that is far off ours is worth a warning: times in tokens may be misjudged.
    """
    start = time.time()
    server.answer(Reply(jwks(A), headers=date(-100)))

    run(remote(server, clock).warm_up())

    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "clock" in warning.getMessage()
    told = int(re.search(r"([+-]\d+) seconds off", warning.getMessage())[1])
    assert -100 - (time.time() - start) - 2 <= told <= -100


def test_what_is_logged(server, clock, caplog):
    """
    New keys, skipped ones and failures are logged; a refresh that changes nothing is not worth more than a debug line.
    """
    caplog.set_level(logging.DEBUG, "mindpeeker_guard.keys")
    server.answer(Reply(jwks(A, {"kty": "oct"})), Reply(jwks(A, {"kty": "oct"})), Reply(jwks(B)), Reply(status=404))
    keys = remote(server, clock)

    for _ in range(4):
        try:
            run(keys.warm_up())
        finally:
            clock.now += 1000

    lines = [(record.levelname, record.getMessage().replace(server.url(), "URL")) for record in caplog.records]
    assert lines == [
        ("INFO", "keys fetched from URL: 1 in force, 1 new, 0 gone"),
        ("WARNING", "keys not used: 1 unknown type, curve or algorithm"),
        ("DEBUG", "keys refreshed from URL"),
        ("INFO", "keys fetched from URL: 1 in force, 1 new, 1 gone"),
        ("WARNING", "keys not fetched (HTTP status 404), try 1; next in 1.0 seconds"),
    ]


def test_a_failure_is_logged_without_keys_too(server, clock, caplog):
    """
    A cold start that fails leaves a warning with the reason.
    """
    with pytest.raises(KeysUnavailableError):
        run(remote(server, clock).warm_up())

    assert "HTTP status 404" in caplog.text
