"""Rates of routes in every framework: the same words, the same answers, and each request counted once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import pytest

for package in ("flask", "fastapi", "django", "asgiref"):
    pytest.importorskip(package)

from django.http import HttpResponse, JsonResponse
from django.test import AsyncClient, Client
from django.utils.decorators import method_decorator
from django.views import View
from fastapi import Depends, FastAPI, Security, WebSocket
from fastapi.testclient import TestClient
from flask import Flask, jsonify
from flask.views import MethodView
from starlette.testclient import WebSocketDenialResponse
from tests.frameworks import django_project
from tests.frameworks.callers import READ, bearer, make_guard
from tests.rate_limits.rig import Timer

from mindpeeker_guard import ConfigurationError, RateLimit, RateLimits, requirement
from mindpeeker_guard import django as of_django
from mindpeeker_guard import fastapi as of_fastapi
from mindpeeker_guard import flask as of_flask
from mindpeeker_guard.asgi import GuardMiddleware as ASGIGuard
from mindpeeker_guard.wsgi import GuardMiddleware as WSGIGuard

Ask = Callable[..., Any]
LIMIT = '"route-principal";q=2;w=3600'


def fresh(*limits: Any, **options: Any) -> Any:
    return make_guard(limits=RateLimits(*limits, timer=Timer()), **options)


# Each makes an application with one view, given a guard and what decorates the view, and returns how to ask it.


def flask_sync(guard: Any, decorate: Callable[[Any], Any], **options: Any) -> Ask:
    app = Flask(__name__)

    def view() -> Any:
        return jsonify("ok")

    app.add_url_rule("/x", view_func=decorate(of_flask)(view))
    of_flask.init_app(app, guard, **options)
    return lambda **headers: app.test_client().get("/x", headers=headers)


def flask_async(guard: Any, decorate: Callable[[Any], Any], **options: Any) -> Ask:
    app = Flask(__name__)

    async def view() -> Any:
        return jsonify("ok")

    app.add_url_rule("/x", view_func=decorate(of_flask)(view))
    of_flask.init_app(app, guard, **options)
    return lambda **headers: app.test_client().get("/x", headers=headers)


def flask_class(guard: Any, decorate: Callable[[Any], Any], **options: Any) -> Ask:
    class Page(MethodView):
        decorators = (decorate(of_flask),)

        def get(self) -> Any:
            return jsonify("ok")

    app = Flask(__name__)
    app.add_url_rule("/x", view_func=Page.as_view("page"))
    of_flask.init_app(app, guard, **options)
    return lambda **headers: app.test_client().get("/x", headers=headers)


def flask_denying(guard: Any, decorate: Callable[[Any], Any]) -> Ask:
    return flask_sync(guard, decorate, default="deny")


def fastapi_async(guard: Any, decorate: Callable[[Any], Any], **options: Any) -> Ask:
    app = FastAPI()

    @app.get("/x", dependencies=[Depends(decorate(of_fastapi))])
    async def view() -> str:
        return "ok"

    of_fastapi.init_app(app, guard, **options)
    return lambda **headers: TestClient(app).get("/x", headers=headers)


def fastapi_denying(guard: Any, decorate: Callable[[Any], Any]) -> Ask:
    return fastapi_async(guard, decorate, default="deny")


def django_view(guard: Any, decorate: Callable[[Any], Any]) -> Ask:
    def view(request: Any) -> JsonResponse:
        return JsonResponse("ok", safe=False)

    return _django(guard, decorate(of_django)(view))


def django_async_view(guard: Any, decorate: Callable[[Any], Any]) -> Ask:
    async def view(request: Any) -> JsonResponse:
        return JsonResponse("ok", safe=False)

    return _django_async(guard, decorate(of_django)(view))


def django_class(guard: Any, decorate: Callable[[Any], Any]) -> Ask:
    @decorate(of_django)
    class Page(View):
        def get(self, request: Any) -> JsonResponse:
            return JsonResponse("ok", safe=False)

    return _django(guard, Page.as_view())


def django_async_class(guard: Any, decorate: Callable[[Any], Any]) -> Ask:
    @decorate(of_django)
    class Page(View):
        async def get(self, request: Any) -> JsonResponse:
            return JsonResponse("ok", safe=False)

    return _django_async(guard, Page.as_view())


def django_async_method(guard: Any, decorate: Callable[[Any], Any]) -> Ask:
    @method_decorator(decorate(of_django), name="dispatch")
    class Page(View):
        async def get(self, request: Any) -> JsonResponse:
            return JsonResponse("ok", safe=False)

    return _django_async(guard, Page.as_view())


def _django(guard: Any, view: Any) -> Ask:
    def ask(**headers: str) -> Any:
        with django_project.project(view, MINDPEEKER_GUARD=guard):
            return Client().get("/x", headers=headers)

    return ask


def _django_async(guard: Any, view: Any) -> Ask:
    def ask(**headers: str) -> Any:
        with django_project.project(view, MINDPEEKER_GUARD=guard):
            return asyncio.run(AsyncClient().get("/x", headers=headers))

    return ask


MAKERS = [
    flask_sync,
    flask_async,
    flask_class,
    flask_denying,
    fastapi_async,
    fastapi_denying,
    django_view,
    django_async_view,
    django_class,
    django_async_class,
    django_async_method,
]
makers = pytest.mark.parametrize("make", MAKERS)


def told(answer: Any) -> tuple[int, str | None, str | None]:
    """Return the status, and what the caller is told."""
    return answer.status_code, answer.headers.get("RateLimit"), answer.headers.get("RateLimit-Policy")


def facts(answer: Any) -> tuple[int, bytes, dict[str, str | None]]:
    """Return all that must be the same in every framework."""
    body = answer.data if hasattr(answer, "data") else answer.content
    names = ("content-type", "cache-control", "retry-after", "ratelimit", "ratelimit-policy", "www-authenticate")
    return answer.status_code, body, {name: answer.headers.get(name) for name in names}


REFUSED = (
    429,
    (
        b'{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"Too many requests.",'
        b'"violated-policies":["route-principal"]}'
    ),
    {
        "content-type": "application/problem+json",
        "cache-control": "no-store",
        "retry-after": "3600",
        "ratelimit": '"route-principal";r=0;t=3600',
        "ratelimit-policy": LIMIT,
        "www-authenticate": None,
    },
)


@makers
@pytest.mark.parametrize("verb", ["require_scopes", "require_any_scope", "require"])
def test_the_rate_of_a_route(make, verb):
    """
    Each request is counted once, every answer tells what is left, and the one past the rate is refused.
    """
    ask = make(fresh(), lambda words: getattr(words, verb)(READ, rate="2/hour"))

    assert 401 == ask().status_code
    assert (200, '"route-principal";r=1;t=3600', LIMIT) == told(ask(**bearer()))
    assert 401 == ask().status_code
    assert (200, '"route-principal";r=0;t=3600', LIMIT) == told(ask(**bearer(jti="2")))
    assert REFUSED == facts(ask(**bearer()))
    assert 200 == ask(**bearer(sub="another")).status_code


@makers
def test_the_limits_of_the_guard_hold_too(make):
    """
    A request is counted for the guard's limits once, however often the adapter checks it, and for the route's.
    """
    ask = make(fresh("3/hour"), lambda words: words.require_scopes(READ, rate="9/hour"))

    states = [ask(**bearer()).headers["RateLimit"] for _ in range(3)]

    assert [f'"principal";r={2 - n};t=3600, "route-principal";r={8 - n};t=3600' for n in range(3)] == states
    assert 429 == ask(**bearer()).status_code


@makers
def test_an_optional_route(make):
    """
    Callers without a credential are counted once, by their address; one with a credential is counted apart.
    """
    ask = make(fresh("2/hour"), lambda words: words.require_scopes(READ, optional=True))

    assert [200, 200, 429] == [ask().status_code for _ in range(3)]
    assert (200, '"principal";r=1;t=3600') == told(ask(**bearer()))[:2]


@makers
def test_a_guard_without_limits_says_nothing(make):
    """
    Where nothing is counted, no answer has a header of this kind.
    """
    ask = make(make_guard(), lambda words: words.require_scopes(READ))

    assert (200, None, None) == told(ask(**bearer()))


@makers
def test_without_any_configuration_a_rate_holds(make):
    """
    A rate of a route needs no limits of the guard, and the first answer has the headers already.
    """
    ask = make(make_guard(), lambda words: words.require_scopes(READ, rate="2/hour"))

    assert [200, 200, 429] == [ask(**bearer()).status_code for _ in range(3)]
    assert '"route-principal";r=1;t=3600' == ask(**bearer(sub="another")).headers["RateLimit"]


def test_a_public_route_of_flask():
    """
    A public view has a limit by address; its credential is not looked at.
    """
    app = Flask(__name__)

    @app.get("/x")
    @of_flask.public
    @of_flask.rate_limit("2/hour", per="ip")
    def view() -> str:
        return "ok"

    @app.get("/y")
    @of_flask.rate_limit(RateLimit("1/hour", per="ip", name="odd"))
    @of_flask.public
    async def other() -> str:
        return "ok"

    of_flask.init_app(app, fresh(), default="deny")
    client = app.test_client()
    answers = [client.get("/x", headers={"Authorization": "Bearer junk"}) for _ in range(3)]
    others = [client.get("/y") for _ in range(2)]

    assert [200, 200, 429] == [answer.status_code for answer in answers]
    assert '"route-ip";r=1;t=3600' == answers[0].headers["RateLimit"]
    assert [200, 429] == [answer.status_code for answer in others]
    assert '"odd";q=1;w=3600' == others[0].headers["RateLimit-Policy"]


def test_a_public_route_of_fastapi():
    """
    A public route has a limit by address; its credential is not looked at.
    """
    app = FastAPI()

    @app.get("/x", dependencies=[Depends(of_fastapi.rate_limit("2/hour", per="ip"))])
    @of_fastapi.public
    async def view() -> str:
        return "ok"

    of_fastapi.init_app(app, fresh(), default="deny")
    client = TestClient(app)
    answers = [client.get("/x", headers={"Authorization": "Bearer junk"}) for _ in range(3)]

    assert [200, 200, 429] == [answer.status_code for answer in answers]
    assert '"route-ip";r=1;t=3600' == answers[0].headers["RateLimit"]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("is_class", [False, True])
def test_a_public_view_of_django(is_async, is_class):
    """
    A public view, function or class, plain or async, has a limit by address; its credential is not looked at.
    """
    limit = of_django.rate_limit("2/hour", per="ip")

    def plain(*args: Any) -> HttpResponse:
        return HttpResponse("ok")

    async def awaited(*args: Any) -> HttpResponse:
        return HttpResponse("ok")

    view: Any = awaited if is_async else plain
    if is_class:
        view = of_django.public(limit(type("Page", (View,), {"get": view}))).as_view()
    else:
        view = of_django.public(limit(view))
    ask = (_django_async if is_async else _django)(fresh(), view)
    answers = [ask(Authorization="Bearer junk") for _ in range(3)]

    assert [200, 200, 429] == [answer.status_code for answer in answers]
    assert '"route-ip";r=1;t=3600' == answers[0].headers["RateLimit"]


@makers
def test_a_limit_below_a_guard_knows_the_principal(make):
    """
    `rate_limit` below `require_scopes` counts the principal, in a budget of the view.
    """

    def decorate(words: Any) -> Any:
        if words is of_fastapi:
            return _both
        return lambda view: words.require_scopes(READ)(words.rate_limit("2/hour")(view))

    ask = make(fresh(), decorate)

    assert [200, 200, 429] == [ask(**bearer()).status_code for _ in range(3)]
    assert (200, '"route-principal";r=1;t=3600', LIMIT) == told(ask(**bearer(sub="another")))


_limit = of_fastapi.rate_limit("2/hour")


async def _both(
    principal: Annotated[Any, Depends(of_fastapi.require_scopes(READ))], _: Annotated[None, Depends(_limit)]
):
    return principal


def test_two_dependencies_of_fastapi():
    """
    Each dependency with a rate of its own is counted once; those of the guard are counted with the first.
    """
    app = FastAPI()
    first = of_fastapi.require_scopes(READ, rate="9/hour")
    second = Security(of_fastapi.require(rate=RateLimit("5/hour", name="second")), scopes=[READ])

    @app.get("/x", dependencies=[Depends(first), second, Depends(of_fastapi.require_scopes(READ))])
    async def view(principal: of_fastapi.CurrentPrincipal) -> str:
        return "ok"

    of_fastapi.init_app(app, fresh("7/hour"))
    headers = TestClient(app).get("/x", headers=bearer()).headers

    assert '"principal";r=6;t=3600, "route-principal";r=8;t=3600, "second";r=4;t=3600' == headers["RateLimit"]


def test_two_decorators_of_flask():
    """
    A second decorator with a rate of its own is counted besides the first; past it, the refusal has its own headers.
    """
    app = Flask(__name__)

    @app.get("/x")
    @of_flask.require_scopes(READ, rate="9/hour")
    @of_flask.require(rate=RateLimit("1/hour", name="second"))
    def view() -> str:
        return "ok"

    of_flask.init_app(app, fresh())
    client = app.test_client()
    first, second = (client.get("/x", headers=bearer()) for _ in range(2))

    assert '"route-principal";r=8;t=3600, "second";r=0;t=3600' == first.headers["RateLimit"]
    assert (429, ['"second";r=0;t=3600']) == (second.status_code, second.headers.getlist("RateLimit"))


def test_a_websocket_is_counted():
    """
    A handshake counts as one request; past the rate the socket is not opened.
    """
    app = FastAPI()

    @app.websocket("/x")
    async def view(socket: WebSocket, principal: of_fastapi.CurrentPrincipal) -> None:
        await socket.accept()
        await socket.send_text("ok")
        await socket.close()

    of_fastapi.init_app(app, fresh("1/hour"))
    client = TestClient(app)
    with client.websocket_connect("/x", headers=bearer()) as socket:
        assert "ok" == socket.receive_text()
    with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/x", headers=bearer()):
        pass
    assert 429 == caught.value.status_code


def test_the_middleware_for_any_application():
    """
    Around a whole application, the headers of its answers are its own and ours, each once.
    """
    own = [("RateLimit-Policy", '"theirs";q=1;w=1')]

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [*own])
        return [b"ok"]

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"ok"})

    started: list[Any] = []
    wrapped = WSGIGuard(application, fresh("2/hour"), requirement(READ))
    environ = {"REQUEST_METHOD": "GET", "HTTP_AUTHORIZATION": bearer()["Authorization"], "REMOTE_ADDR": "8.8.8.8"}
    wrapped(environ, lambda status, headers: started.append((status, headers)))
    answer = TestClient(ASGIGuard(asgi, fresh("2/hour"), requirement(READ))).get("/", headers=bearer())

    assert ("200 OK", [*own, ("RateLimit", '"principal";r=1;t=3600')]) == started[0]
    assert (200, '"principal";r=1;t=3600', '"principal";q=2;w=3600') == told(answer)


@pytest.mark.parametrize("words", [of_flask, of_fastapi, of_django])
@pytest.mark.parametrize("verb", ["require", "require_scopes", "require_any_scope"])
def test_a_wrong_rate_is_found_at_import(words, verb):
    """
    A rate that cannot be read is an error where the decorator stands.
    """
    with pytest.raises(ConfigurationError, match="100/minute"):
        getattr(words, verb)(READ, rate="often")
    with pytest.raises(ConfigurationError, match="100/minute"):
        words.rate_limit("often")


def test_what_the_strategy_cannot_keep_is_found_at_start():
    """
    A rate too large for moving windows is an error when the guard is attached.
    """
    app = Flask(__name__)
    app.add_url_rule("/x", view_func=of_flask.rate_limit("1000000/day")(of_flask.public(lambda: "ok")))
    with pytest.raises(ConfigurationError, match="too much"):
        of_flask.init_app(app, make_guard())
    other = FastAPI()
    other.get("/x", dependencies=[Depends(of_fastapi.rate_limit("1000000/day"))])(lambda: "ok")
    with pytest.raises(ConfigurationError, match="too much"):
        of_fastapi.init_app(other, make_guard())
