"""`assert_guarded` with an issuer, a server or an application of one's own, and what it cannot do with."""

from __future__ import annotations

import gc
import threading
import time
from contextlib import asynccontextmanager
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
from django.test import AsyncClient, Client
from tests.testing.apps import READ, ROUTE, fastapi_app, flask_app, real_guard

import mindpeeker_guard.fastapi as for_fastapi
from mindpeeker_guard import ConfigurationError, Guard, JWTBearer
from mindpeeker_guard.testing import Clock, FakeIssuer, assert_guarded

GET = f"GET {ROUTE}"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_an_issuer_of_ones_own(algorithm):
    """
    An application that is configured with a fake issuer fetches its keys, and passes with that issuer and its clock.
    """
    clock = Clock(1_000_000_000)
    with FakeIssuer(algorithm=algorithm, clock=clock) as issuer:
        bearer = JWTBearer(issuer.issuer, jwks_uri=issuer.jwks_uri, clock=clock)
        assert_guarded(flask_app(Guard(bearer, clock=clock)), GET, READ, issuer=issuer)

        assert issuer.requests["/.well-known/jwks.json"]


def test_a_route_that_wants_a_strong_sign_in():
    """
    A route that wants a strong and fresh sign-in passes when the test says what a good token tells about it.
    """
    app = fastapi_app(needed=for_fastapi.require(READ, acr="urn:mfa", max_age=60))

    assert_guarded(app, GET, READ, claims={"acr": "urn:mfa", "auth_time": int(time.time())})


def test_a_guard_of_one_algorithm():
    """
    A guard that takes one algorithm only passes with an issuer that signs with it.
    """
    guard = real_guard(algorithms=["EdDSA"])
    with FakeIssuer(algorithm="EdDSA") as issuer, issuer.trusted_by(guard):
        assert_guarded(flask_app(guard), GET, READ, issuer=issuer)


def test_a_server_elsewhere():
    """
    A server is reached over HTTP, with the issuer that it is configured with.
    """

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    with FakeIssuer() as issuer:
        app = flask_app(Guard.from_env(issuer.environ()))
        with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            assert_guarded(f"http://127.0.0.1:{server.server_port}", GET, READ, issuer=issuer)
            server.shutdown()
            thread.join(20)


def test_an_application_with_a_lifespan():
    """
    An ASGI application is started before the first request and ended after the last, and may keep state for requests.
    """
    seen = []
    guard = real_guard()

    @asynccontextmanager
    async def lifespan(app):
        await guard.awarm_up()
        seen.append("started")
        yield {"pool": 7}
        seen.append("ended")

    app = fastapi_app(guard, lifespan)

    @app.middleware("http")
    async def uses_state(request, call_next):
        assert 7 == request.state.pool
        return await call_next(request)

    assert_guarded(app, GET, READ)

    assert ["started", "ended"] == seen


def test_an_application_that_does_not_start(caplog):
    """
    An ASGI application that fails to start is not attacked; its own words are in the error, and nothing is left over.
    """

    @asynccontextmanager
    async def lifespan(app):
        raise LookupError("no database")
        yield

    with pytest.raises(RuntimeError, match="no database"):
        assert_guarded(fastapi_app(lifespan=lifespan), GET, READ)

    gc.collect()
    assert [] == [record for record in caplog.records if record.name == "asyncio"]


@pytest.mark.parametrize("route", ["/v1/sessions", "GET v1/sessions", "get /v1/sessions", "GET /v1?x=1", "", "GET"])
def test_what_is_no_route(route):
    """
    A route without a method or a path is a mistake that shows how to write one.
    """
    with pytest.raises(ConfigurationError, match="'GET /v1/sessions'"):
        assert_guarded(flask_app(), route)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (object(), "takes no requests"),
        (flask_app, "neither a WSGI nor an ASGI"),
        (int, "takes no requests"),
        ("http://127.0.0.1:1", "pass the issuer"),
        (httpx.Client(headers={"Authorization": "Bearer x"}, base_url="http://test"), "of its own"),
        (Client(headers={"Authorization": "Bearer x"}), "of its own"),
        (AsyncClient(headers={"Authorization": "Bearer x"}), "of its own"),
    ],
    ids=["object", "function", "class", "URL without issuer", "httpx with token", "Django with token", "async"],
)
def test_what_is_no_target(target, words):
    """
    What takes no requests, and a client with a credential of its own, are mistakes that say what to give.
    """
    with pytest.raises(ConfigurationError, match=words):
        assert_guarded(target, GET)


def test_what_is_no_url():
    """
    A server is named by an http(s) URL.
    """
    with FakeIssuer() as issuer, pytest.raises(ConfigurationError, match="http"):
        assert_guarded("localhost:8000", GET, issuer=issuer)
