"""API keys sent in a header of their own: never in the query, which ends up in logs and histories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._requests import Request
from mindpeeker_guard._scopes import ScopeCatalogue
from mindpeeker_guard._types import Principal
from mindpeeker_guard.errors import ConfigurationError, InvalidRequestError

_FIELD_NAME: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # RFC 9110 section 5.6.2; compiled by those who have API keys
_TAKEN: Final = frozenset({"authorization", "cookie", "proxy-authorization"})


class KeyVerifier(Protocol):
    """What the authenticator needs to know of a service for API keys, such as `mindpeeker_guard.api_keys.APIKeys`."""

    def at_hand(self, text: str, /) -> Principal | None:
        """Return whom the key `text` stands for, if that is known without any I/O; None says nothing about it."""

    def verify(self, text: str, /) -> Flow[Principal]:
        """Return whom the key `text` stands for.

        Raises:
            InvalidAPIKeyError: It is not good.
            UnavailableError: That cannot be told at the moment.
        """


class APIKey:
    """Checks API keys sent as ``X-API-Key: …``.

    Args:
        keys: The service that knows the keys.
        header: The name of the header.

    Raises:
        ConfigurationError: `keys` is no such service, or `header` is no name for it.
    """

    scheme: str = "ApiKey"

    def __init__(self, keys: KeyVerifier, *, header: str = "X-API-Key") -> None:
        if isinstance(keys, type) or not hasattr(keys, "at_hand"):
            raise ConfigurationError("APIKey needs a service: APIKey(APIKeys(store, pepper=...)).")
        if not isinstance(header, str) or not re.fullmatch(_FIELD_NAME, header) or header.lower() in _TAKEN:
            raise ConfigurationError(
                f"header must be the name of a header of its own, such as 'X-API-Key': {header!r}."
            )
        self._keys = keys
        self._header = header
        self._field = header.lower()

    @property
    def keys(self) -> KeyVerifier:
        """The service that knows the keys."""
        return self._keys

    def describe(self, catalogue: ScopeCatalogue) -> Mapping[str, Any]:  # noqa: ARG002 - keys have no flows to show
        """Return the scheme for an API document; see `Authenticator.describe`."""
        return {
            "type": "apiKey",
            "description": "An API key, for calls from server to server.",
            "in": "header",
            "name": self._header,
        }

    def extract(self, request: Request) -> str | None:
        """Return the API key; see `Authenticator.extract`. Never from the query or the body."""
        values = request.values(self._field)
        if not values:
            return None
        key = values[0].strip(" \t")
        # A comma stands where a server has joined two headers.
        if len(values) > 1 or "," in key:
            raise InvalidRequestError(f"more than one {self._header} header")
        if not key:
            raise InvalidRequestError(f"nothing in the {self._header} header")
        return key

    def recall(self, credential: str, request: Request) -> Principal | None:
        """Return whose key it is that was verified before; see `Authenticator.recall`."""
        return self.attempt(credential, request)

    def attempt(self, credential: str, request: Request) -> Principal | None:  # noqa: ARG002 - others need it
        """Turn a key into a principal if nothing must be waited for; see `Authenticator.attempt`."""
        return self._keys.at_hand(credential)

    def authenticate(self, credential: str, request: Request) -> Flow[Principal]:  # noqa: ARG002 - others need it
        """Turn a key into a principal; see `Authenticator.authenticate`."""
        return self._keys.verify(credential)

    def __repr__(self) -> str:
        return f"APIKey({self._keys!r}, header={self._header!r})"
