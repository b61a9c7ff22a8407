"""The routes for API keys as a FastAPI router, with all bodies and statuses in the API document.

There is no ``from __future__ import annotations`` here: FastAPI reads the annotations of the endpoints.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

# This import says which extra is missing, so it comes first.
from mindpeeker_guard.fastapi import require

from fastapi import APIRouter, Depends, Path, Request, Response  # isort: skip
from starlette.requests import ClientDisconnect  # isort: skip

from mindpeeker_guard._flow import arun
from mindpeeker_guard._scopes import ScopeExpression
from mindpeeker_guard._types import Principal
from mindpeeker_guard.api_key_routes import BODY_LIMIT, PREFIX, SCHEMES, APIKeyRoutes, RouteRequest, _openapi
from mindpeeker_guard.api_key_routes._handler import Operation
from mindpeeker_guard.api_keys import APIKeys

__all__ = ["router"]


def router(
    keys: APIKeys,
    *,
    prefix: str = PREFIX,
    scopes: Iterable[str | ScopeExpression] = (),
    admin_scope: str | None = None,
) -> APIRouter:
    """Return a router with the routes, guarded by the guard that `init_app` attaches, with access tokens only.

    Args:
        keys: The service that the routes are for. A store with plain methods is called in worker threads.
        prefix: The path of the collection.
        scopes: What a caller needs for all of the routes; by default, any good access token.
        admin_scope: Who holds it sees and changes everybody's keys.

    Raises:
        ConfigurationError: A scope is unknown; the text has the nearest name.
    """
    routes = APIKeyRoutes(keys, admin_scope=admin_scope)
    caller = Depends(require(*scopes, schemes=SCHEMES))
    made = APIRouter(prefix=prefix, tags=["API keys"])
    for route in routes.table:
        made.add_api_route(
            route.path,
            (_item_endpoint if route.path else _endpoint)(route.operation, caller),
            methods=[route.method],
            name=f"{route.name}_api_key{'' if route.path or route.method == 'POST' else 's'}",
            response_class=Response,
            **_openapi.described(route.name, keys.catalogue),
        )
    return made


def _endpoint(operation: Operation, caller: Any) -> Callable[..., Any]:
    async def endpoint(request: Request, principal: Annotated[Principal, caller]) -> Response:
        return await _answered(operation, request, principal)

    return endpoint


def _item_endpoint(operation: Operation, caller: Any) -> Callable[..., Any]:
    async def endpoint(
        request: Request,
        key_id: Annotated[str, Path(description="The id of the key.")],
        principal: Annotated[Principal, caller],
    ) -> Response:
        return await _answered(operation, request, principal, key_id)

    return endpoint


async def _answered(operation: Operation, request: Request, principal: Principal, key_id: str = "") -> Response:
    answer = await arun(operation(await _read(request, principal, key_id)))
    return Response(answer.body, answer.status, dict(answer.headers))


async def _read(request: Request, principal: Principal, key_id: str) -> RouteRequest:
    return RouteRequest(
        principal=principal,
        path=_path(request),
        key_id=key_id,
        query=request.scope["query_string"].decode("latin-1"),
        content_type=request.headers.get("Content-Type", ""),
        body=await _body(request) if request.method == "POST" else b"",
    )


def _path(request: Request) -> str:
    """Return the path that the caller used: a proxy may have cut off the beginning that `root_path` names."""
    path, root = request.scope["path"], request.scope.get("root_path", "").rstrip("/")
    return str(path if path.startswith(f"{root}/") else root + path)


async def _body(request: Request) -> bytes:
    """Return the body, read no further than any good one goes."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                break
    except ClientDisconnect:
        return b""  # nobody is there to read the answer
    return body
