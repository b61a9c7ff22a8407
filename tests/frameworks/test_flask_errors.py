"""Flask: refusals go through the application's own error handlers."""

from __future__ import annotations

import json

import pytest
from flask import Blueprint, Flask, jsonify
from tests.frameworks.callers import READ, bearer, make_guard
from werkzeug.exceptions import HTTPException

from mindpeeker_guard import AnswerError, AuthError, InsufficientScopeError
from mindpeeker_guard.flask import init_app, public, require_scopes


@pytest.fixture
def app():
    return Flask(__name__)


@pytest.fixture(params=["allow", "deny"])
def client(app, request):
    """A client of the application, which has a guarded view, once with each default."""
    init_app(app, make_guard(), default=request.param)
    app.get("/x")(require_scopes(READ)(lambda: "ok"))
    return app.test_client()


def as_json(error):
    """Flask's documented handler for all HTTP exceptions."""
    response = error.get_response()
    response.data = json.dumps({"code": error.code, "name": error.name})
    response.content_type = "application/json"
    return response


def test_without_handlers_the_refusal_is_the_answer(client):
    """The guard's answer is sent as it is: one content type, one challenge."""
    response = client.get("/x")

    assert ["application/problem+json"] == response.headers.getlist("Content-Type")
    assert ['Bearer realm="mindpeeker"'] == response.headers.getlist("WWW-Authenticate")
    assert "no-store" == response.headers["Cache-Control"]
    assert 401 == response.get_json()["status"]


def test_a_handler_for_the_status_answers(app, client):
    """`errorhandler(401)` is called with an HTTP exception, whose cause is ours."""
    app.errorhandler(401)(lambda error: (jsonify(mine=type(error.__cause__).__name__), 401))

    assert {"mine": "MissingCredentialsError"} == client.get("/x").get_json()


@pytest.mark.parametrize("kind", [InsufficientScopeError, AuthError])
def test_a_handler_for_our_errors_answers(app, client, kind):
    """A handler for one of our errors gets the error itself."""
    app.errorhandler(kind)(lambda error: (jsonify(scopes=error.scopes), 403))

    assert {"scopes": [READ]} == client.get("/x", headers=bearer(scope="profile")).get_json()


@pytest.mark.parametrize("kind", [HTTPException, Exception])
def test_the_documented_json_handler_keeps_the_challenge(app, client, kind):
    """A handler that rewrites the body of every HTTP exception keeps the other headers."""
    app.errorhandler(kind)(as_json)

    response = client.get("/x")

    assert {"code": 401, "name": "Unauthorized"} == response.get_json()
    assert ['Bearer realm="mindpeeker"'] == response.headers.getlist("WWW-Authenticate")
    assert ["application/json"] == response.headers.getlist("Content-Type")


def test_an_async_handler_answers(app, client):
    """Handlers may be async."""

    @app.errorhandler(401)
    async def handle(error):
        return {"mine": error.code}, 401

    assert {"mine": 401} == client.get("/x").get_json()


def test_a_handler_for_all_errors_need_not_know_us(app, client):
    """The usual handler, which logs what is no HTTP exception and answers 500, does not turn a refusal into one."""

    @app.errorhandler(Exception)
    def handle(error):
        return error if isinstance(error, HTTPException) else ("broken", 500)

    assert 401 == client.get("/x").status_code


@pytest.mark.parametrize("kind", [401, HTTPException, AuthError])
def test_a_blueprint_has_handlers_of_its_own(app, client, kind):
    """Handlers of a blueprint answer for its views, and for no others."""
    blueprint = Blueprint("inner", __name__)
    blueprint.errorhandler(kind)(lambda _: ("mine", 401))
    blueprint.get("/inner")(require_scopes(READ)(lambda: "ok"))
    app.register_blueprint(blueprint)

    assert b"mine" == client.get("/inner").data
    assert b"mine" != client.get("/x").data


def test_a_blueprint_that_handles_all_errors_need_not_know_us(app, client):
    """The usual handler for all errors works in a blueprint as it does in an application."""
    blueprint = Blueprint("inner", __name__)
    blueprint.get("/inner")(require_scopes(READ)(lambda: "ok"))
    blueprint.errorhandler(Exception)(
        lambda error: error if isinstance(error, HTTPException) else ("broken", 500),
    )
    app.register_blueprint(blueprint)

    assert 401 == client.get("/inner").status_code


def test_a_handler_for_all_our_errors_that_was_there_first_stays(app):
    """`init_app` does not replace a handler that the application has for `AnswerError`."""
    app.errorhandler(AnswerError)(lambda error: (jsonify(mine=error.code), error.status))
    init_app(app, make_guard())
    app.get("/x")(require_scopes(READ)(lambda: "ok"))

    assert {"mine": "credentials_missing"} == app.test_client().get("/x").get_json()


def test_a_view_may_refuse_with_our_errors(app, client):
    """An error of ours that a view raises is answered like one of the guard's."""

    @app.get("/own")
    @public
    def own():
        raise InsufficientScopeError([READ])

    response = client.get("/own")

    assert (403, [READ]) == (response.status_code, response.get_json()["required_scopes"])


def test_after_request_functions_see_refusals(app, client):
    """CORS headers and the like are added to refusals as to any answer."""

    @app.after_request
    def add(response):
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    assert "*" == client.get("/x").headers["Access-Control-Allow-Origin"]
