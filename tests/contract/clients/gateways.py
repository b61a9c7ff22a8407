"""The two gateway interfaces, driven by hand: what a server hands over, byte for byte, whatever it may be."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from tests.contract.clients.base import Answer, Headers

Message = MutableMapping[str, Any]
_runner: list[asyncio.Runner] = []


class WSGIClient:
    """Sends requests to a WSGI application; repeated headers arrive joined by a comma, as servers do it."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def send(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """Send a request."""
        started: list[tuple[str, list[tuple[str, str]]]] = []
        chunks = self._app(
            _environ(method, path, headers, body), lambda status, fields, _=None: started.append((status, fields))
        )
        try:
            content = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        ((status, fields),) = started
        return _answer(int(status.split(" ")[0]), fields, content, method)


class ASGIClient:
    """Sends requests to an ASGI application, all on one event loop."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    def send(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """Send a request."""
        scope = _scope("http", path, headers) | {"method": method}
        sent = run(_converse(self._app, scope, [{"type": "http.request", "body": body, "more_body": False}]))
        return _http_answer(sent, "http.response", method)


class WebSocketClient:
    """Opens WebSockets on an ASGI application. One that is accepted answers with the first message it sends."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    def send(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """Open a WebSocket."""
        del method, body
        scope = _scope("websocket", path, headers) | {
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }
        sent = run(_converse(self._app, scope, [{"type": "websocket.connect"}]))
        if sent[0]["type"] != "websocket.accept":
            return _http_answer(sent, "websocket.http.response", "GET")
        assert ["websocket.accept", "websocket.send", "websocket.close"] == [message["type"] for message in sent]
        fields = {name.decode("ascii"): value.decode("ascii") for name, value in sent[0].get("headers", ())}
        return Answer(200, {"content-type": "application/json", **fields}, sent[1]["text"].encode("ascii"))


def run(awaitable: Any) -> Any:
    """Run `awaitable` on the event loop of all clients."""
    if not _runner:
        _runner.append(asyncio.Runner())
    return _runner[0].run(awaitable)


def close() -> None:
    """Close the event loop; the next request opens another."""
    while _runner:
        _runner.pop().close()


async def _converse(app: Callable[..., Any], scope: Message, incoming: list[Message]) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        if not incoming:
            await asyncio.Event().wait()
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 100)
    return sent


def _http_answer(sent: list[Message], kind: str, method: str) -> Answer:
    start, *rest = sent
    assert f"{kind}.start" == start["type"]
    assert {f"{kind}.body"} == {message["type"] for message in rest}
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    return _answer(start["status"], fields, b"".join(message.get("body", b"") for message in rest), method)


def _answer(status: int, fields: Iterable[tuple[str, str]], body: bytes, method: str) -> Answer:
    headers: dict[str, str] = {}
    for name, value in fields:
        assert name.lower() not in headers, f"{name} is sent twice"
        headers[name.lower()] = value
    return Answer(status, headers, b"" if method == "HEAD" else body)


def _scope(kind: str, path: str, headers: Headers) -> dict[str, Any]:
    plain, _, query = path.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http" if kind == "http" else "ws",
        "path": plain,
        "raw_path": plain.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [(b"host", b"testserver")]
        + [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers],
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 50000),
    }


def _environ(method: str, path: str, headers: Headers, body: bytes) -> Mapping[str, Any]:
    plain, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": plain,
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "testserver",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key.startswith("HTTP_") and key in environ else value
    return environ
