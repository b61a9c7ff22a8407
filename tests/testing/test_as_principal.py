"""Somebody is signed in for the length of a test: for whom, for how long, and with what."""

from __future__ import annotations

import threading

import anyio
import pytest
from tests.testing.apps import READ, ROUTE, fastapi_app, flask_app, real_guard

from mindpeeker_guard import (
    MINDPEEKER_SCOPES,
    ConfigurationError,
    Guard,
    InsufficientScopeError,
    JWTBearer,
    MissingCredentialsError,
    Principal,
    Request,
    SchemeNotAcceptedError,
    StaticKeySet,
    StepUpRequiredError,
    requirement,
)
from mindpeeker_guard import asgi as for_asgi
from mindpeeker_guard import wsgi as for_wsgi
from mindpeeker_guard._flow import run
from mindpeeker_guard.testing import FakeIssuer, as_principal
from mindpeeker_guard.testing._keys import signing_key
from mindpeeker_guard.testing._principals import _Known

NOBODY = Request("GET", "/")
NEEDED = requirement(READ)


def offline_guard() -> Guard:
    """Return a guard that needs no network for what is refused."""
    return Guard(JWTBearer(keys=StaticKeySet(signing_key("ES256").jwk())))


def test_guards_are_as_they_were():
    """
    After the block, however it ends, `Guard` has the very methods that it had before.
    """
    before = dict(vars(Guard))

    with pytest.raises(ZeroDivisionError), as_principal():  # noqa: PT012 - what happens inside counts
        changed = dict(vars(Guard))
        raise ZeroDivisionError

    assert before != changed
    assert before == dict(vars(Guard))


def test_the_inner_block_counts():
    """
    Of two blocks the inner one counts, and when it ends the outer one does again.
    """
    guard = offline_guard()

    with as_principal(subject="outer"):
        with as_principal(subject="inner"):
            inner = guard.check(NOBODY)
        outer = guard.check(NOBODY)

    assert ["inner", "outer"] == [inner.subject, outer.subject]


def test_blocks_may_end_in_any_order():
    """
    A block that ends before one inside of it takes away only itself.
    """
    guard = offline_guard()
    first, second = as_principal(subject="first"), as_principal(subject="second")
    first.__enter__()
    second.__enter__()

    first.__exit__(None, None, None)
    left = guard.check(NOBODY)
    second.__exit__(None, None, None)

    assert "second" == left.subject
    with pytest.raises(MissingCredentialsError):
        guard.check(NOBODY)


def test_one_guard_alone():
    """
    With a guard named, or an application that has one, all other guards stay as they are.
    """
    app, other = flask_app(offline_guard()), offline_guard()

    with as_principal(subject="u-1", scopes=[READ], guard=app):
        status = app.test_client().get(ROUTE).status_code
        with pytest.raises(MissingCredentialsError):
            other.check(NOBODY)

    assert 200 == status


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(lambda guard: guard, id="guard"),
        pytest.param(flask_app, id="Flask"),
        pytest.param(fastapi_app, id="FastAPI"),
        pytest.param(lambda guard: for_wsgi.GuardMiddleware(lambda *_: [], guard), id="WSGI"),
        pytest.param(lambda guard: for_asgi.GuardMiddleware(None, guard), id="ASGI"),
    ],
)
def test_who_has_a_guard(holder):
    """
    A guard is found in whatever holds one.
    """
    guard = offline_guard()

    with as_principal(subject="u-1", guard=holder(guard)):
        assert "u-1" == guard.check(NOBODY).subject


@pytest.mark.parametrize("holder", [object(), "app", flask_app], ids=["object", "text", "function"])
def test_who_has_none(holder):
    """
    What has no guard is a mistake that says what to give.
    """
    with pytest.raises(ConfigurationError, match="has no guard"), as_principal(guard=holder):
        pass


def test_a_guard_that_is_made_meanwhile():
    """
    The principal is known to guards made inside the block too, and to async checks.
    """
    with as_principal(subject="u-1"):
        guard = real_guard()
        found = [guard.check(NOBODY), anyio.run(guard.acheck, NOBODY)]

    assert ["u-1", "u-1"] == [principal.subject for principal in found]


def test_every_thread_sees_it():
    """
    A thread that was started before the block sees the principal, as the thread of a live server must.
    """
    guard, go, seen = offline_guard(), threading.Event(), []

    def serve() -> None:
        go.wait(20)
        seen.append(guard.check(NOBODY).subject)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with as_principal(subject="u-1"):
        go.set()
        thread.join(20)

    assert ["u-1"] == seen


