"""FastAPI: async and plain endpoints, ``Security``, routers, WebSockets, and an application that denies by default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response, Security, WebSocket
from tests.contract.clients.gateways import ASGIClient, WebSocketClient
from tests.contract.resources import JSON, METHODS, OPEN, resources, show

from mindpeeker_guard import Guard
from mindpeeker_guard import fastapi as words
from mindpeeker_guard.asgi import principal_of


class _SecurityScopes:
    """The shared words, with the scopes given to ``Security`` instead of to the dependency."""

    @staticmethod
    def require_scopes(*scopes: str, **options: Any) -> Any:
        return Security(words.require_scopes(**options), scopes=scopes)

    @staticmethod
    def require(*scopes: Any, **options: Any) -> Any:
        return Security(words.require(*scopes, **options))

    @staticmethod
    def require_any_scope(*scopes: str, **options: Any) -> Any:
        return Security(words.require_any_scope(*scopes, **options))


def async_endpoints(guard: Guard) -> ASGIClient:
    """Guard coroutine functions."""
    return ASGIClient(_app(guard, _async_endpoint, lambda make: Depends(make(words))))


def sync_endpoints(guard: Guard) -> ASGIClient:
    """Guard plain functions, which run in a thread."""
    return ASGIClient(_app(guard, _sync_endpoint, lambda make: Depends(make(words))))


def security_scopes(guard: Guard) -> ASGIClient:
    """Guard with ``Security(…, scopes=[…])``."""
    return ASGIClient(_app(guard, _async_endpoint, lambda make: make(_SecurityScopes)))


def router_dependencies(guard: Guard) -> ASGIClient:
    """Guard with the dependencies of an included router; the endpoint itself asks for nothing."""
    app = FastAPI(openapi_url=None)
    for path, make in resources(guard).items():
        router = APIRouter(dependencies=[Depends(make(words))])
        router.add_api_route(path, _remembered, methods=list(METHODS))
        app.include_router(router)
    app.add_api_route(OPEN, _open, methods=list(METHODS))
    words.init_app(app, guard)
    return ASGIClient(app)


def denying(guard: Guard) -> ASGIClient:
    """Guard everything before routing; the endpoint of ``/principal`` has no dependency."""
    app = FastAPI(openapi_url=None)
    for path, make in resources(guard).items():
        dependencies = [] if path == "/principal" else [Depends(make(words))]
        app.add_api_route(path, _remembered, methods=list(METHODS), dependencies=dependencies)
    app.add_api_route(OPEN, words.public(_public), methods=list(METHODS))
    words.init_app(app, guard, default="deny")
    return ASGIClient(app)


def websockets(guard: Guard) -> WebSocketClient:
    """Guard WebSockets, with denial responses."""
    app = FastAPI(openapi_url=None)
    for path, make in resources(guard).items():
        app.add_api_websocket_route(path, _websocket_endpoint(Depends(make(words))))
    app.add_api_websocket_route(OPEN, _open_websocket)
    words.init_app(app, guard)
    return WebSocketClient(app)


def _app(guard: Guard, endpoint: Callable[[Any], Any], dependency: Callable[[Any], Any]) -> FastAPI:
    app = FastAPI(openapi_url=None)
    for path, make in resources(guard).items():
        app.add_api_route(path, endpoint(dependency(make)), methods=list(METHODS))
    app.add_api_route(OPEN, _open, methods=list(METHODS))
    words.init_app(app, guard)
    return app


def _async_endpoint(dependency: Any) -> Any:
    async def endpoint(principal=dependency):
        return Response(show(principal), media_type=JSON)

    return endpoint


def _sync_endpoint(dependency: Any) -> Any:
    def endpoint(principal=dependency):
        return Response(show(principal), media_type=JSON)

    return endpoint


def _websocket_endpoint(dependency: Any) -> Any:
    async def endpoint(websocket: WebSocket, principal=dependency):
        await _speak(websocket, principal)

    return endpoint


async def _remembered(request: Request):
    return Response(show(principal_of(request.scope)), media_type=JSON)


async def _open():
    return Response(show(None), media_type=JSON)


async def _public():
    return Response(show(None), media_type=JSON)


async def _open_websocket(websocket: WebSocket):
    await _speak(websocket, None)


async def _speak(websocket: WebSocket, principal: Any) -> None:
    await websocket.accept()
    await websocket.send_text(show(principal).decode("ascii"))
    await websocket.close()
