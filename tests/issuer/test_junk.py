"""No input of any kind is a server error, and nothing that fails is stored."""

from __future__ import annotations

import socket
from urllib.parse import urlencode, urlsplit

import pytest

FORM = "application/x-www-form-urlencoded"
GOOD = {
    "grant_type": "client_credentials",
    "client_id": "your_client_id",
    "client_secret": "p+ss w%rd/very-secret-42",
}
BODY = urlencode(GOOD)


def post(http, issuer, body, content_type=FORM, path="", **headers):
    sent = {"Content-Type": content_type, **headers} if content_type is not None else headers
    return http.post(issuer.token_endpoint + path, content=body, headers=sent)


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"", FORM, "invalid_request"),
        (b"", None, "invalid_request"),
        (BODY, None, "invalid_request"),
        (BODY, "application/json", "invalid_request"),
        (BODY, "text/plain", "invalid_request"),
        (BODY, "multipart/form-data", "invalid_request"),
        (BODY, "multipart/form-data; boundary=x", "invalid_request"),
        (BODY, "application/x-www-form-urlencoded-not", "invalid_request"),
        (BODY, ";;;=/%", "invalid_request"),
        (b'{"grant_type": "client_credentials"}', "application/json", "invalid_request"),
        (b'{"grant_type": "client_credentials"}', FORM, "invalid_request"),
        (b"\x00\xff\xfe" * 1000, FORM, "invalid_request"),
        (b"&" * 5000, FORM, "invalid_request"),
        (b"=&=&=", FORM, "invalid_request"),
        (b"%", FORM, "invalid_request"),
        (b"grant_type", FORM, "invalid_request"),
        (b"grant_type=", FORM, "invalid_request"),
        (b"client_id=your_client_id", FORM, "invalid_request"),
        (BODY + "&grant_type=client_credentials", FORM, "invalid_request"),
        (BODY + "&scope=profile&scope=profile", FORM, "invalid_request"),
        (BODY + "&client_secret=other", FORM, "invalid_request"),
        (BODY + "&x=1&x=2", FORM, "invalid_request"),
        (BODY.replace("client_credentials", "password"), FORM, "unsupported_grant_type"),
        (BODY.replace("client_credentials", "authorization_code"), FORM, "unsupported_grant_type"),
        (BODY.replace("client_credentials", "refresh_token"), FORM, "unsupported_grant_type"),
        (BODY.replace("client_credentials", "Client_Credentials"), FORM, "unsupported_grant_type"),
        (BODY.replace("client_credentials", "%00%22%5C%E2%82%AC%FF"), FORM, "unsupported_grant_type"),
        (BODY.replace("client_credentials", "a" * 60_000), FORM, "unsupported_grant_type"),
        (BODY + "&scope=%ED%A0%80", FORM, "invalid_scope"),
        (BODY + "&scope=%00", FORM, "invalid_scope"),
    ],
)
def test_junk_bodies_are_400(shared, http, body, content_type, error):
    """Each is refused as JSON with the error code of RFC 6749 section 5.2, and none is stored."""
    response = post(http, shared, body, content_type)

    assert (400, error) == (response.status_code, response.json()["error"])
    assert ["error", "error_description"] == list(response.json())
    assert ("application/json", "no-store", "no-cache") == tuple(
        response.headers[name] for name in ("content-type", "cache-control", "pragma")
    )


def test_unknown_parameters_are_ignored(shared, http):
    """A server ignores parameters it does not know (RFC 6749 section 3.2)."""
    assert 200 == post(http, shared, BODY + "&audience=x&resource=y").status_code


def test_charset_of_a_form_is_ignored(shared, http):
    """Forms are UTF-8, whatever they say."""
    assert 200 == post(http, shared, BODY, f"{FORM}; charset=utf-16").status_code


@pytest.mark.parametrize("query", ["?" + BODY, "?grant_type=client_credentials", "?x"])
def test_parameters_in_the_url_are_refused(shared, http, query):
    """Credentials do not belong into a URL (RFC 6749 section 2.3.1); not even beside a good body."""
    alone = post(http, shared, b"", path=query)
    beside = post(http, shared, BODY, path=query)

    assert [(400, "invalid_request")] * 2 == [(r.status_code, r.json()["error"]) for r in (alone, beside)]


