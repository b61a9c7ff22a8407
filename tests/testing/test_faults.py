"""The fake issuer fails in every way, on demand."""

from __future__ import annotations

import pytest
from tests.testing.wire import ask, shown

from mindpeeker_guard import (
    ConfigurationError,
    Guard,
    JWTBearer,
    KeysUnavailableError,
    RemoteKeySet,
)


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("500", 500, b'{"error":"server_error"}'),
        ("html", 200, b"<!doctype html><title>Maintenance</title>"),
        ("empty", 200, b""),
        ("304", 304, b""),
    ],
)
def test_what_a_fault_looks_like(issuer, fault, status, body):
    """
    While a fault lasts every document is broken; afterwards every document is good.
    """
    with issuer.fault(fault):
        broken = ask(issuer.jwks_uri)

    assert (status, body) == (broken[0], broken[2])
    assert 200 == ask(issuer.jwks_uri)[0]


@pytest.mark.parametrize("fault", ["500", "html", "empty", "oversize", "reset", "304"])
def test_a_guard_without_keys(issuer, guard, fault):
    """
    While the issuer has a fault, a guard that never had its keys cannot tell: that is 503, not 401.
    """
    with issuer.fault(fault), pytest.raises(KeysUnavailableError):
        guard.check(shown(issuer.token()))


@pytest.mark.parametrize("fault", ["500", "html", "empty", "oversize", "reset"])
def test_a_guard_with_keys(issuer, guard, clock, fault):
    """
    A guard that has keys goes on with them through every fault.
    """
    guard.check(shown(issuer.token()))
    clock.advance(700)

    with issuer.fault(fault):
        assert "user-1" == guard.check(shown(issuer.token())).subject
        assert guard.health()["Bearer"].failures


def test_a_slow_issuer(issuer):
    """
    A slow issuer does not answer until the fault is over, and then hangs up.
    """
    guard = Guard(JWTBearer(issuer.issuer, keys=RemoteKeySet(issuer.jwks_uri, timeout=0.2, connect_timeout=0.2)))

    with issuer.fault("slow"), pytest.raises(KeysUnavailableError):
        guard.check(shown(issuer.token()))

    assert 200 == ask(issuer.jwks_uri)[0]


def test_a_fault_until_further_notice(issuer):
    """
    A fault can be put on and taken away, and a block inside of it gives it back.
    """
    issuer.behave("500")
    with issuer.fault("html"):
        inside = ask(issuer.jwks_uri)[0]

    assert (200, 500) == (inside, ask(issuer.jwks_uri)[0])
    issuer.behave()
    assert 200 == ask(issuer.jwks_uri)[0]


def test_no_such_fault(issuer):
    """
    A fault that does not exist is a mistake that names those there are.
    """
    with pytest.raises(ConfigurationError, match="500, html, empty, slow, oversize, reset, 304"):
        issuer.behave("502")


def test_an_outage(issuer, guard):
    """
    An issuer that is stopped refuses connections, and keeps its port: it is the same when it is started again.
    """
    issuer.start()
    url, token = issuer.url, issuer.token()
    issuer.stop()
    issuer.stop()

    with pytest.raises(KeysUnavailableError):
        guard.check(shown(token))
    issuer.start()
    assert issuer.url == url
    assert 200 == ask(issuer.jwks_uri)[0]
