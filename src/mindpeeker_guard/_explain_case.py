"""One token on its way through the checks of a `JWTBearer` and of its guard, one check after the other.

Each function raises what the guard would raise, by the functions that the guard calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mindpeeker_guard import _claims, _rules
from mindpeeker_guard._flow import run
from mindpeeker_guard._guard import Guard
from mindpeeker_guard._headers import MAX_TOKEN, check_token
from mindpeeker_guard._jose import Token, parse
from mindpeeker_guard._jwks import Key
from mindpeeker_guard._requests import Request
from mindpeeker_guard._types import Principal, Requirement
from mindpeeker_guard.authenticators.jwt_bearer import JWTBearer
from mindpeeker_guard.errors import (
    InvalidSignatureError,
    MalformedTokenError,
    MissingCredentialsError,
    UnsupportedAlgorithmError,
)


@dataclass(slots=True)
class Case:
    """One token on its way through the checks, and what they have made of it so far."""

    guard: Guard
    bearer: JWTBearer
    request: Request
    requirement: Requirement
    credential: str = ""
    token: Token | None = None
    candidates: Sequence[Key] = field(default_factory=tuple)

    @property
    def claims(self) -> Mapping[str, Any]:
        """The claims; none before the token is taken apart."""
        return self.token.claims if self.token is not None else {}

    @property
    def now(self) -> float:
        """The time by the clock that the guard reads."""
        return self.bearer.rules.clock()

    @property
    def principal(self) -> Principal:
        """A principal with these scopes and claims, as far as requirements look at it."""
        granted = _claims.scopes(self.claims)
        return Principal(granted_scopes=granted, claims=self.claims, catalogue=self.guard.catalogue)


def extract(case: Case) -> None:
    """Take the credential out of the header; the route must accept its kind."""
    credential = case.bearer.extract(case.request)
    if credential is None:
        raise MissingCredentialsError
    _rules.check_scheme(case.bearer.scheme, case.requirement)
    case.credential = credential


def check_size(case: Case) -> None:
    """Refuse what is too long to be looked at."""
    if len(case.credential) > MAX_TOKEN:
        raise MalformedTokenError(f"more than {MAX_TOKEN} characters")


def check_characters(case: Case) -> None:
    """Refuse what no bearer token can look like."""
    check_token(raw(case))


def raw(case: Case) -> bytes:
    """Return the credential as bytes, as the guard reads it."""
    return case.credential.encode("ascii", "replace")


def check_form(case: Case) -> None:
    """Take the token apart."""
    case.token = parse(raw(case))


def check_algorithm(case: Case) -> None:
    """Refuse algorithms that are not accepted."""
    if case.token is not None and case.token.header.alg not in case.bearer.rules.algorithms:
        raise UnsupportedAlgorithmError("alg")


def check_type(case: Case) -> None:
    """Refuse other kinds of token."""
    typ = case.token.header.typ if case.token is not None else None
    _claims.check_type(typ, case.claims, strict=case.bearer.rules.strict)


def check_time(*names: str) -> Callable[[Case], None]:
    """Check some of the three times, with the function that checks them all."""

    def check(case: Case) -> None:
        some = {name: case.claims[name] for name in names if name in case.claims}
        _claims.check_times(some, now=case.now, leeway=case.bearer.rules.leeway)

    return check


def find_key(case: Case) -> None:
    """Find the keys that may have signed it; they may have to be fetched."""
    if case.token is not None:
        case.candidates = run(case.bearer.rules.keys.find(case.token.header.kid, case.token.header.alg))


def check_signature(case: Case) -> None:
    """Demand that one of the keys has signed it."""
    if case.token is None:
        return
    header, _, signing_input, signature = case.token
    if not any(key.verify(header.alg, signing_input, signature) for key in case.candidates):
        raise InvalidSignatureError


def check_caller(case: Case) -> None:
    """Refuse names that are no strings."""
    _claims.text(case.claims, "sub")
    _claims.client_id(case.claims)
    _claims.text(case.claims, "jti")


def check_scopes(case: Case) -> None:
    """Refuse scopes of another shape."""
    _claims.scopes(case.claims)


def check_required_scopes(case: Case) -> None:
    """Demand the scopes that the route needs."""
    _rules.authorize(case.principal, Requirement(scopes=case.requirement.scopes), case.bearer.rules.clock)


def check_sign_in(case: Case) -> None:
    """Demand the sign-in that the route needs."""
    asked = Requirement(acr_values=case.requirement.acr_values, max_age=case.requirement.max_age)
    _rules.authorize(case.principal, asked, case.bearer.rules.clock)
