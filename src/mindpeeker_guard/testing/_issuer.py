"""An issuer for tests: real keys, real tokens, real HTTP on loopback, and every fault on demand."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Final, Self

from mindpeeker_guard._scopes import MINDPEEKER_SCOPES
from mindpeeker_guard.authenticators._jwt_rules import MINDPEEKER_AUDIENCE
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.settings import PREFIX
from mindpeeker_guard.testing._keys import Algorithm, SigningKey, compact, signing_key
from mindpeeker_guard.testing._principals import scope_list
from mindpeeker_guard.testing._server import Fault, Server, document
from mindpeeker_guard.testing._token_endpoint import token_endpoint
from mindpeeker_guard.testing._trust import trusting

TOKEN_PATH: Final = "/oauth2/token"  # noqa: S105 - a path
JWKS_PATH: Final = "/.well-known/jwks.json"
METADATA_PATHS: Final = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


class FakeIssuer:
    """Signs tokens and serves metadata, keys and client credentials over HTTP on a loopback port.

    Use it in a ``with`` block, or `start` and `stop` it. Keys are made once in a process; its fake issuers share them.

    Args:
        issuer: The ``iss`` of its tokens; its own URL by default, which nobody trusts in production.
        audience: The ``aud`` of its tokens.
        algorithm: What it signs with: ``RS256``, ``ES256`` or ``EdDSA``.
        lifetime: Seconds from a token's ``iat`` to its ``exp``.
        clock: Tells the time, in seconds since the epoch, for tokens and the ``Date`` header.

    Raises:
        ConfigurationError: The algorithm is another.
    """

    def __init__(
        self,
        issuer: str | None = None,
        *,
        audience: str = MINDPEEKER_AUDIENCE,
        algorithm: Algorithm = "RS256",
        lifetime: int = 3600,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.audience = audience
        self._issuer = issuer
        self._lifetime = lifetime
        self._clock = clock
        self._shift = 0.0
        self._current = signing_key(algorithm)
        self._published: tuple[SigningKey, ...] = (self._current,)
        self._made = {algorithm: 1}
        self._clients = {"client-1": ("secret-1", tuple(MINDPEEKER_SCOPES))}
        self._server = Server(
            {
                **dict.fromkeys(METADATA_PATHS, document(self.metadata)),
                JWKS_PATH: document(self.jwks),
                TOKEN_PATH: token_endpoint(self._clients, self._grant),
            },
            self._now,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<FakeIssuer {self._issuer or 'of its own URL'}>"

    def start(self) -> None:
        """Listen on a free port, which is kept, and serve from a daemon thread; does nothing while it does already."""
        self._server.start()

    def stop(self) -> None:
        """Refuse connections, as in an outage, and end all answers that are under way."""
        self._server.stop()

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash.

        Raises:
            ConfigurationError: It has never been started; the same holds for all URLs here.
        """
        return self._server.url

    @property
    def issuer(self) -> str:
        """The ``iss`` of its tokens."""
        return self._issuer or self.url

    @property
    def jwks_uri(self) -> str:
        """The URL of the key set."""
        return self.url + JWKS_PATH

    @property
    def token_endpoint(self) -> str:
        """The URL that answers token requests."""
        return self.url + TOKEN_PATH

    @property
    def metadata_url(self) -> str:
        """The URL of the metadata (RFC 8414)."""
        return self.url + METADATA_PATHS[0]

    @property
    def kid(self) -> str:
        """The identifier of the key that signs now."""
        return self._current.kid

    @property
    def requests(self) -> Mapping[str, int]:
        """How often each path was asked for: a copy."""
        return dict(self._server.requests)

    def jwks(self) -> dict[str, Any]:
        """Return the key set, as it is published."""
        return {"keys": [key.jwk() for key in self._published]}

    def metadata(self) -> dict[str, Any]:
        """Return the metadata, as it is published (RFC 8414 section 2)."""
        return {
            "issuer": self.issuer,
            "token_endpoint": self.token_endpoint,
            "jwks_uri": self.jwks_uri,
            "scopes_supported": list(MINDPEEKER_SCOPES),
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def settings(self) -> dict[str, str]:
        """Return the settings of a guard that trusts this issuer: ``MINDPEEKER_GUARD`` of a Django project."""
        return {"ISSUER": self.issuer, "AUDIENCE": self.audience, "JWKS_URI": self.jwks_uri}

    def environ(self) -> dict[str, str]:
        """Return the same as environment variables, which are the keys of Flask's config, too."""
        return {PREFIX + name: value for name, value in self.settings().items()}

    def token(
        self,
        scopes: str | Iterable[str] = (),
        *,
        sub: str | None = "user-1",
        expired: bool = False,
        headers: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Sign a token. Whatever is not given makes it a good one; whatever is None is left out.

        Args:
            scopes: What it grants: several scopes, or one string with blanks between them.
            sub: Whom it is about.
            expired: Whether it ended an hour ago.
            headers: Header members to change.
            claims: Claims to change or to add. Times are seconds since the epoch.
        """
        key = self._current
        header = {"alg": key.algorithm, "typ": "JWT", "kid": key.kid}
        good = self.claims(scopes, age=self._lifetime + 3600 if expired else 0) | {"sub": sub}
        return compact(_changed(header, headers or {}), _changed(good, claims), key.sign)

    def claims(self, scopes: str | Iterable[str] = (), *, age: int = 0) -> dict[str, Any]:
        """Return the claims of a token that was issued `age` seconds ago."""
        now = int(self._now()) - age
        good = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "user-1",
            "client_id": "client-1",
            "scope": " ".join(scope_list(scopes)) or None,
            "iat": now,
            "exp": now + self._lifetime,
            "jti": str(uuid.uuid4()),
        }
        return _changed(good, {})

    def auth_headers(self, scopes: str | Iterable[str] = (), **token: Any) -> dict[str, str]:
        """Return the request headers of a caller with a new token; see `token`."""
        return {"Authorization": f"Bearer {self.token(scopes, **token)}"}

    def add_client(self, client_id: str, client_secret: str, scopes: Iterable[str]) -> None:
        """Register a client for the token endpoint; ``client-1`` with ``secret-1`` is there, with all scopes."""
        self._clients[client_id] = (client_secret, tuple(scopes))

    def rotate(self, *, algorithm: Algorithm | None = None, keep_old: bool = True) -> str:
        """Sign with a new key from now on, and return its kid.

        Args:
            algorithm: What it signs with; the same as before by default.
            keep_old: Whether the keys that it replaces stay published.
        """
        chosen = algorithm or self._current.algorithm
        self._made[chosen] = self._made.get(chosen, 0) + 1
        self._current = signing_key(chosen, self._made[chosen])
        self._published = (*self._published, self._current) if keep_old else (self._current,)
        return self._current.kid

    def withdraw(self, kid: str) -> None:
        """Publish a key no longer: its tokens are good no more. Rotate first, for a set without keys counts as a fault.

        Raises:
            ConfigurationError: No published key has this kid.
        """
        if kid not in {key.kid for key in self._published}:
            raise ConfigurationError(f"No published key has the kid {kid!r}.")
        self._published = tuple(key for key in self._published if key.kid != kid)

    def behave(self, fault: Fault | None = None) -> None:
        """Fail from now on at every request; None for no more.

        Args:
            fault: ``500``; ``html`` and ``empty``, both with status 200; ``slow`` (no answer until it is over);
                ``oversize`` (1 MiB); ``reset`` (of the connection); ``304``, asked for or not.

        Raises:
            ConfigurationError: There is no such fault.
        """
        self._server.fault = fault

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """Fail at every request until the block ends; see `behave`."""
        before = self._server.fault
        self.behave(fault)
        try:
            yield
        finally:
            self.behave(before)

    @contextmanager
    def shifted_clock(self, seconds: float) -> Iterator[None]:
        """Be `seconds` ahead of the time until the block ends, in tokens and ``Date``; behind where it is negative."""
        self._shift += seconds
        try:
            yield
        finally:
            self._shift -= seconds

    def trusted_by(self, target: Any = None) -> AbstractContextManager[None]:
        """Have guards take this issuer's tokens in place of their own issuer's, until the block ends.

        Nothing is fetched: the keys published at the moment count at once, and while a fault lasts the answer is 503.
        Everything else stays as it is: scope rules, leeway, algorithms, clock. A guard whose issuer is the URL of this
        one already is left alone: it fetches its keys.

        Args:
            target: A guard, or a Flask or FastAPI application; by default every guard of this process.

        Raises:
            ConfigurationError: `target` has no guard.
        """
        return trusting(self, target)

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs now."""
        return self._current

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """The keys that are published now."""
        return self._published

    @property
    def failing(self) -> Fault | None:
        """The fault that lasts at the moment; None for none."""
        return self._server.fault

    def _now(self) -> float:
        return self._clock() + self._shift

    def _grant(self, client_id: str, scope: str) -> Mapping[str, Any]:
        return {
            "access_token": self.token(scope, sub=client_id, client_id=client_id),
            "token_type": "Bearer",
            "expires_in": self._lifetime,
            "scope": scope,
            "issued_at": int(self._now()),
        }


def _changed(usual: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}
