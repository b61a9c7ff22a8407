"""FastAPI: refusals go through the application's own exception handlers, and start-up finds mistakes."""

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import Annotated

import fastapi
import httpx
import pytest
import starlette.exceptions
from fastapi import Depends, FastAPI, Security
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from tests.frameworks.callers import READ, bearer, make_guard
from tests.support.server import Reply, ScriptedServer
from tests.support.tokens import jwks

from mindpeeker_guard import (
    AnswerError,
    AuthError,
    ConfigurationError,
    Guard,
    InsufficientScopeError,
    JWTBearer,
    Principal,
    RemoteKeySet,
)
from mindpeeker_guard.fastapi import init_app, public, require_scopes


@pytest.fixture
def app():
    return FastAPI()


@pytest.fixture(params=["allow", "deny"])
def client(app, request):
    """A client of the application, which has a guarded route, once with each default."""
    init_app(app, make_guard(), default=request.param)
    app.get("/x", dependencies=[Depends(require_scopes(READ))])(lambda: "ok")
    return TestClient(app)


def plain(_, error):
    return JSONResponse({"mine": error.status_code}, error.status_code, error.headers)


async def awaited(request, error):
    return plain(request, error)


class Awaited:
    async def __call__(self, request, error):
        return plain(request, error)


def test_without_handlers_the_refusal_is_the_answer(client):
    """The guard's answer is sent as it is: one content type, one challenge."""
    response = client.get("/x")

    assert ["application/problem+json"] == response.headers.get_list("Content-Type")
    assert ['Bearer realm="mindpeeker"'] == response.headers.get_list("WWW-Authenticate")
    assert 401 == response.json()["status"]


@pytest.mark.parametrize("handler", [plain, awaited, Awaited()], ids=["plain", "async", "object"])
@pytest.mark.parametrize("kind", [401, starlette.exceptions.HTTPException, fastapi.HTTPException])
def test_a_handler_for_http_exceptions_answers(app, client, kind, handler):
    """A handler for the status, or for HTTP exceptions, is called with one that has the challenge."""
    app.add_exception_handler(kind, handler)

    response = client.get("/x")

    assert {"mine": 401} == response.json()
    assert ['Bearer realm="mindpeeker"'] == response.headers.get_list("WWW-Authenticate")
    assert ["application/json"] == response.headers.get_list("Content-Type")


@pytest.mark.parametrize("kind", [InsufficientScopeError, AuthError, AnswerError])
def test_a_handler_for_our_errors_answers(app, client, kind):
    """A handler for one of our errors gets the error itself."""
    app.add_exception_handler(kind, lambda _, error: JSONResponse({"scopes": error.scopes}, 403))

    assert {"scopes": [READ]} == client.get("/x", headers=bearer(scope="profile")).json()


def test_a_handler_for_all_our_errors_that_was_there_first_stays(app):
    """`init_app` does not replace a handler that the application has for `AnswerError`."""
    app.add_exception_handler(AnswerError, lambda _, error: JSONResponse({"mine": error.code}, error.status))
    init_app(app, make_guard())
    app.get("/x", dependencies=[Depends(require_scopes(READ))])(lambda: "ok")

    assert {"mine": "credentials_missing"} == TestClient(app).get("/x").json()


def test_a_handler_for_all_errors_need_not_know_us(app, client):
    """A handler for `Exception` is for what nobody expected: refusals are none of its business."""
    app.add_exception_handler(Exception, lambda *_: JSONResponse("broken", 500))

    assert 401 == client.get("/x").status_code


def test_a_route_may_refuse_with_our_errors(app, client):
    """An error of ours that a route raises is answered like one of the guard's."""

    @app.get("/own")
    @public
    def own():
        raise InsufficientScopeError([READ])

    response = client.get("/own")

    assert (403, [READ]) == (response.status_code, response.json()["required_scopes"])


def test_a_misspelt_scope_is_found_at_start(app):
    """Scopes in ``Security`` are no argument of ours: they are checked when the application starts."""
    init_app(app, make_guard())

    @app.get("/x")
    def x(_: Annotated[Principal, Security(require_scopes(), scopes=["remote-viewing:raed"])]):
        return "ok"

    with pytest.raises(ConfigurationError, match="did you mean 'remote-viewing:read'"), TestClient(app):
        pass


def test_a_misspelt_scope_never_opens_a_route(app):
    """Where nobody starts the application properly, as below another one, the route is broken, not open."""
    init_app(app, make_guard())

    @app.get("/x")
    def x(_: Annotated[Principal, Security(require_scopes(), scopes=["remote-viewing:raed"])]):
        return "ok"

    client = TestClient(app, raise_server_exceptions=False)

    assert 500 == client.get("/x", headers=bearer(scope="remote-viewing:raed")).status_code


def test_the_lifespan_of_the_application_goes_on(app):
    """The check at start does not replace the application's own lifespan, nor its state."""
    ran = []

    @asynccontextmanager
    async def lifespan(_):
        ran.append("start")
        yield {"answer": 42}
        ran.append("stop")

    app = FastAPI(lifespan=lifespan)
    init_app(app, make_guard())
    app.get("/x")(answer)

    with TestClient(app) as client:
        assert 42 == client.get("/x").json()

    assert ["start", "stop"] == ran


def answer(request: fastapi.Request):
    return request.state.answer


def test_a_cancelled_request_does_not_break_the_others(app, monkeypatch):
    """A caller that leaves while keys are fetched takes nothing away from those who wait for the same keys."""
    monkeypatch.setenv("NO_PROXY", "*")
    with ScriptedServer() as server:
        release = fetch_gate(server)
        init_app(app, Guard(JWTBearer(keys=RemoteKeySet(server.url(), timeout=30, connect_timeout=30))))
        app.get("/x", dependencies=[Depends(require_scopes(READ))])(lambda: "ok")

        async def scenario():
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                first, *others = [asyncio.create_task(client.get("/x", headers=bearer())) for _ in range(4)]
                while not server.count():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                first.cancel()
                await asyncio.wait([first])
                release.set()
                answers = await asyncio.gather(*others)
                return first.cancelled(), [response.status_code for response in answers]

        assert (True, [200, 200, 200]) == asyncio.run(scenario())
        assert 1 == server.count()


def fetch_gate(server):
    """Have `server` answer only once the gate that is returned is open."""
    gate = threading.Event()
    server.answer(Reply(jwks(), gate=gate))
    return gate
