"""Flask: plain and async views, method views of a blueprint, and an application that denies by default."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response
from flask.views import MethodView
from tests.contract.clients.gateways import WSGIClient
from tests.contract.resources import JSON, METHODS, OPEN, resources, show

from mindpeeker_guard import Guard
from mindpeeker_guard import flask as words


def sync_views(guard: Guard) -> WSGIClient:
    """Guard plain functions."""
    return _client(guard, _view)


def async_views(guard: Guard) -> WSGIClient:
    """Guard coroutine functions."""
    return _client(guard, _async_view)


def denying(guard: Guard) -> WSGIClient:
    """Guard everything before any view; the view of ``/principal`` has no decorator."""
    app = _app(guard, _view, words.public(_open), undecorated=("/principal",))
    words.init_app(app, guard, default="deny")
    return WSGIClient(app)


def method_views(guard: Guard) -> WSGIClient:
    """Guard the method views of a blueprint."""
    blueprint = Blueprint("resources", __name__)
    for path, make in resources(guard).items():
        view = type("Resource", (_Resource,), {"decorators": [make(words)]})
        blueprint.add_url_rule(path, view_func=view.as_view(path[1:]), methods=METHODS)
    blueprint.add_url_rule(OPEN, view_func=_open, methods=METHODS)
    app = Flask(__name__)
    app.register_blueprint(blueprint)
    words.init_app(app, guard)
    return WSGIClient(app)


class _Resource(MethodView):
    def get(self) -> Response:
        return _view()

    post = options = get


def _client(guard: Guard, view: Any) -> WSGIClient:
    app = _app(guard, view, _open)
    words.init_app(app, guard)
    return WSGIClient(app)


def _app(guard: Guard, view: Any, opened: Any, undecorated: tuple[str, ...] = ()) -> Flask:
    app = Flask(__name__)
    for path, make in resources(guard).items():
        guarded = view if path in undecorated else make(words)(view)
        app.add_url_rule(path, path[1:], guarded, methods=METHODS)
    app.add_url_rule(OPEN, "open", opened, methods=METHODS)
    return app


def _view() -> Response:
    return Response(show(words.get_principal()), content_type=JSON)


async def _async_view() -> Response:
    return _view()


def _open() -> Response:
    return Response(show(None), content_type=JSON)