@pytest.mark.parametrize("size", [64 * 1024 + 1, 5_000_000])
def test_huge_bodies_are_413(shared, http, size):
    """A body over 64 KiB is refused unread."""
    response = post(http, shared, b"x" * size)

    assert (413, "invalid_request") == (response.status_code, response.json()["error"])
    assert "no-store" == response.headers["cache-control"]


def test_huge_chunked_bodies_are_413(shared, http):
    """The limit holds where no length is announced."""
    response = post(http, shared, (b"x" * 1024 for _ in range(200)))

    assert 413 == response.status_code


def test_the_limit_itself_is_allowed(shared, http):
    """64 KiB is not over 64 KiB, announced or in chunks."""
    body = f"{BODY}&x=".encode().ljust(64 * 1024, b"x")

    assert [200, 200] == [post(http, shared, body).status_code, post(http, shared, iter([body])).status_code]


def test_good_chunked_bodies_are_read(shared, http):
    """A form in chunks is a form."""
    assert 200 == post(http, shared, iter([BODY[:9].encode(), BODY[9:].encode()])).status_code


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "X" * 100])
def test_other_methods_are_405(shared, http, method):
    """The token endpoint takes POST (RFC 6749 section 3.2), and says so."""
    response = http.request(method, shared.token_endpoint)

    assert 405 == response.status_code
    assert "POST" in response.headers["allow"]
    assert "no-store" == response.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/oauth2",
        "/oauth2/token/",
        "//oauth2//token",
        "/oauth2/authorize",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/other",
        "/%00",
        "/%ff%fe",
        "/" + "a" * 10_000,
        "/../../etc/passwd",
        "/static/x",
    ],
)
def test_other_paths_are_404(shared, http, path):
    """What is not there is 404 as JSON, without redirects; OIDC discovery is not there."""
    response = http.get(shared.url + path)

    assert (404, "invalid_request") == (response.status_code, response.json()["error"])
    assert "no-store" == response.headers["cache-control"]


@pytest.mark.parametrize("host", ["evil.example", "", "a b", "[", "\xe9", "mindpeeker.com:99999", "h" * 5000])
def test_host_header_does_not_matter(shared, http, host):
    """Neither tokens nor metadata depend on what a client calls the server."""
    token = post(http, shared, BODY, Host=host.encode("latin-1"))
    metadata = http.get(shared.metadata_url, headers={"Host": host.encode("latin-1")})

    assert [200, 200] == [token.status_code, metadata.status_code]
    assert shared.url == metadata.json()["issuer"]


HEAD = f"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        "junk\r\n\r\n",
        "\x00\x01\x02\r\n\r\n",
        "GET http://[ HTTP/1.1\r\n\r\n",
        "POST //[/oauth2/token HTTP/1.1\r\n\r\n",
        "GET /%zz HTTP/1.1\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /oauth2/token HTTP/1.0\r\n\r\n",
        "GET /" + "a" * 70_000 + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" + "X: y\r\n" * 200 + "\r\n",
        HEAD + "Content-Length: abc\r\n\r\n",
        HEAD + "Authorization: Basic \r\nContent-Length: 29\r\n\r\ngrant_type=client_credentials",
        HEAD + "Authorization:\r\nContent-Length: 29\r\n\r\ngrant_type=client_credentials",
        HEAD + "Content-Type: \x00\r\nContent-Length: 29\r\n\r\ngrant_type=client_credentials",
        HEAD + "Content-Length: -1\r\n\r\n",
        HEAD + "Content-Length: 99999999999999999999\r\n\r\n",
        HEAD + "Content-Length: 500\r\n\r\ngrant_type=client_credentials",
        HEAD + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + "Transfer-Encoding: chunked\r\n\r\n-5\r\n",
        HEAD + "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        HEAD + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    ],
)
def test_broken_http_is_never_a_server_error(shared, capfd, raw):
    """Requests that are hardly HTTP get a 4xx (or HTTP's own 505), and nothing is printed."""
    parts = urlsplit(shared.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(raw.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 400  # HTTP/0.9 has no status line
    assert 400 <= status < 500 or status == 505
    assert ("", "") == capfd.readouterr()
