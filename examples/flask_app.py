"""A small MindPeeker API in Flask.

Run it with ``gunicorn examples.flask_app:app``. ``MINDPEEKER_ISSUER``, ``MINDPEEKER_AUDIENCE`` and
``MINDPEEKER_JWKS_URI`` configure it; without them it trusts the platform's issuer.
"""

from __future__ import annotations

import json
import os
import secrets
from typing import Any
from uuid import uuid4

from flask import Flask, request

from mindpeeker_guard import Guard
from mindpeeker_guard.api_key_routes import keys_of
from mindpeeker_guard.api_key_routes.flask import blueprint
from mindpeeker_guard.flask import current_principal, init_app, public, require_any_scope, require_scopes

# API keys in memory, under a pepper of the moment, unless the environment names a store.
IN_MEMORY = {"MINDPEEKER_API_KEY_STORE": "memory:", "MINDPEEKER_API_KEY_PEPPER": secrets.token_urlsafe(48)}
guard = Guard.from_env(os.environ if "MINDPEEKER_API_KEY_STORE" in os.environ else {**os.environ, **IN_MEMORY})

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
init_app(app, guard, default="deny")
app.register_blueprint(blueprint(keys_of(guard)))

SESSIONS = {"s-1": "a harbour", "s-2": "an orchard"}
MAX_SESSIONS = 100


def caller() -> dict[str, Any]:
    """Tell who calls, and with which scopes."""
    return {"sub": current_principal.subject, "scopes": sorted(current_principal.scopes)}


@app.get("/v1/status")
@public
def status() -> Any:
    return {"status": "ok"}


@app.get("/v1/sessions")
@require_scopes("remote-viewing:read")
def list_sessions() -> Any:
    return {"sessions": [{"id": key, "target": target} for key, target in SESSIONS.items()], **caller()}


@app.post("/v1/sessions")
@require_scopes("remote-viewing:write")
def create_session() -> Any:
    if len(SESSIONS) >= MAX_SESSIONS:
        return {"error": "too many sessions"}, 409
    key, target = f"s-{uuid4().hex[:8]}", target_of_request()
    SESSIONS[key] = target
    return {"id": key, "target": target, **caller()}, 201


def target_of_request() -> str:
    """Return the target that the body names."""
    try:
        body = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        body = None
    return str(body.get("target", "unnamed"))[:80] if isinstance(body, dict) else "unnamed"


@app.delete("/v1/sessions/<key>")
@require_scopes("remote-viewing:delete")
def delete_session(key: str) -> Any:
    found = SESSIONS.pop(key, None) is not None
    return {"id": key, "deleted": found, **caller()}, 200 if found else 404


@app.get("/v1/user/profile")
@require_scopes("profile")
def profile() -> Any:
    return caller()


@app.get("/v1/analytics/reports")
@require_any_scope("analytics:read", "analytics:export")
def reports() -> Any:
    return {"reports": [{"id": "r-1", "sessions": len(SESSIONS)}], **caller()}
