"""OAuth clients, and how they prove who they are (RFC 6749 section 2.3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, InvalidScopeError

from mindpeeker_guard.errors import ConfigurationError

AUTH_METHODS = ("client_secret_basic", "client_secret_post")
GRANT_TYPES = ("client_credentials",)
_VISIBLE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendices A.1 and A.2
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 section 3.3
_DIGEST_KEY = secrets.token_bytes(32)

QueryClient = Callable[[str], "Client | None"]


class Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """A confidential client. It keeps a digest of its secret, never the secret.

    Args:
        client_id: Visible ASCII characters.
        client_secret: Visible ASCII characters.
        scopes: What the client may ask for, and what it gets when it asks for nothing.

    Raises:
        ConfigurationError: One of the three is outside the grammar of RFC 6749.
    """

    def __init__(self, client_id: str, client_secret: str, scopes: Iterable[str]) -> None:
        self.client_id = _visible("client_id", client_id)
        self.scopes = _scopes(scopes)
        self._digest = _digest(_visible("client_secret", client_secret))

    def __repr__(self) -> str:
        return f"Client({self.client_id!r})"

    def get_client_id(self) -> str:
        """Return the identifier that tokens carry."""
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return what is granted of a request: exactly what was asked, or everything where nothing was.

        Raises:
            InvalidScopeError: Something was asked that this client may not have (RFC 6749 section 5.2).
        """
        # A parameter without a value counts as left out (section 3.2); scopes are split at U+0020 only (section 3.3).
        asked = tuple(dict.fromkeys(scope.split(" "))) if scope else self.scopes
        if not set(asked) <= set(self.scopes):
            raise InvalidScopeError
        return " ".join(asked)

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time, whatever the lengths."""
        return hmac.compare_digest(self._digest, _digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Say whether the client may authenticate this way; a secret is always needed."""
        return endpoint == "token" and method in AUTH_METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        """Say whether the client may use this grant."""
        return grant_type in GRANT_TYPES


def authenticate_basic(query_client: QueryClient, request: Any) -> Client | None:
    """Authenticate by ``client_secret_basic`` (RFC 6749 section 2.3.1).

    Raises:
        InvalidRequestError: A secret came in the body as well; one method is allowed, not two.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None
    if "client_secret" in request.form:
        raise InvalidRequestError("The client must use one method of authentication.")
    matches = [_match(query_client, *pair) for pair in _basic_pairs(header)]
    client = next(filter(None, matches), None)
    return client if client and request.form.get("client_id", client.client_id) == client.client_id else None


def authenticate_post(query_client: QueryClient, request: Any) -> Client | None:
    """Authenticate by ``client_secret_post`` (RFC 6749 section 2.3.1)."""
    if "Authorization" in request.headers:
        return None
    return _match(query_client, request.form.get("client_id", ""), request.form.get("client_secret", ""))


def _match(query_client: QueryClient, client_id: str, client_secret: str) -> Client | None:
    """Return the client if the secret is its own; an unknown client costs the same work as a wrong secret."""
    client = query_client(client_id)
    correct = (client or _NOBODY).check_client_secret(client_secret)
    return client if correct else None


def _basic_pairs(header: str) -> Iterator[tuple[str, str]]:
    """Yield identifier and secret as they were sent, and as they are after form-decoding.

    RFC 6749 says form-encoded, but curl and most HTTP libraries send the characters as they are. Accepting both lets no
    one in who does not know the secret.
    """
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        decoded = base64.b64decode(value.strip(" "), validate=True).decode()
    except (binascii.Error, ValueError):
        return
    client_id, _, client_secret = decoded.partition(":")
    yield client_id, client_secret
    yield unquote_plus(client_id), unquote_plus(client_secret)


def _scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    if isinstance(scopes, str):
        raise ConfigurationError("scopes is a list of scopes, not one string.")
    unique = tuple(dict.fromkeys(scopes))
    for scope in unique:
        if not _SCOPE.fullmatch(scope):
            raise ConfigurationError(f"{scope!r} is no scope: write visible ASCII without space, quote and backslash.")
    return unique


def _visible(name: str, value: str) -> str:
    if not _VISIBLE.fullmatch(value):
        raise ConfigurationError(f"{name} must be one or more visible ASCII characters.")
    return value


def _digest(client_secret: str) -> bytes:
    return hmac.digest(_DIGEST_KEY, client_secret.encode(errors="surrogatepass"), hashlib.sha256)


_NOBODY = Client("nobody", secrets.token_urlsafe(32), ())
