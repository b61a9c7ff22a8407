"""What FastAPI's routes require: read at start for the checks, and before routing where the default is to deny."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from inspect import iscoroutinefunction
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.routing import Match, Route, WebSocketRoute

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._rates import RateLimit
from mindpeeker_guard._types import Requirement
from mindpeeker_guard._views import is_public

_ANY_PRINCIPAL = Requirement()


def validate(app: FastAPI, guard: Guard) -> None:
    """Check the requirements of all routes there are.

    Raises:
        ConfigurationError: One asks for a scope that the guard does not know.
    """
    for context in iter_route_contexts(app.routes):
        for dependency, scopes in dependencies(getattr(context, "dependant", None)):
            guard.validate(dependency.with_scopes(scopes))
        for limits in rates(getattr(context, "dependant", None)):
            guard.validate_rates(limits)


def on_startup(app: FastAPI, check: Callable[[], None]) -> None:
    """Run `check` when the application starts, before its own lifespan begins."""
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def checked(application: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        check()
        async with lifespan(application) as state:
            yield state

    app.router.lifespan_context = checked  # type: ignore[assignment]  # what it yields is what the other yields


def needed(app: FastAPI, scope: Any) -> Requirement | None:
    """Return what a connection must meet before it is routed; None where its route is public.

    What no route claims may still be served by something else in the router, so it is not public.
    """
    context = _match(app, scope)
    if context is None or not is_plain(context.original_route):
        return _ANY_PRINCIPAL
    # A route with a dependency of ours asks for itself, and nothing comes before its dependencies.
    open_or_guarded = is_public(context.endpoint) or any(dependencies(getattr(context, "dependant", None)))
    return None if open_or_guarded else _ANY_PRINCIPAL


def _match(app: FastAPI, scope: Any) -> RouteContext | None:
    """Return the route that the router will pick: the first full match. Routes may change, so nothing is kept."""
    for context in iter_route_contexts(app.routes):
        if context.matches(scope)[0] is Match.FULL:
            return context
    return None


def closed(app: FastAPI) -> set[tuple[str, str]]:
    """Return path and method of the routes that are neither public nor have a dependency of ours."""
    return {
        (str(context.path_format), method.lower())
        for context in iter_route_contexts(app.routes)
        if not is_public(context.endpoint) and not any(dependencies(getattr(context, "dependant", None)))
        for method in context.methods or ()
    }


def is_plain(route: Any) -> bool:
    """Tell whether `route` matches as FastAPI's do: one that has a say of its own may leave the request to another."""
    return type(route).matches in {APIRoute.matches, APIWebSocketRoute.matches, Route.matches, WebSocketRoute.matches}


def dependencies(dependant: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield our dependencies below `dependant`, each with the scopes that ``Security(…)`` adds on the way to it."""
    for child in getattr(dependant, "dependencies", ()):
        if isinstance(getattr(child.call, "requirement", None), Requirement):
            added = [*(child.parent_oauth_scopes or ()), *(child.own_oauth_scopes or ())]
            yield child.call, tuple(dict.fromkeys(added))
        yield from dependencies(child)


def rates(dependant: Any) -> Iterator[tuple[RateLimit, ...]]:
    """Yield the rate limits of our dependencies below `dependant` that are for nothing else."""
    for child in getattr(dependant, "dependencies", ()):
        found = getattr(child.call, "limits", ())
        if isinstance(found, tuple) and found and isinstance(found[0], RateLimit):
            yield found
        yield from rates(child)


def name_of(endpoint: Any) -> str | None:
    """Return the full name of what a route is for; None where it has none."""
    if endpoint is None:
        return None
    named = endpoint if hasattr(endpoint, "__qualname__") else type(endpoint)
    return f"{named.__module__}.{named.__qualname__}"


async def call_handler(handler: Callable[..., Any], connection: Any, exception: Exception) -> Any:
    """Call an exception handler of the application's, plain or async."""
    if iscoroutinefunction(handler) or iscoroutinefunction(getattr(handler, "__call__", None)):  # noqa: B004
        return await handler(connection, exception)
    return await run_in_threadpool(handler, connection, exception)
