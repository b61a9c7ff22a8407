"""Django: the middleware among others, its mode, and its settings."""

from __future__ import annotations

import asyncio
import threading
from inspect import iscoroutinefunction

import pytest
from asgiref.sync import iscoroutinefunction as marked_async
from django.contrib.auth import models as _models  # noqa: F401 - a project that has users
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse, JsonResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import include, path
from tests.frameworks.callers import OTHER_AUDIENCE, READ, bearer, make_guard
from tests.frameworks.django_project import GUARD, SESSIONS, aget, fresh, get, project, subject, subject_async
from tests.support.tokens import ISSUER, jwks

from mindpeeker_guard import Guard, JWTBearer, RateLimitedError
from mindpeeker_guard.django import GuardMiddleware, public, require_scopes

HERE = "tests.frameworks.test_django_middleware."
shared_guard = make_guard(OTHER_AUDIENCE)
threads: list[int] = []


class Spy(JWTBearer):
    """An authenticator that notes the thread it runs in."""

    def extract(self, request):
        threads.append(threading.get_ident())
        return super().extract(request)


def sync_only(get_response):
    """A middleware as many projects have them: a function that knows nothing of ASGI."""

    def middleware(request):
        threads.append(threading.get_ident())
        response = get_response(request)
        response["X-Sync-Only"] = "1"
        return response

    return middleware


@pytest.mark.parametrize("view", [subject, subject_async])
def test_under_wsgi_everything_happens_in_the_thread_of_the_server(view):
    """Under WSGI no event loop and no other thread is needed to decide."""
    threads.clear()

    with project(view, MINDPEEKER_GUARD=Guard(Spy(keys=jwks()))):
        assert 200 == Client().get("/x", headers=bearer()).status_code

    assert {threading.get_ident()} == set(threads)


@pytest.mark.parametrize("view", [subject, subject_async])
@pytest.mark.parametrize("around", [(GUARD,), (SESSIONS, GUARD), (GUARD, SESSIONS), (f"{HERE}sync_only", GUARD)])
def test_under_asgi_the_event_loop_decides(view, around):
    """Under ASGI the decision is made on the event loop, whatever stands around the middleware."""
    threads.clear()

    async def scenario():
        answer = await AsyncClient().get("/x", headers=bearer())
        return answer.status_code, threading.get_ident()

    with project(view, middleware=around, MINDPEEKER_GUARD=Guard(Spy(keys=jwks()))):
        status, loop = asyncio.run(scenario())

    assert (200, loop) == (status, threads[-1])


@pytest.mark.parametrize("around", [(GUARD, f"{HERE}sync_only"), (f"{HERE}sync_only", GUARD)])
def test_sync_only_middleware_may_stand_on_either_side(around):
    """Middleware that knows only WSGI works before and after ours, under ASGI, too."""
    with project(subject_async, middleware=around):
        good = asyncio.run(aget("/x", headers=bearer()))
        refused = asyncio.run(aget("/x"))

    assert [(200, "1"), (401, "1")] == [(answer.status_code, answer["X-Sync-Only"]) for answer in (good, refused)]


def test_the_middleware_takes_the_mode_of_what_is_next():
    """`process_view` is a coroutine function exactly where Django awaits it."""

    async def asynchronous(_):
        return HttpResponse()

    with project(subject):
        under_wsgi, under_asgi = GuardMiddleware(lambda _: HttpResponse()), GuardMiddleware(asynchronous)

    assert (False, False) == (iscoroutinefunction(under_wsgi.process_view), marked_async(under_wsgi))
    assert (True, True) == (iscoroutinefunction(under_asgi.process_view), marked_async(under_asgi))
    assert GuardMiddleware.sync_capable
    assert GuardMiddleware.async_capable


