"""From an issuer to its metadata (RFC 8414 section 3, OpenID Connect Discovery 1.0 section 4)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from mindpeeker_guard._http import FetchError, Session, check_url
from mindpeeker_guard.errors import ConfigurationError


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Return where the metadata of `issuer` may be: RFC 8414's place first, then OpenID Connect's."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    places = (
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}{path}/.well-known/openid-configuration",
        f"{origin}{path}/.well-known/oauth-authorization-server",
    )
    return tuple(dict.fromkeys(places))


def discover_jwks_uri(issuer: str, session: Session) -> str:
    """Ask the issuer where its keys are.

    Only a document that names `issuer` itself, to the letter, is believed; a page that answers 200 to everything is
    passed over.

    Raises:
        FetchError: No place has such a document.
    """
    reason = FetchError("no metadata")
    for url in metadata_urls(issuer):
        try:
            return _jwks_uri(issuer, session.get(url).members or {})
        except FetchError as error:
            reason = error
            if not error.answered:
                break
    raise FetchError(f"discovery: {reason}", retry_after=reason.retry_after)


def _jwks_uri(issuer: str, metadata: dict[str, Any]) -> str:
    if metadata.get("issuer") != issuer:
        raise FetchError("the metadata is of another issuer", answered=True)
    try:
        return check_url(metadata.get("jwks_uri", ""), "jwks_uri")
    except ConfigurationError:
        raise FetchError("the metadata has no jwks_uri that may be used", answered=True) from None
