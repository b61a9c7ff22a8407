"""A Django project in which one route is open by mistake: PUBLIC_NAMESPACES is forgotten, and so is the middleware."""

from __future__ import annotations

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

settings.configure(
    SECRET_KEY="planted",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["mindpeeker_guard.django"],
    MIDDLEWARE=[],
)
django.setup()

from django.core.wsgi import get_wsgi_application

from mindpeeker_guard.django import public, require_scopes

print("what an application prints at import is no part of the audit")  # noqa: T201 - that is what it is here for


@public
def status(_: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def reports(_: HttpRequest) -> HttpResponse:
    return HttpResponse("secret")


@require_scopes("profile")
def profile(_: HttpRequest) -> HttpResponse:
    return HttpResponse("secret")


v1 = [path("status", status), path("reports", reports), path("profile", profile)]
urlpatterns = [path("v1/", include(v1))]
application = get_wsgi_application()
