"""Every public form of the adapters' API, for the type checkers. Nothing here is ever run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, assert_type

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from fastapi import Depends, FastAPI, Security, WebSocket
from flask import Flask
from flask.views import MethodView

from mindpeeker_guard import (
    Guard,
    InsufficientScopeError,
    Principal,
    any_of,
    asgi,
    django,
    fastapi,
    flask,
    requirement,
    wsgi,
)

guard = Guard.from_env()

# Flask.

app = Flask("typed")
flask.init_app(app)
flask.init_app(app, guard, default="deny")


@app.get("/x")
@flask.require_scopes("profile")
def flask_view(number: int, *, flag: bool = False) -> dict[str, str | None]:
    assert_type(flask.current_principal, Principal)
    assert_type(flask.get_principal(), Principal | None)
    return {"sub": flask.current_principal.subject}


@flask.require_any_scope("profile", "email", optional=True, schemes=["Bearer"])
async def flask_view_async(number: int) -> str:
    return str(number)


@flask.require(any_of("profile", "email"), acr="gold", max_age=60, optional=True)
def flask_general() -> str:
    return ""


@flask.public
def flask_public(number: int) -> str:
    return str(number)


@flask.public
class FlaskPublic(MethodView):
    decorators = [flask.require_scopes("profile")]  # noqa: RUF012 - Flask's way

    @flask.require_scopes("email")
    def get(self, number: int) -> str:
        return str(number)


assert_type(flask_view(1, flag=True), dict[str, str | None])
assert_type(flask_general(), str)
assert_type(flask_public(1), str)
assert_type(FlaskPublic().get(1), str)


async def flask_async() -> None:
    assert_type(await flask_view_async(1), str)


flask_view("1")  # type: ignore[arg-type]
flask_general(1)  # type: ignore[call-arg]
flask.require_scopes(any_of("profile"))  # type: ignore[arg-type]
flask.init_app(app, guard, default="denny")  # type: ignore[arg-type]


# FastAPI.

api = FastAPI()
fastapi.init_app(api)
fastapi.init_app(api, guard, default="deny")
assert_type(fastapi.require_scopes("profile"), fastapi.RequireScopes)
Reader = Annotated[Principal, Depends(fastapi.require_scopes("profile"))]
Maybe = Annotated[Principal | None, Depends(fastapi.require(any_of("profile"), optional=True, schemes="Bearer"))]


@api.get("/x")
async def fastapi_view(
    caller: Reader,
    maybe: Maybe,
    anyone: fastapi.CurrentPrincipal,
    writer: Annotated[Principal, Security(fastapi.require_scopes(), scopes=["email"])],
) -> str | None:
    assert_type(caller, Principal)
    assert_type(maybe, Principal | None)
    assert_type(anyone, Principal)
    assert_type(writer, Principal)
    return caller.subject


@api.get("/y", dependencies=[Depends(fastapi.require_any_scope("profile", "email"))])
@fastapi.public
def fastapi_public(number: int) -> str:
    return str(number)


@api.websocket("/ws")
async def fastapi_websocket(socket: WebSocket, caller: Reader) -> None:
    await socket.send_text(str(caller.subject))


assert_type(fastapi_public(1), str)
api.dependency_overrides[fastapi.require_scopes("profile")] = lambda: Principal(subject="test")

# Django.


@django.require_scopes("profile")
def django_view(request: HttpRequest, number: int) -> JsonResponse:
    return JsonResponse({})


@django.require_any_scope("profile", "email", optional=True)
async def django_view_async(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@django.public
def django_public(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@django.require(any_of("profile"), acr="gold", max_age=60, schemes=["Bearer", "ApiKey"])
class DjangoView(View):
    @method_decorator(django.require_scopes("email"))
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


@django.public
class DjangoPublic(View):
    pass


django_view("1")  # type: ignore[arg-type,call-arg]


async def django_async(request: HttpRequest) -> None:
    assert_type(django_view(request, 1), JsonResponse)
    assert_type(await django_view_async(request), HttpResponse)
    assert_type(django_public(request), HttpResponse)
    assert_type(DjangoView(), DjangoView)
    assert_type(DjangoPublic(), DjangoPublic)


def django_resolver(principal: Principal, request: HttpRequest) -> object:
    return principal.subject


middleware: type[django.GuardMiddleware] = django.GuardMiddleware

# Plain ASGI and WSGI.


async def asgi_app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    assert_type(asgi.principal_of(scope), Principal | None)
    await asgi.send_refusal(guard.refusal(InsufficientScopeError(["profile"])), scope, send)


asgi_application: Callable[[asgi.Scope, asgi.Receive, asgi.Send], Awaitable[None]] = asgi.GuardMiddleware(
    asgi_app, guard, requirement("profile")
)
asgi.GuardMiddleware(api, guard)
api.add_middleware(asgi.GuardMiddleware, guard=guard)
wsgi_application = wsgi.GuardMiddleware(app, guard, requirement=requirement("profile"))
app.wsgi_app = wsgi.GuardMiddleware(app.wsgi_app, guard)  # type: ignore[method-assign]
assert_type(wsgi.principal_of({}), Principal | None)
