"""Django: ``request.user`` out of a principal, and life with `LoginRequiredMiddleware`."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse, JsonResponse
from django.test import AsyncClient, Client
from django.utils.asyncio import async_unsafe
from tests.frameworks.callers import READ, bearer, make_guard
from tests.frameworks.django_project import AUTHENTICATION, GUARD, LOGIN_REQUIRED, SESSIONS, fresh, get, project

from mindpeeker_guard.django import public, require, require_scopes

SIGN_IN = (SESSIONS, AUTHENTICATION)
resolved: list[tuple[str, int]] = []


@async_unsafe
def resolve(principal, request):
    """Make a user as the ORM would: not on an event loop."""
    resolved.append((principal.subject, threading.get_ident()))
    return User(username=f"{principal.subject} {request.path}")


async def resolve_async(principal, request):
    return User(username=principal.subject)


def nobody(principal, request):
    return None


def with_resolver(*views, middleware=(*SIGN_IN, GUARD), resolver=resolve):
    resolved.clear()
    return project(*views, middleware=middleware, MINDPEEKER_GUARD={"GUARD": make_guard(), "USER_RESOLVER": resolver})


def name(request):
    return JsonResponse({"user": request.user.get_username(), "again": request.user.get_username()})


async def name_async(request):
    user = await request.auser()
    again = await request.auser()
    return JsonResponse({"user": user.get_username(), "again": again.get_username()})


@pytest.mark.parametrize("resolver", [resolve, f"{__name__}.resolve"])
def test_the_resolver_makes_the_user(resolver):
    """`request.user` is what the resolver returns, made once for a request."""
    with with_resolver(name, resolver=resolver):
        answer = get("/x", headers=bearer())

    assert {"user": "user-1 /x", "again": "user-1 /x"} == answer.json()
    assert [("user-1", threading.get_ident())] == resolved


def test_the_resolver_makes_the_user_of_an_async_view():
    """`request.auser` runs the resolver where Django's ORM may be used, and once for a request."""
    with with_resolver(name_async):
        answer = asyncio.run(AsyncClient().get("/x", headers=bearer()))

    assert {"user": "user-1 /x", "again": "user-1 /x"} == answer.json()
    assert 1 == len(resolved)


def test_the_resolver_is_not_called_for_nothing():
    """Who does not ask for the user does not pay for one."""
    with with_resolver(lambda _: JsonResponse({})):
        assert 200 == get("/x", headers=bearer()).status_code

    assert [] == resolved


def test_without_a_principal_the_user_is_djangos():
    """Public and optional views without a credential keep the user of Django's own sign-in."""
    with with_resolver(public(fresh(who)), require(optional=True)(who)):
        users = [get(place).json()["user"] for place in ("/x", "/y")]

    assert ["AnonymousUser"] * 2 == users
    assert [] == resolved


def who(request):
    user = request.user
    return JsonResponse({"user": str(user), "authenticated": user.is_authenticated})


def test_without_a_resolver_the_user_is_left_alone():
    """Without `USER_RESOLVER`, a principal and Django's user are two things."""
    with project(who, middleware=(*SIGN_IN, GUARD)):
        assert {"user": "AnonymousUser", "authenticated": False} == get("/x", headers=bearer()).json()


def test_a_resolver_without_a_user_gives_the_anonymous_one():
    """A resolver that knows nobody leaves a user that code can ask: Django's anonymous one."""
    with with_resolver(who, resolver=nobody):
        answer = get("/x", headers=bearer())

    assert {"user": str(AnonymousUser()), "authenticated": False} == answer.json()


def test_an_async_resolver_is_refused_at_start():
    """`request.user` cannot await: an async resolver is an error before the first request, not a broken user."""
    with with_resolver(name, resolver=resolve_async), pytest.raises(ImproperlyConfigured, match="USER_RESOLVER"):
        Client().get("/x")


def test_a_resolver_that_is_there_first_serves_login_required():
    """With a resolver, and our middleware first, callers with tokens pass `LoginRequiredMiddleware`."""
    with with_resolver(who, middleware=(*SIGN_IN, GUARD, LOGIN_REQUIRED)):
        assert {"user": "user-1 /x", "authenticated": True} == get("/x", headers=bearer()).json()
        assert 401 == get("/x").status_code


@pytest.mark.parametrize("middleware", [(*SIGN_IN, GUARD, LOGIN_REQUIRED), (*SIGN_IN, LOGIN_REQUIRED, GUARD)])
@pytest.mark.parametrize(
    "view",
    [
        require_scopes(READ)(who),
        pytest.param(require_scopes(READ), id="async"),
    ],
)
def test_decorated_views_need_no_log_in_page(middleware, view):
    """A decorated view is exempt from `LoginRequiredMiddleware`, in either order: it has its own way of signing in."""
    if view.__name__ == "decorate":

        async def awaited(request):
            return JsonResponse({"user": str(await request.auser())})

        view = view(awaited)
    with project(view, middleware=middleware):
        assert 200 == get("/x", headers=bearer()).status_code
        assert 401 == get("/x").status_code


def test_undecorated_views_stay_behind_both():
    """A view that is guarded by default alone needs a log-in as well, where `LoginRequiredMiddleware` asks for one."""
    with project(who, middleware=(*SIGN_IN, LOGIN_REQUIRED, GUARD)):
        assert 302 == get("/x", headers=bearer()).status_code


def test_a_public_view_may_still_need_a_log_in():
    """`public` is about our guard only: what Django's sign-in protects, it still protects."""
    with project(public(fresh(who)), middleware=(*SIGN_IN, GUARD, LOGIN_REQUIRED)):
        assert 302 == get("/x").status_code


def test_options_runs_a_view_that_does_without_a_credential():
    """A function whose credential is optional answers OPTIONS itself: nothing of it is closed to anybody."""
    view = require_scopes(READ, optional=True)(lambda request: HttpResponse("ran"))

    with project(view):
        response = Client().options("/x")

    assert (200, b"ran") == (response.status_code, response.content)
