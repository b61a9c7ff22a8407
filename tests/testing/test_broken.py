"""`assert_guarded` finds what is wrong with broken applications, and says so in words that help."""

from __future__ import annotations

import traceback

import pytest
from django.test import Client
from django.urls import path
from tests.frameworks.django_project import GUARD
from tests.testing import broken
from tests.testing.apps import READ, ROUTE, django_project, fastapi_app, flask_app

import mindpeeker_guard.flask as for_flask
from mindpeeker_guard import Guard, JWTBearer
from mindpeeker_guard.testing import FakeIssuer, assert_guarded
from mindpeeker_guard.testing._flaws import Flaw
from mindpeeker_guard.testing._gateways import Answer
from mindpeeker_guard.testing._judge import Finding, Judge
from mindpeeker_guard.testing._probes import Expected, Probe
from mindpeeker_guard.testing._report import report

GET = f"GET {ROUTE}"

# What the text must say: the sentence about what happened, and words of the likely cause or the fix.
OPEN = ("A request without any credential was let in (200).", "the guard never runs")
BROKEN = {
    broken.flask_without_guard: (*OPEN, "the decorator is missing"),
    broken.flask_wrong_order: (*OPEN, "@app.get(…) first, @require_scopes(…) below it"),
    broken.flask_get_only: (
        "A HEAD request without any credential was let in (200).",
        "HEAD runs the same view as GET",
    ),
    broken.flask_unverified: ("A token with a worthless signature was let in (200).", "its signature is not verified"),
    broken.flask_nearly_right: (
        "An ID token (it has a nonce) was let in (200).",
        "tokens of another kind are taken for access tokens",
    ),
    broken.flask_embedded_key: (
        "A forged token that brings its own key (jwk) was let in (200).",
        "the token chooses the key",
    ),
    broken.flask_leaks: ("repeats it (", "repeats the credential"),
    broken.fastapi_without_scope: ("A good token without any scope was let in (200).", "require_scopes('…')"),
    broken.fastapi_substring: (
        f"A good token with {READ}x in place of {READ} was let in (200).",
        "scopes are compared as text",
    ),
    broken.fastapi_granted: (
        "A good token with remote-viewing:admin, which implies what is needed was refused (403",
        "principal.scopes, not principal.granted_scopes",
    ),
    broken.fastapi_confused: (
        "A token signed by HMAC with the public key as PEM was let in (200).",
        "the token chooses the algorithm",
    ),
    broken.fastapi_query: ("A good token in the query (access_token) was let in (200).", "URLs are logged"),
    broken.fastapi_forbids: (
        "A request without any credential got 403: it must be asked for a credential (401).",
        "401: get a new token. 403: this token does not reach here.",
    ),
    broken.django_audience: ("A token for another API was let in (200).", "configure the audience"),
    broken.django_issuer: ("A token of another issuer was let in (200).", "configure the issuer"),
    broken.django_expiry: ("A token that has expired was let in (200).", "the times of the token"),
    broken.django_crash: ("Junk caused an error (500): the application raised", "ends in an exception"),
    broken.django_public: (*OPEN, "the view is @public"),
}


def complaint(make, **options) -> AssertionError:
    """Return what is said about a broken application."""
    with FakeIssuer() as issuer:
        target = make(issuer)
        needs_issuer = make.__code__.co_varnames[0] == "issuer"
        options = {"problem": False, **({"issuer": issuer} if needs_issuer else {}), **options}
        with pytest.raises(AssertionError) as caught:  # noqa: PT012 - Django needs a project around it
            if make.__name__.startswith("django"):
                middleware = [GUARD] if make is broken.django_public else []
                with django_project(None, path(ROUTE[1:], target), MIDDLEWARE=middleware):
                    assert_guarded(Client(), GET, READ, **options)
            else:
                assert_guarded(target, GET, READ, **options)
        return caught.value


