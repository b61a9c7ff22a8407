"""A FastAPI application with one of everything, and one route that nobody meant to be open."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Security, WebSocket
from fastapi.responses import PlainTextResponse
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.routing import Host, Mount, Route, WebSocketRoute
from tests.frameworks.callers import READ, WRITE, make_guard

from mindpeeker_guard import Principal, asgi
from mindpeeker_guard.fastapi import CurrentPrincipal, init_app, public, require_any_scope, require_scopes

PLANTED = "/v1/inner/planted"


def make_view() -> Any:
    """Return a view of its own: marks are set on the function."""

    async def view() -> str:
        return "it ran"

    return view


async def plain(_: Any) -> PlainTextResponse:
    return PlainTextResponse("it ran")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("it ran")
    await socket.close()


async def talk_guarded(socket: WebSocket, principal: CurrentPrincipal) -> None:
    await talk(socket)


def nested(principal: Annotated[Principal, Depends(require_scopes(READ))]) -> Principal:
    return principal


def deeper(principal: Annotated[Principal, Depends(nested)]) -> Principal:
    return principal


class Endpoint(HTTPEndpoint):
    async def get(self, _: Any) -> PlainTextResponse:
        return PlainTextResponse("it ran")

    async def delete(self, _: Any) -> PlainTextResponse:
        return PlainTextResponse("it ran")


def guarded_by_middleware() -> list[Middleware]:
    return [Middleware(asgi.GuardMiddleware, guard=make_guard())]


def make(default: Any = "allow") -> FastAPI:
    app = FastAPI()
    read, write = Depends(require_scopes(READ)), Depends(require_scopes(WRITE))
    inner = APIRouter(prefix="/inner")
    v1 = APIRouter(prefix="/v1")
    closed = APIRouter(prefix="/closed", dependencies=[read])
    inner.get("/planted")(make_view())
    inner.post("/planted", dependencies=[Depends(require_any_scope(READ, WRITE))])(make_view())
    inner.get("/public/{key}")(public(make_view()))
    inner.websocket("/socket")(talk)
    v1.get("/optional", dependencies=[Depends(require_scopes(READ, optional=True))])(make_view())
    v1.get("/deep", dependencies=[Depends(deeper)])(make_view())
    v1.get("/security", dependencies=[Security(require_scopes(READ), scopes=["analytics:read"])])(make_view())
    v1.websocket("/guarded")(talk_guarded)
    v1.include_router(inner)
    closed.api_route("/x", methods=["GET", "PUT"], dependencies=[write], include_in_schema=False)(make_view())
    closed.websocket("/socket")(talk)
    # What is no route of FastAPI's gets neither dependencies nor prefix of the router that it is in.
    closed.add_route("/plain", plain, methods=["GET", "POST"])
    closed.include_router(inner, prefix="/again")
    app.include_router(v1)
    app.include_router(closed)
    app.router.routes += [
        Route("/endpoint", Endpoint),
        Route("/behind", plain, middleware=guarded_by_middleware()),
        WebSocketRoute("/raw", talk),
        Mount("/mount", routes=[Route("/x", plain), Mount("/y", routes=[Route("/{z:int}", plain)])]),
        Mount("/behind-mount", routes=[Route("/x", plain)], middleware=guarded_by_middleware()),
        Host("api.example", Starlette(routes=[Route("/hosted", plain)])),
    ]
    app.mount("/sub", sub("allow"))
    app.mount("/denied", sub("deny"))
    app.mount("/opaque", lambda scope, receive, send: None)
    init_app(app, make_guard(), default=default)
    return app


def sub(default: Any) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.get("/open")(make_view())
    app.get("/public")(public(make_view()))
    app.get("/guarded", dependencies=[Depends(require_scopes(READ))])(make_view())
    init_app(app, make_guard(), default=default)
    return app
