"""The audit of a Flask application is what the application does."""

from __future__ import annotations

from functools import cache

import pytest
from flask import Flask
from tests.frameworks.callers import READ, WRITE, bearer, make_guard
from tests.routes import samples_flask as samples
from tests.routes.truth import differences, needs, outcome, state_of
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule
from werkzeug.test import Client

from mindpeeker_guard import Requirement, wsgi
from mindpeeker_guard.flask import init_app, require_scopes
from mindpeeker_guard.routes import audit, guard_of


def sender(app):
    """Return a function that sends one request and says what became of it."""

    def send(kind, method, path):
        answer = Client(app).open(path, method=method)
        return outcome(answer.status_code, answer.text, builtin="/static/" in path or method == "HEAD")

    return send


@pytest.mark.parametrize("default", ["allow", "deny"])
def test_the_audit_is_the_truth(default):
    """
    Sent without a credential, each method of each route does what its state says.
    """
    app = samples.make(default)

    assert [] == differences(audit(app), sender(app))


def test_the_planted_route_is_found():
    """
    One route is open that nobody declared public, and one cannot be told; nothing else is exposed but `static`.
    """
    exposed = {route.path: route.state for route in audit(samples.make()) if route.exposed and not route.builtin}

    assert {
        samples.PLANTED: "open",
        "/sessions": "open",
        "/heads": "open",
        "/lost": "opaque",
        "/forgotten": "opaque",
    } == exposed


def test_with_deny_nothing_is_exposed():
    """
    With `default="deny"` no route is exposed, `static` and views with lost marks among them.
    """
    assert [] == [route for route in audit(samples.make("deny")) if route.exposed]


def test_each_method_of_a_class_has_its_own_state():
    """
    Methods that ask for different things have records of their own; those that ask for the same share one.
    """
    states = state_of(audit(samples.make()))

    assert {"guarded"} == {states["GET /sessions"], states["POST /sessions"]}
    assert "public" == states["PUT /sessions"]
    assert "open" == states["DELETE /sessions"]
    assert "public" == states["GET POST /class"]


def test_head_and_options_are_listed_where_they_differ():
    """
    HEAD has a record of its own only where something else is asked of it, and an automatic OPTIONS has none.
    """
    states = state_of(audit(samples.make()))

    assert {"open", "guarded"} == {states["GET /heads"], states["HEAD /heads"]}
    assert "guarded" == states["GET /decorated"]
    assert "guarded" == states["GET PUT /v1/many"]
    assert not any("OPTIONS" in name for name in states)


def test_what_runs_before_counts():
    """
    A guarded function before the requests of a blueprint guards its views, and those of blueprints in it.
    """
    found = needs(audit(samples.make()))

    assert {frozenset({READ})} == found["/closed/below/"]
    assert {frozenset({READ, WRITE})} == found["/closed/<path:rest>"]


def test_public_on_a_method_is_too_late():
    """
    With `default="deny"`, a mark on one method of a class opens nothing, and the audit says why.
    """
    put = next(route for route in audit(samples.make("deny")) if route.methods == ("PUT",))

    assert "deny-by-default" == put.state
    assert "@public opens a class" in put.hint


module_app = Flask("module_app")


@require_scopes(READ)
@module_app.get("/wrong")
def wrong_order():
    return "it ran"


init_app(module_app, make_guard())


def test_decorators_in_the_wrong_order_are_named():
    """
    A guard outside of `app.get` never runs: the route is open, and the audit says what to move.
    """
    route = next(route for route in audit(module_app) if route.path == "/wrong")

    assert "open" == route.state
    assert "wrong_order is guarded only after it was registered" in route.hint
    assert "it ran" == module_app.test_client().get("/wrong").text


def test_a_decorator_that_loses_marks_is_named():
    """
    What a decorator hides is not called open and not called guarded, and the audit says how to show it.
    """
    route = next(route for route in audit(samples.make()) if route.path == "/lost")

    assert "opaque" == route.state
    assert "functools.wraps" in route.hint


def test_a_copied_mark_is_no_guard():
    """
    A mark that functools.wraps has copied to a view that calls no guard does not count; one with the guard inside does.
    """
    app = samples.make()
    routes = {route.path: route for route in audit(app)}

    assert "opaque" == routes["/forgotten"].state
    assert "copied the mark" in routes["/forgotten"].hint
    assert "it ran" == app.test_client().get("/forgotten").text
    assert "guarded" == routes["/indirect"].state


