"""The routes of a FastAPI or Starlette application: nested routers, mounts, WebSockets, pages of the API document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Host, Mount, Route, WebSocketRoute

from mindpeeker_guard._fastapi_routes import dependencies, is_plain
from mindpeeker_guard._guard import Guard
from mindpeeker_guard._views import is_public
from mindpeeker_guard.fastapi import _Deny
from mindpeeker_guard.routes._marks import name_of
from mindpeeker_guard.routes._records import ANY_PRINCIPAL, GuardedRoute, Place, Requirements, judge, shown
from mindpeeker_guard.routes._walk import middleware_of, peel, walk

_UNKNOWN = "A route of a kind that this audit does not know: look at it yourself, then allow it by its path."
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def guard_of(app: Any) -> Guard | None:
    """Return the guard that is attached to `app`."""
    found = getattr(getattr(app, "state", None), "mindpeeker_guard", None)
    if isinstance(found, Guard):
        return found
    return next(iter([*middleware_of(getattr(app, "user_middleware", ()))[1], *_stack(app)[1]]), None)


def read(app: Any, place: Place) -> Iterator[GuardedRoute]:
    """Yield the routes of `app`, and of what is mounted in it."""
    place = place.behind(*middleware_of(getattr(app, "user_middleware", ()))[0], *_stack(app)[0])
    denies = isinstance(_middleware_stack(app), _Deny)
    for context in iter_route_contexts(app.routes):
        yield from _route(context, place, denies=denies)
    for context in _frontends(getattr(app, "router", app)):
        yield from _frontend(context, place, denies=denies)


def _middleware_stack(app: Any) -> Any:
    return getattr(getattr(app, "router", app), "middleware_stack", None)


def _stack(app: Any) -> tuple[Requirements, list[Guard]]:
    """Return what the middleware of the router asks for."""
    found = peel(_middleware_stack(app))
    return found.outer, found.guards


def _route(context: Any, place: Place, *, denies: bool) -> Iterator[GuardedRoute]:
    route = context.original_route
    needs_any = denies and not (is_plain(route) and (is_public(context.endpoint) or _own(context)))
    place = place.behind(*([ANY_PRINCIPAL] if needs_any else []))
    if isinstance(route, Mount):
        yield from walk(context.app, place.below(context.path))
    elif isinstance(route, Host):
        yield from walk(context.app, place.below(f"//{route.host}"))
    else:
        yield _record(context, place, known=isinstance(route, Route | WebSocketRoute))


def _own(context: Any) -> Requirements:
    """Return what the dependencies of a route require."""
    found = dependencies(getattr(context, "dependant", None))
    return tuple(dependency.with_scopes(scopes) for dependency, scopes in found)


def _record(context: Any, place: Place, *, known: bool) -> GuardedRoute:
    endpoint = context.endpoint
    place = place.behind(*peel(getattr(context, "app", None)).outer)
    state, needed = judge(_own(context), place.outer, public=is_public(endpoint))
    is_unknown = state == "open" and not known
    is_socket = isinstance(context.original_route, WebSocketRoute)
    return GuardedRoute(
        path=f"{place.prefix}{context.path or '/*'}",
        state="opaque" if is_unknown else state,
        methods=() if is_socket or not known else _methods(context.methods, endpoint),
        kind="websocket" if is_socket else "http",
        endpoint=name_of(endpoint) if endpoint is not None else type(context.original_route).__qualname__,
        requirement=needed,
        builtin=getattr(endpoint, "__module__", "") == "fastapi.applications",
        hint=_UNKNOWN if is_unknown else "",
    )


def _methods(methods: set[str] | None, endpoint: Any) -> tuple[str, ...]:
    if methods is None and isinstance(endpoint, type) and issubclass(endpoint, HTTPEndpoint):
        methods = {method for method in _METHODS if hasattr(endpoint, method.lower())}
    return shown(methods or ())


def _frontends(router: Any) -> Iterator[Any]:
    """Yield the groups of built pages, which FastAPI asks after all other routes."""
    candidates = getattr(router, "_iter_low_priority_routes", None)
    yield from candidates() if candidates is not None else ()


def _frontend(group: Any, place: Place, *, denies: bool) -> Iterator[GuardedRoute]:
    prefix = getattr(group, "frontend_prefix", "")
    place = place.behind(*([ANY_PRINCIPAL] if denies else []))
    state, needed = judge(_own(group), place.outer, public=False)
    for pages in getattr(getattr(group, "original_route", group), "routes", ()):
        path = f"{place.prefix}{prefix}{pages.path}".rstrip("/")
        yield GuardedRoute(path=f"{path}/*", state=state, kind="mount", endpoint="frontend", requirement=needed)
