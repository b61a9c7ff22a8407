"""What is peculiar to FastAPI: bodies, mounting, handlers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from tests.api_keys.routes.wire import CHUNK, GOOD, HEADERS, KEYS, asgi_scope, converse, messages_of
from tests.api_keys.routes.world import ADMIN, World
from tests.contract.clients import gateways
from tests.contract.clients.gateways import ASGIClient

import mindpeeker_guard.fastapi
import mindpeeker_guard.flask
from mindpeeker_guard.api_key_routes import BODY_LIMIT
from mindpeeker_guard.api_key_routes.fastapi import router

pytestmark = pytest.mark.usefixtures("zeros")


def fastapi_app(world: World, **options: Any) -> FastAPI:
    """Return a FastAPI application with the routes."""
    app = FastAPI(**options)
    app.include_router(router(world.keys, admin_scope=ADMIN))
    mindpeeker_guard.fastapi.init_app(app, world.guard)
    return app


def test_fastapi_reads_no_more_of_a_body_than_it_must():
    """
    A body without a length and without an end is refused with 413, after the limit and not much more.
    """
    asked = []

    async def receive() -> dict[str, Any]:
        asked.append(CHUNK)
        assert sum(asked) < 100 * BODY_LIMIT, "the body is read without an end"
        return {"type": "http.request", "body": b" " * CHUNK, "more_body": True}

    sent = gateways.run(converse(fastapi_app(World()), asgi_scope(), receive))

    assert 413 == sent[0]["status"]
    assert sum(asked) <= BODY_LIMIT + 4 * CHUNK


def test_fastapi_survives_a_caller_that_leaves():
    """
    A caller that leaves in the middle of its body makes no key, and no exception.
    """
    world = World()

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    sent = gateways.run(converse(fastapi_app(world), asgi_scope(), receive))

    assert 400 == sent[0]["status"]
    assert [] == world.events


@pytest.mark.parametrize("path", [KEYS, f"/api{KEYS}"], ids=["cut off", "left"])
def test_fastapi_names_the_path_below_its_root_path(path):
    """
    Behind a proxy, ``Location`` has the root path in front, whether the proxy cuts it off or not.
    """
    scope = asgi_scope(path=path, raw_path=path.encode(), root_path="/api")
    sent = gateways.run(converse(fastapi_app(World()), scope, messages_of(GOOD)))

    assert 201 == sent[0]["status"]
    assert f"/api{KEYS}/{'0' * 16}" == dict(sent[0]["headers"])[b"location"].decode()


def test_fastapi_hands_errors_to_the_application_first():
    """
    A handler of the application's for HTTP exceptions gets the errors of the routes, as it gets those of the guard.
    """
    app = fastapi_app(World())

    @app.exception_handler(HTTPException)
    async def handle(_: Any, error: HTTPException) -> JSONResponse:
        return JSONResponse({"said": error.detail}, error.status_code)

    answer = ASGIClient(app).send("GET", f"{KEYS}/nothing", HEADERS)

    assert (404, {"said": "There is no such API key."}) == (answer.status, json.loads(answer.body))
