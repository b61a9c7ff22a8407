"""TLS that cannot be trusted is an outage like any other; TLS that can is used."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from tests.faults.certificates import Authority, bad_servers
from tests.faults.issuer import Connection, Issuer, publish
from tests.faults.rig import GRACE, TIMEOUT, Rig, nobody_fetches, signed

from mindpeeker_guard import KeysUnavailableError
from mindpeeker_guard._http import Fetcher, FetchError, Limits, Session, http_library
from mindpeeker_guard._worker import fork_gate

BAD = ["self-signed", "another authority's", "wrong host", "no host", "expired", "not valid yet"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def bad(authority, tmp_path_factory):
    return bad_servers(authority, Authority(tmp_path_factory.mktemp("other"), "other"))


@pytest.fixture
def good(authority):
    return authority.server("good")


@pytest.fixture
def client(authority):
    with http_library().Client(verify=authority.trusting(), trust_env=False) as client:
        yield client


@pytest.fixture
def secured(good):
    with Issuer(context=good) as issuer:
        yield issuer


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_client_that_knows_the_authority(secured, client, host):
    """
    A client with the authority's certificate fetches keys over TLS, by address and by name.
    """
    rig = Rig(secured, url=secured.url("https", host), client=client)

    outcomes = rig.everybody(signed("a"))

    assert {"user-0"} == {outcome.subject for outcome in outcomes}
    assert 1 == secured.requests


def test_an_authority_from_the_environment(secured, authority, tmp_path, monkeypatch):
    """
    Without a client of one's own, SSL_CERT_FILE names the authorities, as with any other client of the library.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    (tmp_path / "authority.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    rig = Rig(secured, url=secured.url("https"))

    assert "user-0" == rig.check(signed("a")).subject


def test_by_default_only_public_authorities_are_trusted(secured, monkeypatch):
    """
    A server with a certificate of a private authority is not believed, and no request is sent to it.
    """
    monkeypatch.delenv("SSL_CERT_FILE")
    rig = Rig(secured, url=secured.url("https"))

    outcomes = rig.everybody(signed("a"))

    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert 0 == secured.requests
    assert secured.connections <= 2


@pytest.mark.parametrize("kind", BAD)
def test_cold(secured, client, bad, kind):
    """
    Behind a certificate that is not good there are no keys: 503 for all, after one fetch and its retry.
    """
    secured.context = bad[kind]
    rig = Rig(secured, url=secured.url("https"), client=client)

    outcomes = rig.everybody(signed("a"))

    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert {503} == {rig.guard.refusal(outcome).status for outcome in outcomes}
    assert 0 == secured.requests
    assert secured.connections <= 2
    assert nobody_fetches()


@pytest.mark.parametrize("kind", BAD)
def test_warm(secured, client, bad, good, kind):
    """
    While the certificate is not good the keys in hand are, and a good one is believed again at once.
    """
    rig = Rig(secured, url=secured.url("https"), client=client)
    rig.guard.warm_up()
    secured.context = bad[kind]
    secured.behave = publish("b")

    rig.refresh()
    old, new, health = rig.outcome(signed("a")), rig.outcome(signed("b")), rig.keys.health()
    secured.context = good
    rig.clock.skip(10)

    assert "user-0" == old.subject
    assert isinstance(new, KeysUnavailableError)
    assert (1, ["a"]) == (health.failures, list(health.keys))
    assert health.last_error
    assert "user-0" == rig.check(signed("b")).subject


def _handshake(data: bytes):
    def behave(connection: Connection) -> None:
        connection.socket.recv(10)
        connection.send(data)
        connection.drip(b"\0")

    return behave


def _reset_amid_handshake(connection: Connection) -> None:
    connection.socket.recv(10)
    connection.reset()


# Python itself leaves a socket unclosed that is reset before it begins with TLS, and closes it with a warning.
_as_python_does = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")


