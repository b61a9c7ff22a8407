"""The exception tree: who is at fault, and what a client may be told.

::

    GuardError
    ├─ ConfigurationError (ValueError)    while building
    ├─ AuthError                          the caller is refused
    │  ├─ MissingCredentialsError 401
    │  │  └─ SchemeNotAcceptedError
    │  ├─ InvalidRequestError 400
    │  ├─ InvalidTokenError 401
    │  │  ├─ MalformedTokenError, UnsupportedAlgorithmError, WrongTokenTypeError
    │  │  ├─ InvalidSignatureError, UnknownKeyError
    │  │  ├─ ExpiredTokenError, ImmatureTokenError
    │  │  ├─ InvalidIssuerError, InvalidAudienceError
    │  │  ├─ MissingClaimError, InvalidClaimError
    │  │  ├─ SenderConstraintError
    │  │  ├─ RevokedTokenError
    │  │  └─ InvalidAPIKeyError, ExpiredAPIKeyError, RevokedAPIKeyError
    │  ├─ StepUpRequiredError 401
    │  ├─ InsufficientScopeError 403
    │  └─ RateLimitedError 429
    │     └─ TooManyFailuresError
    └─ UnavailableError 503               nobody's credential is at fault
       ├─ KeysUnavailableError
       └─ StoreUnavailableError

``status``, ``error`` and ``code`` are data; `_challenges` renders them. ``description`` is a fixed sentence for the
client. The reason in detail is chained as ``__cause__`` or passed as ``reason``, and goes to the log only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mindpeeker_guard.errors._roots import AnswerError, AuthError, ConfigurationError, GuardError
from mindpeeker_guard.errors._tokens import (
    ExpiredAPIKeyError,
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAPIKeyError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidTokenError,
    MalformedTokenError,
    MissingClaimError,
    RevokedAPIKeyError,
    RevokedTokenError,
    SenderConstraintError,
    UnknownKeyError,
    UnsupportedAlgorithmError,
    WrongTokenTypeError,
)

__all__ = [
    "AnswerError",
    "AuthError",
    "ConfigurationError",
    "ExpiredAPIKeyError",
    "ExpiredTokenError",
    "GuardError",
    "ImmatureTokenError",
    "InsufficientScopeError",
    "InvalidAPIKeyError",
    "InvalidAudienceError",
    "InvalidClaimError",
    "InvalidIssuerError",
    "InvalidRequestError",
    "InvalidSignatureError",
    "InvalidTokenError",
    "KeysUnavailableError",
    "MalformedTokenError",
    "MissingClaimError",
    "MissingCredentialsError",
    "RateLimitedError",
    "RevokedAPIKeyError",
    "RevokedTokenError",
    "SchemeNotAcceptedError",
    "SenderConstraintError",
    "StepUpRequiredError",
    "StoreUnavailableError",
    "TooManyFailuresError",
    "UnavailableError",
    "UnknownKeyError",
    "UnsupportedAlgorithmError",
    "WrongTokenTypeError",
]


class MissingCredentialsError(AuthError):
    """The request carries no credential of a scheme this guard knows (RFC 6750 section 3: no error code)."""

    status = 401
    code = "credentials_missing"
    description = "This resource needs a credential."


class SchemeNotAcceptedError(MissingCredentialsError):
    """The request carries a credential of a scheme that the guard knows and this route does not accept."""

    code = "scheme_not_accepted"
    description = "This resource does not accept this kind of credential."


class InvalidRequestError(AuthError):
    """The request carries two credentials, or one that is not well-formed (RFC 6750 section 3.1)."""

    status = 400
    error = "invalid_request"
    code = "request_invalid"
    description = "The request must carry exactly one well-formed credential."


class StepUpRequiredError(AuthError):
    """The token is good, but the sign-in behind it is too weak or too old (RFC 9470).

    Attributes:
        acr_values: The authentication contexts of which one is needed; empty for any.
        max_age: How many seconds ago the sign-in may be; None for any time.
    """

    status = 401
    error = "insufficient_user_authentication"
    code = "step_up_required"
    description = "A more recent or stronger sign-in is needed."

    def __init__(self, acr_values: Iterable[str] = (), max_age: int | None = None) -> None:
        super().__init__()
        self.acr_values = tuple(acr_values)
        self.max_age = max_age


class InsufficientScopeError(AuthError):
    """The token is good but does not reach this far (RFC 6750 section 3.1).

    Attributes:
        scopes: The scopes that would be enough for the route.
    """

    status = 403
    error = "insufficient_scope"
    code = "scope_insufficient"
    description = "The credential lacks a scope that this resource needs."

    def __init__(self, scopes: Iterable[str] = ()) -> None:
        super().__init__()
        self.scopes = tuple(scopes)

    def members(self) -> Mapping[str, object]:
        """Return the scopes, for the problem details."""
        return {"required_scopes": list(self.scopes)}


class RateLimitedError(AuthError):
    """The caller is too fast (RFC 6585 section 4).

    Attributes:
        retry_after: Seconds until the next try makes sense; at least 1.
        violated: The names of the limits that are used up.
        fields: The headers that tell what is left.
    """

    status = 429
    code = "rate_limited"
    description = "Too many requests."

    def __init__(
        self,
        retry_after: float = 60,
        *,
        violated: Iterable[str] = (),
        fields: Iterable[tuple[str, str]] = (),
        reason: str = "",
    ) -> None:
        self.violated = tuple(violated)
        super().__init__(reason or ", ".join(self.violated))
        self.retry_after = retry_after
        self.fields = tuple(fields)

    def members(self) -> Mapping[str, object]:
        """Return the names of the limits, for the problem details."""
        return {"violated-policies": list(self.violated)} if self.violated else {}


class TooManyFailuresError(RateLimitedError):
    """Too many credentials that are not good came from the caller's address, so that this one is not looked at."""

    code = "too_many_failures"
    description = "Too many credentials from this address were not valid."


class UnavailableError(AnswerError):
    """The guard cannot decide, and no credential is at fault: try again.

    Attributes:
        retry_after: Seconds until the next try makes sense; at least 1.
    """

    status = 503
    code = "unavailable"
    description = "Access cannot be checked at the moment."

    def __init__(self, reason: str = "", retry_after: float = 1) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class KeysUnavailableError(UnavailableError):
    """The issuer's keys cannot be had, and none are at hand that may still be used."""

    code = "keys_unavailable"


class StoreUnavailableError(UnavailableError):
    """A store that processes share, such as a Redis or a database, cannot be reached, gave no answer, or is full."""

    code = "store_unavailable"