@pytest.mark.parametrize("middleware", [(), (SESSIONS,)])
def test_without_the_middleware_decorated_views_stay_closed(middleware):
    """A forgotten middleware is an error of the server, and the text says what to add."""
    with (
        project(require_scopes(READ)(subject), middleware=middleware),
        pytest.raises(ImproperlyConfigured, match=r"mindpeeker_guard\.django\.GuardMiddleware' in MIDDLEWARE"),
    ):
        get("/x", headers=bearer())


def test_a_view_that_is_called_by_hand_stays_closed():
    """A decorated view that somebody calls with a bare request is not run."""
    with project(), pytest.raises(ImproperlyConfigured, match="GuardMiddleware"):
        require_scopes(READ)(subject)(RequestFactory().get("/x", headers=bearer()))


def test_before_a_view_is_known_there_is_no_principal():
    """Middleware of others can read `request.principal` at any time."""
    with project(subject, middleware=(GUARD, f"{HERE}reading")):
        assert "None" == get("/x", headers=bearer())["X-Principal-Before"]
        assert "None" == get("/nowhere")["X-Principal-Before"]


def reading(get_response):
    def middleware(request):
        before = str(request.principal)
        response = get_response(request)
        response["X-Principal-Before"] = before
        return response

    return middleware


INSIDE = (
    [
        path("plain", subject),
        path("guarded", require_scopes(READ)(subject)),
        path("deep/", include(([path("x", subject)], "deep"))),
    ],
    "pages",
)


def places(*names):
    return [get(f"/{name}").status_code for name in names]


def test_public_namespaces_are_open():
    """All views below a public namespace are open, those of namespaces within too; a decorated view stays guarded."""
    patterns = [path("pages/", include(INSIDE)), path("other/", include(INSIDE, namespace="other"))]

    with project(*patterns, MINDPEEKER_GUARD={"GUARD": make_guard(), "PUBLIC_NAMESPACES": ["pages"]}):
        assert [200, 401, 200] == places("pages/plain", "pages/guarded", "pages/deep/x")
        assert [401, 401, 401] == places("other/plain", "other/guarded", "other/deep/x")


def test_a_public_namespace_is_meant_from_the_root():
    """A namespace of the same name within another one is not meant."""
    inner = ([path("pages/", include(INSIDE))], "internal")

    with project(
        path("internal/", include(inner)),
        path("pages/", include(INSIDE)),
        MINDPEEKER_GUARD={"GUARD": make_guard(), "PUBLIC_NAMESPACES": ["pages"]},
    ):
        assert [200, 401] == places("pages/plain", "internal/pages/plain")


@pytest.mark.parametrize(
    ("setting", "status"),
    [
        (shared_guard, 401),
        (f"{HERE}shared_guard", 401),
        ({"GUARD": shared_guard}, 401),
        ({"GUARD": f"{HERE}shared_guard"}, 401),
        (make_guard(), 200),
    ],
)
def test_the_setting_takes_a_guard_in_several_forms(setting, status):
    """A guard can be given as it is, by its path, and with Django's own keys beside it."""
    with project(subject, MINDPEEKER_GUARD=setting):
        mine = get("/x", headers=bearer()).status_code
        other = get("/x", headers=bearer(aud=OTHER_AUDIENCE)).status_code

    assert {200, 401} == {mine, other}
    assert status == mine


def test_the_setting_takes_a_dictionary(monkeypatch):
    """Settings of the guard stand in a dictionary; what is not there comes from the environment."""
    from mindpeeker_guard.django.conf import configuration

    monkeypatch.setenv("MINDPEEKER_ISSUER", ISSUER)
    monkeypatch.setenv("MINDPEEKER_AUDIENCE", "https://environment.example")
    with project(MINDPEEKER_GUARD={"AUDIENCE": "https://settings.example"}):
        assert f"JWTBearer(issuer='{ISSUER}', audience=['https://settings.example'])" in repr(configuration().guard)


