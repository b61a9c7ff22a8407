"""The audit of a Django project is what the project does."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from django.views import View
from tests.frameworks.callers import READ, WRITE, make_guard
from tests.frameworks.django_project import GUARD
from tests.routes import samples_django as samples
from tests.routes.truth import REFUSED, differences, needs, outcome, state_of

from mindpeeker_guard import ConfigurationError
from mindpeeker_guard.django import public
from mindpeeker_guard.routes import audit, guard_of
from mindpeeker_guard.routes._records import GuardedRoute

PUBLIC_PAGES = {"GUARD": make_guard(), "PUBLIC_NAMESPACES": ["pages:sub"]}


def send(kind, method, place):
    """Send one request, and say what became of it."""
    place = {"/v1/inner/old/<year>/<slug>/": "/v1/inner/old/1999/x/"}.get(place, place)
    place = place.replace("/old/1/1/", "/old/1999/x/")
    answer = Client(raise_request_exception=False).generic(method, place)
    return outcome(answer.status_code, answer.content.decode())


@pytest.mark.parametrize("make", [get_wsgi_application, get_asgi_application])
def test_the_audit_is_the_truth(make):
    """
    Sent without a credential, each method of each view does what its state says; both kinds of handler are read.
    """
    with samples.project_of(MINDPEEKER_GUARD=PUBLIC_PAGES):
        found = audit(make())

        assert [] == differences(at_all_methods(found), send)
        assert guard_of(make()) is PUBLIC_PAGES["GUARD"]


def at_all_methods(routes):
    """Views that answer to any method are asked with one: a decorator may refuse others."""
    return [
        GuardedRoute(path=route.path, state=route.state, methods=route.methods or ("GET",), kind=route.kind)
        for route in routes
    ]


def test_with_the_middleware_nothing_is_exposed():
    """
    The middleware closes everything that is not public.
    """
    with samples.project_of(MINDPEEKER_GUARD=PUBLIC_PAGES):
        states = state_of(audit(get_wsgi_application()))

    assert "deny-by-default" == states[f"http {samples.PLANTED}"]
    assert not {"open", "opaque"} & set(states.values())
    assert {"http /pages/x": "deny-by-default", "http /pages/sub/y": "public"}.items() <= states.items()


def test_without_the_middleware_all_is_open():
    """
    Without the middleware a view without a decorator is open, and one with can only fail.
    """
    with samples.project_of(middleware=()):
        found = audit(get_wsgi_application())
        unguarded = [route for route in found if route.state in {"open", "public"}]
        guarded = [route for route in found if route.state == "guarded"]

        assert [] == differences(at_all_methods(unguarded), send)
        assert samples.PLANTED in {route.path for route in unguarded if route.exposed}
        assert {"500"} == {send("http", route.methods[0], route.path)[:3] for route in guarded if route.methods}
        assert guard_of(get_wsgi_application()) is None

    assert guarded
    assert all("not in MIDDLEWARE" in route.hint for route in guarded)
    assert "opaque" == next(route.state for route in found if route.path == "/lost")


def test_each_method_of_a_class_has_its_own_requirement():
    """
    The handlers of a class have requirements of their own; OPTIONS and HEAD are not listed for themselves.
    """
    with samples.project_of():
        found = [route for route in audit(get_wsgi_application()) if route.path == "/methods"]

    by_method = {route.methods: route for route in found}
    assert {("GET",), ("POST",), ("DELETE", "PUT")} == set(by_method)
    assert (frozenset({READ}),) == by_method["GET",].requirement.scopes.alternatives
    assert (frozenset({WRITE}),) == by_method["POST",].requirement.scopes.alternatives
    assert "@public opens a class" in by_method["DELETE", "PUT"].hint


def test_classes_guarded_as_a_whole():
    """
    A guard on a class, on its base, on `dispatch` or around `as_view` is a guard of all of its methods.
    """
    with samples.project_of():
        found = needs(audit(get_wsgi_application()))

    for place in ("/guarded", "/inherits", "/decorated"):
        assert {frozenset({READ})} == found[place]
    assert {frozenset({WRITE})} == found["/around"]


def test_paths_are_readable():
    """
    Regular expressions are shown as a path that fits them, with the names of their groups.
    """
    with samples.project_of():
        paths = {route.path for route in audit(get_wsgi_application())}

    assert {"/v1/inner/old/<year>/<slug>/", "/v1/inner/public/<int:key>"} <= paths
    assert "/v1/inner/<_0>%" in paths


def test_a_public_namespace_does_not_open_a_guarded_view():
    """
    A decorated view in a public namespace is guarded, as the middleware has it.
    """
    entries = [path("p/", include(([path("x", samples.view(samples.require_scopes(READ)))], "p")))]
    with samples.project_of(*entries, MINDPEEKER_GUARD={"GUARD": make_guard(), "PUBLIC_NAMESPACES": ["p"]}):
        found = audit(get_wsgi_application())

        assert ["guarded"] == [route.state for route in found]
        assert REFUSED == send("http", "GET", "/p/x")


def test_admin_is_what_the_settings_make_of_it():
    """
    The pages of Django's admin are public if their namespace is, and closed otherwise.
    """
    apps = [*settings.INSTALLED_APPS, "django.contrib.messages", "django.contrib.admin"]
    states = []
    with override_settings(INSTALLED_APPS=apps):
        from django.contrib.admin import AdminSite

        entries = [path("admin/", AdminSite(name="admin").urls)]
        for namespaces in ([], ["admin"]):
            options = {"GUARD": make_guard(), "PUBLIC_NAMESPACES": namespaces}
            with samples.project_of(*entries, MINDPEEKER_GUARD=options):
                states.append(set(state_of(audit(get_wsgi_application())).values()))

    assert [{"deny-by-default"}, {"public"}] == states


def test_a_method_marked_public_without_the_middleware():
    """
    Without the middleware a mark on a method declares what is the case.
    """

    class Marked(View):
        @public
        def get(self, request):
            return HttpResponse("it ran")

    with samples.project_of(path("x", Marked.as_view()), middleware=()):
        assert {"GET /x": "public"} == state_of(audit(get_wsgi_application()))


def test_protocols_beside_http_are_opaque():
    """
    Of a router of Channels', the HTTP part is read, and the other parts are something to look at.
    """
    kind = type("ProtocolTypeRouter", (), {"__module__": "channels.routing", "__call__": lambda self: None})
    router = kind()
    with samples.project_of(path("x", samples.view())):
        router.application_mapping = {"http": get_asgi_application(), "websocket": lambda scope: None}

        assert {"http /x": "deny-by-default", "mount /*": "opaque"} == state_of(audit(router))

    router.application_mapping = {}
    with pytest.raises(ConfigurationError):
        audit(router)


def test_a_derived_middleware_counts():
    """
    A middleware derived from ours guards like ours.
    """
    with samples.project_of(path("x", samples.view()), middleware=(f"{__name__}.Derived",)):
        assert {"http /x": "deny-by-default"} == state_of(audit(get_wsgi_application()))


def _derived():
    from django.utils.module_loading import import_string

    return type("Derived", (import_string(GUARD),), {})


Derived = _derived()
