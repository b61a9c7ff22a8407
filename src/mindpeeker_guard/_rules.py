"""What a route asks for, against what the caller has: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mindpeeker_guard import _claims
from mindpeeker_guard._requests import Request
from mindpeeker_guard._types import Principal, Requirement
from mindpeeker_guard.errors import (
    InsufficientScopeError,
    InvalidClaimError,
    SchemeNotAcceptedError,
    StepUpRequiredError,
)


def authorize(principal: Principal, requirement: Requirement, clock: Callable[[], float]) -> None:
    """Check scopes and sign-in.

    Raises:
        StepUpRequiredError: The sign-in is too weak or too old.
        InsufficientScopeError: A scope is missing.
    """
    if not requirement.scopes.satisfied_by(principal.scopes):
        raise InsufficientScopeError(requirement.scopes.shortest)
    if requirement.acr_values or requirement.max_age is not None:
        _check_sign_in(principal.claims, requirement, clock)


def _check_sign_in(claims: Mapping[str, Any], requirement: Requirement, clock: Callable[[], float]) -> None:
    acr, max_age = requirement.acr_values, requirement.max_age
    good = not acr or claims.get("acr") in acr
    if good and max_age is not None:
        try:
            signed_in = _claims.numeric_date(claims, "auth_time")
        except InvalidClaimError:
            signed_in = None
        good = signed_in is not None and clock() - signed_in <= max_age
    if not good:
        raise StepUpRequiredError(acr, max_age)


def check_scheme(scheme: str, requirement: Requirement) -> None:
    """Check that a route accepts a kind of credential.

    Raises:
        SchemeNotAcceptedError: It does not.
    """
    if requirement.schemes and scheme not in requirement.schemes:
        raise SchemeNotAcceptedError(f"{scheme} is not one of {', '.join(requirement.schemes)}")


def is_preflight(request: Request) -> bool:
    """Tell whether this is a CORS preflight request (Fetch standard, "CORS-preflight fetch")."""
    headers = [request.values(name) for name in ("origin", "access-control-request-method")]
    # A comma stands where a server has joined two of them.
    return request.method == "OPTIONS" and all(len(values) == 1 and "," not in values[0] for values in headers)
