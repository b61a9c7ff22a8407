"""A Flask application with one of everything, and one route that nobody meant to be open."""

from __future__ import annotations

from functools import cache, partial, wraps
from typing import Any, ClassVar

from flask import Blueprint, Flask
from flask.views import MethodView, View
from tests.frameworks.callers import READ, WRITE, make_guard

from mindpeeker_guard.flask import init_app, public, require, require_any_scope, require_scopes

PLANTED = "/v1/inner/planted"


def ran(**_: Any) -> str:
    return "it ran"


def view(name: str, *decorators: Any) -> Any:
    """Return a view of its own, in decorators, the innermost first."""

    def made(**_: Any) -> str:
        return "it ran"

    made.__name__ = name
    for decorator in decorators:
        made = decorator(made)
    return made


def kept(function: Any) -> Any:
    """Decorate, as one should."""

    @wraps(function)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return outer


def lost(function: Any) -> Any:
    """Decorate, and lose the marks."""

    def outer(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    outer.__name__ = function.__name__
    return outer


def forgotten(function: Any) -> Any:
    """Decorate, keep the marks, and lose the view."""

    @wraps(function)
    def outer(**_: Any) -> str:
        return "it ran"

    return outer


def indirect(function: Any) -> Any:
    """Decorate, with the view in a partial and the partial in another function."""
    inside = partial(function)

    def call(**options: Any) -> Any:
        return inside(**options)

    @wraps(function)
    def outer(**options: Any) -> Any:
        return call(**options)

    return outer


def noted(function: Any) -> Any:
    """Cache the one answer that there is, and note what is cached, as Flask-Caching does."""
    answers: list[Any] = []

    @wraps(function)
    def outer(**options: Any) -> Any:
        answers[:] = answers or [function(**options)]
        return answers[0]

    outer.uncached = function  # type: ignore[attr-defined]
    return outer


class Sessions(MethodView):
    @require_scopes(READ)
    def get(self) -> str:
        return "it ran"

    @require_scopes(WRITE)
    def post(self) -> str:
        return "it ran"

    @public
    def put(self) -> str:
        return "it ran"

    def delete(self) -> str:
        return "it ran"


class Decorated(MethodView):
    decorators: ClassVar = [require(READ, max_age=60)]

    def get(self) -> str:
        return "it ran"

    def head(self) -> str:
        return ""

    def options(self) -> str:
        return "it ran"


class Heads(MethodView):
    def get(self) -> str:
        return "it ran"

    @require_scopes(READ)
    def head(self) -> str:
        return "it ran"


@public
class Open(View):
    methods: ClassVar = ["GET", "POST"]

    def dispatch_request(self, **_: Any) -> str:
        return "it ran"


class Dispatches(View):
    @require_scopes(READ)
    def dispatch_request(self, **_: Any) -> str:
        return "it ran"


class Callable:
    __name__ = "callable"

    @require_scopes(READ)
    def __call__(self, **_: Any) -> str:
        return "it ran"


def make(default: Any = "allow") -> Flask:
    app = Flask(__name__)
    inner = Blueprint("inner", __name__, url_prefix="/inner")
    v1 = Blueprint("v1", __name__, url_prefix="/v1")
    closed = Blueprint("closed", __name__, url_prefix="/closed")
    below = Blueprint("below", __name__, url_prefix="/below")
    inner.get("/planted")(view("planted"))
    inner.post("/planted")(view("fine", require_any_scope(READ, WRITE), kept))
    inner.get("/public/<int:key>")(view("opened", public, kept))
    v1.get("/optional")(view("maybe", require_scopes(READ, optional=True)))
    v1.route("/many", methods=["GET", "PUT", "OPTIONS"])(view("many", require_scopes(READ)))
    closed.before_request(require_scopes(READ)(lambda: None))
    below.get("/")(view("below"))
    closed.get("/<path:rest>")(view("write", require_scopes(WRITE)))
    v1.register_blueprint(inner)
    closed.register_blueprint(below)
    app.register_blueprint(v1)
    app.register_blueprint(closed)
    app.add_url_rule("/sessions", view_func=Sessions.as_view("sessions"))
    app.add_url_rule("/decorated", view_func=Decorated.as_view("decorated"))
    app.add_url_rule("/heads", view_func=Heads.as_view("heads"))
    app.add_url_rule("/class", view_func=Open.as_view("class"))
    app.add_url_rule("/dispatches", view_func=Dispatches.as_view("dispatches"))
    app.add_url_rule("/partial", endpoint="partial", view_func=partial(view("p", require_scopes(READ))))
    app.add_url_rule("/callable", endpoint="callable", view_func=Callable())
    app.get("/lost")(view("lost", require_scopes(READ), lost))
    app.get("/forgotten")(view("forgotten", require_scopes(READ), forgotten))
    app.get("/indirect")(view("indirect", require_scopes(READ), indirect, kept))
    app.get("/cached")(view("cached", cache, require_scopes(READ)))
    app.get("/noted")(view("noted", noted, require_scopes(READ)))
    init_app(app, make_guard(), default=default)
    return app
