"""Django: views of every kind, under WSGI and ASGI."""

from __future__ import annotations

import asyncio
import functools

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient, Client
from django.utils.decorators import method_decorator
from django.views import View
from tests.frameworks.callers import PREFLIGHT, READ, WRITE, bearer, make_guard
from tests.frameworks.django_project import GUARD, aget, fresh, get, project, subject, subject_async

from mindpeeker_guard import ConfigurationError, all_of, any_of
from mindpeeker_guard.django import public, require, require_any_scope, require_scopes

CARRIERS = pytest.mark.parametrize(
    "ask", [get, lambda place, **options: asyncio.run(aget(place, **options))], ids=["wsgi", "asgi"]
)


def plain(request):
    return subject(request)


async def awaited(request):
    return await subject_async(request)


class Plain(View):
    def get(self, request):
        return subject(request)

    def post(self, request):
        return subject(request)


class Awaited(View):
    async def get(self, request):
        return subject(request)

    async def post(self, request):
        return subject(request)


def derived(base):
    """Return a class of its own: decorators change the class they are given."""
    return type("Derived", (base,), {"get": base.get, "post": base.post})


def on_class(base):
    return require_scopes(READ)(derived(base)).as_view()


def on_dispatch(base):
    return method_decorator(require_scopes(READ), name="dispatch")(derived(base)).as_view()


def on_method(base):
    return method_decorator(require_scopes(READ), name="get")(derived(base)).as_view()


def on_as_view(base):
    return require_scopes(READ)(derived(base).as_view())


VIEWS = {
    "function": lambda: require_scopes(READ)(plain),
    "async function": lambda: require_scopes(READ)(awaited),
    "partial": lambda: require_scopes(READ)(functools.partial(plain)),
    **{
        f"{base.__name__} {how.__name__}": functools.partial(how, base)
        for base in (Plain, Awaited)
        for how in (on_class, on_dispatch, on_method, on_as_view)
    },
}


@CARRIERS
@pytest.mark.parametrize("make", VIEWS.values(), ids=VIEWS)
def test_a_decorated_view_runs_for_who_has_the_scopes(make, ask):
    """Functions and classes, plain and async, decorated whole or by method, are guarded alike under WSGI and ASGI."""
    with project(make()):
        good = ask("/x", headers=bearer())
        statuses = [ask("/x", headers=headers).status_code for headers in ({}, bearer(scope="profile"))]

    assert (200, {"sub": "user-1"}) == (good.status_code, good.json())
    assert [401, 403] == statuses


@CARRIERS
@pytest.mark.parametrize("view", [plain, awaited, Plain.as_view(), Awaited.as_view()])
def test_an_undecorated_view_needs_any_good_credential(view, ask):
    """Without a decorator, a view is closed to callers without a good credential, and asks for no scope."""
    with project(view):
        statuses = [ask("/x", headers=headers).status_code for headers in ({}, bearer(scope=None))]

    assert [401, 200] == statuses


@CARRIERS
@pytest.mark.parametrize(
    "make",
    [
        lambda: public(fresh(subject)),
        lambda: public(functools.partial(awaited)),
        lambda: public(derived(Plain)).as_view(),
        lambda: public(derived(Awaited)).as_view(),
        lambda: public(derived(Plain).as_view()),
        lambda: method_decorator(public, name="dispatch")(derived(Plain)).as_view(),
    ],
    ids=["function", "async", "class", "async class", "as_view", "dispatch"],
)
def test_a_public_view_looks_at_no_credential(make, ask):
    """A public view is open, and has no principal, not even with a good credential."""
    with project(make()):
        answers = [ask("/x", headers=headers) for headers in ({}, {"Authorization": "Bearer x"}, bearer())]

    assert [(200, {"sub": None})] * 3 == [(answer.status_code, answer.json()) for answer in answers]


@pytest.mark.parametrize(
    "make_base",
    [lambda: public(derived(Plain)), lambda: method_decorator(public, name="dispatch")(derived(Plain))],
    ids=["class", "dispatch"],
)
def test_a_subclass_of_a_public_class_is_not_public(make_base):
    """Openness is not inherited, however the base was opened: a subclass that serves other things is closed."""
    with project(type("Sub", (make_base(),), {}).as_view()):
        assert 401 == get("/x").status_code


def test_a_subclass_of_a_guarded_class_is_guarded():
    """A requirement is inherited, and a subclass can add to it."""
    base = require_scopes(READ)(derived(Plain))
    with project(type("Sub", (base,), {}).as_view(), require_scopes(WRITE)(type("More", (base,), {})).as_view()):
        places = [[get(place, headers=bearer(scope=scope)).status_code for place in ("/x", "/y")] for scope in SCOPES]

    assert [[200, 403], [403, 403], [200, 200]] == places


SCOPES = [READ, WRITE, f"{READ} {WRITE}"]


@CARRIERS
@pytest.mark.parametrize("base", [Plain, Awaited])
def test_one_method_can_ask_for_more(base, ask):
    """`method_decorator` on one method adds to what the class asks for, for that method."""
    view = method_decorator(require_scopes(WRITE), name="get")(require_scopes(READ)(derived(base)))
    with project(view.as_view()):
        statuses = [ask("/x", headers=bearer(scope=scope)).status_code for scope in SCOPES]
        post = Client().post("/x", headers=bearer())

    assert [403, 403, 200] == statuses
    assert 200 == post.status_code