@pytest.mark.parametrize(
    ("behave", "scheme"),
    [
        pytest.param(publish("a"), "https", id="plain HTTP on a TLS port"),
        pytest.param(Connection.hold, "https", id="handshake never answered"),
        pytest.param(Connection.reset, "https", id="reset before the handshake", marks=_as_python_does),
        pytest.param(_reset_amid_handshake, "https", id="handshake reset"),
        pytest.param(_handshake(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"), "https", id="handshake drips"),
        pytest.param(_handshake(b"\x15\x03\x03\x00\x02\x02\x28"), "https", id="handshake refused"),
    ],
)
def test_no_handshake(issuer, client, behave, scheme):
    """
    A handshake that fails, hangs or drips is over within the time limit, and so is its thread.
    """
    issuer.behave = behave
    rig = Rig(issuer, url=issuer.url(scheme), client=client, timeout=TIMEOUT)

    outcomes = rig.everybody(signed("a"))

    assert rig.longest_wait() <= TIMEOUT + GRACE
    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert issuer.connections <= 2
    assert nobody_fetches()


def test_nobody_forks_amid_a_handshake(issuer, client):
    """
    A fork waits for a handshake under way, and for no other part of a fetch; one that fails lets it pass.
    """
    seen = []

    def behave(connection: Connection) -> None:
        connection.socket.recv(10)
        seen.append(fork_gate.inside)

    issuer.behave = behave
    rig = Rig(issuer, url=issuer.url("https"), client=client)

    assert isinstance(rig.outcome(signed("a")), KeysUnavailableError)
    assert nobody_fetches()
    assert {1} == set(seen)
    assert 0 == fork_gate.inside


def test_forks_pass_while_an_answer_is_awaited(secured, client):
    """
    Once a connection is secured nothing holds a fork up.
    """
    seen = []

    def behave(connection: Connection) -> None:
        connection.request()
        seen.append(fork_gate.inside)
        connection.send(b"HTTP/1.1 404 Whatever\r\nContent-Length: 0\r\n\r\n")

    secured.behave = behave
    rig = Rig(secured, url=secured.url("https"), client=client)

    assert isinstance(rig.outcome(signed("a")), KeysUnavailableError)
    assert [0] == seen


def test_tls_on_a_plain_port(secured):
    """
    A server that wants TLS gives nothing to a client that does not speak it.
    """
    rig = Rig(secured)

    outcomes = rig.everybody(signed("a"))

    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert 0 == secured.requests


@pytest.mark.parametrize("drip", [b"X-Slow: ", b"Content-Length: 9999\r\n\r\n"], ids=["header", "body"])
def test_drips_over_tls(secured, client, drip):
    """
    Bytes that come one by one through TLS end with the time limit too.
    """

    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + drip)
        connection.drip()

    secured.behave = behave
    rig = Rig(secured, url=secured.url("https"), client=client, timeout=TIMEOUT)

    outcomes = rig.everybody(signed("a"))

    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert nobody_fetches()


def test_a_connection_that_is_cut_is_believed_no_more(secured, good, client, monkeypatch):
    """
    When time is up nothing that still arrives is an answer, least of all what somebody on the way writes past TLS.
    """
    written = threading.Event()

    def behave(connection: Connection) -> None:
        connection.request()
        with socket.socket(fileno=os.dup(connection.socket.fileno())) as past_tls:
            past_tls.sendall(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
        written.set()
        connection.hold()

    def trace(session, event, info):
        original(session, event, info)
        if event.endswith("receive_response_headers.started"):  # between two reads
            written.wait(30)
            session.abort()

    original = Session._trace
    monkeypatch.setattr(Session, "_trace", trace)
    secured.behave = behave
    good.num_tickets = 0  # with tickets underway the client may stumble over those instead

    fetcher = Fetcher(Limits(connect_timeout=30, timeout=30, max_bytes=10_000), client)
    with fetcher.session() as session, pytest.raises(FetchError):
        session.get(secured.url("https"))
