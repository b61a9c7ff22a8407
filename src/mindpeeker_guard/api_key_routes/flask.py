"""The routes for API keys as a Flask blueprint."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

# This import says which extra is missing, so it comes first.
from mindpeeker_guard.flask import get_principal, require

from flask import Blueprint, Response, request  # isort: skip
from werkzeug.exceptions import RequestEntityTooLarge  # isort: skip

from mindpeeker_guard._flow import run
from mindpeeker_guard._scopes import ScopeExpression
from mindpeeker_guard.api_key_routes import (
    BODY_LIMIT,
    PREFIX,
    SCHEMES,
    APIKeyRoutes,
    BodyTooLargeError,
    RouteRequest,
)
from mindpeeker_guard.api_key_routes._handler import Operation
from mindpeeker_guard.api_keys import APIKeys

__all__ = ["blueprint"]


def blueprint(
    keys: APIKeys,
    *,
    prefix: str = PREFIX,
    scopes: Iterable[str | ScopeExpression] = (),
    admin_scope: str | None = None,
    name: str = "api_keys",
) -> Blueprint:
    """Return a blueprint with the routes, guarded by the guard that `init_app` has attached, with access tokens only.

    Args:
        keys: The service that the routes are for. Its store must have plain methods.
        prefix: The path of the collection.
        scopes: What a caller needs for all of the routes; by default, any good access token.
        admin_scope: Who holds it sees and changes everybody's keys.
        name: The blueprint's name, in front of the names of its endpoints.

    Raises:
        ConfigurationError: A scope is unknown; the text has the nearest name. Or the store is async.
    """
    routes = APIKeyRoutes(keys, admin_scope=admin_scope)
    routes.check_plain()
    guarded = require(*scopes, schemes=SCHEMES)
    made = Blueprint(name, __name__, url_prefix=prefix)
    for route in routes.table:
        rule = route.path.replace("{key_id}", "<key_id>")
        view = guarded(_view(route.operation))
        made.add_url_rule(rule, endpoint=route.name, view_func=view, methods=[route.method])
    return made


def _view(operation: Operation) -> Callable[..., Any]:
    def view(key_id: str = "") -> Any:
        answer = run(operation(_read(key_id)))
        response = Response(answer.body, answer.status, dict(answer.headers))
        if not answer.body:
            del response.headers["Content-Type"]  # a default, and of nothing
        return response

    return view


def _read(key_id: str) -> RouteRequest:
    return RouteRequest(
        principal=get_principal(),
        path=request.root_path + request.path,
        key_id=key_id,
        query=request.query_string.decode("latin-1"),
        content_type=request.headers.get("Content-Type", ""),
        body=_body() if request.method == "POST" else b"",
    )


def _body() -> bytes:
    """Return the body, read no further than any good one goes."""
    own = request.max_content_length
    limit = request.max_content_length = BODY_LIMIT + 1 if own is None else min(own, BODY_LIMIT + 1)
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        raise BodyTooLargeError from None
    # Werkzeug cuts a body without a length off at the limit, and says nothing.
    if request.content_length is None and len(body) >= limit:
        raise BodyTooLargeError
    return body
