"""From an error to the complete answer."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mindpeeker_guard
from mindpeeker_guard import (
    AnswerError,
    ExpiredTokenError,
    InsufficientScopeError,
    InvalidRequestError,
    InvalidTokenError,
    KeysUnavailableError,
    MissingCredentialsError,
    RateLimitedError,
    StepUpRequiredError,
    UnavailableError,
)
from mindpeeker_guard._challenges import Challenges, problem, quoted

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def answer(error, schemes=("Bearer",), metadata=None):
    return Challenges(schemes, "mindpeeker", metadata).refusal(error)


def error_classes(base=AnswerError):
    for cls in base.__subclasses__():
        if cls.__module__.startswith("mindpeeker_guard") and hasattr(cls, "code"):
            yield cls
        yield from error_classes(cls)


CORE = {cls for cls in error_classes() if cls.__module__.startswith("mindpeeker_guard.errors")}
ERRORS = sorted(CORE, key=lambda cls: cls.__name__)


@pytest.mark.parametrize(
    ("error", "status", "challenge"),
    [
        pytest.param(MissingCredentialsError(), 401, 'Bearer realm="mindpeeker"', id="no credential"),
        pytest.param(
            InvalidRequestError("two"),
            400,
            'Bearer realm="mindpeeker", error="invalid_request", '
            'error_description="The request must carry exactly one well-formed credential."',
            id="two credentials",
        ),
        pytest.param(
            ExpiredTokenError(),
            401,
            'Bearer realm="mindpeeker", error="invalid_token", error_description="The access token has expired."',
            id="bad token",
        ),
        pytest.param(
            InsufficientScopeError(["dowsing:read", "profile"]),
            403,
            'Bearer realm="mindpeeker", error="insufficient_scope", '
            'error_description="The credential lacks a scope that this resource needs.", '
            'scope="dowsing:read profile"',
            id="scope missing",
        ),
        pytest.param(
            StepUpRequiredError(["gold", "silver"], 300),
            401,
            'Bearer realm="mindpeeker", error="insufficient_user_authentication", '
            'error_description="A more recent or stronger sign-in is needed.", acr_values="gold silver", max_age="300"',
            id="step-up",
        ),
        pytest.param(
            StepUpRequiredError(["gold"]),
            401,
            'Bearer realm="mindpeeker", error="insufficient_user_authentication", '
            'error_description="A more recent or stronger sign-in is needed.", acr_values="gold"',
            id="step-up, strength only",
        ),
        pytest.param(
            StepUpRequiredError(max_age=0),
            401,
            'Bearer realm="mindpeeker", error="insufficient_user_authentication", '
            'error_description="A more recent or stronger sign-in is needed.", max_age="0"',
            id="step-up, freshness only",
        ),
    ],
)
def test_refusals_with_a_challenge(error, status, challenge):
    """
    400, 401 and 403 carry a challenge, with no error code where there was no credential.
    """
    refusal = answer(error)

    assert status == refusal.status
    assert dict(refusal.headers) == {
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        "WWW-Authenticate": challenge,
    }


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        pytest.param(RateLimitedError(), 429, "60", id="too fast"),
        pytest.param(RateLimitedError(0), 429, "1", id="too fast, at once"),
        pytest.param(RateLimitedError(2.01), 429, "3", id="rounded up"),
        pytest.param(UnavailableError(), 503, "1", id="unavailable"),
        pytest.param(KeysUnavailableError("down", 12), 503, "12", id="no keys"),
        pytest.param(KeysUnavailableError("down", -5), 503, "1", id="in the past"),
    ],
)
def test_refusals_that_say_when(error, status, retry_after):
    """
    429 and 503 blame no credential: no challenge, and a Retry-After of at least 1.
    """
    refusal = answer(error)

    assert status == refusal.status
    assert dict(refusal.headers) == {
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        "Retry-After": retry_after,
    }


def test_the_body():
    """
    The body is problem details, with RFC 6750's members and on 403 the scopes beside them.
    """
    refusal = answer(InsufficientScopeError(["profile"]))

    assert json.loads(refusal.body) == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "The credential lacks a scope that this resource needs.",
        "error": "insufficient_scope",
        "error_description": "The credential lacks a scope that this resource needs.",
        "required_scopes": ["profile"],
    }


def test_a_body_without_an_error_code():
    """
    Where the challenge has no error code, the body has none either.
    """
    assert problem(MissingCredentialsError()) == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "This resource needs a credential.",
    }


def test_a_scope_challenge_without_scopes():
    """
    A refusal that names no scopes has no empty `scope` parameter.
    """
    assert "scope=" not in dict(answer(InsufficientScopeError()).headers)["WWW-Authenticate"]


def test_several_schemes_share_one_header():
    """
    Each scheme has its challenge, in order, in one header; the metadata's URL stands in each.
    """
    header = dict(answer(MissingCredentialsError(), ("Bearer", "ApiKey"), "https://a/m").headers)["WWW-Authenticate"]

    assert header == (
        'Bearer realm="mindpeeker", resource_metadata="https://a/m", '
        'ApiKey realm="mindpeeker", resource_metadata="https://a/m"'
    )


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=3))
def test_nothing_of_an_error_breaks_out_of_its_header(reason, words):
    """
    Whatever stands in an error, no header has a control character, and the reason stands in no answer.
    """
    challenges = Challenges(["Bearer"], "mindpeeker", "".join(words))
    marked = f"REASON{reason}"

    for error in (InvalidTokenError(marked), InsufficientScopeError(words), StepUpRequiredError(words, 5)):
        refusal = challenges.refusal(error)
        assert all(value.isascii() and value.isprintable() for _, value in refusal.headers)
        assert b"REASON" not in refusal.body
        assert not any("REASON" in value for _, value in refusal.headers)


@given(ANY_TEXT)
def test_a_quoted_string_is_one_quoted_string(value):
    """
    A quoted string holds no raw quote, no lone backslash and nothing but printable ASCII.
    """
    assert re.fullmatch(r'"(?:[ !#-\[\]-~]|\\["\\])*"', quoted(value))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_a_quoted_string_reads_back(value):
    """
    Printable ASCII survives quoting.
    """
    assert value == re.sub(r"\\(.)", r"\1", quoted(value)[1:-1])


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_every_error_has_its_words(cls):
    """
    Every error has a status, a code of its own kind and one sentence that RFC 6750 allows; it is public.
    """
    assert cls.status in {400, 401, 403, 429, 503}
    assert re.fullmatch(r"[a-z_]+", cls.code)
    assert re.fullmatch(r"[A-Z][ !#-\[\]-~]*\.", cls.description)
    assert cls.__name__ in mindpeeker_guard.__all__
    assert str(cls()) == cls.description


def test_codes_tell_errors_apart():
    """
    No two errors share a code.
    """
    assert len(ERRORS) > 15
    assert len({cls.code for cls in ERRORS}) == len(ERRORS)


def test_the_reason_is_kept_for_the_log():
    """
    A reason is kept beside the fixed sentence.
    """
    error = InvalidTokenError("segment 2")

    assert (error.reason, str(error), error.description) == ("segment 2", "segment 2", "The access token is not valid.")
