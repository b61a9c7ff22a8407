"""A Django project with one of everything, and one route that nobody meant to be open."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.test.utils import override_settings
from django.urls import include, path, re_path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.http import require_GET
from tests.frameworks.callers import READ, WRITE
from tests.frameworks.django_project import GUARD, project

from mindpeeker_guard.django import public, require_any_scope, require_scopes

PLANTED = "/v1/inner/planted"


def view(*decorators: Any) -> Any:
    """Return a view of its own, in decorators, the innermost first."""

    def made(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse("it ran")

    for decorator in decorators:
        made = decorator(made)
    return made


async def later(request: Any) -> HttpResponse:
    return HttpResponse("it ran")


def kept(function: Any) -> Any:
    @wraps(function)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return outer


def lost(function: Any) -> Any:
    """Decorate, and lose the marks."""

    def outer(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return outer


class Base(View):
    def get(self, request: Any, **_: Any) -> HttpResponse:
        return HttpResponse("it ran")


class Methods(Base):
    get = require_scopes(READ)(Base.get)

    @require_scopes(WRITE)
    def post(self, request: Any) -> HttpResponse:
        return HttpResponse("it ran")

    @public
    def put(self, request: Any) -> HttpResponse:
        return HttpResponse("it ran")

    def delete(self, request: Any) -> HttpResponse:
        return HttpResponse("it ran")


@require_scopes(READ)
class Guarded(Base):
    pass


class Inherits(Guarded):
    pass


@method_decorator(require_scopes(READ), name="dispatch")
class Decorated(Base):
    pass


@public
class Opened(Base):
    pass


def patterns() -> list[Any]:
    inner = [
        path("planted", view()),
        path("public/<int:key>", view(public, kept)),
        re_path(r"^old/(?P<year>[0-9]{4})/(?P<slug>[\w-]+)/$", view(require_any_scope(READ, WRITE))),
        re_path(r"^(\d+)%$", view()),
    ]
    pages = [path("x", view(), name="x"), path("sub/", include(([path("y", view())], "sub")))]
    return [
        path("v1/", include([path("inner/", include((inner, "inner"))), path("optional", view(optional()))])),
        path("pages/", include((pages, "pages"))),
        path("methods", Methods.as_view()),
        path("guarded", Guarded.as_view()),
        path("inherits", Inherits.as_view()),
        path("decorated", Decorated.as_view()),
        path("opened", Opened.as_view()),
        path("around", require_scopes(WRITE)(Base.as_view())),
        path("later", require_scopes(READ)(later)),
        path("get", view(require_scopes(READ), require_GET)),
        path("lost", view(require_scopes(READ), lost)),
    ]


def optional() -> Any:
    return require_scopes(READ, optional=True)


def project_of(*entries: Any, middleware: tuple[str, ...] = (GUARD,), **options: Any) -> override_settings:
    """Return settings for a project with `entries`, or with all of the above."""
    return project(middleware=middleware, **{"ROOT_URLCONF": tuple(entries or patterns()), **options})
