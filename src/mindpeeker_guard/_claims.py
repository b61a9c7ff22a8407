"""Claim checks (RFC 7519 section 4.1, RFC 9068 section 4): pure functions, `now` is an argument.

Times are seconds since the epoch. A claim of the wrong JSON type refuses the token, whether or not it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mindpeeker_guard._scopes import split_scope
from mindpeeker_guard.errors import (
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    MissingClaimError,
    SenderConstraintError,
    WrongTokenTypeError,
)

Claims = Mapping[str, Any]

_ACCESS_TOKEN_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
_TYPES: Final = _ACCESS_TOKEN_TYPES | {"jwt", None}
ID_TOKEN_MARKS: Final = frozenset({"nonce", "at_hash", "c_hash"})
_STARTS: Final = ("nbf", "iat")
_CLIENT: Final = ("client_id", "azp", "cid", "appid")
_NUMBERS: Final = frozenset({int, float})
RFC9068_CLAIMS: Final = ("sub", "client_id", "iat", "jti")
YEAR_9999: Final = 253_402_300_799  # the last second of the year 9999; more is milliseconds, or a mistake


def check_type(typ: str | None, claims: Claims, *, strict: bool) -> None:
    """Refuse tokens of another kind: ID tokens, log-out tokens, and in `strict` mode all but RFC 9068's.

    Raises:
        WrongTokenTypeError: It is of another kind.
        MissingClaimError: `strict`, and a claim that RFC 9068 demands is missing.
    """
    name = typ.lower() if typ is not None else None
    if name not in (_ACCESS_TOKEN_TYPES if strict else _TYPES):
        raise WrongTokenTypeError("typ")
    if not ID_TOKEN_MARKS.isdisjoint(claims):
        raise WrongTokenTypeError("an ID token")
    if strict:
        for name in RFC9068_CLAIMS:
            if name not in claims:
                raise MissingClaimError(name)


def check_issuer(claims: Claims, issuer: str) -> None:
    """Demand that ``iss`` equals `issuer`, character by character.

    Raises:
        MissingClaimError: There is none.
        InvalidIssuerError: It is another one, or no string.
    """
    if "iss" not in claims:
        raise MissingClaimError("iss")
    if claims["iss"] != issuer:
        raise InvalidIssuerError


def check_audience(claims: Claims, audiences: frozenset[str]) -> None:
    """Demand that ``aud``, a string or a list of strings, names one of `audiences` exactly.

    Raises:
        MissingClaimError: There is none.
        InvalidClaimError: It is neither a string nor a list of strings.
        InvalidAudienceError: It names others.
    """
    if "aud" not in claims:
        raise MissingClaimError("aud")
    named = claims["aud"]
    if isinstance(named, str):
        named = (named,)
    elif not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise InvalidClaimError("aud")
    if audiences.isdisjoint(named):
        raise InvalidAudienceError


def check_times(claims: Claims, *, now: float, leeway: float) -> float:
    """Demand that the token is in force, and return its ``exp``.

    `leeway` is allowed on each of ``exp``, ``nbf`` and ``iat``; a token ends at ``exp + leeway``, not after it.

    Raises:
        MissingClaimError: There is no ``exp``.
        InvalidClaimError: A time is no finite number of seconds.
        ExpiredTokenError, ImmatureTokenError: The token is not in force.
    """
    if "exp" not in claims:
        raise MissingClaimError("exp")
    expires = _number(claims["exp"], "exp")
    if now >= expires + leeway:
        raise ExpiredTokenError
    latest = now + leeway
    for name in _STARTS:
        if name in claims and _number(claims[name], name) > latest:
            raise ImmatureTokenError(name)
    return expires


def starts_at(claims: Claims) -> float:
    """Return since when a token is in force: the later of ``nbf`` and ``iat``; 0 where it does not say."""
    return max((_number(claims[name], name) for name in _STARTS if name in claims), default=0)


def numeric_date(claims: Claims, name: str) -> float | None:
    """Return the time in claim `name`; None where it is absent.

    Raises:
        InvalidClaimError: It is no number (a boolean is none), or lies beyond the year 9999.
    """
    return _number(claims[name], name) if name in claims else None


def _number(value: Any, name: str) -> float:
    # A chained comparison is false for NaN, and works for integers that no float can hold.
    if type(value) in _NUMBERS and -YEAR_9999 <= value <= YEAR_9999:
        return value  # type: ignore[no-any-return]
    raise InvalidClaimError(name)


def check_unbound(claims: Claims) -> None:
    """Refuse a token that is bound to a key (RFC 7800): as a plain bearer token it proves nothing.

    Raises:
        SenderConstraintError: It is bound.
    """
    if "cnf" in claims:
        raise SenderConstraintError


def scopes(claims: Claims) -> frozenset[str]:
    """Return the granted scopes: ``scope``, else ``scp``; a string or a list of strings.

    Raises:
        InvalidClaimError: It is of another shape.
    """
    for name in ("scope", "scp"):
        if name in claims:
            value = claims[name]
            if isinstance(value, str):
                return split_scope(value)
            if isinstance(value, list | tuple) and all(isinstance(scope, str) for scope in value):
                return frozenset(value)
            raise InvalidClaimError(name)
    return frozenset()


def text(claims: Claims, name: str) -> str | None:
    """Return the claim `name`; None where it is absent.

    Raises:
        InvalidClaimError: It is no string.
    """
    value = claims.get(name)
    if type(value) is str:
        return value
    if name in claims:
        raise InvalidClaimError(name)
    return None


def client_id(claims: Claims) -> str | None:
    """Return the client that the token was given to, by the first name for it that is there; None where none is.

    Raises:
        InvalidClaimError: It is no string.
    """
    for name in _CLIENT:
        if name in claims:
            return text(claims, name)
    return None