def test_overridden_settings_count_at_once():
    """A test that overrides the setting gets another guard, and the old one afterwards."""
    statuses = []
    with project(subject):
        client = Client()
        statuses.append(client.get("/x", headers=bearer()).status_code)
        with project(subject, MINDPEEKER_GUARD=make_guard(OTHER_AUDIENCE)):
            statuses.append(client.get("/x", headers=bearer()).status_code)
        statuses.append(client.get("/x", headers=bearer()).status_code)

    assert [200, 401, 200] == statuses


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"AUDIANCE": "x"}, r"MINDPEEKER_GUARD: AUDIANCE.*Did you mean MINDPEEKER_GUARD: AUDIENCE\?"),
        ({"audience": "x"}, r"Unknown setting MINDPEEKER_GUARD: audience\. Did you mean MINDPEEKER_GUARD: AUDIENCE\?"),
        ({"USER_RESOLVR": "x"}, r"USER_RESOLVER\?"),
        ({"PUBLIC_NAMESPACE": ["x"]}, r"PUBLIC_NAMESPACES\?"),
        ({1: "x"}, "not a string: 1"),
        (42, "must be a dictionary, a Guard or the dotted path of one"),
        ("nowhere.guard", "'nowhere.guard', which cannot be imported"),
        (f"{HERE}threads", "must be a dictionary, a Guard or the dotted path of one"),
        ({"GUARD": shared_guard, "AUDIENCE": "x"}, "without other settings"),
        ({"GUARD": 1}, "GUARD must be a Guard"),
        ({"USER_RESOLVER": "nowhere.resolve"}, "USER_RESOLVER names 'nowhere.resolve'"),
        ({"USER_RESOLVER": 1}, "USER_RESOLVER must be a plain function"),
        ({"PUBLIC_NAMESPACES": "admin"}, r"PUBLIC_NAMESPACES must be a list"),
        ({"PUBLIC_NAMESPACES": [1]}, r"PUBLIC_NAMESPACES must be a list"),
        ({"PUBLIC_NAMESPACES": 1}, r"PUBLIC_NAMESPACES must be a list"),
    ],
)
def test_a_wrong_setting_is_named(setting, text):
    """The server does not start with a wrong setting: the text has its name, and the nearest right one."""
    with project(subject, MINDPEEKER_GUARD=setting), pytest.raises(ImproperlyConfigured, match=text):
        Client().get("/x")


def test_two_requests_at_once_have_a_principal_each():
    """Requests on one event loop do not mix up their callers."""

    async def slow(request):
        await asyncio.sleep(0.01)
        return JsonResponse({"sub": request.principal.subject})

    async def scenario():
        names = [f"user-{number}" for number in range(8)]
        answers = await asyncio.gather(*(AsyncClient().get("/x", headers=bearer(sub=name)) for name in names))
        return names == [answer.json()["sub"] for answer in answers]

    with project(slow):
        assert asyncio.run(scenario())


def test_a_public_view_lets_middleware_of_others_decide():
    """For a public view our middleware does nothing at all, not even with a bad credential."""
    with project(public(fresh(subject)), middleware=(SESSIONS, GUARD)):
        assert 200 == get("/x", headers={"Authorization": "Basic dXNlcjpwdw=="}).status_code


async def raises_async(request):
    raise RateLimitedError(retry_after=7)


def raises(request):
    raise RateLimitedError(retry_after=7)


@pytest.mark.parametrize("view", [raises, raises_async])
def test_an_error_that_a_view_raises(view):
    """
    An error of ours that a view raises by itself is answered as one of the guard's; others stay Django's.
    """
    with project(public(fresh(view)) if view is raises else public(view), lambda request: 1 / 0):
        answers = [get("/x"), asyncio.run(aget("/x"))]
        with pytest.raises(ZeroDivisionError):
            get("/y", headers=bearer())

    assert [(429, "7")] * 2 == [(answer.status_code, answer["Retry-After"]) for answer in answers]
    assert {"application/problem+json"} == {answer["Content-Type"] for answer in answers}
