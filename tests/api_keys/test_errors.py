"""What can be wrong with a change to the keys: status, code and sentence of each error."""

from __future__ import annotations

import json
import re

import pytest

from mindpeeker_guard import Guard, JWTBearer
from mindpeeker_guard.api_keys import (
    InvalidFieldError,
    KeyConflictError,
    KeyNotFoundError,
    ScopeNotGrantedError,
    StoreUnavailableError,
)
from mindpeeker_guard.errors import AnswerError, GuardError

GUARD = Guard(JWTBearer())
ERRORS = (
    (InvalidFieldError("scopes"), 422, "field_invalid", {"field": "scopes"}),
    (KeyNotFoundError(), 404, "api_key_not_found", {}),
    (KeyConflictError(), 409, "api_key_conflict", {}),
    (ScopeNotGrantedError(["profile"]), 403, "scope_not_granted", {"required_scopes": ["profile"], "field": "scopes"}),
    (StoreUnavailableError(), 503, "store_unavailable", {}),
)


@pytest.mark.parametrize(("error", "status", "code", "members"), [pytest.param(*case, id=case[2]) for case in ERRORS])
def test_every_error_has_its_answer(error: AnswerError, status: int, code: str, members: dict[str, object]):
    """
    Problem details with one sentence, and what a client needs to act on it.
    """
    refusal = GUARD.refusal(error)
    body = json.loads(refusal.body)

    assert isinstance(error, GuardError)
    assert (status, code, status) == (refusal.status, error.code, body["status"])
    assert re.fullmatch(r"[A-Z][ !#-\[\]-~]*\.", body["detail"])
    standard = {"type", "title", "status", "detail", "error", "error_description"}
    assert members == {name: value for name, value in body.items() if name not in standard}


def test_only_a_missing_scope_is_answered_with_a_challenge():
    """
    With a token that has the scope, the same request would succeed (RFC 6750 section 3.1).
    """
    challenged = {case[2]: dict(GUARD.refusal(case[0]).headers).get("WWW-Authenticate") for case in ERRORS}

    assert (
        'Bearer realm="mindpeeker", error="insufficient_scope", '
        'error_description="A key can only have scopes that its maker holds.", scope="profile"'
        == challenged.pop("scope_not_granted")
    )
    assert {None} == set(challenged.values())
