"""Guard a whole ASGI application (HTTP and WebSocket), or one mounted below another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._requests import ASGIRequest
from mindpeeker_guard._types import Principal, Refusal, Requirement
from mindpeeker_guard._views import PRINCIPAL_KEY, note_headers, remember, take_headers
from mindpeeker_guard.errors import AnswerError

__all__ = ["GuardMiddleware", "principal_of", "send_refusal"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_STARTS = frozenset({"http.response.start", "websocket.accept"})
_POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1


class GuardMiddleware:
    """Lets through to `app` what meets one requirement.

    Args:
        app: The application to guard.
        guard: Decides.
        requirement: What every request and WebSocket must meet; by default, any good credential.
    """

    def __init__(self, app: Application, guard: Guard, requirement: Requirement | None = None) -> None:
        self._app = app
        self._guard = guard
        self._requirement = requirement or Requirement()
        guard.validate(self._requirement)

    @property
    def guarded(self) -> tuple[Application, Guard, Requirement]:
        """The application behind this middleware, who decides, and what everybody must meet."""
        return self._app, self._guard, self._requirement

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "lifespan":
            request = ASGIRequest(scope)
            try:
                remember(scope, self._guard, await self._guard.acheck(request, self._requirement))
            except AnswerError as error:
                await send_refusal(self._guard.refusal(error), scope, send)
                return
            if self._guard.is_limited:
                note_headers(scope, request)
                send = with_headers(scope, send)
        await self._app(scope, receive, send)


def principal_of(scope: Mapping[str, Any]) -> Principal | None:
    """Return who calls; None where a credential is optional and there is none.

    Raises:
        LookupError: The connection did not come through `GuardMiddleware`.
    """
    if PRINCIPAL_KEY not in scope:
        raise LookupError("This connection did not pass a GuardMiddleware.")
    principal: Principal | None = scope[PRINCIPAL_KEY]
    return principal


def with_headers(scope: Scope, send: Send) -> Send:
    """Return `send`, but for the headers that are kept in `scope`, which the answer has besides its own."""

    def send_with_headers(message: MutableMapping[str, Any]) -> Awaitable[None]:
        if message["type"] in _STARTS and (found := take_headers(scope)):
            more = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in found]
            own = {name for name, _ in message.get("headers", ())}
            message["headers"] = [*message.get("headers", ()), *(pair for pair in more if pair[0] not in own)]
        return send(message)

    return send_with_headers


async def send_refusal(refusal: Refusal, scope: Mapping[str, Any], send: Send) -> None:
    """Answer with a refusal. A WebSocket handshake gets it as an HTTP answer where the server can send one."""
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        kind = "websocket.http.response"
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in refusal.headers]
    headers.append((b"content-length", str(len(refusal.body)).encode("latin-1")))
    await send({"type": f"{kind}.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": refusal.body})
