"""A Flask application for a real server: settings from the environment, keys fetched before the workers fork."""

from __future__ import annotations

import os

from flask import Flask

from mindpeeker_guard import Guard
from mindpeeker_guard.flask import current_principal, init_app, require_scopes

guard = Guard.from_env()
if os.environ.get("WARM_UP"):
    guard.warm_up()

app = Flask(__name__)
init_app(app, guard)


@app.get("/x")
@require_scopes("remote-viewing:read")
def x():
    return {"sub": current_principal.subject, "pid": os.getpid()}


@app.get("/async")
@require_scopes("remote-viewing:read")
async def x_async():
    return {"sub": current_principal.subject, "pid": os.getpid()}
