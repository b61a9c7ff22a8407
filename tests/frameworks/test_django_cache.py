"""Django: its own cache does not lead around the guard."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.http import JsonResponse
from django.views.decorators.cache import cache_page
from tests.frameworks.callers import READ, bearer
from tests.frameworks.django_project import GUARD, get, project

from mindpeeker_guard.django import public, require_scopes

UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"


def whole_site(*views):
    """Return a project whose middleware caches every page, in the order that Django's documentation gives."""
    return project(*views, middleware=(UPDATE, GUARD, FETCH))


@pytest.fixture(autouse=True)
def empty():
    cache.clear()
    yield
    cache.clear()


def make_view():
    return lambda request: JsonResponse({"sub": request.principal and request.principal.subject})


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, bearer(aud="https://other.example")])
@pytest.mark.parametrize("decorate", [lambda view: view, require_scopes(READ)], ids=["undecorated", "decorated"])
def test_a_cached_page_is_not_served_without_a_credential(decorate, headers):
    """What a good credential put into the cache is not given to callers without one."""
    with whole_site(decorate(make_view())):
        assert 200 == get("/x", headers=bearer()).status_code
        assert 401 == get("/x", headers=headers).status_code


def test_a_cached_page_is_not_served_to_another_caller():
    """What one caller put into the cache is not given to another."""
    with whole_site(make_view()):
        names = [get("/x", headers=bearer(sub=name)).json()["sub"] for name in ("user-1", "user-2")]

    assert ["user-1", "user-2"] == names


def test_public_pages_are_cached():
    """For public views, the cache works as ever."""
    served = []

    def view(request):
        served.append(request)
        return JsonResponse({})

    with whole_site(public(view)):
        assert [200, 200] == [get("/x").status_code for _ in range(2)]

    assert 1 == len(served)


def test_a_cache_around_a_decorated_view_does_not_skip_its_scopes():
    """`cache_page` above `require_scopes` keeps the check of the scopes, as it keeps that of the credential."""
    with project(cache_page(60)(require_scopes(READ)(make_view()))):
        statuses = [get("/x", headers=headers).status_code for headers in (bearer(), bearer(scope="profile"), {})]

    assert [200, 403, 401] == statuses