def test_a_decorator_may_stand_right_on_a_method():
    """A method of a class-based view needs no `method_decorator`."""
    view = type("Direct", (View,), {"get": require_scopes(READ)(lambda _, request: subject(request))})

    with project(view.as_view()):
        refused, served = get("/x", headers=bearer(scope="profile")), get("/x", headers=bearer())

    assert (403, 200) == (refused.status_code, served.status_code)


def test_only_class_based_views_are_decorated_as_classes():
    """A class that is no view is refused at import."""
    with pytest.raises(ImproperlyConfigured, match="must derive from View"):
        require_scopes(READ)(type("Something", (), {}))


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
@pytest.mark.parametrize("make", [on_class, on_dispatch, on_as_view, derived])
def test_head_and_options_are_guarded(make, method):
    """HEAD, which runs ``get``, and OPTIONS, which Django answers itself, need what the view needs."""
    view = make(Plain)
    with project(view.as_view() if isinstance(view, type) else view):
        refused = Client().generic(method, "/x", headers=PREFLIGHT)
        served = Client().generic(method, "/x", headers=bearer())

    assert (401, 200) == (refused.status_code, served.status_code)
    assert method == "OPTIONS" or refused.content == b""


def test_allow_preflight_lets_preflight_requests_pass():
    """With `allow_preflight`, a preflight request has no principal, and only a complete one passes."""
    with project(on_class(Plain), MINDPEEKER_GUARD=make_guard(allow_preflight=True)):
        passed = Client().options("/x", headers=PREFLIGHT)
        refused = Client().options("/x", headers={"Origin": "https://app.example"})

    assert (200, 401) == (passed.status_code, refused.status_code)


@CARRIERS
def test_an_optional_view_tells_nobody_from_somebody(ask):
    """An optional view has no principal without a credential, and refuses a bad credential."""
    with project(require_scopes(READ, optional=True)(plain)):
        nobody, somebody = ask("/x"), ask("/x", headers=bearer())
        refused = [ask("/x", headers=headers) for headers in ({"Authorization": "Bearer x"}, bearer(scope="profile"))]

    assert [{"sub": None}, {"sub": "user-1"}] == [nobody.json(), somebody.json()]
    assert [401, 403] == [answer.status_code for answer in refused]


def test_the_general_forms_take_expressions():
    """`require` takes expressions, and `require_any_scope` is content with one scope."""
    with project(require(any_of(WRITE, all_of(READ, "profile")))(plain), require_any_scope(WRITE, READ)(plain)):
        statuses = [get(place, headers=bearer()).status_code for place in ("/x", "/y")]
        both = get("/x", headers=bearer(scope=f"{READ} profile"))

    assert [403, 200] == statuses
    assert 200 == both.status_code


def careful(view):
    return functools.wraps(view)(fresh(view))


@pytest.mark.parametrize("other", [fresh, careful])
def test_other_decorators_open_nothing(other):
    """Decorators of others, even those that forget to copy attributes, do not open a view, above or below ours."""
    with project(other(require_scopes(READ)(plain)), require_scopes(READ)(other(plain))):
        statuses = [
            [get(place, headers=headers).status_code for place in ("/x", "/y")]
            for headers in ({}, bearer(scope="profile"), bearer())
        ]

    assert [[401, 401], [403, 403], [200, 200]] == statuses


@pytest.mark.parametrize(
    "contradict",
    [
        lambda: public(require_scopes(READ)(plain)),
        lambda: require_scopes(READ)(public(fresh(subject))),
        lambda: public(require_scopes(READ)(derived(Plain))),
        lambda: require_scopes(READ)(public(derived(Plain))),
        lambda: public(require_scopes(READ)(derived(Plain)).as_view()),
    ],
)
def test_no_view_is_public_and_guarded(contradict):
    """A view that is public and requires scopes is an error at import, in whichever order it is written."""
    with pytest.raises(ConfigurationError, match=r"cannot (be public|require scopes)"):
        contradict()


def test_a_public_mark_below_a_requirement_opens_nothing():
    """A subclass of a guarded class stays guarded, whatever is written on it."""
    sub = public(type("Sub", (require_scopes(READ)(derived(Plain)),), {}))

    with project(sub.as_view()):
        assert 401 == get("/x").status_code


def test_csrf_protection_lets_callers_with_tokens_post():
    """A caller with a good token needs no CSRF token: no browser sends an ``Authorization`` header by itself."""
    with project(on_class(Plain), middleware=(GUARD, "django.middleware.csrf.CsrfViewMiddleware")):
        answer = Client(enforce_csrf_checks=True).post("/x", headers=bearer())

    assert 200 == answer.status_code


def test_refusals_are_answers_like_others():
    """A refusal passes the other middleware: their headers are on it."""
    with project(plain, middleware=("django.middleware.security.SecurityMiddleware", GUARD)):
        answer = get("/x")

    assert (401, "nosniff") == (answer.status_code, answer["X-Content-Type-Options"])
    assert 'Bearer realm="mindpeeker"' == answer["WWW-Authenticate"]
    assert "application/problem+json" == answer["Content-Type"]


def test_missing_pages_stay_missing():
    """Without a view there is nothing to guard: 404 is 404."""
    with project(plain):
        assert 404 == get("/nowhere").status_code
        assert 404 == asyncio.run(AsyncClient().get("/nowhere")).status_code
