"""Flask: the principal of a request, and of no other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask, Response, stream_with_context
from tests.frameworks.callers import OTHER_AUDIENCE, READ, bearer, make_guard

from mindpeeker_guard import Principal
from mindpeeker_guard.flask import current_principal, get_principal, init_app, require, require_scopes


@pytest.fixture
def app():
    app = Flask(__name__)
    init_app(app, make_guard())
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def subject():
    return {"sub": current_principal.subject}


def test_an_optional_view_tells_nobody_from_somebody(app, client):
    """An optional view has no principal without a credential, and refuses a bad credential."""
    app.get("/x")(require_scopes(READ, optional=True)(lambda: {"anonymous": get_principal() is None}))

    assert {"anonymous": True} == client.get("/x").get_json()
    assert {"anonymous": False} == client.get("/x", headers=bearer()).get_json()
    assert 401 == client.get("/x", headers={"Authorization": "Bearer x"}).status_code
    assert 403 == client.get("/x", headers=bearer(scope="profile")).status_code


def test_the_proxy_is_false_where_there_is_no_principal(app, client):
    """`if current_principal:` tells whether an optional view has a caller."""
    app.get("/x")(require(optional=True)(lambda: {"known": bool(current_principal)}))

    assert {"known": False} == client.get("/x").get_json()
    assert {"known": True} == client.get("/x", headers=bearer()).get_json()


def test_the_proxy_is_a_principal(app, client):
    """`current_principal` can be given to code that wants a `Principal`."""
    app.get("/x")(require_scopes(READ)(lambda: {"is": isinstance(current_principal, Principal)}))

    assert {"is": True} == client.get("/x", headers=bearer()).get_json()


@pytest.mark.parametrize("path", ["/unguarded", None])
def test_there_is_no_principal_outside_a_guarded_view(app, path):
    """Asking for the principal where none can be says what is missing, in a view and outside of any request."""
    app.get("/unguarded")(subject)

    with pytest.raises(RuntimeError, match=r"require_scopes\(\)"), app.test_request_context(path or "/"):
        app.dispatch_request() if path else current_principal.subject
    with pytest.raises(RuntimeError, match=r"require_scopes\(\)"):
        get_principal()


def test_a_request_does_not_inherit_the_principal_of_another(app, client):
    """Requests in one pushed application context, as in many test suites, have a principal each."""
    app.get("/x")(require_scopes(READ)(subject))

    with app.app_context():
        first = client.get("/x", headers=bearer())
        second = client.get("/x")
        third = client.get("/x", headers=bearer(sub="user-2"))

    assert (200, 401) == (first.status_code, second.status_code)
    assert {"sub": "user-2"} == third.get_json()


def test_a_request_within_a_request_needs_a_credential_of_its_own(app, client):
    """A view that calls the application itself lends it nothing."""
    app.get("/inner")(require_scopes(READ)(subject))
    app.get("/outer")(require_scopes(READ)(lambda: {"inner": client.get("/inner").status_code}))

    response = app.test_client().get("/outer", headers=bearer())

    assert {"inner": 401} == response.get_json()


@pytest.mark.parametrize("view", ["plain", "async"])
def test_concurrent_requests_see_their_own_principal(app, view):
    """Threads that serve at the same time do not mix up their callers."""
    together = threading.Barrier(8, timeout=60)

    @app.get("/plain")
    @require_scopes(READ)
    def plain():
        together.wait()
        return subject()

    @app.get("/async")
    @require_scopes(READ)
    async def waiting():
        together.wait()
        return subject()

    def call(name):
        return app.test_client().get(f"/{view}", headers=bearer(sub=name)).get_json()["sub"]

    names = [f"user-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(call, names))

    assert names == seen


def test_a_streaming_view_keeps_its_principal(app, client):
    """With Flask's `stream_with_context`, a generator sees the caller to its end."""

    @app.get("/x")
    @require_scopes(READ)
    def stream():
        @stream_with_context
        def lines():
            for number in range(2):
                yield f"{number} {current_principal.subject}\n"

        return Response(lines())

    assert b"0 user-1\n1 user-1\n" == client.get("/x", headers=bearer()).data
    assert 401 == client.get("/x").status_code


def test_one_guard_serves_several_applications(client):
    """A guard can be attached to many applications, and each application has its own guard."""
    apps = [Flask("one"), Flask("two"), Flask("other")]
    guard = make_guard()
    for app, one in zip(apps, [guard, guard, make_guard(OTHER_AUDIENCE)], strict=True):
        init_app(app, one)
        app.get("/x")(require_scopes(READ)(subject))

    def statuses(headers):
        return [app.test_client().get("/x", headers=headers).status_code for app in apps]

    assert [200, 200, 401] == statuses(bearer())
    assert [401, 401, 200] == statuses(bearer(aud=OTHER_AUDIENCE))
