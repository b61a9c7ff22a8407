"""FastAPI: WebSockets, with and without the denial extension, in tests and over real sockets."""

import asyncio
import socket
import threading
import time
from typing import Annotated

import pytest
import uvicorn
import websockets.exceptions
import websockets.sync.client
from fastapi import APIRouter, Depends, FastAPI, Security, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from tests.frameworks.callers import READ, WRITE, bearer, make_guard

from mindpeeker_guard import InsufficientScopeError, Principal
from mindpeeker_guard.fastapi import init_app, public, require_scopes

Reader = Annotated[Principal, Depends(require_scopes(READ))]


def make_app(**options):
    app = FastAPI()
    init_app(app, make_guard(), **options)

    @app.websocket("/ws")
    async def greet(connection: WebSocket, principal: Reader):
        await connection.accept()
        await connection.send_text(f"hello {principal.subject}")
        await connection.close()

    return app


@pytest.fixture(params=["allow", "deny"])
def client(request):
    return TestClient(make_app(default=request.param))


def greeting(client, **options):
    with client.websocket_connect("/ws", **options) as connection:
        return connection.receive_text()


def test_a_handshake_with_a_good_credential_succeeds(client):
    """The dependency of a WebSocket route is the principal, as it is for HTTP."""
    assert "hello user-1" == greeting(client, headers=bearer())


@pytest.mark.parametrize(("headers", "status"), [({}, 401), (bearer(scope="profile"), 403)])
def test_a_refused_handshake_is_an_http_answer(client, headers, status):
    """Where the server can send it, the answer to the handshake is that of an HTTP request."""
    with pytest.raises(WebSocketDenialResponse) as refused:
        greeting(client, headers=headers)

    response = refused.value
    assert (status, "application/problem+json") == (response.status_code, response.headers["Content-Type"])
    assert "Bearer" in response.headers["WWW-Authenticate"]
    assert status == response.json()["status"]


@pytest.mark.parametrize("default", ["allow", "deny"])
def test_without_the_extension_the_handshake_is_closed(default):
    """A server that can only close does so, with the code for a violated policy."""
    scope = {
        "type": "websocket",
        "path": "/ws",
        "headers": [],
        "query_string": b"",
        "subprotocols": [],
    }
    assert [{"type": "websocket.close", "code": 1008}] == asyncio.run(talk(make_app(default=default), scope))


async def talk(app, scope):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append({name: value for name, value in message.items() if name != "reason"})

    await app(scope, receive, send)
    return sent


def test_dependencies_of_routers_guard_websockets(client):
    """A dependency of a router counts for its WebSockets, too (FastAPI once skipped them)."""
    router = APIRouter(dependencies=[Security(require_scopes(), scopes=[WRITE])])

    @router.websocket("/inner")
    async def inner(connection: WebSocket):
        await connection.accept()
        await connection.close()

    client.app.include_router(router)

    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/inner", headers=bearer()):
        pass
    assert 403 == refused.value.status_code
    with client.websocket_connect("/inner", headers=bearer(scope=WRITE)):
        pass


def test_a_public_websocket_is_open(client):
    """A public WebSocket route is open by either default."""

    @client.app.websocket("/open")
    @public
    async def opened(connection: WebSocket):
        await connection.accept()
        await connection.close()

    with client.websocket_connect("/open"):
        pass


def test_an_error_of_ours_in_a_conversation_closes_it(client):
    """After the handshake there is no HTTP answer any more: the connection is closed with the code for a policy."""

    @client.app.websocket("/chat")
    async def chat(connection: WebSocket, _: Reader):
        await connection.accept()
        await connection.receive_text()
        raise InsufficientScopeError([WRITE])

    with client.websocket_connect("/chat", headers=bearer()) as connection:
        connection.send_text("write")
        closed = connection.receive()

    assert ("websocket.close", 1008) == (closed["type"], closed["code"])


@pytest.fixture(scope="module", params=["allow", "deny"])
def port(request):
    """The port of a real uvicorn."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(default=request.param), log_config=None))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(60)
    assert not thread.is_alive()


def connect(port, *headers):
    connection = websockets.sync.client.connect(
        f"ws://127.0.0.1:{port}/ws", additional_headers=headers, proxy=None, open_timeout=60
    )
    with connection:
        return connection.recv(60)


def test_uvicorn_serves_a_good_credential(port):
    """Over real sockets, a good credential opens the conversation."""
    assert "hello user-1" == connect(port, *bearer().items())


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ([], 401, None),
        ([("Authorization", "Bearer junk")], 401, 'error="invalid_token"'),
        ([*bearer(scope="profile").items()], 403, 'error="insufficient_scope"'),
        ([*bearer().items(), *bearer().items()], 400, 'error="invalid_request"'),
    ],
)
def test_uvicorn_refuses_with_the_whole_answer(port, headers, status, error):
    """Over real sockets, a refused handshake gets status, challenge and body."""
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(port, *headers)

    response = refused.value.response
    assert status == response.status_code
    assert (error or "Bearer realm") in response.headers["WWW-Authenticate"]
    assert f'"status":{status}'.encode() in response.body
