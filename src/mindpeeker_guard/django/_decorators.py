"""The decorators: what a view requires, which the middleware checks, or they do when the view is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.views import View

from mindpeeker_guard._rates import Per, RateLimit, rate_limits
from mindpeeker_guard._scopes import ScopeExpression
from mindpeeker_guard._types import RateSpec, Requirement, requirement
from mindpeeker_guard._views import mark_rated, mark_required
from mindpeeker_guard.django._steps import Check, Limit, Step

V = TypeVar("V", bound=Callable[..., Any])


def require(
    *scopes: str | ScopeExpression,
    acr: str | Iterable[str] = (),
    max_age: int | None = None,
    optional: bool = False,
    schemes: str | Iterable[str] | None = None,
    rate: RateSpec = None,
) -> Callable[[V], V]:
    """Guard a view, function or class: all of `scopes`, each a scope or an `all_of` or `any_of` of some.

    Args:
        scopes: What the caller's scopes must satisfy; nothing asks for any good credential.
        acr: The authentication contexts of which the sign-in must have one (RFC 9470).
        max_age: How many seconds ago the sign-in may be (RFC 9470).
        optional: Whether a request without a credential is let through; ``request.principal`` is None then.
        schemes: The kinds of credential to accept: ``"Bearer"``, ``"ApiKey"``, or several; None for all of the guard's.
        rate: How many requests one caller may send to the route, such as ``"100/minute"``; or `RateLimit` objects.

    Raises:
        ConfigurationError: A scope is unknown (the text has the nearest name), or an argument is wrong.
    """
    return _guarded(requirement(*scopes, acr=acr, max_age=max_age, optional=optional, schemes=schemes, rate=rate))


def require_scopes(
    *scopes: str, optional: bool = False, schemes: str | Iterable[str] | None = None, rate: RateSpec = None
) -> Callable[[V], V]:
    """Guard a view: the caller needs all of `scopes`; see `require`."""
    return _guarded(requirement(*scopes, optional=optional, schemes=schemes, rate=rate))


def require_any_scope(
    *scopes: str, optional: bool = False, schemes: str | Iterable[str] | None = None, rate: RateSpec = None
) -> Callable[[V], V]:
    """Guard a view: the caller needs one of `scopes`; see `require`."""
    return _guarded(requirement(*scopes, any_scope=True, optional=optional, schemes=schemes, rate=rate))


def rate_limit(*limits: str | RateLimit, per: Per = "principal") -> Callable[[V], V]:
    """Limit the requests to a view, function or class, public or not.

    Args:
        limits: Rates such as ``"10/second"``, or `RateLimit` objects.
        per: Who shares a budget of the rates; see `RateLimit`. Callers of public views are told apart by address.

    Raises:
        ConfigurationError: A rate cannot be read.
    """
    found = rate_limits(limits, per=per)

    def decorate(view: V) -> V:
        return cast("V", mark_rated(_wrapped(view, Limit(found)), found))

    return decorate


def _guarded(needed: Requirement) -> Callable[[V], V]:
    def decorate(view: V) -> V:
        wrapped = _wrapped(view, Check(needed))
        if isinstance(view, type):
            # as_view() copies the marks of dispatch to the function that it makes; those on the class are for `public`.
            _marked(wrapped.dispatch, needed)
        return cast("V", _marked(wrapped, needed))

    return decorate


def _wrapped(view: Any, step: Step) -> Any:
    """Put `step` in front of a view."""
    if isinstance(view, type):
        if not issubclass(view, View):
            raise ImproperlyConfigured(f"{view.__qualname__} is no class-based view: it must derive from View.")
        view.dispatch = _stepped_dispatch(view.dispatch, step)  # type: ignore[method-assign]
        return view
    return _stepped_async(view, step) if iscoroutinefunction(view) else _stepped_sync(view, step)


def _stepped_sync(view: Callable[..., Any], step: Step) -> Callable[..., Any]:
    owner, take = _dispatching(view), step.take

    @wraps(view)
    def stepped(*args: Any, **kwargs: Any) -> Any:
        if owner is not None and owner.view_is_async:
            return _later(_request(args), step, view, args, kwargs)
        refused = take(_request(args))
        return view(*args, **kwargs) if refused is None else refused

    return stepped


def _dispatching(view: Any) -> View | None:
    """Return whose bound `dispatch` this is: of an async class, it is a plain function whose result is awaited."""
    owner = getattr(getattr(view, "func", None), "__self__", None)
    return owner if isinstance(owner, View) and getattr(view, "__name__", "") == "dispatch" else None


def _stepped_async(view: Callable[..., Any], step: Step) -> Callable[..., Any]:
    @wraps(view)
    async def stepped(*args: Any, **kwargs: Any) -> Any:
        return await _later(_request(args), step, view, args, kwargs)

    return stepped


def _stepped_dispatch(dispatch: Callable[..., Any], step: Step) -> Callable[..., Any]:
    """Put `step` in front of every method of a class-based view, where `View.dispatch` picks one."""

    @wraps(dispatch)
    def stepped(self: View, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.view_is_async:
            return _later(request, step, dispatch, (self, request, *args), kwargs)
        refused = step.take(request)
        return dispatch(self, request, *args, **kwargs) if refused is None else refused

    return stepped


async def _later(
    request: HttpRequest, step: Step, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Take `step`, and run `view`, where Django awaits an answer."""
    refused = await step.atake(request)
    return await view(*args, **kwargs) if refused is None else refused


def _request(args: tuple[Any, ...]) -> HttpRequest:
    """Return the request: the first argument of a function, the second of a method."""
    request: HttpRequest = args[1] if isinstance(args[0], View) else args[0]
    return request


def _marked(view: Any, needed: Requirement) -> Any:
    # A guarded view has its own way of signing in: Django's LoginRequiredMiddleware need not send callers to a page.
    view.login_required = False
    # No page can make a browser send our credential. A view that does without one may live on cookies, though.
    if not needed.optional:
        view.csrf_exempt = True
    return mark_required(view, needed)
