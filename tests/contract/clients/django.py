"""Django: function and class-based views, plain and async, under WSGI and ASGI."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import path as route
from django.views import View
from tests.contract.clients.base import Answer, Headers
from tests.contract.clients.gateways import ASGIClient, WSGIClient
from tests.contract.resources import JSON, OPEN, resources, show

from mindpeeker_guard import Guard
from mindpeeker_guard import django as words

# A project's settings exist once in a process, and other tests have theirs: each request is sent under its own.
if not settings.configured:
    settings.configure()
    django.setup()


class _Client:
    def __init__(self, guard: Guard, make_client: Callable[[Any], Any], handler: type, views: list[Any]) -> None:
        urls = ModuleType("urls")
        urls.urlpatterns = views  # type: ignore[attr-defined]
        self._settings = {
            "ALLOWED_HOSTS": ["*"],
            "MIDDLEWARE": ["mindpeeker_guard.django.GuardMiddleware"],
            "MINDPEEKER_GUARD": guard,
            "ROOT_URLCONF": urls,
        }
        with override_settings(**self._settings):
            self._client = make_client(handler())

    def send(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """Send a request."""
        with override_settings(**self._settings):
            return self._client.send(method, path, headers, body)


def wsgi_sync(guard: Guard) -> _Client:
    """Guard plain functions under WSGI."""
    return _Client(guard, WSGIClient, WSGIHandler, _functions(guard, _view))


def wsgi_async(guard: Guard) -> _Client:
    """Guard coroutine functions under WSGI."""
    return _Client(guard, WSGIClient, WSGIHandler, _functions(guard, _async_view))


def wsgi_class(guard: Guard) -> _Client:
    """Guard class-based views under WSGI."""
    return _Client(guard, WSGIClient, WSGIHandler, _classes(guard, _view))


def asgi_sync(guard: Guard) -> _Client:
    """Guard plain functions under ASGI."""
    return _Client(guard, ASGIClient, ASGIHandler, _functions(guard, _view))


def asgi_async(guard: Guard) -> _Client:
    """Guard coroutine functions under ASGI."""
    return _Client(guard, ASGIClient, ASGIHandler, _functions(guard, _async_view))


def asgi_class(guard: Guard) -> _Client:
    """Guard async class-based views under ASGI."""
    return _Client(guard, ASGIClient, ASGIHandler, _classes(guard, _async_view))


def _functions(guard: Guard, view: Any) -> list[Any]:
    """Return URL patterns; the view of ``/principal`` has no decorator, because none is needed."""
    guarded = {path: view if path == "/principal" else make(words)(view) for path, make in resources(guard).items()}
    return [route(path[1:], function) for path, function in guarded.items()] + [route(OPEN[1:], _open)]


def _classes(guard: Guard, view: Any) -> list[Any]:
    def resource(make: Callable[[Any], Any]) -> Any:
        methods = dict.fromkeys(("get", "post", "options"), _method(view))
        return make(words)(type("Resource", (View,), methods)).as_view()

    return [route(path[1:], resource(make)) for path, make in resources(guard).items()] + [route(OPEN[1:], _open)]


def _method(view: Any) -> Any:
    def plain(self: View, request: HttpRequest) -> HttpResponse:
        return view(request)

    async def awaited(self: View, request: HttpRequest) -> HttpResponse:
        return await view(request)

    return awaited if view is _async_view else plain


def _view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(show(request.principal), content_type=JSON)


async def _async_view(request: HttpRequest) -> HttpResponse:
    return _view(request)


@words.public
def _open(request: HttpRequest) -> HttpResponse:
    return HttpResponse(show(None), content_type=JSON)
