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
from typing import ClassVar


class GuardError(Exception):
    """The root of everything this package raises on purpose."""


class ConfigurationError(GuardError, ValueError):
    """A setting is wrong or missing. The text names it and says what to write."""


class AnswerError(GuardError):
    """A request that is not let through: something with a status, a code and a sentence.

    Attributes:
        status: The HTTP status of the answer.
        error: RFC 6750's error code for the challenge, or None where the challenge carries none.
        code: A stable short name for logs, metrics and tests.
        description: One fixed sentence for the client; never a value out of the request.
        reason: What was seen, for the log; never a credential.
        is_guess: Whether it is what one who makes credentials up would get. An honest client that is late, or has
            taken one API for another, gets something else.
        schemes: The schemes that the route accepts, which are those that the answer offers; empty for all of the guard.
    """

    status: ClassVar[int]
    error: ClassVar[str | None] = None
    code: ClassVar[str]
    is_guess: ClassVar[bool] = False
    description: str

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or self.description)
        self.reason = reason
        self.schemes: tuple[str, ...] = ()

    def members(self) -> Mapping[str, object]:
        """Return what the problem details have besides status, title, description and RFC 6750's members."""
        return {}


class AuthError(AnswerError):
    """The caller is refused."""


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


class InvalidTokenError(AuthError):
    """The access token is not good (RFC 6750 section 3.1)."""

    status = 401
    error = "invalid_token"
    code = "token_invalid"
    is_guess = True
    description = "The access token is not valid."


class MalformedTokenError(InvalidTokenError):
    """The token is no compact JWS with a JSON object in its header and payload (RFC 7515 section 5.2)."""

    code = "token_malformed"
    description = "The access token is malformed."


class UnsupportedAlgorithmError(InvalidTokenError):
    """The token's ``alg`` is not one this guard accepts, or does not fit the key that ``kid`` names."""

    code = "algorithm_not_allowed"
    description = "The access token is signed with an algorithm that is not accepted."


class WrongTokenTypeError(InvalidTokenError):
    """The token is of another kind, such as an ID token (RFC 9068 section 4)."""

    code = "token_type_wrong"
    is_guess = False
    description = "This kind of token is not accepted here."


class InvalidSignatureError(InvalidTokenError):
    """The signature does not fit the token."""

    code = "signature_invalid"
    description = "The access token's signature is not valid."


class UnknownKeyError(InvalidTokenError):
    """The issuer does not publish the key that the token names."""

    code = "key_unknown"
    description = "The access token is signed with a key that the issuer does not publish."


class ExpiredTokenError(InvalidTokenError):
    """``exp`` has passed (RFC 7519 section 4.1.4)."""

    code = "token_expired"
    is_guess = False
    description = "The access token has expired."


class ImmatureTokenError(InvalidTokenError):
    """``nbf`` or ``iat`` lies in the future (RFC 7519 sections 4.1.5 and 4.1.6)."""

    code = "token_immature"
    is_guess = False
    description = "The access token is not valid yet."


class InvalidIssuerError(InvalidTokenError):
    """``iss`` is not the issuer this guard trusts (RFC 7519 section 4.1.1)."""

    code = "issuer_mismatch"
    is_guess = False
    description = "The access token comes from another issuer."


class InvalidAudienceError(InvalidTokenError):
    """``aud`` does not name this API (RFC 7519 section 4.1.3)."""

    code = "audience_mismatch"
    is_guess = False
    description = "The access token is not meant for this API."


class MissingClaimError(InvalidTokenError):
    """A claim that must be there is not."""

    code = "claim_missing"
    is_guess = False
    description = "The access token lacks a required claim."


class InvalidClaimError(InvalidTokenError):
    """A claim is not of the type that its definition demands."""

    code = "claim_invalid"
    is_guess = False
    description = "The access token has a claim of the wrong type."


class SenderConstraintError(InvalidTokenError):
    """The token is bound to a key (``cnf``, RFC 7800) and came as a plain bearer token."""

    code = "sender_constrained"
    is_guess = False
    description = "The access token is bound to a key and cannot be used as a bearer token."


class RevokedTokenError(InvalidTokenError):
    """The access token was revoked before its end."""

    code = "token_revoked"
    is_guess = False
    description = "The access token has been revoked."


class InvalidAPIKeyError(InvalidTokenError):
    """The API key is malformed, unknown, of another environment, or has a wrong secret: nobody learns which."""

    code = "api_key_invalid"
    description = "The API key is not valid."


class ExpiredAPIKeyError(InvalidAPIKeyError):
    """The API key has come to its end."""

    code = "api_key_expired"
    is_guess = False
    description = "The API key has expired."


class RevokedAPIKeyError(InvalidAPIKeyError):
    """The API key was revoked."""

    code = "api_key_revoked"
    is_guess = False
    description = "The API key was revoked."


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
