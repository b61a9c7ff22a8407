"""FastAPI with ``default="deny"``: what is not opened is closed, however the router gets there."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from fastapi.testclient import TestClient
from starlette.routing import Match, Route
from starlette.testclient import WebSocketDenialResponse
from tests.frameworks.callers import OTHER_AUDIENCE, PREFLIGHT, READ, bearer, make_guard

from mindpeeker_guard import ConfigurationError, Principal
from mindpeeker_guard.fastapi import init_app, public, require_scopes


@pytest.fixture
def app():
    app = FastAPI()
    init_app(app, make_guard(), default="deny")
    return app


@pytest.fixture
def client(app):
    return TestClient(app)


def secret():
    return "secret"


def make_open():
    """Return a public view of its own: marks are set on the function."""
    return public(lambda: "open")


def statuses(client, *paths, **options):
    return [client.get(path, **options).status_code for path in paths]


def test_default_is_one_of_two_words():
    """A typing error in `default` must not open the application."""
    with pytest.raises(ConfigurationError, match="'allow' or 'deny'"):
        init_app(FastAPI(), make_guard(), default="denny")


def test_everything_is_closed(app, client, tmp_path):
    """Routes, the pages of the API document, mounts and unknown paths need a good credential, of any scopes."""
    (tmp_path / "file").write_text("file")
    app.get("/x")(secret)
    app.add_route("/plain", lambda _: PlainTextResponse("plain"))
    app.mount("/files", StaticFiles(directory=tmp_path))
    paths = ["/x", "/plain", "/files/file", "/openapi.json", "/docs", "/redoc", "/nowhere"]

    assert [401] * 7 == statuses(client, *paths)
    assert [200] * 6 + [404] == statuses(client, *paths, headers=bearer(scope=None))
    assert [401] == statuses(client, "/x", headers={"Authorization": "Bearer x"})


def test_public_routes_are_open(app, client):
    """A public route looks at no credential, good or bad."""
    app.get("/open")(make_open())

    assert [200] == statuses(client, "/open")
    assert [200] == statuses(client, "/open", headers={"Authorization": "Bearer x"})
    assert 401 == client.post("/open").status_code


def test_guarded_routes_ask_for_what_they_ask_for(app, client):
    """A route with a dependency of ours has its own requirement: optional stays optional."""
    app.get("/x", dependencies=[Depends(require_scopes(READ))])(secret)
    app.get("/optional", dependencies=[Depends(require_scopes(READ, optional=True))])(secret)
    app.get("/both", dependencies=[Depends(require_scopes(optional=True)), Depends(require_scopes(READ))])(secret)

    assert [401, 200, 401] == statuses(client, "/x", "/optional", "/both")
    assert [403, 403, 403] == statuses(client, "/x", "/optional", "/both", headers=bearer(scope="profile"))
    assert [200, 200, 200] == statuses(client, "/x", "/optional", "/both", headers=bearer())


def test_an_override_opens_a_route_as_it_does_without_deny(app, client):
    """A test that replaces a dependency need not make tokens, whatever the default is."""

    @app.get("/x")
    def x(principal: Annotated[Principal, Depends(require_scopes(READ))]):
        return principal.subject

    app.dependency_overrides[require_scopes(READ)] = lambda: Principal(subject="fake")

    assert "fake" == client.get("/x").json()


def test_the_first_match_counts(app, client):
    """A public route with a parameter opens neither the routes before it nor those after."""
    app.get("/first")(secret)
    app.get("/{x}")(public(lambda x: x))
    app.get("/last/x")(secret)

    assert [401, 200, 401] == statuses(client, "/first", "/other", "/last/x")


def test_included_routers_are_closed(app, client):
    """Inclusion, nested and with prefixes, changes nothing: only what is public is open."""
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")
    inner.get("/x")(secret)
    inner.get("/open")(make_open())
    outer.include_router(inner, prefix="/between")
    app.include_router(outer, prefix="/v1")

    assert [401, 200] == statuses(client, "/v1/outer/between/inner/x", "/v1/outer/between/inner/open")
    assert [200] == statuses(client, "/v1/outer/between/inner/x", headers=bearer())


def test_a_public_route_of_a_router_opens_none_of_another(app, client):
    """Between included routers, too, the first match counts."""
    first, second = APIRouter(), APIRouter()
    first.get("/secret")(secret)
    second.get("/{x}")(public(lambda x: x))
    app.include_router(first)
    app.include_router(second)

    assert [401, 200] == statuses(client, "/secret", "/other")


@pytest.mark.parametrize("warm", [False, True])
def test_routes_that_come_late_are_closed(app, client, warm):
    """A route that is added after the first request is closed, and in front of a public one closes it."""
    first = APIRouter()
    app.include_router(first)
    app.get("/{x}")(public(lambda x: x))
    if warm:
        assert [200] == statuses(client, "/secret")

    first.get("/secret")(secret)

    assert [401, 200] == statuses(client, "/secret", "/other")


def test_public_routes_that_come_late_are_open(app, client):
    """A public route may be added after the first request."""
    before = statuses(client, "/open")

    app.get("/open")(make_open())

    assert [401, 200] == [*before, *statuses(client, "/open")]


def test_a_route_that_replaces_a_public_one_is_closed(app, client):
    """Taking a public route out of the router takes its openness along."""
    app.get("/x")(make_open())
    before = statuses(client, "/x")

    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", "") != "/x"]
    app.get("/x")(secret)

    assert [200, 401] == [*before, *statuses(client, "/x")]


class Version2Route(APIRoute):
    """Matches only requests for version 2, as FastAPI's users write it."""

    def matches(self, scope):
        match, child = super().matches(scope)
        wanted = (b"x-version", b"2") in scope["headers"]
        return (match, child) if wanted else (Match.NONE, {})


