"""Guard the views of a Flask application: plain and async functions, blueprints, method views."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Literal, NoReturn, ParamSpec, TypeVar, cast

try:
    from flask import Flask, Response, after_this_request, current_app, has_request_context, request
    from flask.globals import request_ctx
    from flask.typing import ResponseReturnValue
    from werkzeug.exceptions import HTTPException, default_exceptions
    from werkzeug.local import LocalProxy
except ImportError as error:
    raise ImportError(
        "mindpeeker_guard.flask needs the extra 'flask': pip install 'mindpeeker-guard[flask]'."
    ) from error

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._rates import Per, RateLimit, rate_limits
from mindpeeker_guard._requests import WSGIRequest
from mindpeeker_guard._scopes import ScopeExpression
from mindpeeker_guard._types import Principal, RateSpec, Refusal, Requirement, requirement
from mindpeeker_guard._views import (
    PRINCIPAL_KEY,
    has_decided,
    has_met,
    is_public,
    mark_rated,
    mark_required,
    note_headers,
    public,
    rates_of,
    remember,
    remembered,
    requirement_of,
    take_headers,
)
from mindpeeker_guard.errors import AnswerError, ConfigurationError, GuardError

__all__ = [
    "current_principal",
    "get_principal",
    "init_app",
    "public",
    "rate_limit",
    "require",
    "require_any_scope",
    "require_scopes",
]

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[P, R]

_EXTENSION = "mindpeeker_guard"
_ANY_PRINCIPAL = Requirement()


def init_app(app: Flask, guard: Guard | None = None, *, default: Literal["allow", "deny"] = "allow") -> None:
    """Attach a guard to an application.

    Args:
        app: The application.
        guard: Decides. By default one is made from the ``MINDPEEKER_…`` keys of ``app.config``, then the environment.
        default: What becomes of views without a decorator: ``"deny"`` lets them be reached with a good credential only,
            unless they are marked `public`. Flask's own ``static`` view is one of them.

    Raises:
        ConfigurationError: A setting is wrong, or a view requires a scope that the guard does not know.
    """
    if guard is None:
        from mindpeeker_guard.settings import PREFIX, from_prefixed, guard_from_settings  # noqa: PLC0415 - optional

        guard = guard_from_settings(from_prefixed(app.config), prefix=PREFIX)
    if default not in {"allow", "deny"}:
        raise ConfigurationError(f"default must be 'allow' or 'deny': {default!r}.")
    for view in app.view_functions.values():
        guard.validate(requirement_of(view) or _ANY_PRINCIPAL)
        guard.validate_rates(rates_of(view))
    app.extensions[_EXTENSION] = guard
    if AnswerError not in app.error_handler_spec[None][None]:
        app.register_error_handler(AnswerError, _answer)
    if default == "deny":
        app.before_request(_deny)


def require(
    *scopes: str | ScopeExpression,
    acr: str | Iterable[str] = (),
    max_age: int | None = None,
    optional: bool = False,
    schemes: str | Iterable[str] | None = None,
    rate: RateSpec = None,
) -> Callable[[View[P, R]], View[P, R]]:
    """Guard a view: all of `scopes`, each a scope or an `all_of` or `any_of` of some.

    Args:
        scopes: What the caller's scopes must satisfy; nothing asks for any good credential.
        acr: The authentication contexts of which the sign-in must have one (RFC 9470).
        max_age: How many seconds ago the sign-in may be (RFC 9470).
        optional: Whether a request without a credential is let through; `get_principal` is None then.
        schemes: The kinds of credential to accept: ``"Bearer"``, ``"ApiKey"``, or several; None for all of the guard's.
        rate: How many requests one caller may send to the route, such as ``"100/minute"``; or `RateLimit` objects.

    Raises:
        ConfigurationError: A scope is unknown (the text has the nearest name), or an argument is wrong.
    """
    return _guarded(requirement(*scopes, acr=acr, max_age=max_age, optional=optional, schemes=schemes, rate=rate))


def require_scopes(
    *scopes: str, optional: bool = False, schemes: str | Iterable[str] | None = None, rate: RateSpec = None
) -> Callable[[View[P, R]], View[P, R]]:
    """Guard a view: the caller needs all of `scopes`; see `require`."""
    return _guarded(requirement(*scopes, optional=optional, schemes=schemes, rate=rate))


def require_any_scope(
    *scopes: str, optional: bool = False, schemes: str | Iterable[str] | None = None, rate: RateSpec = None
) -> Callable[[View[P, R]], View[P, R]]:
    """Guard a view: the caller needs one of `scopes`; see `require`."""
    return _guarded(requirement(*scopes, any_scope=True, optional=optional, schemes=schemes, rate=rate))


def rate_limit(*limits: str | RateLimit, per: Per = "principal") -> Callable[[View[P, R]], View[P, R]]:
    """Limit the requests to a view, public or not; for a guarded view, below ``require_scopes()``.

    Args:
        limits: Rates such as ``"10/second"``, or `RateLimit` objects.
        per: Who shares a budget of the rates; see `RateLimit`. Callers of public views are told apart by address.

    Raises:
        ConfigurationError: A rate cannot be read.
    """
    found = rate_limits(limits, per=per)

    def decorate(view: View[P, R]) -> View[P, R]:
        is_async = iscoroutinefunction(view)

        @wraps(view)
        def limited(*args: P.args, **kwargs: P.kwargs) -> R:
            _limit(found)
            return cast("R", current_app.ensure_sync(view)(*args, **kwargs)) if is_async else view(*args, **kwargs)

        return mark_rated(limited, found)

    return decorate


def get_principal() -> Principal | None:
    """Return who calls; None where a credential is optional and there is none.

    Raises:
        RuntimeError: The view is not guarded.
    """
    if not has_request_context() or PRINCIPAL_KEY not in request.environ:
        raise RuntimeError("There is no principal here: the view needs require_scopes().")
    return cast("Principal | None", request.environ[PRINCIPAL_KEY])


current_principal: Principal = cast("Principal", LocalProxy(get_principal))
"""Who calls the view that runs: `get_principal`, as a name."""


class _Request(WSGIRequest):
    """A request in its Flask context."""

    __slots__ = ()

    @property
    def route(self) -> str | None:
        """The rule that the URL matched."""
        return request.url_rule.rule if request.url_rule is not None else None

    @property
    def view(self) -> str | None:
        """The endpoint."""
        return request.endpoint


def _guarded(needed: Requirement) -> Callable[[View[P, R]], View[P, R]]:
    def decorate(view: View[P, R]) -> View[P, R]:
        is_async = iscoroutinefunction(view)

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            _check(needed)
            return cast("R", current_app.ensure_sync(view)(*args, **kwargs)) if is_async else view(*args, **kwargs)

        return mark_required(guarded, needed)

    return decorate


def _check(needed: Requirement) -> None:
    context = request_ctx._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - one proxy, not three
    environ, guard = context.request.environ, context.app.extensions.get(_EXTENSION)
    if type(guard) is not Guard:
        guard = _guard_of(context.app)
    # Not in `g`: it belongs to the application context, which several requests may share.
    if has_decided(environ, guard):
        _check_again(guard, environ, needed)
        return
    seen = _Request(environ)
    try:
        remember(environ, guard, guard.check(seen, needed), needed)
    except AnswerError as error:
        _refuse(error)
    if guard.is_limited:
        _note(environ, seen)


def _check_again(guard: Guard, environ: dict[str, Any], needed: Requirement) -> None:
    """Check what else is asked for of a caller whom `guard` has seen in this request."""
    if has_met(environ, guard, needed):
        return
    seen, principal = _Request(environ), remembered(environ, guard)
    try:
        if principal is None:
            remember(environ, guard, guard.check(seen, needed), needed)
        else:
            guard.authorize(principal, needed, seen)
            if needed.rates:
                guard.limit(seen, needed.rates, principal)
    except AnswerError as error:
        _refuse(error)
    if guard.is_limited:
        _note(environ, seen)


def _limit(limits: tuple[RateLimit, ...]) -> None:
    guard, environ = _guard_of(current_app), request.environ
    seen = _Request(environ)
    try:
        guard.limit(seen, limits, remembered(environ, guard))
    except AnswerError as error:
        _refuse(error)
    _note(environ, seen)


def _refuse(error: AnswerError) -> NoReturn:
    if _handles(type(error)):
        raise error
    raise _http_exception(error) from error


def _note(environ: dict[str, Any], seen: _Request) -> None:
    note_headers(environ, seen)
    after_this_request(_with_headers)


def _with_headers(response: Response) -> Response:
    """Add what was noted; what a refusal has of its own stays."""
    for name, value in take_headers(request.environ):
        response.headers.setdefault(name, value)
    return response


def _deny() -> None:
    """Refuse, before any view runs, what reaches a view that is not public. Without an endpoint, no view will run."""
    if request.endpoint is not None:
        view = current_app.view_functions[request.endpoint]
        if not is_public(view):
            _check(requirement_of(view) or _ANY_PRINCIPAL)


def _guard_of(app: Flask) -> Guard:
    guard = app.extensions.get(_EXTENSION)
    if not isinstance(guard, Guard):
        raise ConfigurationError("No guard is attached to this application: call init_app(app, guard).")
    return guard


def _handles(kind: type[AnswerError]) -> bool:
    """Tell whether the application has a handler for this error of ours, apart from the one of `init_app`."""
    kinds = [cls for cls in kind.__mro__ if issubclass(cls, GuardError)]
    scopes = [current_app.error_handler_spec[name][None] for name in (*request.blueprints, None)]
    return any(handlers.get(cls) not in {None, _answer} for handlers in scopes for cls in kinds)


def _http_exception(error: AnswerError) -> HTTPException:
    """Return the refusal as an exception of Werkzeug's: what an application has for those, it has for refusals."""
    refusal = _guard_of(current_app).refusal(error)
    return default_exceptions[refusal.status](response=_response(refusal))


def _answer(error: AnswerError) -> ResponseReturnValue:
    """Answer to an error of ours that a view has raised."""
    exception = _http_exception(error)
    exception.__cause__ = error
    return current_app.handle_http_exception(exception)


def _response(refusal: Refusal) -> Any:
    return Response(refusal.body, refusal.status, dict(refusal.headers))
