"""From an issuer to its metadata, over real sockets."""

from __future__ import annotations

import pytest
from tests.support.server import Reply, hang_up

from mindpeeker_guard._discovery import discover_jwks_uri, metadata_urls
from mindpeeker_guard._http import Fetcher, FetchError, Limits

OAUTH = "/.well-known/oauth-authorization-server"
OIDC = "/.well-known/openid-configuration"
JWKS = "https://auth.mindpeeker.com/jwks"


def discover(issuer):
    with Fetcher(Limits(connect_timeout=30, timeout=30, max_bytes=10_000)).session() as fetcher:
        return discover_jwks_uri(issuer, fetcher)


def metadata(server, path="", **members):
    return Reply({"issuer": server.url(path), "jwks_uri": JWKS} | members)


@pytest.mark.parametrize(
    ("issuer", "paths"),
    [
        pytest.param("https://a.com", [OAUTH, OIDC], id="no path"),
        pytest.param("https://a.com/", [OAUTH, OIDC], id="a slash"),
        pytest.param("https://a.com/t", [f"{OAUTH}/t", f"/t{OIDC}", f"/t{OAUTH}"], id="a path"),
        pytest.param("https://a.com/t/u/", [f"{OAUTH}/t/u", f"/t/u{OIDC}", f"/t/u{OAUTH}"], id="a path and a slash"),
    ],
)
def test_where_metadata_may_be(issuer, paths):
    """
    RFC 8414's place comes first, then OpenID Connect's; an issuer's path is inserted or appended.
    """
    assert tuple(f"https://a.com{path}" for path in paths) == metadata_urls(issuer)


@pytest.mark.parametrize("place", [f"{OAUTH}/tenant", f"/tenant{OIDC}", f"/tenant{OAUTH}"])
def test_any_of_the_places_will_do(server, place):
    """
    The first place that has a document of the issuer's is believed.
    """
    server.answer(metadata(server, "/tenant"), path=place)

    assert discover(server.url("/tenant")) == JWKS


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(b"<html>Welcome</html>"), id="a page that answers everything"),
        pytest.param(Reply([]), id="a list"),
        pytest.param(Reply({}), id="an empty object"),
        pytest.param(Reply({"issuer": "https://evil.com", "jwks_uri": "https://evil.com/jwks"}), id="another issuer"),
        pytest.param(Reply(status=302, headers={"Location": "https://evil.com"}), id="a redirect"),
        pytest.param(Reply(status=403), id="forbidden"),
        pytest.param(Reply(status=304), id="not modified"),
    ],
)
def test_a_wrong_document_is_passed_over(server, reply):
    """
    What is no metadata of this very issuer is passed over.
    """
    server.answer(reply, path=OAUTH)
    server.answer(metadata(server), path=OIDC)

    assert discover(server.url("")) == JWKS


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"jwks_uri": None}, id="null"),
        pytest.param({"jwks_uri": 5}, id="number"),
        pytest.param({"jwks_uri": ["https://a.com"]}, id="list"),
        pytest.param({"jwks_uri": ""}, id="empty"),
        pytest.param({"jwks_uri": "/jwks"}, id="relative"),
        pytest.param({"jwks_uri": "http://a.com/jwks"}, id="not https"),
        pytest.param({"jwks_uri": "file:///etc/passwd"}, id="a file"),
    ],
)
def test_a_jwks_uri_must_be_usable(server, changes):
    """
    A `jwks_uri` that may not be fetched is as good as none.
    """
    server.answer(metadata(server, **changes), path=OAUTH)

    with pytest.raises(FetchError, match="discovery"):
        discover(server.url(""))


def test_the_issuer_is_compared_to_the_letter(server):
    """
    A last slash too many in the metadata makes it another issuer.
    """
    server.answer(metadata(server, "/"), path=OAUTH)

    with pytest.raises(FetchError, match="discovery"):
        discover(server.url(""))


def test_nowhere(server):
    """
    Where no place has metadata, the failure says so and every place was asked.
    """
    with pytest.raises(FetchError, match="discovery: HTTP status 404"):
        discover(server.url("/t"))

    assert server.count() == 3


def test_a_server_that_cannot_be_reached_is_not_asked_thrice(server):
    """
    Where no answer comes at all, the other places are not tried.
    """
    server.answer(Reply(act=hang_up), path=OAUTH)
    server.answer(metadata(server), path=OIDC)

    with pytest.raises(FetchError, match="discovery"):
        discover(server.url(""))

    assert server.count(OIDC) == 0


def test_retry_after_is_handed_on(server):
    """
    The failure says how long the server asked to wait.
    """
    for path in (OAUTH, OIDC):
        server.answer(Reply(status=503, headers={"Retry-After": "77"}), path=path)

    with pytest.raises(FetchError) as caught:
        discover(server.url(""))

    assert caught.value.retry_after == 77
