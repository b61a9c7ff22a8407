"""Requests to whatever a user has: an application, a test client, or a server."""

from __future__ import annotations

import http.client
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.testing._gateways import (
    Answer,
    Call,
    Lifespan,
    LoopThread,
    answer,
    call_asgi,
    call_wsgi,
    joined,
)

_TIMEOUT: Final = 30.0  # seconds
_WSGI, _ASGI = 2, 3  # how many arguments such applications take


class Caller(ABC):
    """Sends requests; to be closed in the end."""

    @abstractmethod
    def send(self, call: Call) -> Answer:
        """Send a request. What an application raises is part of the answer."""

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Give back what it took."""


def caller(target: Any) -> Caller:
    """Return a caller for `target`.

    Raises:
        ConfigurationError: It is nothing that takes requests, or a client with a credential of its own.
    """
    if isinstance(target, str):
        return _Remote(target)
    if hasattr(target, "application") and hasattr(target, "open"):  # Werkzeug's and Flask's test clients
        return _Gateway(target.application)
    if hasattr(target, "generic"):  # Django's test clients
        return _DjangoClient(target)
    if hasattr(target, "base_url") and hasattr(target, "request"):  # httpx, httpx2, Starlette's TestClient
        return _HTTPXClient(target)
    if callable(target) and not isinstance(target, type):
        return _AsyncGateway(target) if _takes(target) == _ASGI else _Gateway(target)
    raise ConfigurationError(
        f"{target!r} takes no requests: give an application (WSGI or ASGI), a test client of Flask, FastAPI or Django, "
        "or the URL of a server."
    )


def _takes(app: Any) -> int:
    """Return how many arguments `app` takes, as far as gateways go."""
    positional = [
        parameter
        for parameter in inspect.signature(app).parameters.values()
        if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}
    ]
    if len(positional) not in {_WSGI, _ASGI}:
        raise ConfigurationError(f"{app!r} is neither a WSGI nor an ASGI application.")
    return len(positional)


def _answered(send: Callable[[], Answer]) -> Answer:
    """Return the answer. An exception that reaches us would have been a 500 behind a server."""
    try:
        return send()
    except Exception as error:  # noqa: BLE001 - whatever the application does not catch
        return Answer(500, {}, b"", error)


class _Gateway(Caller):
    """A WSGI application."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def send(self, call: Call) -> Answer:
        return _answered(lambda: call_wsgi(self._app, call))


class _AsyncGateway(Caller):
    """An ASGI application, on an event loop in a thread of its own, as servers and test clients have it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._loop = LoopThread()
        try:
            self._lifespan: Lifespan = self._loop.run(self._started)
        except BaseException:  # raised again: only the thread must not stay behind
            self._loop.close()
            raise

    async def _started(self) -> Lifespan:
        lifespan = Lifespan(self._app, self._state)
        await lifespan.start()
        return lifespan

    def send(self, call: Call) -> Answer:
        return _answered(lambda: self._loop.run(lambda: call_asgi(self._app, call, self._state)))

    def close(self) -> None:
        try:
            self._loop.run(self._lifespan.stop)
        finally:
            self._loop.close()


class _Client(Caller):
    """A client whose answers may have to be awaited."""

    def __init__(self) -> None:
        self._loop: LoopThread | None = None

    def _finished(self, result: Any) -> Any:
        return self._in_thread(result) if inspect.isawaitable(result) else result

    def _in_thread(self, result: Any) -> Any:
        self._loop = self._loop or LoopThread()
        return self._loop.run(lambda: result)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.close()


class _HTTPXClient(_Client):
    """A client of httpx or httpx2; Starlette's TestClient is one."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        if "authorization" in client.headers:
            raise ConfigurationError("This client sends an Authorization header of its own: give one that does not.")
        self._client = client

    def send(self, call: Call) -> Answer:
        return _answered(lambda: self._sent(call))

    def _sent(self, call: Call) -> Answer:
        response = self._finished(
            self._client.request(
                call.method, call.target, headers=list(call.headers), content=call.body, follow_redirects=False
            )
        )
        return answer(response.status_code, response.headers.multi_items(), response.content)


class _DjangoClient(_Client):
    """Django's test client, plain or async: it has a project's settings, and the database as the test sees it."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        if {"HTTP_AUTHORIZATION", "authorization"} & {str(name) for name in client.defaults}:
            raise ConfigurationError("This client sends an Authorization header of its own: give one that does not.")
        self._client = client

    def send(self, call: Call) -> Answer:
        return _answered(lambda: self._sent(call))

    def _sent(self, call: Call) -> Answer:
        headers = joined(call.headers)
        content_type = headers.pop("Content-Type", "application/octet-stream")
        arguments = (call.method, call.target, call.body, content_type)
        response = self._finished_django(lambda: self._client.generic(*arguments, headers=headers))
        return answer(response.status_code, response.items(), response.getvalue())

    def _finished_django(self, send: Callable[[], Any]) -> Any:
        from asgiref.sync import async_to_sync, iscoroutinefunction  # noqa: PLC0415 - Django has brought it

        # Not in a thread of ours where it can be helped: the database connection of a test belongs to its thread.
        if iscoroutinefunction(self._client.request) and not _in_loop():

            async def sent() -> Any:
                return await send()

            return async_to_sync(sent)()
        return self._finished(send())


def _in_loop() -> bool:
    import asyncio  # noqa: PLC0415 - plain WSGI does without

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Remote(Caller):
    """A server, over HTTP."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(f"A server is named by an http(s) URL: {base_url!r}.")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")

    def send(self, call: Call) -> Answer:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=_TIMEOUT)
        try:
            connection.putrequest(call.method, self._prefix + call.target, skip_accept_encoding=True)
            for name, value in (*call.headers, ("Content-Length", str(len(call.body))), ("Connection", "close")):
                connection.putheader(name, value)
            connection.endheaders(call.body or None)
            response = connection.getresponse()
            return answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()
