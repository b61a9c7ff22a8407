"""What is peculiar to Flask: bodies, mounting, handlers."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask, request
from tests.api_keys.routes.wire import CHUNK, GOOD, HEADERS, KEYS
from tests.api_keys.routes.world import ADMIN, World

import mindpeeker_guard.fastapi
import mindpeeker_guard.flask
from mindpeeker_guard import ConfigurationError
from mindpeeker_guard.api_key_routes import BODY_LIMIT
from mindpeeker_guard.api_key_routes.flask import blueprint
from mindpeeker_guard.api_keys import KeyNotFoundError

pytestmark = pytest.mark.usefixtures("zeros")


def test_flask_needs_a_store_with_plain_methods():
    """
    A store that must be awaited is refused when the blueprint is made, not at the first request.
    """
    with pytest.raises(ConfigurationError, match="plain methods"):
        blueprint(World(is_async=True).keys)


def flask_app(world: World) -> Flask:
    """Return a Flask application with the routes."""
    app = Flask(__name__)
    mindpeeker_guard.flask.init_app(app, world.guard)
    app.register_blueprint(blueprint(world.keys, admin_scope=ADMIN))
    return app


class Drip(io.RawIOBase):
    """A body without an end, that counts what was read of it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b" " * len(buffer)
        self.taken += len(buffer)
        assert self.taken < 100 * BODY_LIMIT, "the body is read without an end"
        return len(buffer)


@pytest.mark.parametrize("limit", [None, 1000, 10 * BODY_LIMIT])
def test_flask_reads_no_more_of_a_body_than_it_must(limit):
    """
    A body without a length and without an end is refused with 413, after the limit and not much more.
    """
    app, drip = flask_app(World()), Drip()
    app.config["MAX_CONTENT_LENGTH"] = limit
    environ = {"wsgi.input_terminated": True, "wsgi.input": io.BufferedReader(drip, CHUNK)}
    environ["HTTP_TRANSFER_ENCODING"] = "chunked"

    answer = app.test_client().post(KEYS, headers=HEADERS, environ_overrides=environ)

    assert 413 == answer.status_code
    assert drip.taken <= BODY_LIMIT + 4 * CHUNK


def test_flask_keeps_to_a_smaller_limit_of_the_application():
    """
    Where the application's own limit is smaller, it holds, with the same answer.
    """
    app = flask_app(World())
    app.config["MAX_CONTENT_LENGTH"] = 10

    answer = app.test_client().post(KEYS, headers=HEADERS, data=GOOD)

    assert (413, "The body is too large.") == (answer.status_code, answer.json["detail"])


def test_flask_finds_a_body_that_was_read_before():
    """
    A body that something before the view has read is there all the same.
    """
    app = flask_app(World())

    @app.before_request
    def look() -> None:
        assert request.get_json()["name"] == "CI"

    assert 201 == app.test_client().post(KEYS, headers=HEADERS, data=GOOD).status_code


def test_flask_hands_errors_to_the_application_first():
    """
    An error handler of the application's gets the errors of the routes, as it gets those of the guard.
    """
    app = flask_app(World())
    app.register_error_handler(KeyNotFoundError, lambda error: ({"code": error.code}, 404))

    answer = app.test_client().get(f"{KEYS}/nothing", headers=HEADERS)

    assert {"code": "api_key_not_found"} == answer.json


def test_flask_names_the_path_below_its_mount():
    """
    Below a WSGI mount, ``Location`` has the mount's path in front.
    """
    answer = (
        flask_app(World())
        .test_client()
        .post(KEYS, headers=HEADERS, data=GOOD, environ_overrides={"SCRIPT_NAME": "/api"})
    )

    assert f"/api{KEYS}/{'0' * 16}" == answer.headers["Location"]


def test_two_blueprints_live_side_by_side():
    """
    With another name and prefix, one application can have the routes twice.
    """
    world = World()
    app = flask_app(world)
    app.register_blueprint(blueprint(world.keys, prefix="/v2/api-keys", name="api_keys_2"))

    assert 200 == app.test_client().get("/v2/api-keys", headers=HEADERS).status_code
