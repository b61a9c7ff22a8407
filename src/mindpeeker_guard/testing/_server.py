"""The HTTP side of the fake issuer: one loopback port, and every way to fail."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from mindpeeker_guard.errors import ConfigurationError

Fault = Literal["500", "html", "empty", "slow", "oversize", "reset", "304"]

FAULTS: Final[tuple[Fault, ...]] = ("500", "html", "empty", "slow", "oversize", "reset", "304")
_MAX_BODY: Final = 64 * 1024  # bytes of a token request
_MAX_PATHS: Final = 256  # so that a scanner cannot fill the memory with counters
_OVERSIZE: Final = 1024 * 1024  # bytes: four times what a guard reads
_SLOWEST: Final = 60.0  # seconds: longer than any client waits
_POLL: Final = 0.02  # seconds until a server that is told to stop has stopped
_NOT_MODIFIED: Final = 304


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        body: The body.
        status: The HTTP status.
        headers: More headers than ``Date`` and ``Content-Length``.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(document: Mapping[str, Any], status: int = 200, **headers: str) -> Answer:
    """Return a JSON document as an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(json.dumps(document).encode(), status, {"Content-Type": "application/json", **named})


Resource = Callable[[str, Mapping[str, str], bytes], Answer]
"""Answers to a method, headers (names in small letters) and a body."""


class Server:
    """Serves resources by path, from a thread.

    Args:
        resources: Path to what answers there.
        clock: What the ``Date`` header says.
    """

    def __init__(self, resources: Mapping[str, Resource], clock: Callable[[], float]) -> None:
        self.requests: dict[str, int] = {}
        self._resources = resources
        self._clock = clock
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._recovered = threading.Event()
        self._port = 0
        self._http: _HTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash.

        Raises:
            ConfigurationError: It has never been started.
        """
        if not self._port:
            raise ConfigurationError("The issuer has no URL yet: use it in a with block, or start() it first.")
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, and serve from a thread; on the same port as before."""
        if self._http is None:
            self._http = _HTTPServer(("127.0.0.1", self._port), _handler(self))
            self._port = self._http.server_port
            self._thread = threading.Thread(
                target=self._http.serve_forever, args=(_POLL,), name="mindpeeker-fake-issuer", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop listening, and end the answers that are under way."""
        self.fault = None
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()
            self._http = self._thread = None

    @property
    def fault(self) -> Fault | None:
        """In which way every answer fails; None for in none."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        if fault is not None and fault not in FAULTS:
            raise ConfigurationError(f"A fault is one of {', '.join(FAULTS)}: {fault!r}.")
        self._recovered.set()
        self._recovered = threading.Event()
        self._fault = fault

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request, or fail as told."""
        path = urlsplit(handler.path).path
        with self._lock:
            if path in self.requests or len(self.requests) < _MAX_PATHS:
                self.requests[path] = self.requests.get(path, 0) + 1
        fault, recovered = self._fault, self._recovered
        if fault == "slow":
            recovered.wait(_SLOWEST)
        elif fault == "reset":
            _reset(handler)
        else:
            answer = _BROKEN[fault] if fault in _BROKEN else self._answer(handler, path)
            self._send(handler, answer)

    def _answer(self, handler: BaseHTTPRequestHandler, path: str) -> Answer:
        resource = self._resources.get(path)
        if resource is None:
            return json_answer({"error": "not_found"}, 404)
        length = handler.headers.get("content-length", "0")
        body = handler.rfile.read(min(int(length), _OVERSIZE)) if length.isdecimal() else b""
        if not length.isdecimal() or len(body) > _MAX_BODY:
            return json_answer({"error": "invalid_request"}, 413)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        return resource(str(handler.command), headers, body)

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response_only(answer.status)
        handler.send_header("Date", formatdate(self._clock(), usegmt=True))
        handler.send_header("Connection", "close")
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.status != _NOT_MODIFIED:
            handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        if answer.status != _NOT_MODIFIED and handler.command != "HEAD":
            handler.wfile.write(answer.body)


def document(make: Callable[[], Mapping[str, Any]]) -> Resource:
    """Return a resource that is a JSON document, with an ``ETag``; 304 for who has it already (RFC 9110 section 13)."""

    def serve(method: str, headers: Mapping[str, str], _: bytes) -> Answer:
        if method not in {"GET", "HEAD"}:
            return json_answer({"error": "invalid_request"}, 405, Allow="GET, HEAD")
        found = json_answer(make(), Cache_Control="max-age=300")
        tag = f'"{hashlib.sha256(found.body).hexdigest()[:32]}"'
        known = {**found.headers, "ETag": tag}
        if tag in headers.get("if-none-match", ""):
            return Answer(status=_NOT_MODIFIED, headers=known)
        return Answer(found.body, headers=known)

    return serve


_JSON: Final = {"Content-Type": "application/json"}
_BROKEN: Final[Mapping[Fault | None, Answer]] = {
    "500": Answer(b'{"error":"server_error"}', 500, _JSON),
    "html": Answer(b"<!doctype html><title>Maintenance</title>", 200, {"Content-Type": "text/html"}),
    "empty": Answer(b"", 200, _JSON),
    "oversize": Answer(b'{"keys":[],"x":"' + b"x" * _OVERSIZE + b'"}', 200, _JSON),
    "304": Answer(status=_NOT_MODIFIED),
}


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of tests."""


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _SLOWEST

        def respond(self) -> None:
            self.close_connection = True
            with suppress(ConnectionError):
                server.respond(self)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = respond  # noqa: N815 - names of the library's

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    return Handler


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection with a TCP reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
