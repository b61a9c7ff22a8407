"""The audit of a FastAPI application is what the application does."""

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.websockets import WebSocketDisconnect
from tests.frameworks.callers import READ, WRITE, make_guard
from tests.routes import samples_fastapi as samples
from tests.routes.truth import RAN, REFUSED, differences, needs, outcome, state_of

from mindpeeker_guard import asgi
from mindpeeker_guard.fastapi import init_app, public, require_scopes
from mindpeeker_guard.routes import audit, guard_of


def sender(app):
    """Return a function that sends one request, or opens one socket, and says what became of it."""
    client = TestClient(app)

    def send(kind, method, path):
        headers = {}
        if path.startswith("//"):
            host, _, rest = path[2:].partition("/")
            path, headers = f"/{rest}", {"Host": host}
        if kind == "websocket":
            return talk(client, path)
        answer = client.request(method, path, headers=headers, follow_redirects=False)
        builtin = path.startswith(("/docs", "/redoc", "/openapi.json"))
        return outcome(answer.status_code, answer.text, builtin=builtin)

    return send


def talk(client, path):
    try:
        with client.websocket_connect(path) as socket:
            return outcome(200, socket.receive_text())
    except WebSocketDisconnect:
        return REFUSED


@pytest.mark.parametrize("default", ["allow", "deny"])
def test_the_audit_is_the_truth(default):
    """
    Sent without a credential, each method of each route does what its state says: HTTP, WebSocket, mounts, hosts.
    """
    app = samples.make(default)

    assert [] == differences(audit(app), sender(app))


def test_the_planted_route_is_found():
    """
    What is open is found wherever it is, and nothing that is guarded is among it.
    """
    exposed = {route.path for route in audit(samples.make()) if route.exposed and not route.builtin}

    expected = {
        samples.PLANTED,
        "/v1/inner/socket",
        "/plain",
        "/endpoint",
        "/raw",
        "/mount/x",
        "/mount/y/{z:int}",
        "//api.example/hosted",
        "/sub/open",
        "/opaque/*",
    }
    assert expected == exposed


def test_with_deny_nothing_is_exposed():
    """
    With `default="deny"` no route is exposed, the pages of the API document and mounts among them.
    """
    routes = audit(samples.make("deny"))

    assert [] == [route for route in routes if route.exposed]
    assert "deny-by-default" == state_of(routes)["GET /sub/public"]


def test_requirements_of_all_levels_add_up():
    """
    Scopes of routers, of nested dependencies and of `Security` are all in the requirement.
    """
    found = needs(audit(samples.make()))

    assert {frozenset({READ, WRITE})} == found["/closed/x"]
    assert {frozenset({READ})} == found["/v1/deep"]
    assert {frozenset({READ, "analytics:read"})} == found["/v1/security"]
    assert {frozenset({READ})} == found["/closed/again/inner/socket"]
    assert {frozenset({READ}), frozenset({WRITE})} == found["/v1/inner/planted"]


def test_kinds_methods_and_names():
    """
    A record names kind, methods and view; HEAD goes with GET.
    """
    routes = {(route.kind, route.path): route for route in audit(samples.make())}

    assert ("GET", "PUT") == routes["http", "/closed/x"].methods
    assert ("DELETE", "GET") == routes["http", "/endpoint"].methods
    assert () == routes["websocket", "/raw"].methods
    assert routes["websocket", "/raw"].endpoint.endswith("samples_fastapi.talk")
    assert routes["mount", "/opaque/*"].hint


def test_the_pages_of_the_document_are_the_frameworks_own():
    """
    FastAPI's own routes are open, and marked as its own.
    """
    routes = audit(FastAPI())

    assert {"/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"} == {route.path for route in routes}
    assert {("open", True)} == {(route.state, route.builtin) for route in routes}


def test_overrides_of_dependencies_count_for_nothing():
    """
    A test that replaces a dependency does not change what the audit says.
    """
    app = samples.make()
    before = audit(app)
    app.dependency_overrides[require_scopes(READ)] = lambda: None

    assert before == audit(app)


def empty():
    return FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


