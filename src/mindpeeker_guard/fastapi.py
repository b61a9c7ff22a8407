"""Guard the routes of a FastAPI application: HTTP and WebSocket, with padlocks and scopes in the API document.

There is no ``from __future__ import annotations`` here: FastAPI reads the annotations of `RequireScopes.__call__`.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, cast

try:
    from fastapi import Depends, FastAPI
    from fastapi import HTTPException as FastAPIHTTPException
    from fastapi.exception_handlers import http_exception_handler
    from fastapi.openapi.models import SecurityBase as SecurityModel
    from fastapi.security import SecurityScopes
    from fastapi.security.base import SecurityBase
    from starlette.exceptions import HTTPException
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket, WebSocketState
except ImportError as error:
    message = "mindpeeker_guard.fastapi needs the extra 'fastapi': pip install 'mindpeeker-guard[fastapi]'."
    raise ImportError(message) from error

from mindpeeker_guard import _fastapi_routes as routes
from mindpeeker_guard import _openapi as openapi
from mindpeeker_guard._guard import Guard
from mindpeeker_guard._rates import Per, RateLimit, rate_limits
from mindpeeker_guard._requests import ASGIRequest
from mindpeeker_guard._scopes import ScopeExpression, all_of
from mindpeeker_guard._types import Principal, RateSpec, Requirement, requirement
from mindpeeker_guard._views import note_headers, public, remember, remembered
from mindpeeker_guard.asgi import Receive, Scope, Send, send_refusal, with_headers
from mindpeeker_guard.errors import AnswerError, ConfigurationError

__all__ = [
    "CurrentPrincipal",
    "LimitRate",
    "RequireScopes",
    "init_app",
    "public",
    "rate_limit",
    "require",
    "require_any_scope",
    "require_scopes",
]


class _Request(ASGIRequest):
    """A request or WebSocket handshake that FastAPI has found a route for."""

    __slots__ = ()

    @property
    def route(self) -> str | None:
        """The path of the route."""
        return getattr(self._scope.get("route"), "path", None)

    @property
    def view(self) -> str | None:
        """The function, or whatever else, that the route is for."""
        return routes.name_of(self._scope.get("endpoint")) or self.route


class RequireScopes(SecurityBase):
    """A dependency that lets through who meets a requirement, and is the `Principal`.

    Made by `require_scopes` and its kin. Two of the same requirement are equal, so that one can stand for the other in
    ``app.dependency_overrides``. Scopes of ``Security(…, scopes=[…])`` are needed on top.
    """

    def __init__(self, needed: Requirement) -> None:
        self.requirement = needed
        self.scheme_name = openapi.alias(needed)
        self.model = SecurityModel.model_validate(openapi.placeholder(needed))
        self._with_scopes: dict[tuple[str, ...], Requirement] = {}
        self._hash = hash(needed)  # FastAPI asks for it several times in each request

    async def __call__(self, connection: HTTPConnection, security_scopes: SecurityScopes) -> Principal | None:
        """Check the connection."""
        needed = self.requirement
        if security_scopes.scopes:
            needed = self.with_scopes(tuple(security_scopes.scopes))
        scope = connection.scope
        guard = _guard_of(scope["app"])
        seen = _Request(scope)
        principal = remembered(scope, guard)
        if principal is None:
            principal = remember(scope, guard, await guard.acheck(seen, needed))
        else:
            guard.authorize(principal, needed, seen)
            if needed.rates:
                await guard.alimit(seen, needed.rates, principal)
        if guard.is_limited:
            note_headers(scope, seen)
        return principal

    def with_scopes(self, scopes: tuple[str, ...]) -> Requirement:
        """Return the requirement with `scopes` of a ``Security(…)`` added; each route has its own, made once."""
        found = self._with_scopes.get(scopes)
        if found is None:
            own = self.requirement
            found = self._with_scopes[scopes] = requirement(
                all_of(own.scopes, *scopes),
                acr=own.acr_values,
                max_age=own.max_age,
                optional=own.optional,
                schemes=own.schemes or None,
                rate=own.rates,
            )
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RequireScopes) and other.requirement == self.requirement

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"RequireScopes({self.requirement})"


class LimitRate:
    """A dependency that limits the requests to a route; made by `rate_limit`. Two of the same limits are equal."""

    def __init__(self, limits: tuple[RateLimit, ...]) -> None:
        self.limits = limits

    async def __call__(self, connection: HTTPConnection) -> None:
        """Count the connection."""
        scope = connection.scope
        guard = _guard_of(scope["app"])
        seen = _Request(scope)
        await guard.alimit(seen, self.limits, remembered(scope, guard))
        note_headers(scope, seen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LimitRate) and other.limits == self.limits

    def __hash__(self) -> int:
        return hash(self.limits)


def rate_limit(*limits: str | RateLimit, per: Per = "principal") -> LimitRate:
    """Return a dependency: limit the requests to a route, public or not; for a guarded one, after `require_scopes`.

    Args:
        limits: Rates such as ``"10/second"``, or `RateLimit` objects.
        per: Who shares a budget of the rates; see `RateLimit`. Callers of public routes are told apart by address.

    Raises:
        ConfigurationError: A rate cannot be read.
    """
    return LimitRate(rate_limits(limits, per=per))


def require(
    *scopes: str | ScopeExpression,
    acr: str | Iterable[str] = (),
    max_age: int | None = None,
    optional: bool = False,
    schemes: str | Iterable[str] | None = None,
    rate: RateSpec = None,
) -> RequireScopes:
    """Return a dependency: all of `scopes`, each a scope or an `all_of` or `any_of` of some.

    Args:
        scopes: What the caller's scopes must satisfy; nothing asks for any good credential.
        acr: The authentication contexts of which the sign-in must have one (RFC 9470).
        max_age: How many seconds ago the sign-in may be (RFC 9470).
        optional: Whether a request without a credential is let through; the dependency is None then.
        schemes: The kinds of credential to accept: ``"Bearer"``, ``"ApiKey"``, or several; None for all of the guard's.
        rate: How many requests one caller may send to the route, such as ``"100/minute"``; or `RateLimit` objects.

    Raises:
        ConfigurationError: A scope is unknown (the text has the nearest name), or an argument is wrong.
    """
    return RequireScopes(requirement(*scopes, acr=acr, max_age=max_age, optional=optional, schemes=schemes, rate=rate))


def require_scopes(
    *scopes: str, optional: bool = False, schemes: str | Iterable[str] | None = None, rate: RateSpec = None
) -> RequireScopes:
    """Return a dependency: the caller needs all of `scopes`; see `require`."""
    return RequireScopes(requirement(*scopes, optional=optional, schemes=schemes, rate=rate))


def require_any_scope(
    *scopes: str, optional: bool = False, schemes: str | Iterable[str] | None = None, rate: RateSpec = None
) -> RequireScopes:
    """Return a dependency: the caller needs one of `scopes`; see `require`."""
    return RequireScopes(requirement(*scopes, any_scope=True, optional=optional, schemes=schemes, rate=rate))


CurrentPrincipal = Annotated[Principal, Depends(require_scopes())]
"""The type of a parameter that is any caller with a good credential."""


def init_app(app: FastAPI, guard: Guard | None = None, *, default: Literal["allow", "deny"] = "allow") -> None:
    """Attach a guard to an application.

    Args:
        app: The application.
        guard: Decides. By default one is made from the environment.
        default: What becomes of routes without a dependency of ours: ``"deny"`` lets them be reached with a good
            credential only, unless their function is marked `public`. The pages of the API document, mounted
            applications and unknown paths are among them.

    Raises:
        ConfigurationError: A setting is wrong, or a route requires a scope that the guard does not know.
    """
    if default not in {"allow", "deny"}:
        raise ConfigurationError(f"default must be 'allow' or 'deny': {default!r}.")
    app.state.mindpeeker_guard = guard = guard or Guard.from_env()
    routes.validate(app, guard)
    routes.on_startup(app, lambda: routes.validate(app, guard))
    if AnswerError not in app.exception_handlers:
        app.add_exception_handler(AnswerError, _answer)  # type: ignore[arg-type]  # it serves both kinds of connection
    app.openapi_schema = None
    if not isinstance(app.openapi, _Document):
        app.openapi = _Document(app, app.openapi)  # type: ignore[method-assign]
    if not isinstance(app.router.middleware_stack, _Headers | _Deny):
        app.router.middleware_stack = _Headers(app.router.middleware_stack)
    if default == "deny" and not isinstance(app.router.middleware_stack, _Deny):
        # Inside of all middleware: what they make of a request is checked, and refusals pass handlers like any other.
        app.router.middleware_stack = _Deny(app.router.middleware_stack, app)


def _guard_of(app: Any) -> Guard:
    guard = getattr(app.state, "mindpeeker_guard", None)
    if not isinstance(guard, Guard):
        raise ConfigurationError("No guard is attached to this application: call init_app(app, guard).")
    return guard


async def _answer(connection: HTTPConnection, error: Exception) -> Response | None:
    """Answer with the refusal, unless the application has a handler for that status or for all HTTP exceptions."""
    assert isinstance(error, AnswerError)  # noqa: S101 - for the type checker: Starlette calls us for nothing else
    app, scope = connection.scope["app"], connection.scope
    refusal = _guard_of(app).refusal(error)
    if isinstance(connection, Request):
        handlers = app.exception_handlers
        found = (handlers.get(kind) for kind in (refusal.status, FastAPIHTTPException, HTTPException))
        handler = next((handler for handler in found if handler is not None), None)
        if handler is None or handler is http_exception_handler:
            return Response(refusal.body, refusal.status, dict(refusal.headers))
        headers = {name: value for name, value in refusal.headers if name != "Content-Type"}
        exception = FastAPIHTTPException(refusal.status, error.description, headers)
        exception.__cause__ = error
        return cast("Response", await routes.call_handler(handler, connection, exception))
    if isinstance(connection, WebSocket):
        if connection.application_state is WebSocketState.CONNECTING:
            await send_refusal(refusal, scope, connection.send)
        else:
            await connection.close(1008)
    return None


class _Document:
    """The application's ``openapi`` function, with the guard's part of the document."""

    def __init__(self, app: FastAPI, original: Callable[[], dict[str, Any]]) -> None:
        self._app = app
        self._original = original

    def __call__(self) -> dict[str, Any]:
        closed = routes.closed(self._app) if isinstance(self._app.router.middleware_stack, _Deny) else set()
        return openapi.complete(self._original(), _guard_of(self._app), closed)


class _Headers:
    """Adds to answers the headers that tell what is left of rate limits."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        return self._app(scope, receive, with_headers(scope, send))


class _Deny:
    """Refuses, before routing, what would reach a route that is not public."""

    def __init__(self, app: Any, fastapi: FastAPI) -> None:
        self._app = app
        self._fastapi = fastapi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            needed = routes.needed(self._fastapi, scope)
            if needed is not None:
                guard = _guard_of(self._fastapi)
                seen = _Request(scope)
                remember(scope, guard, await guard.acheck(seen, needed))
                note_headers(scope, seen)
        await self._app(scope, receive, send)
