"""The issuer as one object: what `mindpeeker_guard.issuer` exports."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from mindpeeker_guard.issuer._app import create_app
from mindpeeker_guard.issuer._authority import JWKS_PATH, TOKEN_PATH, Authority
from mindpeeker_guard.issuer._clients import Client
from mindpeeker_guard.issuer._http import HTTPServer

_MAX_PATHS = 256  # so that a scanner cannot fill the memory with counters


class EmbeddedIssuer:
    """A real authorization server in this process: HTTP, metadata, key set, client credentials.

    Everything is in memory. Starting again after `stop` keeps port, clients and keys, so an outage can be shown.

    Args:
        host: The address to listen on; loopback unless ``allow_remote``.
        port: The port to listen on, or 0 for a free one, which is then kept.
        audience: The ``aud`` of issued tokens.
        issuer: The ``iss`` of issued tokens and of the metadata, or None for the server's own URL without a trailing
            slash. Compared as a string by resource servers, so it may differ from where the server listens.
        lifetime: Seconds from a token's ``iat`` to its ``exp``, and its ``expires_in``.
        allow_remote: Whether the host may be reachable from elsewhere. The server has no TLS: put a proxy before it.
        clock: Returns the time in epoch seconds.

    Raises:
        ConfigurationError: The host is not loopback and ``allow_remote`` is not set, or another argument is no use.
    """

    def __init__(  # noqa: PLR0913  # all have defaults and names
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        audience: str = "https://api.mindpeeker.com",
        issuer: str | None = None,
        lifetime: int = 3600,
        allow_remote: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._http = HTTPServer(host, port, allow_remote=allow_remote)
        self._authority = Authority(
            issuer=issuer, audience=audience, lifetime=lifetime, clock=clock, url=lambda: self._http.url
        )
        self._counting = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._app = create_app(self._authority, self._count)

    def __repr__(self) -> str:
        where = self._http.url or "no port yet"
        return f"<EmbeddedIssuer {where} listening={self._http.listening} clients={len(self._authority.clients)}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen and serve from a daemon thread; does nothing while it does already.

        Raises:
            OSError: The address is in use, or not there.
        """
        self._http.start(self._app)

    def stop(self) -> None:
        """Close the listening socket, so that connections are refused; a later `start` takes the same port again."""
        self._http.stop()

    @property
    def issuer(self) -> str:
        """The ``iss`` string of issued tokens."""
        return self._authority.issuer

    @property
    def url(self) -> str:
        """Where the server listens, without a trailing slash.

        Raises:
            ConfigurationError: It was made with port 0 and has not been started; the same holds for all URLs here.
        """
        return self._authority.own_url()

    @property
    def jwks_uri(self) -> str:
        """The URL of the key set (RFC 8414 section 2)."""
        return self._authority.own_url(JWKS_PATH)

    @property
    def token_endpoint(self) -> str:
        """The URL that answers token requests (RFC 6749 section 3.2)."""
        return self._authority.own_url(TOKEN_PATH)

    @property
    def metadata_url(self) -> str:
        """The URL of the authorization server metadata (RFC 8414 section 3)."""
        return self._authority.own_url(self._authority.metadata_path)

    @property
    def kid(self) -> str:
        """The key identifier of the key that signs now: its RFC 7638 thumbprint."""
        return self._authority.keys.current.kid

    @property
    def requests(self) -> Mapping[str, int]:
        """How often each path was asked for since the issuer was made: a copy, with 0 for other paths."""
        with self._counting:
            return self._counts.copy()

    def add_client(self, client_id: str, client_secret: str, scopes: Iterable[str]) -> None:
        """Register a confidential client, in place of the one with the same identifier.

        Args:
            client_id: Visible ASCII characters.
            client_secret: Visible ASCII characters; only a digest is kept.
            scopes: What the client may ask for, and what it gets when it asks for nothing.

        Raises:
            ConfigurationError: One of the three is outside the grammar of RFC 6749.
        """
        self._authority.clients[client_id] = Client(client_id, client_secret, scopes)

    def issue(
        self,
        *,
        scope: str | None = "remote-viewing:read profile",
        sub: str | None = "demo-user",
        client_id: str | None = "demo-client",
        headers: Mapping[str, Any] | None = None,
        key: Any = None,
        **claims: Any,
    ) -> str:
        """Sign a token without asking anyone; whatever is not given makes it a good one.

        Args:
            scope: The ``scope`` claim; like every claim, it is left out if it is None.
            sub: The ``sub`` claim.
            client_id: The ``client_id`` claim.
            headers: Header members to change or, as None, to leave out. ``alg`` chooses how to sign.
            key: A private key object, a PEM or the bytes of an HMAC secret; the current key if it is None.
            **claims: Further claims to change or, as None, to leave out: ``exp=0``, ``iss="https://…"``, ``aud=None``.
                Times are epoch seconds.

        Raises:
            ConfigurationError: The key does not fit the algorithm, or ``iss`` is needed before there is a URL.
        """
        return self._authority.issue({"sub": sub, "client_id": client_id, "scope": scope, **claims}, headers, key)

    def rotate(self, *, keep_old: bool = True) -> str:
        """Sign with a new RS256 key from now on.

        Args:
            keep_old: Whether the key that it replaces stays published, so that its tokens remain good.

        Returns:
            The new key's kid.
        """
        return self._authority.keys.rotate(keep_old=keep_old)

    def withdraw(self, kid: str) -> None:
        """Publish a key no longer; the current key goes on signing all the same.

        Raises:
            ConfigurationError: No published key has this kid.
        """
        self._authority.keys.withdraw(kid)

    def _count(self, path: str) -> None:
        with self._counting:
            if path in self._counts or len(self._counts) < _MAX_PATHS:
                self._counts[path] += 1
