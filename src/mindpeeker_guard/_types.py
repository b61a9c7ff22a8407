"""What the guard reads and what it says: principal, requirement, refusal, authenticator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._rates import RateLimit, rate_limits
from mindpeeker_guard._requests import Request
from mindpeeker_guard._scopes import MINDPEEKER_SCOPES, ScopeCatalogue, ScopeExpression, all_of, any_of, check_known
from mindpeeker_guard.errors import ConfigurationError

RateSpec = str | RateLimit | Iterable[str | RateLimit] | None

_ANY_SCOPES = all_of()
_NO_CLAIMS: Mapping[str, Any] = MappingProxyType({})


class Draft:
    """A principal while it is made: assigning to a frozen object takes three times as long.

    Once all is assigned, `Principal` is assigned to its ``__class__``.
    """

    __slots__ = (
        "catalogue",
        "claims",
        "client_id",
        "expires_at",
        "granted_scopes",
        "issuer",
        "scheme",
        "scopes",
        "subject",
        "token_id",
    )


@dataclass(frozen=True, slots=True, init=False)
class Principal(Draft):
    """Who is calling.

    Attributes:
        subject: The ``sub`` of the token, the owner of the API key; None where there is none.
        client_id: The OAuth client that the credential was given to; None where it is not known.
        issuer: Who vouches for it.
        granted_scopes: The scopes as they stand in the credential.
        claims: All claims of a token, read-only.
        scheme: ``Bearer`` for an access token, ``ApiKey`` for an API key.
        expires_at: When the credential ends, in seconds since the epoch; None for never.
        token_id: The ``jti`` of the token, the id of the API key; None where there is none.
        catalogue: Says what scopes imply.
        scopes: The granted scopes, plus what the catalogue says they imply.
    """

    subject: str | None
    client_id: str | None
    issuer: str | None
    granted_scopes: frozenset[str]
    claims: Mapping[str, Any] = field(repr=False)
    scheme: str
    expires_at: float | None
    token_id: str | None
    catalogue: ScopeCatalogue = field(repr=False, compare=False)
    scopes: frozenset[str] = field(init=False)

    def __init__(  # noqa: PLR0913 - all that is known of a caller
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        issuer: str | None = None,
        granted_scopes: frozenset[str] = frozenset(),
        claims: Mapping[str, Any] = _NO_CLAIMS,
        scheme: str = "Bearer",
        expires_at: float | None = None,
        token_id: str | None = None,
        catalogue: ScopeCatalogue = MINDPEEKER_SCOPES,
    ) -> None:
        fields = {
            "subject": subject,
            "client_id": client_id,
            "issuer": issuer,
            "granted_scopes": granted_scopes,
            "claims": claims,
            "scheme": scheme,
            "expires_at": expires_at,
            "token_id": token_id,
            "catalogue": catalogue,
            "scopes": catalogue.expand(granted_scopes),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        return hash((self.issuer, self.subject, self.client_id, self.token_id))

    def has(self, scope: str) -> bool:
        """Tell whether the principal may use `scope`, whether the catalogue lists it or not."""
        return self.catalogue.covers(self.granted_scopes, scope)

    @property
    def is_service(self) -> bool:
        """Whether no user stands behind the call: a client that acts for itself."""
        return self.subject is None or self.subject == self.client_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a route asks of its caller. Made by `requirement`, once, at import.

    Attributes:
        scopes: The scopes that are enough.
        acr_values: The authentication contexts of which the token's ``acr`` must be one; empty for any (RFC 9470).
        max_age: How many seconds ago the sign-in (``auth_time``) may be; None for any time (RFC 9470).
        optional: Whether a request without a credential is let through, with no principal.
        schemes: The kinds of credential that are accepted, such as ``Bearer``; empty for all that the guard knows.
        rates: The rate limits of the route, besides those of the guard.
        just_scopes: The scopes that are needed, where nothing else is asked for and there is one alternative of them.
    """

    scopes: ScopeExpression = _ANY_SCOPES
    acr_values: tuple[str, ...] = ()
    max_age: int | None = None
    optional: bool = False
    schemes: tuple[str, ...] = ()
    rates: tuple[RateLimit, ...] = ()
    just_scopes: frozenset[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        alternatives = self.scopes.alternatives
        is_just_scopes = len(alternatives) == 1 and not self.acr_values and self.max_age is None
        object.__setattr__(self, "just_scopes", alternatives[0] if is_just_scopes else None)


def requirement(  # noqa: PLR0913 - each is a rule of its own
    *scopes: str | ScopeExpression,
    any_scope: bool = False,
    acr: str | Iterable[str] = (),
    max_age: int | None = None,
    optional: bool = False,
    schemes: str | Iterable[str] | None = None,
    rate: RateSpec = None,
) -> Requirement:
    """Make a requirement: all of `scopes`, or one of them where `any_scope` is true.

    Args:
        scopes: What the caller's scopes must satisfy.
        any_scope: Whether one of them is enough.
        acr: The authentication contexts of which the sign-in must have one (RFC 9470).
        max_age: How many seconds ago the sign-in may be (RFC 9470).
        optional: Whether a request without a credential is let through.
        schemes: The kinds of credential to accept: ``"Bearer"``, ``"ApiKey"``, or several; None for all. A credential
            of another kind is refused unseen, on optional routes too.
        rate: How many requests one caller may send to the route, such as ``"100/minute"``; or `RateLimit` objects.

    Raises:
        ConfigurationError: A scope is not in any catalogue, a rate cannot be read, or an argument is of the wrong type.
    """
    expression = any_of(*scopes) if any_scope else all_of(*scopes)
    check_known(expression.names)
    values = (acr,) if isinstance(acr, str) else tuple(acr)
    if not all(isinstance(value, str) and value and " " not in value for value in values):
        raise ConfigurationError("acr must be a string without blanks, or several of them.")
    if max_age is not None and (isinstance(max_age, bool) or not isinstance(max_age, int) or max_age < 0):
        raise ConfigurationError("max_age must be a whole number of seconds, 0 or more.")
    return Requirement(
        scopes=expression,
        acr_values=values,
        max_age=max_age,
        optional=optional,
        schemes=_schemes(schemes),
        rates=rate_limits(rate),
    )


def _schemes(schemes: Any) -> tuple[str, ...]:
    """Return the names in order, so that it does not matter in which order they were written."""
    if schemes is None:
        return ()
    names = (schemes,) if isinstance(schemes, str) else tuple(schemes) if isinstance(schemes, Iterable) else ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError('schemes must be the name of a scheme, such as "Bearer", or several of them.')
    return tuple(sorted(set(names)))


class Refusal(NamedTuple):
    """The complete answer to a request that is not let through. Adapters copy it; they never format.

    Attributes:
        status: The HTTP status.
        headers: Name and value of each header, ready to send.
        body: The body, in the content type that `headers` names.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Authenticator(Protocol):
    """Turns one kind of credential into a principal.

    It may have an ``attempt(credential, request)`` besides: the same as `authenticate`, as a plain function that
    returns None where something must be waited for. The guard tries that first: nearly every request needs no more.
    And a ``recall(credential, request)``: who a credential stands for that was verified before, or None. And an
    ``adopt(catalogue)``: makes principals with the catalogue of the guard from then on, so that the guard need not.
    """

    @property
    def scheme(self) -> str:
        """The name of the scheme, as it stands in a challenge: ``Bearer``."""

    def describe(self, catalogue: ScopeCatalogue) -> Mapping[str, Any]:
        """Return the scheme as an OpenAPI security scheme object, with the scopes of `catalogue`."""

    def extract(self, request: Request) -> str | None:
        """Return the credential of this kind, or None where the request has none.

        Raises:
            InvalidRequestError: There are several, or the one there is not well-formed.
        """

    def authenticate(self, credential: str, request: Request) -> Flow[Principal]:
        """Turn `credential` into a principal.

        Raises:
            AuthError: The credential is not good.
            UnavailableError: That cannot be told at the moment.
        """