def test_an_application_that_warms_up():
    """
    Inside the block, warming up fetches nothing and health is that of the stand-in: a start-up hook does no harm.
    """
    guard = real_guard()

    with as_principal():
        guard.warm_up()
        anyio.run(guard.awarm_up)
        assert {} == guard.health()

    assert 0 == guard.health()["Bearer"].fetches


def test_what_is_implied():
    """
    Scopes imply others by the guard's own catalogue.
    """
    with as_principal(scopes="remote-viewing:admin profile") as principal:
        found = offline_guard().check(NOBODY, NEEDED)

    assert (frozenset({"remote-viewing:admin", "profile"}), True) == (found.granted_scopes, READ in found.scopes)
    assert principal == found


def test_claims_are_what_a_token_would_have():
    """
    The claims say what a token of the principal would say, with those that the test adds; None leaves one out.
    """
    claims = {"acr": "urn:mfa", "auth_time": 1, "client_id": None}
    with as_principal(subject="u-1", scopes=[READ], claims=claims) as principal:
        pass

    assert {
        "iss": "https://auth.mindpeeker.com",
        "sub": "u-1",
        "scope": READ,
        "acr": "urn:mfa",
        "auth_time": 1,
    } == dict(principal.claims)


def test_step_up_is_still_checked():
    """
    A route that wants a strong sign-in looks at the principal's claims.
    """
    guard, needed = offline_guard(), requirement(acr="urn:mfa")

    with as_principal(), pytest.raises(StepUpRequiredError):
        guard.check(NOBODY, needed)
    with as_principal(claims={"acr": "urn:mfa"}):
        assert guard.check(NOBODY, needed) is not None


def test_a_principal_of_ones_own():
    """
    A principal can be given as it is, of any scheme.
    """
    key = Principal(subject=None, client_id="c-1", granted_scopes=frozenset({READ}), scheme="ApiKey")

    with as_principal(key):
        found = offline_guard().check(NOBODY, NEEDED)

    assert found == key
    assert found.is_service


def test_another_scheme():
    """
    A caller with an API key is one of the scheme ``ApiKey``, also for a guard that has no API keys.
    """
    with as_principal(scheme="ApiKey", scopes=[READ]):
        assert "ApiKey" == offline_guard().check(NOBODY, NEEDED).scheme


def test_a_route_for_one_kind_of_credential():
    """
    A route that accepts one kind of credential refuses a principal that came with another.
    """
    needed = requirement(READ, schemes="ApiKey")

    with as_principal(scheme="ApiKey", scopes=[READ]):
        assert offline_guard().check(NOBODY, needed) is not None
    with as_principal(scopes=[READ]), pytest.raises(SchemeNotAcceptedError):
        offline_guard().check(NOBODY, needed)


def test_no_principal():
    """
    Anything but a principal is a mistake that says what to give.
    """
    with pytest.raises(ConfigurationError, match="subject="), as_principal("u-1"):
        pass


def test_the_log_says_so(caplog):
    """
    The log tells that guards are overridden, and by what.
    """
    with caplog.at_level("INFO", logger="mindpeeker_guard"), as_principal(subject="u-1"):
        pass

    assert "every guard takes every caller for Principal(subject='u-1'" in caplog.text


def test_the_fixture(mindpeeker_as_principal):
    """
    The fixture signs somebody in until the test is over, and somebody else when it is called again.
    """
    guard = offline_guard()

    mindpeeker_as_principal(subject="first", scopes=[READ])
    first = guard.check(NOBODY, NEEDED)
    second = mindpeeker_as_principal(subject="second")

    assert "first" == first.subject
    with pytest.raises(InsufficientScopeError):
        guard.check(NOBODY, NEEDED)
    assert second.subject == guard.check(NOBODY).subject


def test_inside_of_trust():
    """
    A principal counts inside of a block in which guards trust a fake issuer.
    """
    with FakeIssuer() as issuer, issuer.trusted_by(), as_principal(subject="u-1"):
        assert "u-1" == offline_guard().check(NOBODY).subject


def test_the_long_way():
    """
    A flow finds the same principal as the short way, and the scheme is described as what it is.
    """
    known = _Known(Principal(subject="u-1", scheme="ApiKey"))

    assert "u-1" == run(known.authenticate("", NOBODY)).subject
    assert {"type": "http", "scheme": "apikey"} == known.describe(MINDPEEKER_SCOPES)
