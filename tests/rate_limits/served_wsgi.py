"""What the WSGI workers of `test_workers` serve: a Flask application whose limits are in a Redis."""

import os

from flask import Flask
from tests.rate_limits.served import KEYS, limits, pid

from mindpeeker_guard import Guard, JWTBearer
from mindpeeker_guard.flask import init_app, require_scopes

app = Flask(__name__)
init_app(app, Guard(JWTBearer(keys=KEYS), limits=limits(os.environ["LIMITS_RATE"])))


@app.get("/")
@require_scopes("remote-viewing:read")
def view() -> dict[str, int]:
    return pid()
