"""A FastAPI application that knows nothing of tests: its guard points at the real issuer."""

from typing import Annotated

from fastapi import Depends, FastAPI

from mindpeeker_guard import Guard, JWTBearer, Principal
from mindpeeker_guard.fastapi import init_app, require_scopes

app = FastAPI()
init_app(app, Guard(JWTBearer()))


@app.get("/v1/sessions")
async def sessions(principal: Annotated[Principal, Depends(require_scopes("remote-viewing:read"))]):
    return {"sub": principal.subject}
