"""No framework at all: the middleware for ASGI (HTTP and WebSocket) and for WSGI, one for each resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.contract.clients.gateways import ASGIClient, WebSocketClient, WSGIClient
from tests.contract.resources import JSON, OPEN, Requirements, resources, show

from mindpeeker_guard import Guard
from mindpeeker_guard.asgi import GuardMiddleware as ASGIGuard
from mindpeeker_guard.asgi import principal_of as asgi_principal
from mindpeeker_guard.wsgi import GuardMiddleware as WSGIGuard
from mindpeeker_guard.wsgi import principal_of as wsgi_principal


def asgi(guard: Guard) -> ASGIClient:
    """Guard an ASGI application's requests."""
    return ASGIClient(_asgi_application(guard))


def asgi_websocket(guard: Guard) -> WebSocketClient:
    """Guard an ASGI application's WebSockets."""
    return WebSocketClient(_asgi_application(guard))


def wsgi(guard: Guard) -> WSGIClient:
    """Guard a WSGI application."""
    apps: dict[str, Any] = _guarded(WSGIGuard, _wsgi, guard) | {OPEN: _open_wsgi}

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        return apps[environ["PATH_INFO"]](environ, start_response)

    return WSGIClient(application)


def _asgi_application(guard: Guard) -> Any:
    apps: dict[str, Any] = _guarded(ASGIGuard, _asgi, guard) | {OPEN: _open_asgi}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await apps[scope["path"]](scope, receive, send)

    return application


def _guarded(middleware: Callable[..., Any], app: Any, guard: Guard) -> dict[str, Any]:
    return {path: middleware(app, guard, make(Requirements)) for path, make in resources(guard).items()}


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    await _speak(scope, send, show(asgi_principal(scope)))


async def _open_asgi(scope: Any, receive: Any, send: Any) -> None:
    await _speak(scope, send, show(None))


async def _speak(scope: Any, send: Any, body: bytes) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": body.decode("ascii")})
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", JSON.encode("ascii"))]})
    await send({"type": "http.response.body", "body": body})


def _wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", JSON)])
    return [show(wsgi_principal(environ))]


def _open_wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", JSON)])
    return [show(None)]
