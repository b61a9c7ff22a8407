"""The two gateway interfaces of Python, as a server would drive them (PEP 3333, ASGI 3)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import unquote, unquote_to_bytes

T = TypeVar("T")
Message = MutableMapping[str, Any]

HOST: Final = "testserver"
_PATIENCE: Final = 60.0  # seconds that a request or a start may take
_BARE: Final = frozenset({"content-type", "content-length"})


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        method: The HTTP method.
        target: Path and query.
        headers: Names and values, repeated ones too.
        body: The body.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: The HTTP status; 500 for an application that raised.
        headers: The headers, with names in small letters; repeated ones joined by a comma.
        body: The body.
        error: What the application raised.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    error: BaseException | None = None


def answer(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
    """Return an answer with `headers` as they came."""
    named: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        named[key] = f"{named[key]}, {value}" if key in named else value
    return Answer(status, named, body)


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers with repeated ones joined by a comma, as servers hand them to WSGI applications."""
    named: dict[str, str] = {}
    for name, value in headers:
        named[name] = f"{named[name]},{value}" if name in named else value
    return named


def call_wsgi(app: Callable[..., Iterable[bytes]], call: Call) -> Answer:
    """Send a request to a WSGI application."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
        started.append((status, headers))
        return lambda _data: None

    chunks = app(_environ(call), start_response)
    try:
        body = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    status, headers = started[-1]
    return answer(int(status.split(" ")[0]), headers, body)


def _environ(call: Call) -> dict[str, Any]:
    path, _, query = call.target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": HOST,
        "CONTENT_LENGTH": str(len(call.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(call.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in joined(call.headers).items():
        key = name.upper().replace("-", "_")
        environ[key if name.lower() in _BARE else f"HTTP_{key}"] = value
    return environ


class LoopThread:
    """An event loop in a thread of its own, so that it works inside of async tests too."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="mindpeeker-testing")
        self._runner = self._threads.submit(asyncio.Runner).result()

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Await what `work` returns."""
        return self._threads.submit(lambda: self._runner.run(_awaited(work))).result()

    def close(self) -> None:
        """End the loop and the thread."""
        self._threads.submit(self._runner.close).result()
        self._threads.shutdown()


async def _awaited(work: Callable[[], Awaitable[T]]) -> T:
    return await asyncio.wait_for(work(), _PATIENCE)


async def call_asgi(app: Callable[..., Awaitable[None]], call: Call, state: Mapping[str, Any]) -> Answer:
    """Send a request to an ASGI application; `state` is what its lifespan left."""
    sent: list[Message] = []
    incoming: list[Message] = [{"type": "http.request", "body": call.body, "more_body": False}]

    async def receive() -> Message:
        if not incoming:
            await asyncio.Event().wait()
        return incoming.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    await app(_scope(call, state), receive, send)
    start, *rest = sent
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.get("headers", ())]
    return answer(start["status"], headers, b"".join(message.get("body", b"") for message in rest))


def _scope(call: Call, state: Mapping[str, Any]) -> dict[str, Any]:
    path, _, query = call.target.partition("?")
    fields = (("host", HOST), ("content-length", str(len(call.body))), *call.headers)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in fields],
        "server": (HOST, 80),
        "client": ("127.0.0.1", 50000),
        "state": dict(state),
    }


class Lifespan:
    """The life of an ASGI application: started before the first request, ended after the last one.

    Args:
        app: The application. One that knows no lifespan is served without.
        state: Where it may leave what its requests see.
    """

    def __init__(self, app: Callable[..., Coroutine[Any, Any, None]], state: MutableMapping[str, Any]) -> None:
        self._app = app
        self._state = state
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._asked = False

    async def start(self) -> None:
        """Start the application.

        Raises:
            RuntimeError: It says that it cannot start.
        """
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        self._task = asyncio.create_task(self._app(scope, self._receive, self._told.put))
        told = await self._next()
        if told.get("type") == "lifespan.startup.failed":
            await self.stop()
            raise RuntimeError(f"The application does not start: {told.get('message', '')}")

    async def stop(self) -> None:
        """End the application."""
        self._ending.set()
        if self._task is not None:
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()  # looked at: one that knows no lifespan has raised

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        await self._ending.wait()
        return {"type": "lifespan.shutdown"}

    async def _next(self) -> Message:
        """Return what the application says next; nothing where it has ended without a word."""
        assert self._task is not None  # noqa: S101 - for the type checker
        told = asyncio.ensure_future(self._told.get())
        await asyncio.wait([told, self._task], return_when=asyncio.FIRST_COMPLETED)
        if self._told.empty() and not told.done():
            told.cancel()
            return {}
        return await told
