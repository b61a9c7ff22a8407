"""A Django project for tests. Each test overrides the settings it is about: other suites share the process."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.test import AsyncClient, Client
from django.test.utils import override_settings
from django.urls import URLPattern, URLResolver, path
from tests.frameworks.callers import make_guard

if not settings.configured:
    settings.configure(
        SECRET_KEY="not a secret",
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    )
django.setup()

GUARD = "mindpeeker_guard.django.GuardMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


def project(*views: Any, middleware: tuple[str, ...] = (GUARD,), **options: Any) -> override_settings:
    """Return settings under which the first view is at ``/x``, the next at ``/y``; URL patterns stay as they are."""
    patterns = [
        view if isinstance(view, URLPattern | URLResolver) else path(place, view)
        for place, view in zip("xyz", views, strict=False)
    ]
    return override_settings(
        **{
            "ALLOWED_HOSTS": ["*"],
            "ROOT_URLCONF": tuple(patterns),
            "MIDDLEWARE": list(middleware),
            "MINDPEEKER_GUARD": make_guard(),
            "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
            "LOGIN_URL": "/login",
            **options,
        }
    )


async def aget(place: str, **options: Any) -> Any:
    """GET a place under ASGI."""
    return await AsyncClient().get(place, **options)


def get(place: str, **options: Any) -> Any:
    """GET a place under WSGI."""
    return Client().get(place, **options)


def fresh(view: Any) -> Any:
    """Return a view of its own that does the same: marks are set on the function."""

    def copied(request: HttpRequest) -> Any:
        return view(request)

    return copied


def subject(request: HttpRequest) -> JsonResponse:
    """Return who calls."""
    principal = request.principal  # type: ignore[attr-defined]
    return JsonResponse({"sub": principal.subject if principal else None})


async def subject_async(request: HttpRequest) -> JsonResponse:
    """Return who calls, in an async view."""
    return subject(request)
