"""An issuer on a loopback port that can misbehave in every way, down to the single byte."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self

from tests.support.tokens import public_jwk

ALG = "ES256"
_LONGEST = 300.0  # seconds: far more than any test waits


class Connection:
    """One connection that a client has made."""

    def __init__(self, issuer: Issuer, client: socket.socket) -> None:
        self.issuer = issuer
        self.socket = client

    def request(self) -> str:
        """Read one request, count it, and return its first line."""
        head = b""
        while b"\r\n\r\n" not in head:
            received = self.socket.recv(4096)
            if not received:
                raise ConnectionError
            head += received
        with self.issuer.lock:
            self.issuer.requests += 1
        return head.partition(b"\r\n")[0].decode("latin-1")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def drip(self, data: bytes = b"x", every: float = 0.02) -> None:
        """Send `data` again and again until the client, or the test, has had enough."""
        for _ in range(int(_LONGEST / every)):
            if self.issuer.closing.wait(every):
                return
            self.send(data)

    def hold(self) -> None:
        """Do nothing until the test is over."""
        self.issuer.closing.wait(_LONGEST)

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Behaviour = Callable[[Connection], None]


class Issuer:
    """Accepts connections and treats each of them as `behave` says at that moment.

    Attributes:
        behave: What to do with a connection; it may be replaced at any time.
        context: The TLS side of the server; None for none. It may be replaced too.
        connections: How many connections were accepted.
        requests: How many requests were read.
    """

    def __init__(self, behave: Behaviour | None = None, context: ssl.SSLContext | None = None) -> None:
        self.behave = behave or publish("a")
        self.context = context
        self.connections = self.requests = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        # Keeps the port ours while nobody listens there.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port = self._reserved.getsockname()[1]
        self._listener: socket.socket | None = None
        self._accepting: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.refuse()
        for client in self._open:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()
        for thread in self._threads:
            thread.join(30)
        self._reserved.close()
        assert not [thread for thread in self._threads if thread.is_alive()]

    def url(self, scheme: str = "http", host: str = "127.0.0.1", path: str = "/jwks") -> str:
        """Return the URL of the keys."""
        return f"{scheme}://{host}:{self.port}{path}"

    def listen(self) -> None:
        """Accept connections from now on."""
        self.refuse()
        self._listener = self._bound(128)
        self._accepting = self._in_thread(self._accept, self._listener)

    def refuse(self) -> None:
        """Refuse connections from now on."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            if self._accepting is not None:
                self._accepting.join(30)
            self._listener.close()
            self._listener = self._accepting = None

    def stall(self) -> None:
        """Neither accept nor refuse connections: the queue is full, and packets are dropped."""
        self.refuse()
        self._listener = self._bound(0)
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", self.port))
            self._open.append(waiting)

    def _bound(self, backlog: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(backlog)
        return listener

    def _in_thread(self, work: Callable[[socket.socket], None], given: socket.socket) -> threading.Thread:
        thread = threading.Thread(target=work, args=(given,), name="issuer", daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.connections += 1
                self._open.append(client)
                self._in_thread(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, ValueError), client:
            if self.context is None:
                self.behave(Connection(self, client))
            else:
                with self.context.wrap_socket(client, server_side=True) as secured:
                    self._open.append(secured)
                    self.behave(Connection(self, secured))


def answer(body: Any = b"", status: int = 200, *, close: bool = True, **headers: str) -> Behaviour:
    """Answer with `body`: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = {"Content-Length": str(len(raw)), "Connection": "close" if close else "keep-alive"}
    named: Mapping[str, str] = known | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    whole = f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + raw

    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(whole)

    return behave


def published(*names: str) -> dict[str, Any]:
    """Return the JWK set with the keys of these names."""
    return {"keys": [public_jwk(name, ALG) for name in names]}


def publish(*names: str, **headers: str) -> Behaviour:
    """Answer with the keys of these names."""
    return answer(published(*names), **headers)


def until(holds: Callable[[], object], behave: Behaviour) -> Behaviour:
    """Wait until `holds`, then behave."""

    def late(connection: Connection) -> None:
        while not holds() and not connection.issuer.closing.wait(0.005):
            pass
        behave(connection)

    return late


def once(first: Behaviour, later: Behaviour) -> Behaviour:
    """Treat the first connection in one way, and all later ones in another."""
    left = [first]
    lock = threading.Lock()

    def behave(connection: Connection) -> None:
        with lock:
            chosen = left.pop() if left else later
        chosen(connection)

    return behave
