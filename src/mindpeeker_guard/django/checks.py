"""System checks: what is wrong with the settings is said at start, each with a stable id.

``mindpeeker_guard.E001``: ``MINDPEEKER_GUARD`` cannot be used. ``E002``: the middleware is missing. ``E003``: a
view requires a scope or a kind of credential that the guard does not know. ``W001``: `LoginRequiredMiddleware` sends
callers with tokens to the log-in page. ``W002``: a public namespace does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's names
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._types import Requirement
from mindpeeker_guard._views import requirement_of
from mindpeeker_guard.django._middleware import GuardMiddleware
from mindpeeker_guard.django.conf import configuration
from mindpeeker_guard.errors import ConfigurationError


def check_configuration(**_: Any) -> list[CheckMessage]:
    """Check the ``MINDPEEKER_GUARD`` setting."""
    try:
        current = configuration()
    except ConfigurationError as error:
        return [Error(str(error), hint="See the settings page of the documentation.", id="mindpeeker_guard.E001")]
    return [
        Warning(
            f"PUBLIC_NAMESPACES names {name!r}, which no URL has.",
            hint="Write the namespace as it stands in include(), such as 'admin'.",
            id="mindpeeker_guard.W002",
        )
        for name in sorted(current.public_namespaces - _namespaces())
    ]


def check_middleware(**_: Any) -> list[CheckMessage]:
    """Check that the middleware is there, and in a place where it can work."""
    middleware = [_imported(path) for path in settings.MIDDLEWARE]
    ours, login = _place(middleware, GuardMiddleware), _place(middleware, _login_required())
    if ours is None:
        return [
            Error(
                "GuardMiddleware is not in MIDDLEWARE: no view is guarded.",
                hint="Add 'mindpeeker_guard.django.GuardMiddleware' to MIDDLEWARE.",
                id="mindpeeker_guard.E002",
            )
        ]
    if login is not None and (login < ours or not _has_resolver()):
        return [
            Warning(
                "LoginRequiredMiddleware sends callers of views without require_scopes() to the log-in page.",
                hint="Set USER_RESOLVER, and move GuardMiddleware above LoginRequiredMiddleware.",
                id="mindpeeker_guard.W001",
            )
        ]
    return []


def check_views(**_: Any) -> list[CheckMessage]:
    """Check that the guard knows what the views require."""
    try:
        guard, views = configuration().guard, list(_views(get_resolver()))
    except (ConfigurationError, ImproperlyConfigured):
        return []  # E001 says so, or Django's own checks of the URLs
    return [
        Error(f"{name}: {problem}", hint="See the guard's catalogue and authenticators.", id="mindpeeker_guard.E003")
        for name, problem in [(str(pattern.pattern), _problem(guard, pattern.callback)) for pattern in views]
        if problem
    ]


def _views(resolver: URLResolver) -> Iterator[URLPattern]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern)
        else:
            yield pattern


def _problem(guard: Guard, view: Any) -> str:
    try:
        guard.validate(requirement_of(view) or Requirement())
    except ConfigurationError as error:
        return str(error)
    return ""


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError:  # Django itself says so when it loads the middleware
        return None


def _login_required() -> type | None:
    if not apps.is_installed("django.contrib.auth"):
        return None
    from django.contrib.auth.middleware import LoginRequiredMiddleware  # noqa: PLC0415 - it needs the application

    return LoginRequiredMiddleware


def _place(middleware: Sequence[Any], wanted: type | None) -> int | None:
    """Return where in `middleware` the class `wanted`, or one derived from it, stands."""
    for place, one in enumerate(middleware):
        if wanted is not None and isinstance(one, type) and issubclass(one, wanted):
            return place
    return None


def _has_resolver() -> bool:
    try:
        return configuration().user_resolver is not None
    except ConfigurationError:
        return True  # E001 says so


def _namespaces() -> set[str]:
    try:
        return set(_walk(get_resolver(), ()))
    except ImproperlyConfigured:
        return set()


def _walk(resolver: URLResolver, outer: tuple[str, ...]) -> Iterator[str]:
    """Yield all namespaces, each from the root."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            names = (*outer, pattern.namespace) if pattern.namespace else outer
            yield ":".join(names)
            yield from _walk(pattern, names)
