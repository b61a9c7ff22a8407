"""The same guarded resource for gunicorn and for uvicorn, with nothing but the guard between server and answer."""

from __future__ import annotations

import os
import time
from typing import Any

from mindpeeker_guard import AnswerError, ASGIRequest, Guard, JWTBearer, Refusal, RemoteKeySet, WSGIRequest
from mindpeeker_guard.state.redis import RedisState

patience = {"timeout": 10, "connect_timeout": 10}  # eight processes start at once, on a machine that may be small
state = RedisState(os.environ["FLEET_REDIS"], prefix="fleet", secret=os.environ["FLEET_SECRET"], **patience)
keys = RemoteKeySet(os.environ["FLEET_JWKS"], shared=state.keys, timeout=30, connect_timeout=10)
guard = Guard(JWTBearer(keys=keys), revocations=state.revocations)

GOOD = Refusal(200, (("Content-Type", "text/plain"),), b"good")
PAUSE = 0.01  # seconds for which a worker is busy, so that none of them takes all of the requests


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer by WSGI."""
    time.sleep(PAUSE)
    try:
        guard.check(WSGIRequest(environ))
        answer = GOOD
    except AnswerError as error:
        answer = guard.refusal(error)
    start_response(f"{answer.status} -", [*answer.headers, ("X-Pid", str(os.getpid()))])
    return [answer.body]


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer by ASGI."""
    if scope["type"] != "http":
        return
    time.sleep(PAUSE)  # noqa: ASYNC251 - on purpose
    try:
        await guard.acheck(ASGIRequest(scope))
        answer = GOOD
    except AnswerError as error:
        answer = guard.refusal(error)
    headers = [*answer.headers, ("X-Pid", str(os.getpid()))]
    pairs = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": answer.body})
