"""The applications that carry the routes: one for each framework, gateway, and kind of store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings
from fastapi import FastAPI
from flask import Flask
from tests.api_keys.routes.world import World
from tests.contract.clients.base import Answer, Client, Headers
from tests.contract.clients.gateways import ASGIClient, WSGIClient
from tests.frameworks import django_project  # noqa: F401 - a process has one project: all suites share it

import mindpeeker_guard.fastapi
import mindpeeker_guard.flask
from mindpeeker_guard.api_key_routes.django import urls
from mindpeeker_guard.api_key_routes.fastapi import router
from mindpeeker_guard.api_key_routes.flask import blueprint


def flask_app(world: World, **options: Any) -> Client:
    """Carry the routes in a blueprint."""
    app = Flask(__name__)
    mindpeeker_guard.flask.init_app(app, world.guard, default="deny")
    app.register_blueprint(blueprint(world.keys, **options))
    return WSGIClient(app)


def fastapi_app(world: World, **options: Any) -> Client:
    """Carry the routes in a router."""
    app = FastAPI()
    app.include_router(router(world.keys, **options))
    mindpeeker_guard.fastapi.init_app(app, world.guard, default="deny")
    return ASGIClient(app)


class _Django:
    def __init__(self, client: Callable[[Any], Client], handler: type, world: World, options: Any) -> None:
        module = ModuleType("urls")
        module.urlpatterns = urls(world.keys, **options)  # type: ignore[attr-defined]
        self._settings = {
            "ALLOWED_HOSTS": ["*"],
            "MIDDLEWARE": ["mindpeeker_guard.django.GuardMiddleware"],
            "MINDPEEKER_GUARD": world.guard,
            "ROOT_URLCONF": module,
        }
        with override_settings(**self._settings):
            self._client = client(handler())

    def send(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """Send a request."""
        with override_settings(**self._settings):
            return self._client.send(method, path, headers, body)


def django_wsgi(world: World, **options: Any) -> Client:
    """Carry the routes in URL patterns, under WSGI."""
    return _Django(WSGIClient, WSGIHandler, world, options)


def django_asgi(world: World, **options: Any) -> Client:
    """Carry the routes in URL patterns, under ASGI."""
    return _Django(ASGIClient, ASGIHandler, world, options)


@dataclass(frozen=True)
class Carrier:
    """How to make an application, and which kind of store it has."""

    make: Callable[..., Client]
    is_async: bool = False
    is_file: bool = False


CARRIERS: Final[Mapping[str, Carrier]] = {
    "flask": Carrier(flask_app),
    "flask, database": Carrier(flask_app, is_file=True),
    "fastapi": Carrier(fastapi_app),
    "fastapi, async store": Carrier(fastapi_app, is_async=True),
    "django wsgi": Carrier(django_wsgi),
    "django wsgi, async store": Carrier(django_wsgi, is_async=True),
    "django asgi": Carrier(django_asgi),
    "django asgi, async store": Carrier(django_asgi, is_async=True),
}
