"""The URLs of a project that is audited by its settings."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path


def reports(_: HttpRequest) -> HttpResponse:
    return HttpResponse("secret")


urlpatterns = [path("reports", reports)]
