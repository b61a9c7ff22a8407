"""The routes for API keys as Django URL patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, Final

# This import says which extra is missing, so it comes first.
from mindpeeker_guard.django import require

from django.core.exceptions import RequestDataTooBig  # isort: skip
from django.http import HttpRequest, HttpResponse  # isort: skip
from django.http.request import RawPostDataException, UnreadablePostError  # isort: skip
from django.urls import URLPattern, path  # isort: skip
from django.views import View  # isort: skip

from mindpeeker_guard._flow import arun, run
from mindpeeker_guard._scopes import ScopeExpression
from mindpeeker_guard._types import Refusal
from mindpeeker_guard.api_key_routes import (
    BODY_LIMIT,
    PREFIX,
    SCHEMES,
    APIKeyRoutes,
    BodyTooLargeError,
    RouteAnswer,
    RouteRequest,
)
from mindpeeker_guard.api_key_routes._handler import Operation
from mindpeeker_guard.api_keys import APIKeys
from mindpeeker_guard.django.conf import configuration
from mindpeeker_guard.errors import AnswerError

__all__ = ["urls"]

_NAMES: Final = {"": "api_keys", "/{key_id}": "api_key", "/{key_id}/rotate": "api_key_rotate"}
_LENGTH: Final = re.compile(r"[0-9]{1,9}")


def urls(
    keys: APIKeys,
    *,
    prefix: str = PREFIX,
    scopes: Iterable[str | ScopeExpression] = (),
    admin_scope: str | None = None,
) -> list[URLPattern]:
    """Return URL patterns for the routes, guarded by ``GuardMiddleware``, with access tokens only.

    Args:
        keys: The service that the routes are for. Its store decides whether the views are plain or async.
        prefix: The path of the collection.
        scopes: What a caller needs for all of the routes; by default, any good access token.
        admin_scope: Who holds it sees and changes everybody's keys.

    Raises:
        ConfigurationError: A scope is unknown; the text has the nearest name.
    """
    routes = APIKeyRoutes(keys, admin_scope=admin_scope)
    guarded = require(*scopes, schemes=SCHEMES)
    made = []
    for suffix, group in groupby(routes.table, key=lambda route: route.path):
        methods = {route.method.lower(): _method(route.operation, is_async=routes.is_async) for route in group}
        view: type[View] = type("APIKeysView", (View,), methods)  # it answers other methods
        rule = prefix.strip("/") + suffix.replace("{key_id}", "<str:key_id>")
        made.append(path(rule, guarded(view).as_view(), name=_NAMES[suffix]))
    return made


def _method(operation: Operation, *, is_async: bool) -> Callable[..., Any]:
    def plain(_: View, request: HttpRequest, key_id: str = "") -> HttpResponse:
        try:
            return _response(run(operation(_read(request, key_id))))
        except AnswerError as error:
            return _response(configuration().guard.refusal(error))

    async def awaited(_: View, request: HttpRequest, key_id: str = "") -> HttpResponse:
        try:
            return _response(await arun(operation(_read(request, key_id))))
        except AnswerError as error:
            return _response(configuration().guard.refusal(error))

    return awaited if is_async else plain


def _response(answer: RouteAnswer | Refusal) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
    if not answer.body:
        del response.headers["Content-Type"]  # a default, and of nothing
    return response


def _read(request: HttpRequest, key_id: str) -> RouteRequest:
    return RouteRequest(
        principal=getattr(request, "principal", None),
        path=request.path,
        key_id=key_id,
        query=request.META.get("QUERY_STRING", ""),
        content_type=request.META.get("CONTENT_TYPE", ""),
        body=_body(request) if request.method == "POST" else b"",
    )


def _body(request: HttpRequest) -> bytes:
    """Return the body, read no further than any good one goes."""
    length = request.META.get("CONTENT_LENGTH") or ""
    try:
        # Where the length is known and small, the body stays readable for middleware.
        if _LENGTH.fullmatch(length) and int(length) <= BODY_LIMIT:
            return request.body
        return request.read(BODY_LIMIT + 1)
    except RequestDataTooBig:
        raise BodyTooLargeError from None
    except (RawPostDataException, UnreadablePostError):
        return b""  # somebody has read it before, or nobody is there to read the answer
