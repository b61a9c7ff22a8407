"""A FastAPI application in which one route is open by mistake, in a nested router."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, WebSocket

from mindpeeker_guard.fastapi import CurrentPrincipal, init_app, public, require_scopes

print("what an application prints at import is no part of the audit")  # noqa: T201 - that is what it is here for
router = APIRouter(prefix="/v1")
analytics = APIRouter(prefix="/analytics")


@router.get("/status")
@public
async def status() -> str:
    return "ok"


@analytics.get("/reports")
async def reports() -> str:
    return "secret"


@analytics.post("/reports", dependencies=[Depends(require_scopes("analytics:export"))])
async def export() -> str:
    return "secret"


@router.websocket("/live")
async def live(socket: WebSocket, principal: CurrentPrincipal) -> None:
    await socket.accept()


@router.get("/profile")
async def profile(principal: Annotated[object, Depends(require_scopes("profile"))]) -> str:
    return "secret"


router.include_router(analytics)


def make(*, title: str = "planted") -> FastAPI:
    made = FastAPI(title=title)
    made.include_router(router)
    init_app(made)
    return made


app = make()
