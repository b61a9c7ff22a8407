"""What a guard reads of a request."""

from __future__ import annotations

import pytest

from mindpeeker_guard import ASGIRequest, Request, WSGIRequest


def asgi(headers=(), **scope):
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return ASGIRequest({"type": "http", "headers": raw, **scope})


@pytest.mark.parametrize("headers", [{"X-One": "a"}, [("X-One", "a")], (pair for pair in [("x-ONE", "a")])])
def test_header_names_have_no_case(headers):
    """
    Headers are found by their name in small letters, however they came.
    """
    request = Request("GET", "/", headers)

    assert ["a"] == list(request.values("x-one"))
    assert [] == list(request.values("x-two"))


def test_repeated_headers_stay_apart():
    """
    Every value of a repeated header is returned, in order.
    """
    pairs = [("Authorization", "Bearer a"), ("X", "y"), ("authorization", "Bearer b")]

    assert ["Bearer a", "Bearer b"] == list(Request("GET", "/", pairs).values("authorization"))
    assert ["Bearer a", "Bearer b"] == list(asgi(pairs).values("authorization"))


def test_the_plain_form():
    """
    A plain request has what it was made with.
    """
    request = Request("POST", "https://api.mindpeeker.com/v1", peer="203.0.113.9")

    assert ("POST", "https://api.mindpeeker.com/v1", "203.0.113.9") == (request.method, request.url, request.peer)
    assert (Request().method, Request().url, Request().peer) == ("GET", "", None)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], {}, id="none"),
        pytest.param([("Cookie", "a=1; access_token=x.y.z")], {"a": "1", "access_token": "x.y.z"}, id="two"),
        pytest.param(
            [("Cookie", "a=1"), ("Cookie", "b=2")], {"a": "1", "b": "2"}, id="two headers, as HTTP/2 has them"
        ),
        pytest.param([("Cookie", 'a="x y"')], {"a": "x y"}, id="quoted"),
        pytest.param([("Cookie", "")], {}, id="empty"),
        pytest.param([("Cookie", "expires=1; =2; \x00")], {}, id="not well-formed"),
    ],
)
def test_cookies(headers, expected):
    """
    Cookies are read from every cookie header; there are none where it is not well-formed.
    """
    assert expected == Request("GET", "/", headers).cookies
    assert expected == asgi(headers).cookies


def test_cookies_that_no_parser_takes():
    """
    A cookie header that the parser refuses is as good as none.
    """
    assert {} == Request(headers={"Cookie": "access_token=x; a@b=1"}).cookies


def test_wsgi():
    """
    A WSGI request is read from its environ, which holds each header once.
    """
    request = WSGIRequest(
        {
            "REQUEST_METHOD": "DELETE",
            "wsgi.url_scheme": "https",
            "HTTP_HOST": "api.mindpeeker.com",
            "SCRIPT_NAME": "/v1",
            "PATH_INFO": "/sessions/\xc3\xa4 b",
            "QUERY_STRING": "a=%20b",
            "REMOTE_ADDR": "203.0.113.9",
            "HTTP_X_API_KEY": "key",
            "HTTP_COOKIE": "a=1",
        }
    )

    assert request.method == "DELETE"
    assert request.url == "https://api.mindpeeker.com/v1/sessions/%C3%A4%20b?a=%20b"
    assert request.peer == "203.0.113.9"
    assert list(request.values("x-api-key")) == ["key"]
    assert list(request.values("authorization")) == []
    assert request.cookies == {"a": "1"}


def test_wsgi_without_anything():
    """
    An environ with next to nothing in it is read without an error.
    """
    request = WSGIRequest({"SERVER_NAME": "localhost", "SERVER_PORT": "8000"})

    assert (request.method, request.url, request.peer) == ("GET", "http://localhost:8000", None)


def test_asgi():
    """
    An ASGI request is read from its connection scope.
    """
    request = asgi(
        [("Host", "api.mindpeeker.com"), ("X-Name", "\xe9")],
        method="PUT",
        scheme="https",
        path="/v1/a b",
        raw_path=b"/v1/a%20b",
        query_string=b"q=1",
        client=("203.0.113.9", 5000),
    )

    assert (request.method, request.peer) == ("PUT", "203.0.113.9")
    assert request.url == "https://api.mindpeeker.com/v1/a%20b?q=1"
    assert list(request.values("x-name")) == ["\xe9"]


@pytest.mark.parametrize(
    ("scope", "url"),
    [
        pytest.param({}, "http://", id="nothing"),
        pytest.param({"server": ("localhost", 8000), "path": "/a b"}, "http://localhost:8000/a%20b", id="no raw path"),
        pytest.param({"server": ("/run/sock", None), "path": "/a"}, "http:///run/sock/a", id="unix socket"),
        pytest.param({"server": None, "client": None}, "http://", id="not known"),
    ],
)
def test_asgi_without_much(scope, url):
    """
    What a connection scope need not hold may be missing.
    """
    request = asgi(**scope)

    assert url == request.url
    assert (request.method, request.peer) == ("GET", None)


def test_a_websocket_handshake_is_a_get():
    """
    A WebSocket handshake has no method in its scope, and is a GET.
    """
    assert asgi(type="websocket", scheme="wss", path="/ws").method == "GET"


class Headers:
    """Headers that are no list: what a server may hand over (ASGI, "headers": an iterable of pairs)."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __iter__(self):
        return iter(self.pairs)


@pytest.mark.parametrize("kind", [list, tuple, Headers, lambda pairs: [list(pair) for pair in pairs]])
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([], None),
        ([(b"accept", b"x")], None),
        ([(b"accept", b"x"), (b"authorization", b"Bearer t\xe9"), (b"host", b"y")], "Bearer t\xe9"),
        ([(b"authorization", b"")], ""),
        ([(b"authorization", b"Bearer t"), (b"authorization", b"Bearer t")], None),
        ([(b"x", b"authorization")], None),
    ],
    ids=["none", "another", "one", "empty", "two", "as a value"],
)
def test_the_one_authorization_header_of_asgi(kind, sent, expected):
    """
    It is found whatever headers come in, and none is where there are two.
    """
    request = ASGIRequest({"type": "http", "headers": kind(sent)})

    assert request.authorization == expected
    assert len(request.values("authorization")) == sum(name == b"authorization" for name, _ in sent)


def test_the_one_authorization_header():
    """
    The plain form and that of WSGI tell the same.
    """
    one, two = [("Authorization", "Bearer t")], [("authorization", "a"), ("AUTHORIZATION", "b")]

    assert [Request(headers=sent).authorization for sent in ([], one, two)] == [None, "Bearer t", None]
    assert WSGIRequest({"HTTP_AUTHORIZATION": "Bearer t"}).authorization == "Bearer t"
    assert WSGIRequest({}).authorization is None
