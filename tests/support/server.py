"""A real HTTP server on a loopback port, which answers what a test tells it to and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        body: Bytes as they are, or anything else as JSON.
        status: The HTTP status.
        headers: More headers than ``Content-Length``.
        gate: What to wait for before the answer is sent.
        act: What to do with the connection instead of answering.
    """

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None
    act: Callable[[BaseHTTPRequestHandler], None] | None = None


@dataclass(frozen=True)
class Hit:
    """One request that arrived."""

    path: str
    headers: Message
    body: bytes = b""


class ScriptedServer:
    """Serves replies by path: each once, in order, the last one for ever; 404 where a path has none."""

    def __init__(self) -> None:
        self.hits: list[Hit] = []
        self.closing = threading.Event()
        self._replies: dict[str, list[Reply]] = defaultdict(list)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for replies in self._replies.values():
            for reply in replies:
                if reply.gate is not None:
                    reply.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str = "/jwks") -> str:
        """Return the URL of `path`."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def answer(self, *replies: Reply, path: str = "/jwks") -> None:
        """Answer requests for `path` with `replies` from now on."""
        with self._lock:
            self._replies[path] = list(replies)

    def count(self, path: str | None = None) -> int:
        """Return how many requests came, for `path` or for any."""
        return sum(path in {None, hit.path} for hit in self.hits)

    def take(self, hit: Hit) -> Reply:
        """Note a request and return its reply."""
        with self._lock:
            self.hits.append(hit)
            replies = self._replies[hit.path]
            if not replies:
                return Reply(status=404)
            return replies.pop(0) if len(replies) > 1 else replies[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of the tests."""


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        scripted = server

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = server.take(Hit(self.path, self.headers, body))
            self.close_connection = True
            if reply.gate is not None:
                reply.gate.wait(300)
            if reply.act is not None:
                reply.act(self)
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response_only(reply.status)  # no Date and Server of its own
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if reply.status != 304:
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection with a TCP reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.connection.close()


def half(handler: BaseHTTPRequestHandler) -> None:
    """Promise a hundred bytes, send ten, and close."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")


def drip_body(handler: BaseHTTPRequestHandler) -> None:
    """Send a body byte by byte until somebody has had enough."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    _drip(handler)


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    """Send a header byte by byte until somebody has had enough."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler)


def _drip(handler: Any, every: float = 0.02, longest: float = 60.0) -> None:
    for _ in range(int(longest / every)):
        if handler.scripted.closing.wait(every):
            return
        handler.wfile.write(b"x")
