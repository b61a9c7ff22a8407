"""Fetches that never end are given up, and what is left of them harms nobody."""

from __future__ import annotations

import gc
import socket
import threading
import time

import pytest
from tests.faults.issuer import Connection, Issuer, answer, publish, published
from tests.faults.rig import GRACE, PATIENCE, TIMEOUT, Clock, Rig, eventually, fetching_threads, nobody_fetches, signed

from mindpeeker_guard import KeysUnavailableError
from mindpeeker_guard._http import http_library

ASKED = 3.0  # seconds for a fetch that is to hang in the name service: it must have come that far by then


@pytest.fixture
def client():
    """A client of the application's, that keeps its connections."""
    with http_library().Client(trust_env=False) as client:
        yield client


class Resolver:
    """A name service that does not answer before it is told to, the first so many times."""

    def __init__(self, hang: int) -> None:
        self.answers = threading.Event()
        self._hang = hang
        self._original = socket.getaddrinfo

    def __call__(self, host, *arguments, **options):
        if host == "slow.localhost":
            self._hang -= 1
            if self._hang >= 0:
                self.answers.wait(300)
            host = "127.0.0.1"
        return self._original(host, *arguments, **options)


@pytest.fixture
def resolver(monkeypatch):
    resolver = Resolver(hang=1)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.answers.set()
    nobody_fetches()


def test_a_name_that_is_not_resolved(issuer, resolver):
    """
    A name service that hangs holds nobody longer than the limit, and the next try does not wait for it.
    """
    rig = Rig(issuer, url=issuer.url(host="slow.localhost"), timeout=ASKED)

    outcomes = rig.everybody(signed("a"))
    longest = rig.longest_wait()
    health = rig.keys.health()
    rig.limit(PATIENCE)
    rig.clock.skip(10)
    later = rig.check(signed("a"))
    left = fetching_threads()

    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert longest <= ASKED + GRACE
    assert (1, "no answer in time") == (health.failures, health.last_error)
    assert "user-0" == later.subject
    assert 1 == len(left)


class SlowClock(Clock):
    """A clock that takes a while to read, as on a machine that lets a thread wait."""

    def __call__(self) -> float:
        time.sleep(0.05)
        return self.now


def test_who_has_waited_long_enough_finds_the_fetch_given_up(issuer, resolver):
    """
    However long a caller took to start a fetch: when its wait is over, the failure is on record, and when to try again.
    """
    rig = Rig(issuer, url=issuer.url(host="slow.localhost"), timeout=ASKED, clock=SlowClock())

    outcome = rig.outcome(signed("a"))

    assert KeysUnavailableError is type(outcome)
    assert (1, "no answer in time") == (rig.keys.health().failures, rig.keys.health().last_error)
    assert outcome.retry_after


def test_an_answer_from_the_past(issuer, resolver):
    """
    What a fetch brings that was given up long ago does not count, neither as keys nor as a failure.
    """
    rig = Rig(issuer, url=issuer.url(host="slow.localhost"), timeout=ASKED)
    rig.outcome(signed("a"))
    issuer.behave = publish("b")
    rig.limit(PATIENCE)
    rig.clock.skip(10)
    rig.check(signed("b"))
    issuer.behave = publish("a")

    resolver.answers.set()
    assert nobody_fetches()

    health = rig.keys.health()
    assert ({"b": ("ES256",)}, 0, None) == (health.keys, health.failures, health.last_error)


def test_a_name_that_is_not_resolved_while_keys_are_at_hand(issuer, resolver):
    """
    With keys at hand nobody notices a name service that hangs, and a new key is fetched once it works again.
    """
    resolver._hang = 0
    rig = Rig(issuer, url=issuer.url(host="slow.localhost"))
    rig.guard.warm_up()
    resolver._hang = 1
    rig.limit(ASKED)
    rig.clock.skip(301)
    rig.waits.clear()

    eventually(lambda: rig.check(signed("a")) and rig.keys.health().failures)
    waits = list(rig.waits)
    rig.limit(PATIENCE)
    issuer.behave = publish("a", "b")
    rig.clock.skip(10)

    assert [] == waits
    assert "user-0" == rig.check(signed("b")).subject


def kept_alive(then):
    """Give the keys and keep the connection; treat a second request on it with `then`."""

    def behave(connection: Connection) -> None:
        answer(published("a"), close=False)(connection)
        then(connection)

    return behave


def drips_a_header(connection: Connection) -> None:
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    connection.drip()


def test_a_kept_connection_that_drips(issuer, client):
    """
    On a connection that the application's client has kept, a dripping header ends with the time limit too.
    """
    issuer.behave = kept_alive(drips_a_header)
    rig = Rig(issuer, client=client)
    rig.guard.warm_up()
    rig.limit(TIMEOUT)

    rig.refresh()

    assert "user-0" == rig.check(signed("a")).subject
    assert nobody_fetches()


def test_a_kept_connection_that_was_closed(issuer, client):
    """
    A kept connection that the issuer has closed meanwhile is no outage.
    """
    issuer.behave = kept_alive(lambda connection: None)
    rig = Rig(issuer, client=client)
    rig.guard.warm_up()
    issuer.behave = publish("a", "b")

    rig.refresh()

    assert (["a", "b"], 0) == (list(rig.keys.health().keys), rig.keys.health().failures)


def test_nothing_is_left_behind(issuer):
    """
    A hundred tries, good and bad, leave no thread and no open socket behind.
    """
    rig = Rig(issuer)
    behaviours = [publish("a"), Connection.reset, answer(b"x"), publish("a", "b")]
    sockets = _open_sockets(issuer)

    for number in range(20):
        issuer.behave = behaviours[number % 4]
        rig.refresh()
        rig.clock.skip(60)
    assert nobody_fetches()
    eventually(lambda: not [one for one in threading.enumerate() if isinstance(one, threading.Timer)])

    assert sockets >= _open_sockets(issuer)


def _open_sockets(issuer: Issuer) -> int:
    """Return how many sockets are connected to the issuer."""
    gc.collect()
    count = 0
    for one in gc.get_objects():
        if issubclass(type(one), socket.socket) and one.family == socket.AF_INET and one.fileno() >= 0:
            try:
                count += one.getpeername()[1] == issuer.port
            except OSError:
                continue
    return count


@pytest.mark.parametrize("name", ["never answers", "drips the body", "404", "reset"])
def test_discovery_that_fails(issuer, name):
    """
    An issuer that cannot be asked where its keys are is an outage within the same limit, and found when it is back.
    """
    issuer.behave = {
        "never answers": Connection.hold,
        "drips the body": lambda connection: (connection.send(b"HTTP/1.1 200 OK\r\n\r\n"), connection.drip()),
        "404": answer(status=404),
        "reset": Connection.reset,
    }[name]
    base = f"http://127.0.0.1:{issuer.port}"
    rig = Rig(issuer, base=base, timeout=TIMEOUT)

    outcomes = rig.everybody(signed("a"))
    longest = rig.longest_wait()
    issuer.behave = _whole_issuer(base)
    rig.limit(PATIENCE)
    rig.clock.skip(61)

    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert longest <= TIMEOUT + GRACE
    assert "user-0" == rig.check(signed("a")).subject
    assert f"{base}/keys" == rig.keys.health().jwks_uri


def _whole_issuer(base: str):
    """Answer with metadata, and with keys where they say."""

    def behave(connection: Connection) -> None:
        line = connection.request()
        connection.request = lambda: line  # type: ignore[method-assign]
        metadata = {"issuer": base, "jwks_uri": f"{base}/keys"}
        answer(published("a") if " /keys " in line else metadata)(connection)

    return behave
