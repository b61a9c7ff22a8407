"""The middleware: authenticates before any view runs, and lets nobody in by default."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from mindpeeker_guard._requests import ASGIRequest, Request, WSGIRequest
from mindpeeker_guard._types import Principal, Refusal, Requirement
from mindpeeker_guard._views import is_public, joined, requirement_of
from mindpeeker_guard.django.conf import Configuration, UserResolver, configuration
from mindpeeker_guard.errors import AnswerError, ConfigurationError

_ANY_PRINCIPAL = Requirement()


class GuardedRequest(HttpRequest):
    """The type of a request that a guarded view gets, for annotations; Django makes no such objects.

    Attributes:
        principal: Who calls. In a view with ``optional=True``, None where there is no credential.
    """

    principal: Principal


class GuardMiddleware:
    """Authenticates the caller of every view that is not public, and sets ``request.principal``.

    It works in ``process_view``, where the view is known, and in the mode of the server: under ASGI it awaits, under
    WSGI it blocks, and in neither is there a change of threads.

    Args:
        get_response: The next handler.

    Raises:
        ImproperlyConfigured: A setting is wrong.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        try:
            configuration()
        except ConfigurationError as error:
            raise ImproperlyConfigured(str(error)) from error
        self.process_view: Callable[..., HttpResponseBase | Awaitable[HttpResponseBase | None] | None]
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
            self.process_view = self._process_view_async
        else:
            self.process_view = self._process_view

    def __call__(self, request: HttpRequest) -> Any:
        """Hand the request on; there is no principal before a view is known."""
        request.principal = None  # type: ignore[attr-defined]
        if self._is_async:
            return self._respond(request)
        return _with_headers(request, self._get_response(request))

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        return _with_headers(request, await self._get_response(request))

    def _process_view(self, request: HttpRequest, view: Callable[..., Any], *_: Any) -> HttpResponseBase | None:
        current = configuration()
        needed = requirement_of(view) or _needed(current, request, view)
        if needed is not None:
            try:
                seen = read(request)
                principal = current.guard.check(seen, needed)
                if current.guard.is_limited:
                    note(request, seen)
                return _welcome(current, request, view, needed, principal)
            except AnswerError as error:
                return answer(current.guard.refusal(error))
        return None

    async def _process_view_async(
        self, request: HttpRequest, view: Callable[..., Any], *_: Any
    ) -> HttpResponseBase | None:
        current = configuration()
        needed = requirement_of(view) or _needed(current, request, view)
        if needed is not None:
            try:
                seen = read(request)
                principal = await current.guard.acheck(seen, needed)
                if current.guard.is_limited:
                    note(request, seen)
                return _welcome(current, request, view, needed, principal)
            except AnswerError as error:
                return answer(current.guard.refusal(error))
        return None

    def process_exception(self, _: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer to an error of ours that a view has raised, as the guard does to its own."""
        return answer(configuration().guard.refusal(error)) if isinstance(error, AnswerError) else None


def _needed(current: Configuration, request: HttpRequest, view: Callable[..., Any]) -> Requirement | None:
    """Return what must be met before a view without a decorator may run; None where it is public."""
    if is_public(view) or not current.public_namespaces.isdisjoint(_namespaces(request)):
        return None
    return _ANY_PRINCIPAL


def _namespaces(request: HttpRequest) -> Iterator[str]:
    """Yield the namespaces that the URL is in, each from the root: ``internal``, ``internal:pages``."""
    if request.resolver_match is not None:
        yield from accumulate(request.resolver_match.namespaces, "{}:{}".format)


def _welcome(
    current: Configuration,
    request: HttpRequest,
    view: Callable[..., Any],
    needed: Requirement,
    principal: Principal | None,
) -> HttpResponse | None:
    """Set what views read; answer only preflight requests for functions, which would take them for any other."""
    request.principal = principal  # type: ignore[attr-defined]
    request._mindpeeker_met = (needed, principal)  # type: ignore[attr-defined]  # noqa: SLF001 - for the decorator
    if principal is None:
        is_preflight = not needed.optional  # nothing else comes this far without a credential that is needed
        return HttpResponse(status=204) if is_preflight and not hasattr(view, "view_class") else None
    # No page can make a browser send this credential, so there is no forgery to protect against.
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # noqa: SLF001
    if current.user_resolver is not None:
        _set_user(request, principal, current.user_resolver)
    return None


def _set_user(request: HttpRequest, principal: Principal, resolver: UserResolver) -> None:
    """Set ``request.user`` and ``request.auser``; the resolver runs when one of them is first used."""
    user = SimpleLazyObject(lambda: _resolved(resolver(principal, request)))

    async def auser() -> Any:
        # The resolver may use the database: it runs where Django's own look-up of a user would.
        await sync_to_async(bool)(user)
        return user

    request.user = user  # type: ignore[assignment]
    request.auser = auser


def _resolved(user: Any) -> Any:
    """Return `user`, or Django's own nobody where the resolver found none and there is one."""
    if user is None and apps.is_installed("django.contrib.auth"):
        from django.contrib.auth.models import AnonymousUser  # noqa: PLC0415 - a model: it needs the application

        return AnonymousUser()
    return user


def note(request: HttpRequest, seen: Request) -> None:
    """Keep the headers that the answer should have, besides those that were kept before."""
    if seen.answer_headers:
        before = getattr(request, "_mindpeeker_headers", ())
        request._mindpeeker_headers = joined(before, seen.answer_headers)  # type: ignore[attr-defined]  # noqa: SLF001


def _with_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Add the headers that were kept; what a refusal has of its own stays."""
    for name, value in getattr(request, "_mindpeeker_headers", ()):
        response.headers.setdefault(name, value)
    return response


def _route(request: HttpRequest) -> str | None:
    return request.resolver_match.route if request.resolver_match is not None else None


def _view(request: HttpRequest) -> str | None:
    """Return the full name of the view that the URL leads to, function or class."""
    if request.resolver_match is None:
        return None
    view = request.resolver_match.func
    view = getattr(view, "view_class", view)
    named = view if hasattr(view, "__qualname__") else type(view)
    return f"{named.__module__}.{named.__qualname__}"


class _WSGI(WSGIRequest):
    """A request that came through WSGI."""

    __slots__ = ("_request",)

    def __init__(self, request: HttpRequest) -> None:
        self._environ = request.META
        self._request = request

    @property
    def route(self) -> str | None:
        """The pattern that the URL matched."""
        return _route(self._request)

    @property
    def view(self) -> str | None:
        """The full name of the view."""
        return _view(self._request)


class _ASGI(ASGIRequest):
    """A request that came through ASGI."""

    __slots__ = ("_request",)

    def __init__(self, request: HttpRequest, scope: Mapping[str, Any]) -> None:
        self._scope = scope
        self._request = request

    @property
    def route(self) -> str | None:
        """The pattern that the URL matched."""
        return _route(self._request)

    @property
    def view(self) -> str | None:
        """The full name of the view."""
        return _view(self._request)


def read(request: HttpRequest) -> Request:
    """Return `request` as a guard sees it."""
    scope = getattr(request, "scope", None)
    return _WSGI(request) if scope is None else _ASGI(request, scope)


def answer(refusal: Refusal) -> HttpResponse:
    """Return `refusal` as a response."""
    return HttpResponse(refusal.body, status=refusal.status, headers=dict(refusal.headers))