@pytest.mark.parametrize(("make", "words"), BROKEN.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_broken_is_named(make, words):
    """
    A broken application fails, and the text says what happened, the likely cause, and the fix.
    """
    text = str(complaint(make))

    assert text.startswith(f"{GET} is not guarded as it should be: ")
    assert [] == [word for word in words if word not in text]
    assert text.count("Likely cause: ") == text.count("Fix: ") >= 1


@pytest.mark.parametrize(
    ("make", "flaws"),
    [
        (broken.flask_without_guard, [Flaw.OPEN]),
        (broken.flask_wrong_order, [Flaw.OPEN]),
        (broken.flask_get_only, [Flaw.HEAD_OPEN, Flaw.OPTIONS_OPEN]),
        (broken.flask_leaks, [Flaw.ECHO]),
        (broken.fastapi_without_scope, [Flaw.SCOPE]),
        (broken.fastapi_substring, [Flaw.SIMILAR_SCOPE]),
        (broken.fastapi_granted, [Flaw.ADMIN_FORBIDDEN]),
        (broken.django_public, [Flaw.OPEN]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_nothing_else_is_named(make, flaws):
    """
    An application with one flaw gets a text about that flaw, not about everything that follows from it.
    """
    text = str(complaint(make))

    assert [flaw.name for flaw in flaws] == [flaw.name for flaw in Flaw if flaw.advice.cause in text]


def test_a_short_text():
    """
    The text of the most broken application fits a screen: three examples for each kind of flaw at most.
    """
    text = str(complaint(broken.flask_unverified))

    assert "… and " in text
    assert len(text.splitlines()) < 90


def test_a_route_that_is_not_there():
    """
    A route that nobody can reach is a mistake in the test, and is said to be one.
    """
    with pytest.raises(AssertionError, match=r"got 404\.\n.*there is no such route"):
        assert_guarded(flask_app(), "GET /v1/sesions", READ)


def test_scopes_that_are_not_the_route_s():
    """
    Where the route requires something else than the test says, the text has what the route asks for.
    """
    with pytest.raises(AssertionError) as caught:
        assert_guarded(fastapi_app(), GET, scopes=["profile"])

    assert f"A good token with profile was refused (403, insufficient_scope, it asks for {READ})." in str(caught.value)
    assert "name all scopes of the route" in str(caught.value)


def test_an_application_that_trusts_somebody_else():
    """
    Where no token is good, the text says how an application comes to trust the test.
    """
    with FakeIssuer() as ours, FakeIssuer() as other:
        app = flask_app(Guard.from_env(other.environ()))
        with pytest.raises(AssertionError, match=r"refused \(401, invalid_token\)[\s\S]*issuer\.settings\(\)"):
            assert_guarded(app, GET, READ, issuer=ours)


def test_keys_that_cannot_be_had():
    """
    Where the guard cannot get the keys, the text says so instead of blaming the tokens.
    """
    with FakeIssuer() as issuer:
        app = flask_app(Guard(JWTBearer(issuer.issuer, jwks_uri="http://127.0.0.1:9/keys")))
        with pytest.raises(AssertionError, match="the guard cannot get the issuer's keys"):
            assert_guarded(app, GET, READ, issuer=issuer)


def test_refusals_of_ones_own():
    """
    Refusals that an application renders itself fail for body and headers, and pass when the test allows the body.
    """

    def app(headers):
        made = flask_app()

        @made.errorhandler(401)
        @made.errorhandler(400)
        @made.errorhandler(403)
        def render(error):
            kept = error.get_response().headers if headers else {}
            named = {name: kept[name] for name in ("WWW-Authenticate", "Cache-Control") if name in kept}
            return {"code": error.code}, error.code, named

        return made

    assert_guarded(app(headers=True), GET, READ, problem=False)
    with pytest.raises(AssertionError, match="problem=False"):
        assert_guarded(app(headers=True), GET, READ)
    with pytest.raises(AssertionError, match=r"WWW-Authenticate is missing[\s\S]*lacks Cache-Control: no-store"):
        assert_guarded(app(headers=False), GET, READ, problem=False)


def test_what_the_application_raised_is_the_cause():
    """
    The exception of an application that crashes is chained, so that its traceback is shown.
    """
    error = complaint(broken.django_crash)

    assert error.__cause__ is not None
    assert "broken.py" in "".join(traceback.format_exception(error.__cause__))


def test_an_optional_credential():
    """
    A route that lets anybody pass is not a guarded one.
    """
    app = flask_app()
    app.view_functions["sessions"] = for_flask.require_scopes(READ, optional=True)(lambda: {"sessions": []})

    with pytest.raises(AssertionError, match="optional=True"):
        assert_guarded(app, GET, READ)


@pytest.mark.parametrize("status", [302, 404])
def test_callers_who_are_turned_away(status):
    """
    A caller who is sent to a sign-in page, or told that there is nothing, was not let in; the status is wrong, though.
    """
    app = flask_app()

    @app.errorhandler(401)
    def turn_away(error):
        return "", status, {"Location": "/login"}

    with pytest.raises(AssertionError) as caught:
        assert_guarded(app, GET, READ)

    text = str(caught.value)
    assert f"A request without any credential got {status}: it must be asked for a credential (401)." in text
    assert "was let in" not in text


def test_every_flaw_has_advice():
    """
    Every flaw has a cause and a fix, and no two say the same.
    """
    told = [(flaw.advice.cause, flaw.advice.fix) for flaw in Flaw]

    assert all(cause.endswith(".") and fix.endswith((".", "'.")) for cause, fix in told)
    assert len({cause for cause, _ in told}) == len(told) == len(Flaw.__members__)


def test_one_thing_is_wrong():
    """
    The first line counts.
    """
    text = report(GET, [Finding(Flaw.CACHE, "It may be cached.")], 7)

    assert text.startswith(
        f"{GET} is not guarded as it should be: 7 requests were sent, 1 thing is wrong.\n\n1. It may"
    )


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"status": 400}'])
def test_what_is_no_problem(body):
    """
    A body that only claims to be problem details, or is of another status, is none.
    """
    served = Answer(200, {}, b"")
    headers = {"content-type": "application/problem+json", "www-authenticate": "Bearer", "cache-control": "no-store"}
    probe = Probe("Junk", Expected.REJECTED, Flaw.FORM)

    found = list(Judge(served, problem=True).findings(probe, Answer(401, headers, body)))

    assert [Flaw.PROBLEM] == [finding.flaw for finding in found]
