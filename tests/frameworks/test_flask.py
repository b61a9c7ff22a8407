"""Flask: views of every kind, and the principal that they see."""

from __future__ import annotations

import functools

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from tests.frameworks.callers import PREFLIGHT, READ, WRITE, bearer, make_guard

from mindpeeker_guard import ConfigurationError, all_of, any_of
from mindpeeker_guard.flask import (
    current_principal,
    get_principal,
    init_app,
    public,
    require,
    require_any_scope,
    require_scopes,
)


@pytest.fixture
def app():
    app = Flask(__name__)
    init_app(app, make_guard())
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def subject(**_):
    return {"sub": current_principal.subject}


async def subject_async(**_):
    return {"sub": current_principal.subject}


@pytest.mark.parametrize("view", [subject, subject_async])
def test_plain_and_async_views_are_guarded_alike(app, client, view):
    """A plain and an async view run for who has the scopes, and for nobody else."""
    app.get("/x")(require_scopes(READ)(view))

    assert {"sub": "user-1"} == client.get("/x", headers=bearer()).get_json()
    assert 401 == client.get("/x").status_code
    assert 403 == client.get("/x", headers=bearer(scope="profile")).status_code


def test_a_guarded_view_keeps_its_name_and_document():
    """A decorated view looks like the view: Flask takes the endpoint from its name."""

    @require_scopes(READ)
    def sessions():
        """List sessions."""

    assert ("sessions", "List sessions.") == (sessions.__name__, sessions.__doc__)


@pytest.mark.parametrize("nested", [False, True])
def test_views_of_blueprints_are_guarded(app, client, nested):
    """A blueprint, nested or not, needs nothing of its own."""
    blueprint = Blueprint("inner", __name__, url_prefix="/inner")
    blueprint.get("/x")(require_scopes(READ)(subject))
    outer = Blueprint("outer", __name__)
    outer.register_blueprint(blueprint)

    app.register_blueprint(outer if nested else blueprint)

    assert 401 == client.get("/inner/x").status_code
    assert 200 == client.get("/inner/x", headers=bearer()).status_code


class Sessions(MethodView):
    decorators = [require_scopes(READ)]  # noqa: RUF012 - Flask's way

    def get(self):
        return subject()

    @require_scopes(WRITE)
    def post(self):
        return subject()

    async def put(self):
        return subject()


@pytest.mark.parametrize(
    ("method", "scope", "status"),
    [
        ("get", READ, 200),
        ("head", READ, 200),
        ("post", READ, 403),
        ("post", f"{READ} {WRITE}", 200),
        ("post", WRITE, 403),
        ("put", READ, 200),
        ("put", "profile", 403),
    ],
)
def test_a_method_view_can_ask_for_more_on_one_method(app, client, method, scope, status):
    """`decorators` guards all methods of a `MethodView`, and a decorator on one adds to that."""
    app.add_url_rule("/x", view_func=Sessions.as_view("x"))

    response = client.open("/x", method=method.upper(), headers=bearer(scope=scope))

    assert status == response.status_code


def test_head_never_runs_a_view_unguarded(app, client):
    """HEAD, which Flask adds to every GET route, is guarded like GET."""
    ran = []
    app.get("/x")(require_scopes(READ)(lambda: ran.append(1) or "x"))

    response = client.head("/x")

    assert (401, b"", []) == (response.status_code, response.data, ran)


def test_automatic_options_runs_no_view(app, client):
    """The OPTIONS answer that Flask makes by itself needs no credential: no view runs."""
    ran = []
    app.get("/x")(require_scopes(READ)(lambda: ran.append(1) or "x"))

    response = client.options("/x")

    assert (200, []) == (response.status_code, ran)


def test_an_options_view_is_guarded(app, client):
    """A view that serves OPTIONS itself is a view like any other."""
    app.route("/x", methods=["OPTIONS"])(require_scopes(READ)(subject))

    assert 401 == client.options("/x", headers=PREFLIGHT).status_code
    assert 200 == client.options("/x", headers=bearer()).status_code


def test_allow_preflight_lets_preflight_requests_pass():
    """With `allow_preflight`, a preflight request has no principal, and only a complete one passes."""
    app = Flask(__name__)
    init_app(app, make_guard(allow_preflight=True))
    app.route("/x", methods=["OPTIONS"])(require_scopes(READ)(lambda: str(get_principal())))
    client = app.test_client()

    assert b"None" == client.options("/x", headers=PREFLIGHT).data
    assert 401 == client.options("/x", headers={"Origin": "https://app.example"}).status_code
    assert 403 == client.options("/x", headers=PREFLIGHT | bearer(scope="profile")).status_code


def test_the_general_form_takes_expressions(app, client):
    """`require` takes expressions, and `require_any_scope` is content with one scope."""
    app.get("/general", endpoint="general")(require(any_of(WRITE, all_of(READ, "profile")))(subject))
    app.get("/any")(require_any_scope(WRITE, "profile")(subject))

    assert 403 == client.get("/general", headers=bearer()).status_code
    assert 200 == client.get("/general", headers=bearer(scope=f"{READ} profile")).status_code
    assert 403 == client.get("/any", headers=bearer()).status_code
    assert 200 == client.get("/any", headers=bearer(scope="profile")).status_code


def test_stacked_decorators_all_count(app, client):
    """Two requirements on one view are both asked for; the second does not check the token again."""
    app.get("/x")(require_scopes(WRITE)(require_scopes(READ)(subject)))

    assert 403 == client.get("/x", headers=bearer()).status_code
    assert 403 == client.get("/x", headers=bearer(scope=WRITE)).status_code
    assert 200 == client.get("/x", headers=bearer(scope=f"{READ} {WRITE}")).status_code


def shout(view):
    @functools.wraps(view)
    def shouting(*args, **kwargs):
        return {"shout": view(*args, **kwargs)["sub"].upper()}

    return shouting


@pytest.mark.parametrize("view", [shout(require_scopes(READ)(subject)), require_scopes(READ)(shout(subject))])
def test_the_order_of_other_decorators_is_free(app, client, view):
    """Decorators of others may stand above and below."""
    app.get("/x")(view)

    assert {"shout": "USER-1"} == client.get("/x", headers=bearer()).get_json()
    assert 401 == client.get("/x").status_code


@pytest.mark.parametrize(
    "contradict",
    [
        lambda view: public(require_scopes(READ)(view)),
        lambda view: require_scopes(READ)(public(view)),
        lambda view: public(shout(require_scopes(READ)(view))),
        lambda view: require_scopes(READ)(shout(public(view))),
    ],
)
def test_no_view_is_public_and_guarded(contradict):
    """A view that is public and requires scopes is an error at import, in whichever order it is written."""

    def view():
        return ""

    with pytest.raises(ConfigurationError, match=r"view cannot (be public|require scopes)"):
        contradict(view)


@pytest.mark.parametrize("default", ["allow", "deny"])
def test_a_public_mark_does_not_undo_decorators(default):
    """A `MethodView` that is marked public and has guarding `decorators` stays guarded."""
    app = Flask(__name__)
    init_app(app, make_guard(), default=default)
    app.add_url_rule("/x", view_func=public(type("OpenSessions", (Sessions,), {})).as_view("x"))

    assert 401 == app.test_client().get("/x").status_code
