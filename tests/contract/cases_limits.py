"""Rate limits: what is refused for its pace, what is not, and what a caller is told of what is left."""

from __future__ import annotations

from typing import Final

from tests.contract.cases_headers import BAD, MISSING, PREFLIGHT, READ, TWO_OR_MALFORMED
from tests.contract.casework import Case, authorization, bearer
from tests.contract.expected import ANONYMOUS, allowed, counted, refused, too_fast

SPENT: Final = too_fast("global", 1, 90, 90)


def _left(expected, name="principal"):
    return counted(expected, name, 7, 60, 6)


CASES: Final = (
    Case("limits: used up", SPENT, bearer(), guard="spent"),
    Case("limits: used up, HEAD", SPENT, bearer(), method="HEAD", guard="spent"),
    Case("limits: used up, any principal", SPENT, bearer(), "/principal", guard="spent"),
    Case("limits: used up, optional", SPENT, (), "/optional", guard="spent"),
    Case("limits: used up, no credential", MISSING, guard="spent"),
    Case("limits: used up, a bad token", refused("token_expired"), authorization(f"Bearer {BAD}"), guard="spent"),
    Case("limits: used up, two credentials", TWO_OR_MALFORMED, authorization("Bearer x", "Bearer x"), guard="spent"),
    Case(
        "limits: used up, a scope is missing",
        refused("scope_insufficient", "remote-viewing:read"),
        bearer(scope="email"),
        guard="spent",
    ),
    Case("limits: used up, open", ANONYMOUS, path="/open", guard="spent"),
    Case("limits: some left", _left(READ), bearer(), guard="limited"),
    Case("limits: some left, POST", _left(READ), bearer(), method="POST", guard="limited"),
    Case("limits: some left, HEAD", _left(READ), bearer(), method="HEAD", guard="limited"),
    Case(
        "limits: some left, any principal",
        _left(allowed("email")),
        bearer(scope="email"),
        "/principal",
        guard="limited",
    ),
    Case("limits: some left, optional", _left(ANONYMOUS), (), "/optional", guard="limited"),
    Case("limits: some left, no credential", MISSING, guard="limited"),
    Case("limits: some left, no preflight", MISSING, PREFLIGHT, method="OPTIONS", guard="limited"),
    Case("limits: some left, open", ANONYMOUS, path="/open", guard="limited"),
)
