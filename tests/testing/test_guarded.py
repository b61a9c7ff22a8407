"""`assert_guarded` finds nothing wrong with good applications, whatever it is given to reach them."""

from __future__ import annotations

from functools import partial

import anyio
import httpx
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import AsyncClient, Client
from fastapi import Depends, FastAPI, Response
from flask import Flask
from starlette.testclient import TestClient
from tests.testing.apps import READ, ROUTE, django_project, fastapi_app, flask_app, real_guard

import mindpeeker_guard.fastapi as for_fastapi
import mindpeeker_guard.flask as for_flask
from mindpeeker_guard import MINDPEEKER_SCOPES, Guard, JWTBearer, requirement
from mindpeeker_guard import asgi as for_asgi
from mindpeeker_guard import wsgi as for_wsgi
from mindpeeker_guard.api_keys import APIKeys, MemoryStore
from mindpeeker_guard.authenticators import APIKey
from mindpeeker_guard.testing import assert_guarded
from mindpeeker_guard.testing._guarded import _Run

GET = f"GET {ROUTE}"


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


async def ahello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})


TARGETS = {
    "Flask": flask_app,
    "Flask's client": lambda: flask_app().test_client(),
    "Flask, closed by default": lambda: flask_app(default="deny"),
    "FastAPI": fastapi_app,
    "Starlette's client": lambda: TestClient(fastapi_app()),
    "httpx's client": lambda: httpx.AsyncClient(
        transport=httpx.ASGITransport(app=fastapi_app()), base_url="http://test"
    ),
    "Django under WSGI": WSGIHandler,
    "Django under ASGI": ASGIHandler,
    "Django's client": Client,
    "Django's async client": AsyncClient,
    "WSGI": lambda: for_wsgi.GuardMiddleware(hello, real_guard(), requirement(READ)),
    "WSGI, in parts": lambda: partial(for_wsgi.GuardMiddleware(hello, real_guard(), requirement(READ))),
    "ASGI": lambda: for_asgi.GuardMiddleware(ahello, real_guard(), requirement(READ)),
}


@pytest.mark.parametrize("make", TARGETS.values(), ids=TARGETS)
def test_a_good_application(make):
    """
    A guarded route passes: an application or a client of any framework, with nothing configured for the test.
    """
    with django_project():
        assert_guarded(make(), GET, scopes=[READ])


@pytest.mark.parametrize("make", TARGETS.values(), ids=TARGETS)
def test_inside_of_an_async_test(make):
    """
    It works inside of an async test, too, where an event loop runs already.
    """

    async def body() -> None:
        assert_guarded(make(), GET, scopes=[READ])

    with django_project():
        anyio.run(body)


@pytest.mark.parametrize("path", ["/v1/async", "/v1/plain", ROUTE])
def test_all_kinds_of_views(path):
    """
    Plain and async views pass alike.
    """
    with django_project():
        if path != "/v1/async":
            assert_guarded(fastapi_app(), f"GET {path}", READ)
        if path != "/v1/plain":
            assert_guarded(flask_app(), f"GET {path}", READ)
            assert_guarded(Client(), f"GET {path}", READ)
            assert_guarded(AsyncClient(), f"GET {path}", READ)


def test_a_route_that_takes_a_body():
    """
    A route that takes a body passes, with one and without: what the view thinks of it does not matter.
    """
    assert_guarded(fastapi_app(), f"POST {ROUTE}", scopes=[READ], json={"name": "first"})
    assert_guarded(fastapi_app(), f"POST {ROUTE}", scopes=[READ])


@pytest.mark.parametrize(
    ("needed", "options"),
    [
        (for_fastapi.require_scopes(), {}),
        (for_fastapi.require_scopes(READ, "profile"), {"scopes": f"{READ} profile"}),
        (for_fastapi.require_any_scope(READ, "profile"), {"scopes": [READ, "profile"], "any_scope": True}),
        (for_fastapi.require_scopes("dowsing:admin"), {"scopes": ["dowsing:admin"]}),
        (for_fastapi.require_scopes("analytics:export", "dowsing:read"), {"scopes": "analytics:export dowsing:read"}),
    ],
)
def test_what_a_route_requires(needed, options):
    """
    A route may require nothing but a good token, several scopes, one of several, an administrative one.
    """
    assert_guarded(fastapi_app(needed=needed), GET, **options)


def test_a_catalogue_of_ones_own():
    """
    What scopes imply is told by the application's own catalogue.
    """
    catalogue = MINDPEEKER_SCOPES.extend({"maps:read": "Read maps", "maps:admin": "All of it"})
    guard = Guard(JWTBearer(), catalogue=catalogue)

    assert_guarded(flask_app(guard, "maps:read"), GET, scopes=["maps:read"], catalogue=catalogue)


def test_a_strict_guard():
    """
    A guard that demands the profile of RFC 9068 passes when the test says so.
    """
    assert_guarded(flask_app(real_guard(profile="rfc9068")), GET, READ, profile="rfc9068")


def test_a_guard_with_api_keys():
    """
    A guard that takes API keys, too, passes, and stands in for its bearer tokens only.
    """
    keys = APIKeys(MemoryStore(), pepper="a pepper of the tests, and nothing else")

    assert_guarded(flask_app(Guard(JWTBearer(), APIKey(keys))), GET, READ)


def test_a_path_with_parameters():
    """
    A path may have parameters, written as in a URL.
    """
    flask, fastapi = Flask(__name__), FastAPI()
    for_flask.init_app(flask, real_guard())
    for_fastapi.init_app(fastapi, real_guard())

    @flask.delete("/v1/sessions/<name>")
    @for_flask.require_scopes(READ)
    def remove(name):
        return {"name": name}, 200 if name == "a b\xe4" else 401

    @fastapi.delete("/v1/sessions/{name}", dependencies=[Depends(for_fastapi.require_scopes(READ))])
    def delete(name: str):
        return Response(name, 200 if name == "a b\xe4" else 401)

    assert_guarded(flask, "DELETE /v1/sessions/a%20b%C3%A4", READ)
    assert_guarded(fastapi, "DELETE /v1/sessions/a%20b%C3%A4", READ)


def test_more_than_forty_callers(monkeypatch):
    """
    At least forty callers are sent to the least demanding route, each of them another one.
    """
    sent = []
    original = _Run._send
    monkeypatch.setattr(_Run, "_send", lambda run, probe: (sent.append(probe), original(run, probe))[1])

    assert_guarded(fastapi_app(needed=for_fastapi.require_scopes()), GET)

    assert len(sent) >= 40
    assert len({probe.what for probe in sent}) == len(sent)
    assert len({(probe.method, probe.headers, probe.query, probe.body) for probe in sent}) >= len(sent) - 1


def test_guards_are_as_they_were():
    """
    Afterwards no guard trusts the tokens of the run.
    """
    before = dict(vars(Guard))

    assert_guarded(flask_app(), GET, READ)

    assert before == dict(vars(Guard))