def test_files_are_open_unless_somebody_says_so(tmp_path):
    """
    A directory of files is open, public where it is marked so, and closed where the application denies.
    """
    (tmp_path / "1").write_text("it ran")

    def make():
        app = empty()
        app.mount("/files", StaticFiles(directory=tmp_path))
        app.mount("/assets", public(StaticFiles(directory=tmp_path)))
        return app

    app = make()

    assert {"mount /files/*": "open", "mount /assets/*": "public"} == state_of(audit(app))
    assert [] == differences(audit(app), sender(app))

    init_app(app := make(), make_guard(), default="deny")

    assert {"deny-by-default"} == set(state_of(audit(app)).values())
    assert [] == differences(audit(app), sender(app))


def test_middleware_in_front_guards_all():
    """
    A GuardMiddleware among the middleware, or around the application, closes all of its routes.
    """
    inside, around = empty(), empty()
    for app in (inside, around):
        app.get("/x")(public(samples.make_view()))
    inside.add_middleware(CORSMiddleware)
    inside.add_middleware(asgi.GuardMiddleware, guard=make_guard())
    wrapped = CORSMiddleware(asgi.GuardMiddleware(around, make_guard()))

    for app in (inside, wrapped):
        assert {"GET /x": "deny-by-default"} == state_of(audit(app))
        assert [] == differences(audit(app), sender(app))
        assert guard_of(app) is not None


def test_middleware_of_a_route_is_lost_when_its_router_is_included():
    """
    FastAPI makes a plain route anew where its router is included, without its middleware: the copy is open.
    """
    router = APIRouter()
    router.routes.append(Route("/x", samples.plain, middleware=samples.guarded_by_middleware()))
    app = empty()
    app.router.routes += router.routes
    app.include_router(router, prefix="/again")

    assert {"GET /x": "deny-by-default", "GET /again/x": "open"} == state_of(audit(app))
    assert [] == differences(audit(app), sender(app))


def test_starlette_alone():
    """
    An application of Starlette's, or a router with middleware, is read like FastAPI's.
    """
    router = Router([Route("/y", samples.plain)], middleware=samples.guarded_by_middleware())
    app = Starlette(routes=[Route("/x", samples.plain)])
    app.mount("/below", router)

    assert {"GET /x": "open", "GET /below/y": "deny-by-default"} == state_of(audit(app))
    assert [] == differences(audit(app), sender(app))
    assert guard_of(router) is not None
    assert guard_of(app) is None


class Strange(BaseRoute):
    def matches(self, scope):
        return Match.NONE, {}


class Picky(APIRoute):
    def matches(self, scope):
        return super().matches(scope)


def test_routes_of_unknown_kinds():
    """
    A route of an unknown kind is opaque; with `default="deny"`, a public one that matches its own way is closed.
    """
    app = empty()
    app.router.routes.append(Strange())
    app.router.add_api_route("/picky", public(samples.make_view()), route_class_override=Picky)

    assert {"http /*": "opaque", "GET /picky": "public"} == state_of(audit(app))

    init_app(app, make_guard(), default="deny")

    assert {"deny-by-default"} == set(state_of(audit(app)).values())
    assert REFUSED == sender(app)("http", "GET", "/picky")


def test_built_pages(tmp_path):
    """
    A frontend that FastAPI serves is open, guarded where it has a dependency, and closed where the default is to deny.
    """
    if not hasattr(FastAPI, "frontend"):
        pytest.skip("this FastAPI serves no frontends")
    (tmp_path / "index.html").write_text("it ran")
    places = ["/web/index.html", "/in/pages/index.html"]

    def make(default):
        app = empty()
        router = APIRouter(prefix="/in", dependencies=[Depends(require_scopes(READ))])
        router.frontend("/pages", directory=tmp_path)
        app.frontend("/web", directory=tmp_path)
        app.include_router(router)
        init_app(app, make_guard(), default=default)
        return app

    app = make("allow")
    assert {"mount /web/*": "open", "mount /in/pages/*": "guarded"} == state_of(audit(app))
    assert [RAN, REFUSED] == [sender(app)("mount", "GET", place) for place in places]

    app = make("deny")
    assert {"mount /web/*": "deny-by-default", "mount /in/pages/*": "guarded"} == state_of(audit(app))
    assert [REFUSED, REFUSED] == [sender(app)("mount", "GET", place) for place in places]
