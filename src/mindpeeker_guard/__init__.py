"""Protect Python APIs with MindPeeker access tokens: one core decides, thin adapters answer.

The adapters are modules of their own: ``mindpeeker_guard.flask``, ``.fastapi``, ``.django``, ``.asgi``, ``.wsgi``.
"""

from typing import TYPE_CHECKING, Any

from mindpeeker_guard._decisions import Decision
from mindpeeker_guard._flow import Call, Flow, Wait, call
from mindpeeker_guard._guard import Guard
from mindpeeker_guard._jwks import Key
from mindpeeker_guard._key_events import KeyEvent
from mindpeeker_guard._key_health import KeySetHealth
from mindpeeker_guard._keys import KeySource, StaticKeySet
from mindpeeker_guard._rates import RateLimit
from mindpeeker_guard._remote_keys import RemoteKeySet
from mindpeeker_guard._requests import ASGIRequest, Request, WSGIRequest
from mindpeeker_guard._scopes import MINDPEEKER_SCOPES, ScopeCatalogue, ScopeExpression, all_of, any_of
from mindpeeker_guard._shield import Shield
from mindpeeker_guard._sources import TrustedProxies
from mindpeeker_guard._types import Authenticator, Principal, Refusal, Requirement, requirement
from mindpeeker_guard._version import __version__
from mindpeeker_guard.authenticators.api_key import APIKey
from mindpeeker_guard.authenticators.jwt_bearer import JWTBearer
from mindpeeker_guard.errors import (
    AnswerError,
    AuthError,
    ConfigurationError,
    ExpiredAPIKeyError,
    ExpiredTokenError,
    GuardError,
    ImmatureTokenError,
    InsufficientScopeError,
    InvalidAPIKeyError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidRequestError,
    InvalidSignatureError,
    InvalidTokenError,
    KeysUnavailableError,
    MalformedTokenError,
    MissingClaimError,
    MissingCredentialsError,
    RateLimitedError,
    RevokedAPIKeyError,
    RevokedTokenError,
    SchemeNotAcceptedError,
    SenderConstraintError,
    StepUpRequiredError,
    StoreUnavailableError,
    TooManyFailuresError,
    UnavailableError,
    UnknownKeyError,
    UnsupportedAlgorithmError,
    WrongTokenTypeError,
)

if TYPE_CHECKING:
    from mindpeeker_guard.rate_limits import RateLimits

__all__ = [
    "MINDPEEKER_SCOPES",
    "APIKey",
    "ASGIRequest",
    "AnswerError",
    "AuthError",
    "Authenticator",
    "Call",
    "ConfigurationError",
    "Decision",
    "ExpiredAPIKeyError",
    "ExpiredTokenError",
    "Flow",
    "Guard",
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
    "JWTBearer",
    "Key",
    "KeyEvent",
    "KeySetHealth",
    "KeySource",
    "KeysUnavailableError",
    "MalformedTokenError",
    "MissingClaimError",
    "MissingCredentialsError",
    "Principal",
    "RateLimit",
    "RateLimitedError",
    "RateLimits",
    "Refusal",
    "RemoteKeySet",
    "Request",
    "Requirement",
    "RevokedAPIKeyError",
    "RevokedTokenError",
    "SchemeNotAcceptedError",
    "ScopeCatalogue",
    "ScopeExpression",
    "SenderConstraintError",
    "Shield",
    "StaticKeySet",
    "StepUpRequiredError",
    "StoreUnavailableError",
    "TooManyFailuresError",
    "TrustedProxies",
    "UnavailableError",
    "UnknownKeyError",
    "UnsupportedAlgorithmError",
    "WSGIRequest",
    "Wait",
    "WrongTokenTypeError",
    "__version__",
    "all_of",
    "any_of",
    "call",
    "requirement",
]


def __getattr__(name: str) -> Any:
    """Load what few applications use at its first use: every import of the package would pay for it."""
    if name == "RateLimits":
        from mindpeeker_guard.rate_limits import RateLimits  # noqa: PLC0415

        return RateLimits
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
