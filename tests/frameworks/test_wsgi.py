"""Plain WSGI: the middleware in front of an application."""

from __future__ import annotations

from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from flask import Flask
from tests.frameworks.callers import OTHER_AUDIENCE, PREFLIGHT, READ, WRITE, bearer, make_guard
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from mindpeeker_guard import ConfigurationError, Requirement, ScopeCatalogue, requirement
from mindpeeker_guard.flask import current_principal, init_app, require_scopes
from mindpeeker_guard.wsgi import GuardMiddleware, principal_of


def application(environ, start_response):
    principal = principal_of(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"nobody" if principal is None else str(principal.subject).encode()]


def client(app, **options):
    return Client(GuardMiddleware(app, make_guard(**options)))


def test_the_application_runs_for_good_credentials_only():
    """Who has a good credential reaches the application, which finds the principal in the environ."""
    caller = client(application)

    assert b"user-1" == caller.get("/x", headers=bearer(scope=None)).data
    assert 401 == caller.get("/x").status_code


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE"])
def test_every_method_is_guarded(method):
    """No method is let through for its name."""
    ran = []
    caller = client(lambda *_: ran.append(1) or [])

    response = caller.open("/x", method=method, headers=PREFLIGHT)

    assert (401, []) == (response.status_code, ran)


def test_a_refusal_has_no_body_for_head():
    """HEAD gets the headers of GET, with the length, and no body (RFC 9110 section 9.3.2)."""
    caller = client(application)

    head, get = caller.head("/x"), caller.get("/x")

    assert (b"", dict(get.headers)) == (head.data, dict(head.headers))


def test_a_requirement_is_asked_for():
    """The requirement counts for every path."""
    caller = Client(GuardMiddleware(application, make_guard(), requirement(READ, WRITE)))

    assert 403 == caller.get("/x", headers=bearer()).status_code
    assert 200 == caller.get("/", headers=bearer(scope=f"{READ} {WRITE}")).status_code


def test_an_optional_requirement_lets_nobody_in_as_nobody():
    """Without a credential, an optional requirement gives no principal."""
    caller = Client(GuardMiddleware(application, make_guard(), Requirement(optional=True)))

    assert b"nobody" == caller.get("/x").data
    assert b"user-1" == caller.get("/x", headers=bearer()).data
    assert 401 == caller.get("/x", headers={"Authorization": "Bearer x"}).status_code


def test_an_unknown_scope_is_found_at_start():
    """A requirement with a scope that the guard does not know is an error at start."""
    ours = ScopeCatalogue({"wsgi:read": "Read"})

    with pytest.raises(ConfigurationError, match="wsgi:read"):
        GuardMiddleware(application, make_guard(), requirement("wsgi:read"))
    GuardMiddleware(application, make_guard(catalogue=ours), requirement("wsgi:read"))


def test_without_the_middleware_there_is_no_principal():
    """Asking for the principal without the middleware says what is missing."""
    with pytest.raises(LookupError, match="GuardMiddleware"):
        principal_of({})


def test_a_client_cannot_send_a_principal():
    """Headers reach the environ with a prefix: none can pass for a principal."""
    caller = Client(application)

    with pytest.raises(LookupError):
        caller.get("/x", headers={"mindpeeker_guard.principal": "root", "mindpeeker-guard.principal": "root"})


@pytest.mark.parametrize("headers", [{}, bearer()])
def test_the_gateway_protocol_is_kept(headers):
    """The middleware keeps to PEP 3333, whether it lets through or refuses."""
    environ = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    setup_testing_defaults(environ)
    environ["QUERY_STRING"] = ""
    seen = []

    answer = validator(GuardMiddleware(validator(application), make_guard()))(environ, lambda *args: seen.append(args))
    body = b"".join(answer)
    answer.close()

    assert seen[0][0] in {"200 OK", "401 Unauthorized"}
    assert body


def test_an_application_below_another_has_its_own_guard():
    """A mounted Flask application never takes over the principal of the guard in front."""
    inner = Flask("inner")
    init_app(inner, make_guard(OTHER_AUDIENCE))
    inner.get("/x")(require_scopes(READ)(lambda: str(current_principal.subject)))
    caller = client(DispatcherMiddleware(application, {"/inner": inner}))

    assert b"user-1" == caller.get("/x", headers=bearer()).data
    assert 401 == caller.get("/inner/x", headers=bearer()).status_code
    assert b"user-1" == caller.get("/inner/x", headers=bearer(aud=[OTHER_AUDIENCE, "https://api.mindpeeker.com"])).data
