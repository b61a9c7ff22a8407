"""Plain ASGI: the middleware in front of an application."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from fastapi import Depends, FastAPI
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket
from tests.frameworks.callers import OTHER_AUDIENCE, PREFLIGHT, READ, WRITE, bearer, make_guard

from mindpeeker_guard import ConfigurationError, Requirement, ScopeCatalogue, requirement
from mindpeeker_guard.asgi import GuardMiddleware, principal_of
from mindpeeker_guard.fastapi import init_app, require_scopes


async def application(scope, receive, send):
    principal = principal_of(scope)
    text = "nobody" if principal is None else str(principal.subject)
    if scope["type"] == "websocket":
        connection = WebSocket(scope, receive, send)
        await connection.accept()
        await connection.send_text(text)
        await connection.close()
    else:
        await PlainTextResponse(text)(scope, receive, send)


def client(app=application, **options):
    return TestClient(GuardMiddleware(app, make_guard(), **options))


def test_the_application_runs_for_good_credentials_only():
    """Who has a good credential reaches the application, which finds the principal in the scope."""
    assert "user-1" == client().get("/x", headers=bearer(scope=None)).text
    assert 401 == client().get("/x").status_code


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE"])
def test_every_method_is_guarded(method):
    """No method is let through for its name."""
    ran = []

    async def app(*_):
        ran.append(1)

    response = client(app).request(method, "/x", headers=PREFLIGHT)

    assert (401, []) == (response.status_code, ran)


def test_websockets_are_guarded():
    """A handshake needs a good credential, and is refused with the whole answer where the server can send one."""
    with client().websocket_connect("/x", headers=bearer()) as connection:
        assert "user-1" == connection.receive_text()
    with pytest.raises(WebSocketDenialResponse) as refused, client().websocket_connect("/x"):
        pass

    assert (401, 'Bearer realm="mindpeeker"') == (
        refused.value.status_code,
        refused.value.headers["WWW-Authenticate"],
    )


@pytest.mark.parametrize("extensions", [{}, {"extensions": {}}, {"extensions": None}])
def test_without_the_extension_the_handshake_is_closed(extensions):
    """A server that can only close does so, with the code for a violated policy."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/x", "headers": [], **extensions}
    asyncio.run(GuardMiddleware(application, make_guard())(scope, None, send))

    assert [{"type": "websocket.close", "code": 1008}] == sent


def test_what_has_no_headers_is_not_let_through():
    """A kind of connection that nobody knows yet does not reach the application."""
    ran = []

    async def app(*_):
        ran.append(1)

    with pytest.raises(KeyError):
        asyncio.run(GuardMiddleware(app, make_guard())({"type": "telepathy"}, None, None))
    assert ran == []


def test_the_lifespan_goes_on():
    """Start and stop of the application are no requests."""
    ran = []

    @asynccontextmanager
    async def lifespan(_):
        ran.append("start")
        yield
        ran.append("stop")

    with TestClient(GuardMiddleware(FastAPI(lifespan=lifespan), make_guard())):
        assert ["start"] == ran

    assert ["start", "stop"] == ran


def test_a_requirement_is_asked_for():
    """The requirement counts for every path."""
    caller = client(requirement=requirement(READ, WRITE))

    assert 403 == caller.get("/x", headers=bearer()).status_code
    assert 200 == caller.get("/", headers=bearer(scope=f"{READ} {WRITE}")).status_code


def test_an_optional_requirement_lets_nobody_in_as_nobody():
    """Without a credential, an optional requirement gives no principal."""
    caller = client(requirement=Requirement(optional=True))

    assert "nobody" == caller.get("/x").text
    assert "user-1" == caller.get("/x", headers=bearer()).text
    assert 401 == caller.get("/x", headers={"Authorization": "Bearer x"}).status_code


def test_an_unknown_scope_is_found_at_start():
    """A requirement with a scope that the guard does not know is an error at start."""
    ours = ScopeCatalogue({"asgi:read": "Read"})

    with pytest.raises(ConfigurationError, match="asgi:read"):
        client(requirement=requirement("asgi:read"))
    GuardMiddleware(application, make_guard(catalogue=ours), requirement("asgi:read"))


def test_without_the_middleware_there_is_no_principal():
    """Asking for the principal without the middleware says what is missing."""
    with pytest.raises(LookupError, match="GuardMiddleware"):
        principal_of({})


@pytest.mark.parametrize("shared", [True, False])
def test_an_application_behind_may_share_the_guard_or_not(shared):
    """FastAPI behind the middleware takes over the principal of its own guard only."""
    guard = make_guard()
    app = FastAPI()
    init_app(app, guard if shared else make_guard(OTHER_AUDIENCE))
    app.get("/x", dependencies=[Depends(require_scopes(READ))])(lambda: "ok")
    caller = TestClient(GuardMiddleware(app, guard))

    assert (200 if shared else 401) == caller.get("/x", headers=bearer()).status_code
    assert (403 if shared else 401) == caller.get("/x", headers=bearer(scope="profile")).status_code


def test_two_guards_in_a_row_both_count():
    """An inner guard does not take the outer one's word, and the application sees the inner one's principal."""
    inner = GuardMiddleware(application, make_guard(OTHER_AUDIENCE), Requirement(optional=True))
    caller = client(inner)

    assert 401 == caller.get("/x", headers=bearer()).status_code
    assert 401 == caller.get("/x").status_code
    assert "user-1" == caller.get("/x", headers=bearer(aud=[OTHER_AUDIENCE, "https://api.mindpeeker.com"])).text