@pytest.mark.parametrize("store", [cache, samples.noted])
@pytest.mark.parametrize("above", [True, False])
def test_a_cache_above_a_guard_opens_it(store, above):
    """
    A cache above the guard gives the answer for one caller to everybody, so the audit does not call that guarded.
    """
    app = Flask("cached", static_folder=None)
    guard = require_scopes(READ)
    app.get("/x")(samples.view("x", guard, store, samples.kept) if above else samples.view("x", store, guard))
    init_app(app, make_guard())
    client = app.test_client()

    (route,) = audit(app)
    first, second = client.get("/x", headers=bearer(scope=READ)), client.get("/x")

    assert 200 == first.status_code
    assert (200 if above else 401) == second.status_code
    assert ("opaque" if above else "guarded") == route.state
    assert above == ("Put the guard above the cache" in route.hint)


def bare(*paths):
    app = Flask("bare", static_folder=None)
    for path in paths:
        app.get(path, endpoint=path.strip("/"))(samples.view("bare"))
    return app


@pytest.mark.parametrize("attached", [True, False])
def test_middleware_in_front_guards_all(attached):
    """
    A GuardMiddleware around an application, or around its `wsgi_app`, closes its routes, also through other middleware.
    """
    app = bare("/x")
    wrapped = ProxyFix(wsgi.GuardMiddleware(app.wsgi_app, make_guard(), Requirement()))
    if attached:
        app.wsgi_app = wrapped
    audited = app if attached else wrapped

    assert ["deny-by-default"] == [route.state for route in audit(audited)]
    assert [] == differences(audit(audited), sender(audited))
    assert guard_of(audited) is not None


def test_mounted_applications_are_entered():
    """
    A dispatcher's applications have their routes at their path; one without routes that can be read is opaque.
    """
    app = bare("/x")
    guarded = wsgi.GuardMiddleware(bare("/z"), make_guard())
    app.wsgi_app = DispatcherMiddleware(
        app.wsgi_app, {"/a": bare("/y"), "/b": guarded, "/c": lambda environ, start: [b""]}
    )

    states = state_of(audit(app))

    expected = {"GET /a/y": "open", "GET /b/z": "deny-by-default", "mount /c/*": "opaque", "GET /x": "open"}
    assert expected == states
    assert [] == differences(audit(app), sender(app))


def test_an_application_below_itself_ends():
    """
    A circle of mounts is not followed for ever.
    """
    app = bare("/x")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/again": app})

    states = state_of(audit(app))

    assert {"mount /again/*": "opaque", "GET /x": "open"} == states


def test_rules_of_other_kinds():
    """
    A rule without a view is opaque, one for any method is listed as such; redirects and build-only rules run no view.
    """
    app = bare()
    app.url_map.add(Rule("/missing", endpoint="missing"))
    app.url_map.add(Rule("/any", endpoint="any"))
    app.url_map.add(Rule("/old", endpoint="old", redirect_to="/any"))
    app.url_map.add(Rule("/build", endpoint="build", build_only=True))
    app.view_functions["any"] = samples.ran
    app.add_url_rule("/none", "none", samples.ran, methods=[])

    assert {"http /missing": "opaque", "http /any": "open"} == state_of(audit(app))
    assert [] == differences(audit(app), sender(app))


def test_subdomains_are_part_of_the_path():
    """
    A rule of a host or a subdomain says so.
    """
    app = Flask("sub", static_folder=None, subdomain_matching=True)
    app.get("/x", subdomain="api")(samples.view("x"))

    assert ["api/x"] == [route.path for route in audit(app)]


def test_an_application_without_a_guard():
    """
    Without a guard all views without a decorator are open, and there is no guard to find.
    """
    app = bare("/x")

    assert ["open"] == [route.state for route in audit(app)]
    assert guard_of(app) is None


def test_a_name_that_is_not_there_yet():
    """
    A view may close over a name that gets its value later.
    """
    app = bare()

    @app.get("/x")
    def view():
        return later()

    states = state_of(audit(app))
    later = samples.ran

    assert {"GET /x": "open"} == states
    assert [] == differences(audit(app), sender(app))


def test_wrong_order_is_named_where_the_default_is_to_deny():
    """
    With `default="deny"` the same mistake leaves the route closed to strangers, but asks for no scope.
    """
    app = Flask("denied", static_folder=None)
    app.get("/wrong")(module_app.view_functions["wrong_order"])
    init_app(app, make_guard(), default="deny")

    (route,) = audit(app)

    assert "deny-by-default" == route.state
    assert "move require_scopes() below" in route.hint
