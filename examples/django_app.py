"""A small MindPeeker API in Django, in one file.

Run it with ``gunicorn examples.django_app:application`` or ``uvicorn examples.django_app:asgi_application``.
``MINDPEEKER_ISSUER``, ``MINDPEEKER_AUDIENCE`` and ``MINDPEEKER_JWKS_URI`` configure it; without them it trusts the
platform's issuer. ``MINDPEEKER_API_KEY_STORE``, such as ``sqlite:///keys.db``, and
``MINDPEEKER_API_KEY_PEPPER`` say where API keys are kept; without them, in memory.
"""

from __future__ import annotations

import json
import os
import secrets
from typing import Any
from uuid import uuid4

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views import View

from mindpeeker_guard import Guard

# API keys in memory, under a pepper of the moment, unless the environment names a store.
IN_MEMORY = {"MINDPEEKER_API_KEY_STORE": "memory:", "MINDPEEKER_API_KEY_PEPPER": secrets.token_urlsafe(48)}
guard = Guard.from_env(os.environ if "MINDPEEKER_API_KEY_STORE" in os.environ else {**os.environ, **IN_MEMORY})

settings.configure(
    SECRET_KEY=secrets.token_urlsafe(50),
    ALLOWED_HOSTS=["localhost", "127.0.0.1", "[::1]"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["mindpeeker_guard.django"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "mindpeeker_guard.django.GuardMiddleware"],
    MINDPEEKER_GUARD=guard,
)
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402 - Django must be set up first
from django.core.wsgi import get_wsgi_application  # noqa: E402

from mindpeeker_guard.api_key_routes import keys_of  # noqa: E402
from mindpeeker_guard.api_key_routes.django import urls  # noqa: E402
from mindpeeker_guard.django import public, require_any_scope, require_scopes  # noqa: E402

SESSIONS = {"s-1": "a harbour", "s-2": "an orchard"}
MAX_SESSIONS = 100


def caller(request: Any) -> dict[str, Any]:
    """Tell who calls, and with which scopes."""
    return {"sub": request.principal.subject, "scopes": sorted(request.principal.scopes)}


@public
def status(_: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


class Sessions(View):
    """List sessions, and create one: each method has scopes of its own."""

    @require_scopes("remote-viewing:read")
    def get(self, request: HttpRequest) -> JsonResponse:
        sessions = [{"id": key, "target": target} for key, target in SESSIONS.items()]
        return JsonResponse({"sessions": sessions, **caller(request)})

    @require_scopes("remote-viewing:write")
    def post(self, request: HttpRequest) -> JsonResponse:
        if len(SESSIONS) >= MAX_SESSIONS:
            return JsonResponse({"error": "too many sessions"}, status=409)
        key, target = f"s-{uuid4().hex[:8]}", target_of(request)
        SESSIONS[key] = target
        return JsonResponse({"id": key, "target": target, **caller(request)}, status=201)


def target_of(request: HttpRequest) -> str:
    """Return the target that the body names."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    return str(body.get("target", "unnamed"))[:80] if isinstance(body, dict) else "unnamed"


@require_scopes("remote-viewing:delete")
def delete_session(request: HttpRequest, key: str) -> JsonResponse:
    if request.method != "DELETE":
        return JsonResponse({"error": "use DELETE"}, status=405, headers={"Allow": "DELETE"})
    found = SESSIONS.pop(key, None) is not None
    return JsonResponse({"id": key, "deleted": found, **caller(request)}, status=200 if found else 404)


@require_scopes("profile")
async def profile(request: HttpRequest) -> JsonResponse:
    return JsonResponse(caller(request))


@require_any_scope("analytics:read", "analytics:export")
def reports(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"reports": [{"id": "r-1", "sessions": len(SESSIONS)}], **caller(request)})


urlpatterns = [
    path("v1/status", status),
    path("v1/sessions", Sessions.as_view()),
    path("v1/sessions/<str:key>", delete_session),
    path("v1/user/profile", profile),
    path("v1/analytics/reports", reports),
    *urls(keys_of(guard)),
]
application = get_wsgi_application()
asgi_application = get_asgi_application()
