"""The two published documents: metadata (RFC 8414) and key set, and how they are cached."""

from __future__ import annotations

import pytest

from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.issuer import EmbeddedIssuer


def test_metadata(shared, http):
    """The document has what RFC 8414 section 2 requires, and nothing that does not exist yet."""
    response = http.get(f"{shared.url}/.well-known/oauth-authorization-server")

    assert (200, "application/json") == (response.status_code, response.headers["content-type"])
    assert {
        "issuer": shared.url,
        "token_endpoint": f"{shared.url}/oauth2/token",
        "jwks_uri": shared.jwks_uri,
        "scopes_supported": ["profile", "remote-viewing:read", "remote-viewing:write"],
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    } == response.json()


def test_scopes_of_metadata_follow_the_clients(issuer, http):
    """`scopes_supported` is the sorted union of what clients may ask for."""
    issuer.add_client("other", "secret", ["dowsing:read", "profile"])

    scopes = http.get(issuer.metadata_url).json()["scopes_supported"]

    assert ["dowsing:read", "profile", "remote-viewing:read", "remote-viewing:write"] == scopes


@pytest.mark.parametrize(
    ("issuer", "path"),
    [
        ("https://auth.mindpeeker.com", ""),
        ("https://auth.mindpeeker.com/", ""),
        ("https://auth.mindpeeker.com/tenant/1", "/tenant/1"),
        ("https://auth.mindpeeker.com/tenant/", "/tenant"),
    ],
)
def test_a_given_issuer_is_kept_to_the_letter(http, issuer, path):
    """The `iss` string appears as given; its path is appended to the well-known one (RFC 8414 section 3.1)."""
    with EmbeddedIssuer(issuer=issuer) as server:
        metadata = http.get(server.metadata_url).json()

    assert f"{server.url}/.well-known/oauth-authorization-server{path}" == server.metadata_url
    assert (issuer, issuer) == (metadata["issuer"], server.issuer)
    assert server.token_endpoint == metadata["token_endpoint"]


@pytest.mark.parametrize(
    "issuer", ["", "auth.mindpeeker.com", "ftp://x", "https://", "https://x?a", "https://x#a", "https://x/<a>"]
)
def test_an_issuer_that_is_no_url_is_refused(issuer):
    """An issuer is a URL without query and fragment (RFC 8414 section 2)."""
    with pytest.raises(ConfigurationError):
        EmbeddedIssuer(issuer=issuer)


@pytest.mark.parametrize("name", ["jwks_uri", "metadata_url"])
def test_documents_are_cached_by_etag(shared, http, name):
    """Documents may be kept for 300 seconds; asked for again by ETag, an unchanged one is 304 without a body."""
    url = getattr(shared, name)
    first = http.get(url)

    again = http.get(url, headers={"If-None-Match": first.headers["etag"]})
    other = http.get(url, headers={"If-None-Match": '"other"'})

    assert ("max-age=300", "max-age=300") == (first.headers["cache-control"], again.headers["cache-control"])
    assert "pragma" not in first.headers
    assert (304, b"", first.headers["etag"]) == (again.status_code, again.content, again.headers["etag"])
    assert (200, first.content) == (other.status_code, other.content)


def test_a_changed_key_set_has_another_etag(issuer, http):
    """After a rotation the old ETag no longer matches."""
    before = http.get(issuer.jwks_uri)
    issuer.rotate()

    after = http.get(issuer.jwks_uri, headers={"If-None-Match": before.headers["etag"]})

    assert 200 == after.status_code
    assert before.headers["etag"] != after.headers["etag"]


def test_requests_are_counted_by_path(issuer, http):
    """Every request counts, also those that fail; the mapping is a copy that knows 0."""
    http.get(issuer.jwks_uri)
    http.get(issuer.jwks_uri)
    http.get(issuer.url + "/.well-known/openid-configuration")
    http.get(issuer.token_endpoint)

    counts = issuer.requests

    assert {"/.well-known/jwks.json": 2, "/.well-known/openid-configuration": 1, "/oauth2/token": 1} == counts
    assert 0 == counts["/never"]
    http.get(issuer.jwks_uri)
    assert 2 == counts["/.well-known/jwks.json"]


def test_counting_is_bounded():
    """A scanner cannot fill the memory: 256 paths are counted, and known ones go on counting."""
    issuer = EmbeddedIssuer()

    for number in range(300):
        issuer._count(f"/{number}")
    issuer._count("/0")

    assert 256 == len(issuer.requests)
    assert 2 == issuer.requests["/0"]
