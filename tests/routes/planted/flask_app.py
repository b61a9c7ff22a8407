"""A Flask application in which one route is open by mistake: the guard stands above the line that adds the route."""

from __future__ import annotations

from flask import Blueprint, Flask
from flask.views import MethodView

from mindpeeker_guard.flask import init_app, public, require_scopes

print("what an application prints at import is no part of the audit")  # noqa: T201 - that is what it is here for
app = Flask(__name__)
v1 = Blueprint("v1", __name__, url_prefix="/v1")


@v1.get("/status")
@public
def status() -> str:
    return "ok"


@require_scopes("analytics:read")
@v1.get("/reports")
def reports() -> str:
    return "secret"


class Sessions(MethodView):
    @require_scopes("remote-viewing:read")
    def get(self, key: int) -> str:
        return "secret"

    @require_scopes("remote-viewing:delete")
    def delete(self, key: int) -> str:
        return "secret"


v1.add_url_rule("/sessions/<int:key>", view_func=Sessions.as_view("sessions"))
app.register_blueprint(v1)
init_app(app)
