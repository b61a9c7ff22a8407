"""Fetching a JSON document within limits, over real sockets."""

from __future__ import annotations

import email.utils
import gzip
import json
import socket
import sys
import threading
import time
import zlib
from types import SimpleNamespace

import httpx
import pytest
from tests.support.server import Reply, drip_body, drip_headers, half, hang_up, reset

from mindpeeker_guard import ConfigurationError, __version__, _http
from mindpeeker_guard._http import Fetcher, FetchError, Limits, check_url, http_library
from mindpeeker_guard._http import _max_age as read_max_age
from mindpeeker_guard._http import _retry_after as read_retry_after
from mindpeeker_guard._worker import fork_gate

KEYS = {"keys": []}
CLIENTS = [httpx]
try:
    import httpx2
except ImportError:  # pragma: no cover - it is optional
    pass
else:
    CLIENTS.append(httpx2)


def fetch(url, headers=None, client=None, **limits):
    known = {"connect_timeout": 30, "timeout": 30, "max_bytes": 10_000} | limits
    with Fetcher(Limits(**known), client).session() as fetcher:
        return fetcher.get(url, headers)


@pytest.fixture
def refused():
    """A URL at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/jwks"


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.mindpeeker.com",
        "https://auth.mindpeeker.com:8443/a//b?x=1",
        "HTTPS://auth.mindpeeker.com/",
        "http://localhost:8000/jwks",
        "http://auth.localhost/jwks",
        "http://127.0.0.1/jwks",
        "http://127.9.9.9/jwks",
        "http://[::1]:8000/jwks",
    ],
)
def test_urls_that_may_be_fetched(url):
    """
    https is fetched from anywhere, http from a loopback address only.
    """
    assert url == check_url(url, "jwks_uri")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "auth.mindpeeker.com",
        "http://auth.mindpeeker.com/jwks",
        "http://localhost.evil.com/jwks",
        "http://127.0.0.1.evil.com/jwks",
        "http://10.0.0.1/jwks",
        "http://0.0.0.0/jwks",
        "https://",
        "https:///jwks",
        "file:///etc/passwd",
        "ftp://127.0.0.1/jwks",
        "https://user@auth.mindpeeker.com/",
        "https://user:secret@auth.mindpeeker.com/",
        "https://auth.mindpeeker.com/#keys",
        "https://auth.mindpeeker.com:99999/",
        "https://auth.mindpeeker.com:port/",
        "https://[::1/",
        b"https://auth.mindpeeker.com",
        None,
        5,
    ],
    ids=repr,
)
def test_urls_that_may_not(url):
    """
    Any other URL is a configuration error that names the setting.
    """
    with pytest.raises(ConfigurationError, match="jwks_uri must be an https URL"):
        check_url(url, "jwks_uri")


def test_a_password_in_a_url_is_not_repeated():
    """
    The error about a URL with a password in it does not show the password.
    """
    with pytest.raises(ConfigurationError) as caught:
        check_url("https://user:hunter2@auth.mindpeeker.com/", "jwks_uri")

    assert "hunter2" not in str(caught.value)


def test_a_good_answer(server):
    """
    A good answer has the document, the server's max-age and the validators to send next time.
    """
    headers = {"Cache-Control": "public, max-age=600", "ETag": '"e"', "Last-Modified": "yesterday"}
    server.answer(Reply(KEYS, headers=headers))

    answer = fetch(server.url())

    assert (KEYS, 600) == (answer.members, answer.max_age)
    assert answer.validators == {"if-none-match": '"e"', "if-modified-since": "yesterday"}


def test_what_is_sent(server):
    """
    A request says who asks and what it takes, and carries the validators.
    """
    server.answer(Reply(KEYS))

    fetch(server.url(), {"if-none-match": '"e"'})

    (hit,) = server.hits
    assert hit.headers["User-Agent"] == f"mindpeeker-guard/{__version__}"
    assert hit.headers["Accept"] == "application/json, application/jwk-set+json"
    assert hit.headers["Accept-Encoding"] == "identity"
    assert hit.headers["If-None-Match"] == '"e"'
    assert hit.headers["Authorization"] is None


def test_not_modified(server):
    """
    304 is a good answer without a document.
    """
    server.answer(Reply(status=304, headers={"ETag": '"f"'}))

    answer = fetch(server.url(), {"if-none-match": '"e"'})

    assert answer.members is None
    assert answer.validators == {"if-none-match": '"f"'}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_once_more(server, status):
    """
    After 429 or a 5xx the document is asked for a second time, and no third.
    """
    server.answer(Reply(status=status), Reply(KEYS), path="/busy")
    server.answer(Reply(status=status), path="/broken")

    assert fetch(server.url("/busy")).members == KEYS
    with pytest.raises(FetchError, match=f"HTTP status {status}"):
        fetch(server.url("/broken"))

    assert (server.count("/busy"), server.count("/broken")) == (2, 2)


def test_a_server_that_says_when_is_not_asked_again(server):
    """
    With Retry-After there is no second try; the error says how long to wait.
    """
    server.answer(Reply(status=503, headers={"Retry-After": "42"}))

    with pytest.raises(FetchError) as caught:
        fetch(server.url())

    assert (caught.value.retry_after, caught.value.answered) == (42, True)
    assert server.count() == 1


@pytest.mark.parametrize("status", [201, 204, 206, 301, 302, 307, 308, 400, 401, 403, 404, 410])
def test_other_statuses_are_failures(server, status):
    """
    Any other status is a failure at once; a redirect is not followed.
    """
    server.answer(Reply(KEYS, status=status, headers={"Location": server.url("/elsewhere")}))

    with pytest.raises(FetchError, match=f"HTTP status {status}") as caught:
        fetch(server.url())

    assert caught.value.answered
    assert server.count() == 1


@pytest.mark.parametrize("library", CLIENTS, ids=lambda library: library.__name__)
def test_a_client_that_follows_redirects_does_not_here(server, library):
    """
    A client given by the application, of either library, fetches and follows no redirect either.
    """
    server.answer(Reply(status=302, headers={"Location": server.url("/elsewhere")}), path="/moved")
    server.answer(Reply(KEYS), path="/elsewhere")

    with library.Client(follow_redirects=True, trust_env=False) as client:
        assert fetch(server.url("/elsewhere"), client=client).members == KEYS
        with pytest.raises(FetchError, match="HTTP status 302"):
            fetch(server.url("/moved"), client=client)
        assert fetch(server.url("/elsewhere"), client=client).members == KEYS


@pytest.mark.parametrize("library", CLIENTS, ids=lambda library: library.__name__)
def test_a_client_of_the_applications_that_cannot_connect(refused, library):
    """
    A client given by the application fails like one of ours: no answer came.
    """
    with library.Client(trust_env=False) as client, pytest.raises(FetchError, match="ConnectError") as caught:
        fetch(refused, client=client)

    assert not caught.value.answered


def test_a_closed_client(server):
    """
    A client that the application has closed is a failure, not a crash.
    """
    server.answer(Reply(KEYS))
    client = http_library().Client(trust_env=False)
    client.close()

    with pytest.raises(FetchError):
        fetch(server.url(), client=client)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>maintenance</html>", b"[]", b"null", b'{"keys":[],"keys":[]}', b"\xff", b'{"a":NaN}', b"[" * 9000],
    ids=repr,
)
def test_bodies_that_are_no_json_object(server, body):
    """
    A body that is no strict JSON object is a failure, whatever the status says.
    """
    server.answer(Reply(body))

    with pytest.raises(FetchError, match="JSON") as caught:
        fetch(server.url())

    assert caught.value.answered


def padded(size):
    raw = json.dumps(KEYS).encode()
    return raw + b" " * (size - len(raw))


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        (None, bytes),
        ("identity", bytes),
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
    ],
    ids=lambda value: getattr(value, "__qualname__", str(value)),
)
def test_the_size_limit(server, encoding, pack):
    """
    The limit counts bytes after decompression: what is just as large is read, one byte more is not.
    """
    headers = {"Content-Encoding": encoding} if encoding else {}
    server.answer(Reply(pack(padded(10_000)), headers=headers), path="/fits")
    server.answer(Reply(pack(padded(10_001)), headers=headers), path="/large")

    assert fetch(server.url("/fits")).members == KEYS
    with pytest.raises(FetchError, match="more than 10000 bytes"):
        fetch(server.url("/large"))


def test_a_bomb_does_not_unfold(server):
    """
    A small answer that decompresses to 200 MB is given up at the limit.
    """
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    server.answer(Reply(bomb, headers={"Content-Encoding": "gzip"}))

    with pytest.raises(FetchError, match="more than 10000 bytes"):
        fetch(server.url())


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("br", b"{}", id="not asked for"),
        pytest.param("gzip, gzip", b"{}", id="twice"),
        pytest.param("gzip", b"{}", id="not packed"),
        pytest.param("gzip", gzip.compress(b'{"keys":[]}')[:-14], id="cut off"),
        pytest.param("deflate", b"\xff\xff", id="broken"),
    ],
)
def test_encodings_that_cannot_be_read(server, encoding, body):
    """
    An encoding that is unknown, or packed data that is damaged, is a failure.
    """
    server.answer(Reply(body, headers={"Content-Encoding": encoding}))

    with pytest.raises(FetchError):
        fetch(server.url())


def test_nobody_forks_while_a_client_is_made(server, monkeypatch):
    """
    Our own client is made inside the gate for forks, which is free from then on.
    """
    seen = []

    class Client(http_library().Client):
        def __init__(self, **options):
            seen.append(fork_gate.inside)
            super().__init__(**options)

    monkeypatch.setattr(http_library(), "Client", Client)
    server.answer(Reply(KEYS))

    with Fetcher(Limits(connect_timeout=30, timeout=30, max_bytes=10_000)).session() as session:
        seen.append(fork_gate.inside)
        session.get(server.url())

    assert [1, 0, 0] == [*seen, fork_gate.inside]


def test_nobody_listens(refused):
    """
    A refused connection is a failure without an answer.
    """
    with pytest.raises(FetchError, match="ConnectError") as caught:
        fetch(refused)

    assert not caught.value.answered


@pytest.mark.parametrize("act", [reset, hang_up, half], ids=lambda act: act.__name__)
def test_broken_connections(server, act):
    """
    A connection that breaks is a failure.
    """
    server.answer(Reply(act=act))

    with pytest.raises(FetchError):
        fetch(server.url())


def test_a_server_that_does_not_answer(server):
    """
    Past the time limit the fetch is a failure.
    """
    server.answer(Reply(KEYS, gate=threading.Event()))

    with pytest.raises(FetchError, match=r"Timeout|timed out"):
        fetch(server.url(), timeout=0.2)


@pytest.mark.parametrize("act", [drip_body, drip_headers], ids=lambda act: act.__name__)
def test_a_server_that_drips(server, act):
    """
    The time limit is one for the whole fetch: bytes that come one by one, for minutes, do not extend it.
    """
    server.answer(Reply(act=act))

    with pytest.raises(FetchError, match=r"Timeout|timed out"):
        fetch(server.url(), timeout=0.3)


def test_a_drip_that_no_watchdog_ends(server, monkeypatch):
    """
    Where the connection cannot be cut from outside, a dripping body is given up between two reads.
    """
    monkeypatch.setattr(threading.Timer, "run", lambda _: None)
    server.answer(Reply(act=drip_body))

    with pytest.raises(FetchError, match=r"Timeout|timed out"):
        fetch(server.url(), timeout=0.3)


def test_a_session_that_was_aborted(server):
    """
    A session that was aborted cuts every connection that it makes.
    """
    server.answer(Reply(KEYS))

    with Fetcher(Limits(connect_timeout=30, timeout=30, max_bytes=10_000)).session() as session:
        session.abort()
        with pytest.raises(FetchError, match="timed out"):
            session.get(server.url())


@pytest.fixture
def late(monkeypatch):
    """A function that has so many seconds pass while the server makes up its mind, and answers with 500."""
    passed = [0.0]
    monotonic = time.monotonic
    monkeypatch.setattr(_http, "time", SimpleNamespace(monotonic=lambda: monotonic() + passed[0], time=time.time))

    def answers_after(seconds):
        def act(handler):
            passed[0] += seconds
            handler.wfile.write(b"HTTP/1.1 500 Whatever\r\nContent-Length: 0\r\n\r\n")

        return Reply(act=act)

    return answers_after


def test_no_time_is_left_for_the_retry(server, late):
    """
    One limit holds for both tries together: a first one that takes it all leaves nothing for the second.
    """
    server.answer(late(3600), Reply(KEYS))

    with pytest.raises(FetchError, match="timed out"):
        fetch(server.url(), timeout=3600)

    assert server.count() == 1


def test_little_time_is_left_for_the_retry(server, late):
    """
    The second try has what the first one left: a tenth of a second here, of an hour.
    """
    server.answer(late(3600 - 0.1), Reply(KEYS, gate=threading.Event()))

    with pytest.raises(FetchError, match=r"Timeout|timed out"):
        fetch(server.url(), timeout=3600)


def test_no_time_is_left(server):
    """
    Once the time is up nothing is sent any more.
    """
    with pytest.raises(FetchError, match="timed out"):
        fetch(server.url(), timeout=-1)

    assert server.count() == 0


def test_a_url_that_the_client_does_not_take():
    """
    A URL that passes our check and not the client's is a failure, not a crash.
    """
    with pytest.raises(FetchError):
        fetch("http://localhost\x01/")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", None),
        ("no-store", None),
        ("max-age=60", 60),
        ("MAX-AGE = 60", 60),
        ('public,max-age="60"', 60),
        ("s-maxage=5, max-age=60", 60),
        ("s-max-age=5", None),
        ("max-age=0", 0),
        ("max-age=-5", None),
        ("max-age=x", None),
        ("max-age=99999999999999999999", 999_999_999),
    ],
    ids=repr,
)
def test_max_age(value, expected):
    """
    `max-age` is read out of Cache-Control, and nothing that only looks like it.
    """
    assert expected == read_max_age(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("7", 7),
        ("300", 300),
        ("301", 300),
        ("9" * 5000, 300),
        ("-5", 0),
        ("1.5", 0),
        ("٣", 0),
        ("soon", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300),
        ("Fri, 99 Foo 0000 99:99:99 GMT", 0),
    ],
    ids=ascii,
)
def test_retry_after(value, expected):
    """
    Retry-After is a number of seconds or a date, 300 seconds at most; anything else is none.
    """
    assert expected == read_retry_after(value)


def test_retry_after_as_a_date():
    """
    A date counts from now.
    """
    at = int(time.time()) + 100
    date = email.utils.formatdate(at, usegmt=True)

    before = time.time()
    seconds = read_retry_after(date)

    assert at - time.time() <= seconds <= at - before


def test_either_library_will_do(monkeypatch):
    """
    Where `httpx2` is not installed, `httpx` is used.
    """
    monkeypatch.setitem(sys.modules, "httpx2", None)

    assert http_library() is httpx
