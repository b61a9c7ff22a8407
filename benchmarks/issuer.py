"""An issuer on a loopback port: serves metadata and keys, counts who asks, and is slow or broken when told to be."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Final, Self

from benchmarks.tokens import ISSUER, SigningKey

_JWKS: Final = "/jwks"
_OK: Final = 200


@dataclass
class Address:
    """Where an issuer is.

    Attributes:
        url: Where it listens.
        name: The ``iss`` that its metadata tell.
    """

    url: str
    name: str = ISSUER

    @property
    def jwks_uri(self) -> str:
        """Where its keys are."""
        return self.url + _JWKS


class Issuer(Address):
    """Serves the public parts of `keys` while it is entered.

    Attributes:
        keys: The keys that are published.
        delay: Seconds that an answer with keys takes.
        status: The HTTP status of that answer.
    """

    def __init__(self, *keys: SigningKey, delay: float = 0.0, status: int = _OK, name: str = ISSUER) -> None:
        self.keys = keys
        self.delay = delay
        self.status = status
        self._hits: Counter[str] = Counter()
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        super().__init__(f"http://127.0.0.1:{self._server.server_port}", name)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def fetches(self) -> int:
        """How often its keys were asked for."""
        return self._hits[_JWKS]

    @property
    def discoveries(self) -> int:
        """How often its metadata were asked for."""
        return self._hits.total() - self._hits[_JWKS]

    def answer(self, path: str) -> tuple[int, Any]:
        """Count a request, and return status and body of its answer."""
        with self._lock:
            self._hits[path] += 1
        if path == _JWKS:
            time.sleep(self.delay)
            return self.status, {"keys": [key.jwk for key in self.keys] if self.status == _OK else []}
        return _OK, {
            "issuer": self.name,
            "jwks_uri": self.jwks_uri,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that hang up."""


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            status, members = issuer.answer(self.path.partition("?")[0])
            body = json.dumps(members).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
