"""Explanations: every check in order, with the guard's own verdict."""

from __future__ import annotations

import pytest
from tests.contract.guards import DOWN, NOW
from tests.contract.guards import guard as contract_guard
from tests.support.tokens import jwks, token

from mindpeeker_guard import ConfigurationError, Guard, JWTBearer, Requirement, StaticKeySet, any_of, requirement
from mindpeeker_guard.errors import (
    ExpiredTokenError,
    InvalidRequestError,
    InvalidSignatureError,
    KeysUnavailableError,
    MissingCredentialsError,
)
from mindpeeker_guard.explain import explain


def guard(**options):
    return Guard(JWTBearer(keys=jwks(), clock=lambda: NOW, **options), clock=lambda: NOW)


def steps(explanation):
    return {step.name: step for step in explanation.steps}


def test_a_good_token_passes_every_check():
    """
    A good token has no failed check, no error, and a principal.
    """
    explanation = explain(guard(), token(now=NOW))

    assert {"ok"} == {step.verdict for step in explanation.steps}
    assert (None, None, "user-1") == (explanation.error, explanation.failed, explanation.principal.subject)


def test_what_is_expected_and_found_are_told():
    """
    A failed check tells what the guard expects, and what the token has, with times in words.
    """
    explanation = explain(guard(), token(now=NOW, exp=NOW - 180, iss="https://auth.mindpeeker.com"))

    step = explanation.failed
    assert ("expiry", "RFC 7519 section 4.1.4") == (step.name, step.rule)
    assert "after 2023-11-14 22:13:20 UTC, give or take 30 s" == step.expected
    assert f"{NOW - 180} (2023-11-14 22:10:20 UTC, 3 minutes ago)" == step.found
    assert isinstance(explanation.error, ExpiredTokenError)
    assert ("not reached", "") == steps(explanation)["signature"][4:2:-1]


def test_letters_that_look_alike_are_told_apart():
    """
    An issuer in letters of another alphabet is shown escaped.
    """
    explanation = explain(guard(), token(now=NOW, iss="https://auth.mindp\u0435eker.com"))

    assert '"https://auth.mindp\\u0435eker.com"' == explanation.failed.found


def test_scopes_are_checked_by_the_guards_rule():
    """
    What the route needs is checked last, with what the catalogue says is implied.
    """
    needs = requirement("remote-viewing:delete")
    good = explain(guard(), token(now=NOW, scope="remote-viewing:admin"), needs)
    bad = explain(guard(), token(now=NOW, scope="remote-viewing:write"), needs)

    assert "ok" == steps(good)["scopes"].verdict
    assert ("scopes", "remote-viewing:delete", "remote-viewing:write") == (
        bad.failed.name,
        bad.failed.expected,
        bad.failed.found,
    )


def test_alternatives_are_told():
    """
    Where one of several scopes is enough, all are named.
    """
    needs = Requirement(scopes=any_of("analytics:read", "analytics:export"))

    assert "analytics:read or analytics:export" == explain(guard(), token(now=NOW), needs).failed.expected


def test_a_token_without_scopes_has_none():
    """
    No scope at all is told as "none".
    """
    explanation = explain(guard(), token(now=NOW, scope=None), requirement("profile"))

    assert "none" == explanation.failed.found


@pytest.mark.parametrize(
    ("claims", "verdict", "found"),
    [
        ({"acr": "gold", "auth_time": NOW - 60}, "ok", f'acr "gold"; auth_time {NOW - 60}, 60 seconds ago'),
        ({"acr": "gold", "auth_time": NOW - 600}, "failed", f'acr "gold"; auth_time {NOW - 600}, 10 minutes ago'),
        ({"auth_time": "soon"}, "failed", 'acr absent; auth_time "soon"'),
        ({}, "failed", "acr absent; auth_time absent"),
    ],
)
def test_the_sign_in_is_checked(claims, verdict, found):
    """
    A route that asks for a sign-in gets one more check (RFC 9470).
    """
    needs = requirement(acr="gold", max_age=300)

    step = explain(guard(), token(now=NOW, **claims), needs).steps[-1]

    assert ("sign-in", verdict, found, "acr gold; auth_time at most 300 s ago") == (
        step.name,
        step.verdict,
        step.found,
        step.expected,
    )


def test_one_half_of_a_sign_in():
    """
    A route may ask for the authentication context only.
    """
    assert "acr gold" == explain(guard(), token(now=NOW), requirement(acr="gold")).failed.expected


def test_an_issuer_that_is_down_is_no_fault_of_the_token():
    """
    Where keys cannot be had, the error is the guard's 503, at the key.
    """
    explanation = explain(contract_guard(), token(now=NOW, kid=DOWN))

    assert isinstance(explanation.error, KeysUnavailableError)
    assert "key" == explanation.failed.name


def test_no_token_at_all():
    """
    An empty token fails on the credential.
    """
    explanation = explain(guard(), "")

    assert isinstance(explanation.error, InvalidRequestError)
    assert "credential" == explanation.failed.name


def test_another_scheme_is_no_bearer_credential():
    """
    What the authenticator does not take for its own is a missing credential.
    """

    class Other(JWTBearer):
        def extract(self, request):
            return None

    explanation = explain(Guard(Other(keys=jwks(), clock=lambda: NOW)), token(now=NOW))

    assert isinstance(explanation.error, MissingCredentialsError)
    assert "credential" == explanation.failed.name


def test_a_guard_without_tokens_cannot_explain_one():
    """
    Without a JWTBearer there is nothing to explain.
    """

    class Keys:
        scheme = "ApiKey"

        def extract(self, request):
            return None

    with pytest.raises(ConfigurationError):
        explain(Guard(Keys()), "x")


class Fickle(StaticKeySet):
    """Has no keys every second time it is asked."""

    def __init__(self, *answers):
        super().__init__(jwks())
        self.answers = list(answers)

    def find(self, kid, alg):
        if self.answers.pop(0):
            return (yield from super().find(kid, alg))
        raise KeysUnavailableError

    at_hand = None


def fickle(*answers):
    bearer = JWTBearer(keys=Fickle(*answers), clock=lambda: NOW, token_cache=0)
    bearer._keys_at_hand = lambda: None
    return Guard(bearer, clock=lambda: NOW)


def test_what_moved_in_between_is_looked_at_again():
    """
    Where the steps come to another verdict than the guard did, both are asked once more.
    """
    explanation = explain(fickle(True, False, True, True), token(now=NOW))

    assert (None, None) == (explanation.error, explanation.failed)


def test_the_guards_verdict_is_the_truth():
    """
    Where the steps go on to differ, the guard's verdict stands, in a step of its own.
    """
    accepted = explain(fickle(True, False, True, False), token(now=NOW))
    refused = explain(fickle(False, True, False, True), token(now=NOW))

    assert (None, None, "guard", "ok") == (accepted.error, accepted.failed, *accepted.steps[-1][0:5:4])
    assert ("guard", "keys_unavailable") == (refused.failed.name, refused.failed.found)
    assert refused.failed.error is refused.error


def test_a_bad_signature():
    """
    A signature of another key fails on the signature, with nothing of it shown.
    """
    whole = token(now=NOW)
    forged = whole[:-8] + ("AAAAAAAA" if not whole.endswith("AAAAAAAA") else "BBBBBBBA")

    explanation = explain(guard(), forged)

    assert isinstance(explanation.error, InvalidSignatureError)
    assert ("signature", "it does not fit") == (explanation.failed.name, explanation.failed.found)
