"""What the ASGI workers of `test_workers` serve: a FastAPI application whose limits are in the same Redis."""

import os

from fastapi import Depends, FastAPI
from tests.rate_limits.served import KEYS, limits, pid

from mindpeeker_guard import Guard, JWTBearer
from mindpeeker_guard.fastapi import init_app, require_scopes

app = FastAPI()
init_app(app, Guard(JWTBearer(keys=KEYS), limits=limits(os.environ["LIMITS_RATE"])))


@app.get("/", dependencies=[Depends(require_scopes("remote-viewing:read"))])
async def view() -> dict[str, int]:
    return pid()
