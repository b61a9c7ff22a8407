"""What the issuer knows and says, without HTTP: its name, its clients, its keys, its tokens."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.issuer._clients import AUTH_METHODS, GRANT_TYPES, Client
from mindpeeker_guard.issuer._keys import ALGORITHM, KeyRing, sign

TOKEN_PATH = "/oauth2/token"  # noqa: S105  # a path
JWKS_PATH = "/.well-known/jwks.json"
METADATA_PATH = "/.well-known/oauth-authorization-server"
_ISSUER = re.compile(r"https?://[^/?#<>\s]+(?P<path>(?:/[^?#<>\s]*)?)")


class TokenResponse(dict[str, Any]):
    """The JSON object of RFC 6749 section 5.1, whose ``repr`` shows no token.

    Authlib's grants write what they issue to their debug log with ``%r``.
    """

    def __repr__(self) -> str:
        return "TokenResponse(...)"


class Authority:
    """The authorization server as data and decisions.

    Args:
        issuer: The ``iss`` string, or None for the server's own URL.
        audience: The ``aud`` string of tokens.
        lifetime: Seconds from ``iat`` to ``exp``.
        clock: Returns the time in epoch seconds.
        url: Returns the server's own URL, or "" before it has a port.

    Raises:
        ConfigurationError: The lifetime is no whole number of seconds above zero, or the issuer is no plain URL.
    """

    def __init__(
        self, *, issuer: str | None, audience: str, lifetime: int, clock: Callable[[], float], url: Callable[[], str]
    ) -> None:
        if lifetime < 1:
            raise ConfigurationError("lifetime must be at least 1 second.")
        self.keys = KeyRing()
        self.metadata_path = METADATA_PATH + _issuer_path(issuer)
        self.clients: dict[str, Client] = {}
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._clock = clock
        self._url = url

    @property
    def issuer(self) -> str:
        """The ``iss`` string.

        Raises:
            ConfigurationError: It is the server's URL, and the server has no port yet.
        """
        return self._issuer or self.own_url()

    def own_url(self, path: str = "") -> str:
        """Return the server's URL with a path.

        Raises:
            ConfigurationError: The server has no port yet.
        """
        url = self._url()
        if not url:
            raise ConfigurationError("The issuer has no URL yet: start() it first, or give it a port.")
        return url + path

    def metadata(self) -> dict[str, Any]:
        """Return the authorization server metadata (RFC 8414 section 2)."""
        return {
            "issuer": self.issuer,
            "token_endpoint": self.own_url(TOKEN_PATH),
            "jwks_uri": self.own_url(JWKS_PATH),
            "scopes_supported": sorted({scope for client in list(self.clients.values()) for scope in client.scopes}),
            "response_types_supported": [],
            "grant_types_supported": list(GRANT_TYPES),
            "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        }

    def token_response(self, *, client: Client, scope: str | None = None, **_: Any) -> TokenResponse:
        """Answer a granted token request; called by Authlib with everything it knows, by keyword.

        Raises:
            InvalidScopeError: The client may not have what it asks for.
        """
        granted, now = client.get_allowed_scope(scope), int(self._clock())
        # A client without scopes gets a token without the claim: an empty string is no scope (RFC 6749 section 3.3).
        claims = {"sub": client.client_id, "client_id": client.client_id, "scope": granted or None, "iat": now}
        return TokenResponse(
            access_token=self.issue({**claims, "exp": now + self._lifetime}),
            token_type="Bearer",  # noqa: S106  # RFC 6750
            expires_in=self._lifetime,
            scope=granted,
            issued_at=now,
        )

    def issue(self, claims: Mapping[str, Any], headers: Mapping[str, Any] | None = None, key: Any = None) -> str:
        """Sign a token with the usual header and claims, changed as given; what is None is left out."""
        current, now = self.keys.current, int(self._clock())
        usual = {
            "iss": claims["iss"] if "iss" in claims else self.issuer,  # noqa: SIM401  # there may be no URL yet
            "aud": self._audience,
            "iat": now,
            "exp": now + self._lifetime,
            "jti": str(uuid.uuid4()),
        }
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": current.kid}
        return sign(_merge(header, headers or {}), _merge(usual, claims), current.private if key is None else key)


def _merge(usual: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def _issuer_path(issuer: str | None) -> str:
    """Return what metadata's path ends in: the issuer's own path (RFC 8414 section 3.1)."""
    if issuer is None:
        return ""
    match = _ISSUER.fullmatch(issuer)
    if match is None:
        raise ConfigurationError(f"issuer must be an http(s) URL without query and fragment, not {issuer!r}.")
    return match["path"].rstrip("/")
