"""Flask: attaching a guard, its settings, and what happens without one."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Blueprint, Flask
from tests.frameworks.callers import OTHER_AUDIENCE, PREFLIGHT, READ, bearer, make_guard

from mindpeeker_guard import ConfigurationError, ScopeCatalogue
from mindpeeker_guard.flask import init_app, public, require_scopes

HERE = Path(__file__).parent


def make_app(default="deny", **options):
    app = Flask(__name__)
    init_app(app, make_guard(**options), default=default)
    return app


def make_view():
    """Return a view of its own: marks are set on the function."""
    return lambda: "ok"


def test_without_a_guard_a_view_stays_closed():
    """A forgotten `init_app` is an error of the server, not an open view, and the text says what to call."""
    app = Flask(__name__)
    app.get("/x", endpoint="x")(require_scopes(READ)(make_view()))
    client = app.test_client()

    assert 500 == client.get("/x", headers=bearer()).status_code
    app.testing = True
    with pytest.raises(ConfigurationError, match=r"init_app\(app, guard\)"):
        client.get("/x", headers=bearer())


def test_settings_come_from_the_configuration(monkeypatch):
    """Without a guard, one is made from ``MINDPEEKER_…`` keys of the configuration, then from the environment."""
    monkeypatch.setenv("MINDPEEKER_AUDIENCE", "https://environment.example")
    monkeypatch.setenv("MINDPEEKER_ISSUER", "https://issuer.example")
    app = Flask(__name__)
    app.config["MINDPEEKER_AUDIENCE"] = "https://config.example"

    init_app(app)

    guard = app.extensions["mindpeeker_guard"]
    assert "JWTBearer(issuer='https://issuer.example', audience=['https://config.example'])" in repr(guard)


def test_a_misspelt_key_is_an_error_with_the_right_one():
    """A key that is nearly a setting is refused at start."""
    app = Flask(__name__)
    app.config["MINDPEEKER_AUDIANCE"] = "https://api.example"

    with pytest.raises(ConfigurationError, match=r"MINDPEEKER_AUDIANCE.*MINDPEEKER_AUDIENCE\?"):
        init_app(app)


def test_default_is_one_of_two_words():
    """A typing error in `default` must not open the application."""
    with pytest.raises(ConfigurationError, match="'allow' or 'deny'"):
        init_app(Flask(__name__), make_guard(), default="denny")


def test_a_scope_of_another_catalogue_is_found_at_start():
    """`init_app` refuses views that ask for a scope which its guard does not know."""
    ours = ScopeCatalogue({"tickets:read": "Read tickets"})
    app = Flask(__name__)
    app.get("/x", endpoint="x")(require_scopes("tickets:read")(make_view()))

    with pytest.raises(ConfigurationError, match="Unknown scope 'tickets:read'"):
        init_app(app, make_guard())
    init_app(app, make_guard(catalogue=ours))


def test_attaching_another_guard_replaces_the_first():
    """A test suite can attach a guard of its own to an application that has one."""
    app = make_app(audience=OTHER_AUDIENCE)
    app.get("/x", endpoint="x")(require_scopes(READ)(make_view()))

    init_app(app, make_guard())

    assert 200 == app.test_client().get("/x", headers=bearer()).status_code


def test_deny_closes_views_without_a_decorator():
    """With ``default="deny"`` an undecorated view needs a good credential, of any scopes."""
    app = make_app()
    app.get("/x", endpoint="x")(make_view())
    client = app.test_client()

    assert 401 == client.get("/x").status_code
    assert 401 == client.head("/x").status_code
    assert 200 == client.get("/x", headers=bearer(scope=None)).status_code


def test_deny_closes_views_that_come_later():
    """What is registered after `init_app`, with a blueprint or without, is closed too."""
    app = make_app()
    blueprint = Blueprint("later", __name__, static_folder=HERE, static_url_path="/files")
    blueprint.get("/inner", endpoint="inner")(make_view())
    app.register_blueprint(blueprint)
    app.add_url_rule("/outer", endpoint="outer", view_func=make_view())
    client = app.test_client()

    assert [401, 401, 401] == [client.get(path).status_code for path in ("/inner", "/outer", "/files/callers.py")]


def test_deny_closes_static_files():
    """Flask's own static view is no exception, and can be opened."""
    app = Flask(__name__, static_folder=HERE, static_url_path="/static")
    init_app(app, make_guard(), default="deny")
    client = app.test_client()

    closed = client.get("/static/callers.py")
    public(app.view_functions["static"])
    with client.get("/static/callers.py") as opened:
        assert 200 == opened.status_code

    assert 401 == closed.status_code


def test_deny_leaves_public_views_alone():
    """A public view is open, and looks at no credential, good or bad."""
    app = make_app()
    app.get("/x", endpoint="x")(public(make_view()))
    client = app.test_client()

    assert 200 == client.get("/x").status_code
    assert 200 == client.get("/x", headers={"Authorization": "Bearer junk"}).status_code


def test_deny_leaves_missing_pages_alone():
    """404 and 405 stay what they are: no view would run."""
    app = make_app()
    app.post("/x", endpoint="x")(make_view())
    client = app.test_client()

    assert 404 == client.get("/nowhere").status_code
    assert 405 == client.get("/x").status_code


def test_deny_asks_for_what_the_view_asks_for():
    """A decorated view has its own requirement only: optional stays optional."""
    app = make_app()
    app.get("/optional", endpoint="optional")(require_scopes(READ, optional=True)(make_view()))
    app.get("/x", endpoint="x")(require_scopes(READ)(make_view()))
    client = app.test_client()

    assert 200 == client.get("/optional").status_code
    assert 403 == client.get("/x", headers=bearer(scope="profile")).status_code
    assert 200 == client.get("/x", headers=bearer()).status_code


def test_deny_does_not_lean_on_marks_alone():
    """A decorator that forgets to copy attributes opens nothing."""
    app = make_app()
    guarded = require_scopes(READ)(make_view())
    app.add_url_rule("/x", "x", lambda: guarded())  # noqa: PLW0108 - it forgets the marks
    client = app.test_client()

    assert 401 == client.get("/x").status_code
    assert 403 == client.get("/x", headers=bearer(scope="profile")).status_code
    assert 200 == client.get("/x", headers=bearer()).status_code


def test_deny_and_preflight():
    """The automatic OPTIONS answer is closed under deny, until preflight requests are allowed."""
    closed, open_ = make_app(), make_app(allow_preflight=True)
    for app in (closed, open_):
        app.get("/x", endpoint="x")(make_view())

    assert 401 == closed.test_client().options("/x", headers=PREFLIGHT).status_code
    assert 200 == open_.test_client().options("/x", headers=PREFLIGHT).status_code
    assert 401 == open_.test_client().get("/x", headers=PREFLIGHT).status_code


def test_the_static_files_of_one_blueprint_can_be_opened():
    """What Flask registers as a bound method is opened with a function around it, and only that one."""
    app = make_app()
    for name in ("open", "closed"):
        app.register_blueprint(Blueprint(name, __name__, static_folder=HERE, static_url_path=f"/{name}"))
    static = app.view_functions["open.static"]
    client = app.test_client()

    app.view_functions["open.static"] = public(lambda filename: static(filename))  # noqa: PLW0108

    with client.get("/open/callers.py") as response:
        assert 200 == response.status_code
    assert 401 == client.get("/closed/callers.py").status_code
