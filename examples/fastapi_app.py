"""A small MindPeeker API in FastAPI; its API document is at ``/docs``.

Run it with ``uvicorn examples.fastapi_app:app``. ``MINDPEEKER_ISSUER``, ``MINDPEEKER_AUDIENCE`` and
``MINDPEEKER_JWKS_URI`` configure it; without them it trusts the platform's issuer.
``MINDPEEKER_API_KEY_STORE``, such as ``sqlite:///keys.db``, and
``MINDPEEKER_API_KEY_PEPPER`` say where API keys are kept; without them, in memory.
"""

import os
import secrets
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Body, Depends, FastAPI, HTTPException

from mindpeeker_guard import Guard, Principal
from mindpeeker_guard.api_key_routes import keys_of
from mindpeeker_guard.api_key_routes.fastapi import router
from mindpeeker_guard.fastapi import init_app, public, require_any_scope, require_scopes

# API keys in memory, under a pepper of the moment, unless the environment names a store.
IN_MEMORY = {"MINDPEEKER_API_KEY_STORE": "memory:", "MINDPEEKER_API_KEY_PEPPER": secrets.token_urlsafe(48)}
guard = Guard.from_env(os.environ if "MINDPEEKER_API_KEY_STORE" in os.environ else {**os.environ, **IN_MEMORY})

app = FastAPI(title="MindPeeker sample API", version="1.0")
init_app(app, guard)
app.include_router(router(keys_of(guard)))

SESSIONS = {"s-1": "a harbour", "s-2": "an orchard"}
MAX_SESSIONS = 100


def caller(principal: Principal) -> dict[str, Any]:
    """Tell who calls, and with which scopes."""
    return {"sub": principal.subject, "scopes": sorted(principal.scopes)}


@app.get("/v1/status")
@public
async def status() -> dict[str, Any]:
    return {"status": "ok"}


@app.get("/v1/sessions")
async def list_sessions(
    principal: Annotated[Principal, Depends(require_scopes("remote-viewing:read"))],
) -> dict[str, Any]:
    return {"sessions": [{"id": key, "target": target} for key, target in SESSIONS.items()], **caller(principal)}


@app.post("/v1/sessions", status_code=201, responses={409: {"description": "Too many sessions"}})
async def create_session(
    principal: Annotated[Principal, Depends(require_scopes("remote-viewing:write"))],
    target: Annotated[str, Body(embed=True, max_length=80)] = "unnamed",
) -> dict[str, Any]:
    if len(SESSIONS) >= MAX_SESSIONS:
        raise HTTPException(409, "too many sessions")
    key = f"s-{uuid4().hex[:8]}"
    SESSIONS[key] = target
    return {"id": key, "target": target, **caller(principal)}


@app.delete("/v1/sessions/{key}", responses={404: {"description": "No such session"}})
async def delete_session(
    key: str, principal: Annotated[Principal, Depends(require_scopes("remote-viewing:delete"))]
) -> dict[str, Any]:
    if SESSIONS.pop(key, None) is None:
        raise HTTPException(404, "no such session")
    return {"id": key, "deleted": True, **caller(principal)}


@app.get("/v1/user/profile")
async def profile(principal: Annotated[Principal, Depends(require_scopes("profile"))]) -> dict[str, Any]:
    return caller(principal)


@app.get("/v1/analytics/reports")
async def reports(
    principal: Annotated[Principal, Depends(require_any_scope("analytics:read", "analytics:export"))],
) -> dict[str, Any]:
    return {"reports": [{"id": "r-1", "sessions": len(SESSIONS)}], **caller(principal)}
