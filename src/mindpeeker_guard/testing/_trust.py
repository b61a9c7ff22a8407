"""How guards come to trust the fake issuer without any configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._guard import Guard
from mindpeeker_guard._jwks import Key, KeySet, parse_jwks
from mindpeeker_guard._types import Authenticator
from mindpeeker_guard.authenticators.jwt_bearer import JWTBearer
from mindpeeker_guard.errors import KeysUnavailableError, UnknownKeyError
from mindpeeker_guard.testing._overrides import Authenticators, Override, guard_of


class Issuer(Protocol):
    """What a guard needs to know of the fake issuer."""

    audience: str

    @property
    def issuer(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def published(self) -> tuple[Any, ...]: ...

    @property
    def failing(self) -> str | None: ...


def trusting(issuer: Issuer, target: Any) -> Override:
    """Return an override by which guards trust `issuer`; see `FakeIssuer.trusted_by`."""
    keys = _PublishedKeys(issuer)

    def choose(guard: Guard) -> Authenticators | None:
        chosen = tuple(_trusting(one, issuer, keys) for one in guard.authenticators)
        return None if chosen == guard.authenticators else chosen

    return Override(f"trusts the tokens of {issuer!r}", guard_of(target), choose)


def _trusting(authenticator: Authenticator, issuer: Issuer, keys: _PublishedKeys) -> Authenticator:
    if not isinstance(authenticator, JWTBearer) or authenticator.issuer == issuer.url:
        return authenticator
    return authenticator._trusting(issuer.issuer, issuer.audience, keys)  # noqa: SLF001 - made for this module


class _PublishedKeys:
    """The keys that the issuer publishes at the moment; none can be had while it fails."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._known: tuple[tuple[Any, ...], KeySet] | None = None

    def at_hand(self) -> KeySet | None:
        return None if self._issuer.failing else self._current()

    def find(self, kid: str | None, alg: str) -> Flow[Sequence[Key]]:
        yield from self.warm_up()
        found = self._current().candidates(kid, alg)
        if not found:
            raise UnknownKeyError
        return found

    def warm_up(self) -> Flow[None]:
        yield from ()
        if self._issuer.failing:
            raise KeysUnavailableError(f"the fake issuer fails: {self._issuer.failing}")

    def _current(self) -> KeySet:
        known, published = self._known, self._issuer.published
        if known is None or known[0] is not published:
            # Keys that stay are the same objects as before: the memory of verified tokens goes by them.
            keys = parse_jwks({"keys": [key.jwk() for key in published]}, previous=known[1] if known else None)
            self._known = known = published, keys
        return known[1]
