"""Somebody signed in, without any token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._requests import Request
from mindpeeker_guard._scopes import ScopeCatalogue
from mindpeeker_guard._types import Principal
from mindpeeker_guard.authenticators._jwt_rules import MINDPEEKER_ISSUER
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.testing._overrides import Override, guard_of


@contextmanager
def as_principal(  # noqa: PLR0913 - all that is known of a caller
    principal: Principal | None = None,
    *,
    subject: str | None = "user-1",
    client_id: str | None = "client-1",
    scopes: str | Iterable[str] = (),
    claims: Mapping[str, Any] | None = None,
    issuer: str | None = MINDPEEKER_ISSUER,
    scheme: str = "Bearer",
    guard: Any = None,
) -> Iterator[Principal]:
    """Have every request taken as one of this caller, whatever credential it brings, until the block ends.

    What a route requires is still checked, against `scopes` and `claims`: 403 stays 403. It holds for every guard of
    this process, in all its threads and event loops, and for guards that are made meanwhile. Blocks nest; the inner one
    counts.

    Args:
        principal: The caller, in place of all that describes one below.
        subject: Who calls; None for a client that acts for itself.
        client_id: The OAuth client.
        scopes: The granted scopes: several, or one string with blanks between them.
        claims: More claims, such as ``acr`` and ``auth_time``.
        issuer: Who vouches for the caller.
        scheme: The kind of credential: ``Bearer``, ``ApiKey``.
        guard: One guard, or an application that has one, to leave all others alone.

    Returns:
        The caller, as views see it.

    Raises:
        ConfigurationError: `guard` is no guard and has none, or `principal` is no principal.
    """
    if principal is None:
        granted = scope_list(scopes)
        principal = Principal(
            subject=subject,
            client_id=client_id,
            issuer=issuer,
            granted_scopes=frozenset(granted),
            claims=_claims(
                {"iss": issuer, "sub": subject, "client_id": client_id, "scope": " ".join(granted)}, claims or {}
            ),
            scheme=scheme,
        )
    elif not isinstance(principal, Principal):
        raise ConfigurationError("as_principal takes a Principal, or keywords: as_principal(subject=…, scopes=[…]).")
    known = (_Known(principal),)
    with Override(f"takes every caller for {principal!r}", guard_of(guard), lambda _: known):
        yield principal


def scope_list(scopes: str | Iterable[str]) -> list[str]:
    """Return scopes given as one string with blanks between them, or as several."""
    return scopes.split() if isinstance(scopes, str) else list(scopes)


def _claims(usual: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType({name: value for name, value in {**usual, **changes}.items() if value is not None})


class _Known:
    """An authenticator that finds the same caller in every request."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self.scheme = principal.scheme

    def describe(self, catalogue: ScopeCatalogue) -> Mapping[str, Any]:  # noqa: ARG002 - the protocol's signature
        return {"type": "http", "scheme": self.scheme.lower()}

    def extract(self, request: Request) -> str:  # noqa: ARG002 - whatever it brings
        return ""

    def attempt(self, credential: str, request: Request) -> Principal:  # noqa: ARG002 - whoever it is
        return self._principal

    def authenticate(self, credential: str, request: Request) -> Flow[Principal]:  # noqa: ARG002
        yield from ()
        return self._principal
