"""What a guard tells about its decisions."""

from __future__ import annotations

import asyncio
import logging

import pytest
from tests.support.tokens import ISSUER, jwks, token

from mindpeeker_guard import AnswerError, Decision, Guard, JWTBearer, Request, StaticKeySet, requirement

NOW = 1_700_000_000
READ = requirement("remote-viewing:read")
OPTIONAL = requirement("remote-viewing:read", optional=True)


def sent(text=None, **options):
    """Return a request with a token."""
    headers = {} if text is None else {"Authorization": f"Bearer {text}"}
    return Request("POST", "https://api.mindpeeker.com/v1/sessions?secret=x", headers, route="/v1/sessions", **options)


def good(**changes):
    return token(now=NOW, **changes)


def listening(**options):
    """Return a guard, and the list of what it tells."""
    told: list[Decision] = []
    bearer = JWTBearer(keys=StaticKeySet(jwks()), clock=lambda: NOW)
    return Guard(bearer, clock=lambda: NOW, on_decision=told.append, **options), told


def outcome(guard, request, needed=READ):
    """Return the principal, or the error."""
    try:
        return guard.check(request, needed)
    except AnswerError as error:
        return error


def test_a_request_that_is_let_in():
    """
    It is told once: who vouched, how, for which route, how long it took, and nothing of the token.
    """
    guard, told = listening()
    principal = guard.check(sent(good()), READ)

    [decision] = told
    assert decision == Decision(
        outcome="allowed",
        status=None,
        scheme="Bearer",
        issuer=ISSUER,
        method="POST",
        route="/v1/sessions",
        scopes=("remote-viewing:read",),
        duration=decision.duration,
        remembered=False,
        at=NOW,
    )
    assert decision.is_allowed
    assert 0 < decision.duration < 60
    assert principal.subject not in str(decision)


def test_a_token_that_was_seen_before():
    """
    It is told that the second time the token was remembered.
    """
    guard, told = listening()
    text = good()
    for _ in range(2):
        guard.check(sent(text), READ)

    assert [False, True] == [decision.remembered for decision in told]


@pytest.mark.parametrize(
    ("text", "needed", "code", "status", "scheme"),
    [
        (None, READ, "credentials_missing", 401, None),
        (None, OPTIONAL, "anonymous", None, None),
        ("not.a.token", READ, "token_malformed", 401, "Bearer"),
        (good(exp=NOW - 60), READ, "token_expired", 401, "Bearer"),
        (good(scope="profile"), READ, "scope_insufficient", 403, "Bearer"),
        (good(), requirement(acr="mfa"), "step_up_required", 401, "Bearer"),
    ],
)
def test_every_outcome_has_its_code(text, needed, code, status, scheme):
    """
    The outcome is the code of the error that the caller is refused with.
    """
    guard, told = listening()
    error = outcome(guard, sent(text), needed)

    [decision] = told
    assert (code, status, scheme) == (decision.outcome, decision.status, decision.scheme)
    assert decision.is_allowed == (status is None)
    assert decision.reason == (getattr(error, "reason", ""))


def test_a_refused_caller_is_known_once_it_is():
    """
    The issuer is told where the credential was good, and not where nothing was verified.
    """
    guard, told = listening()
    outcome(guard, sent(good(scope="profile")))
    outcome(guard, sent(good(exp=NOW - 60)))

    assert [ISSUER, None] == [decision.issuer for decision in told]


def test_async_checks_tell_the_same():
    """
    Nothing differs on an event loop but the time.
    """
    guard, told = listening()
    text = good()
    guard.check(sent(text), READ)
    asyncio.run(guard.acheck(sent(text), READ))

    first, second = (decision._replace(duration=0.0, remembered=False) for decision in told)
    assert first == second


def test_claims_are_told_on_request_only():
    """
    Of the claims only those that were named are told, and read-only.
    """
    guard, told = listening(decision_claims=("sub", "jti", "absent"))
    guard.check(sent(good()), READ)

    assert {"sub": "user-1", "jti": "token-1"} == dict(told[0].claims)
    with pytest.raises(TypeError):
        told[0].claims["sub"] = "user-2"


def test_later_refusals_are_told_too():
    """
    What a second decorator refuses is told, with the request if the adapter has it.
    """
    guard, told = listening()
    principal = guard.check(sent(good()), READ)
    for request in (None, sent()):
        with pytest.raises(AnswerError):
            guard.authorize(principal, requirement("profile"), request)
    with pytest.raises(AnswerError):
        guard.check_anonymous(sent(), READ)
    guard.authorize(principal, READ)
    guard.check_anonymous(sent(), OPTIONAL)

    assert ["allowed", "scope_insufficient", "scope_insufficient", "credentials_missing"] == [
        decision.outcome for decision in told
    ]
    assert [None, "/v1/sessions"] == [decision.route for decision in told[1:3]]


@pytest.mark.parametrize("text", [good(), good(scope="profile")])
def test_a_hook_that_fails_changes_nothing(text, caplog):
    """
    What the hook raises is logged, and the decision stands.
    """

    def hook(decision):
        raise LookupError(decision.outcome)

    bearer = JWTBearer(keys=StaticKeySet(jwks()), clock=lambda: NOW)
    plain, failing = (Guard(bearer, clock=lambda: NOW, on_decision=one) for one in (None, hook))
    with caplog.at_level(logging.ERROR):
        expected, found = outcome(plain, sent(text)), outcome(failing, sent(text))

    assert type(expected) is type(found)
    assert "on_decision failed" in caplog.text
    assert text not in caplog.text