@pytest.mark.parametrize("included", [False, True])
def test_a_route_class_decides_what_it_matches(app, client, included):
    """A public route that does not take a request opens nothing for the route that does."""
    router = APIRouter(route_class=Version2Route)
    router.get("/x")(make_open())
    if included:
        app.include_router(router)
    else:
        app.router.routes.extend(router.routes)
    app.get("/x")(secret)

    assert [401] == statuses(client, "/x")
    assert "secret" == client.get("/x", headers=bearer()).json()
    assert "open" == client.get("/x", headers=bearer() | {"X-Version": "2"}).json()


class Rewrite:
    """A middleware that sends every request to ``/secret``."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "path": "/secret", "raw_path": b"/secret"}
        await self.app(scope, receive, send)


@pytest.mark.parametrize("before", [False, True])
def test_a_middleware_cannot_lead_around_the_guard(before):
    """Whatever a middleware makes of a request is what is checked, wherever it stands."""
    app = FastAPI()
    if before:
        app.add_middleware(Rewrite)
    init_app(app, make_guard(), default="deny")
    if not before:
        app.add_middleware(Rewrite)
    app.get("/open")(make_open())
    app.get("/secret")(secret)

    assert [401] == statuses(TestClient(app), "/open")


@pytest.mark.parametrize("before", [False, True])
def test_cors_works_wherever_it_is_added(before):
    """FastAPI's CORS middleware answers preflight requests and adds its headers to refusals, added early or late."""
    app = FastAPI()
    if before:
        app.add_middleware(CORSMiddleware, allow_origins=["*"])
    init_app(app, make_guard(), default="deny")
    if not before:
        app.add_middleware(CORSMiddleware, allow_origins=["*"])
    app.get("/x")(secret)
    client = TestClient(app)

    assert 200 == client.options("/x", headers=PREFLIGHT).status_code
    refused = client.get("/x", headers={"Origin": "https://app.example"})
    assert (401, "*") == (refused.status_code, refused.headers.get("Access-Control-Allow-Origin"))


def test_mounted_applications_are_closed(app, client):
    """What is mounted is behind the guard in front, and may have one of its own besides."""
    inner = FastAPI()
    init_app(inner, make_guard(OTHER_AUDIENCE))
    inner.get("/plain")(secret)
    inner.get("/x", dependencies=[Depends(require_scopes(READ))])(secret)
    app.mount("/inner", inner)

    assert [401, 401] == statuses(client, "/inner/plain", "/inner/x")
    assert [200, 401] == statuses(client, "/inner/plain", "/inner/x", headers=bearer())
    both = bearer(aud=["https://api.mindpeeker.com", OTHER_AUDIENCE])
    assert [200, 200] == statuses(client, "/inner/plain", "/inner/x", headers=both)


def test_a_root_path_changes_nothing(app):
    """Behind a proxy that strips a prefix, public routes are open and the others closed."""
    app.get("/open")(make_open())
    app.get("/x")(secret)
    client = TestClient(app, root_path="/api")

    assert [200, 401] == statuses(client, "/open", "/x")
    assert [200, 401] == statuses(client, "/api/open", "/api/x")


def test_starlette_routes_can_be_public(app, client):
    """Plain routes of Starlette's take the mark as well."""
    app.router.routes.append(Route("/open", public(lambda _: PlainTextResponse("open"))))
    app.router.routes.append(Route("/closed", lambda _: PlainTextResponse("closed")))

    assert [200, 401] == statuses(client, "/open", "/closed")


def test_attaching_another_guard_replaces_the_first(app):
    """A test suite can attach a guard of its own to an application that has one."""
    again = FastAPI()
    init_app(again, make_guard(OTHER_AUDIENCE), default="deny")
    again.get("/x", dependencies=[Depends(require_scopes(READ))])(secret)

    init_app(again, make_guard(), default="deny")

    assert [200] == statuses(TestClient(again), "/x", headers=bearer())


def test_websockets_are_closed(app, client):
    """A WebSocket route without a dependency of ours needs a good credential."""

    @app.websocket("/ws")
    async def talk(socket: WebSocket):
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/ws"):
        pass
    assert 401 == refused.value.status_code
    with client.websocket_connect("/ws", headers=bearer()) as socket:
        assert "hello" == socket.receive_text()
