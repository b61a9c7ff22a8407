"""A small HTTP server that can be stopped and started again on the same port."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from mindpeeker_guard.errors import ConfigurationError

_log = logging.getLogger("mindpeeker_guard.issuer")
_POLL = 0.05  # seconds that stop() may wait for the accepting thread
_MAX_PORT = 65535


class HTTPServer:
    """Serves a WSGI application from a daemon thread, one more thread per connection.

    Args:
        host: An IP address, or ``localhost``.
        port: A port, or 0 for a free one, chosen at the first start and kept.
        allow_remote: Whether the host may be anything but loopback.

    Raises:
        ConfigurationError: The host is not loopback and ``allow_remote`` is not set, or the port is out of range.
    """

    def __init__(self, host: str, port: int, *, allow_remote: bool) -> None:
        if not allow_remote and not is_loopback(host):
            raise ConfigurationError(f"The issuer listens on loopback only: {host!r} needs allow_remote=True.")
        if not 0 <= port <= _MAX_PORT:
            raise ConfigurationError(f"port must be between 0 and {_MAX_PORT}.")
        self.port = port
        self._host = host
        self._lock = threading.Lock()
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def listening(self) -> bool:
        """Whether the socket is open."""
        return self._server is not None

    @property
    def url(self) -> str:
        """The URL without a trailing slash, or "" before there is a port."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}" if self.port else ""

    def start(self, app: Flask) -> None:
        """Listen and serve; does nothing while it does already.

        Raises:
            OSError: The address is in use, or not there.
        """
        with self._lock:
            if self._server is not None:
                return
            with self._bind() as listener:
                self._server = _serve_on(listener, self._host, app)
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(_POLL,), name="mindpeeker-issuer", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Close the listening socket; does nothing while there is none."""
        with self._lock:
            if self._server is None or self._thread is None:
                return
            self._server.shutdown()
            self._thread.join()
            self._server = self._thread = None

    def _bind(self) -> socket.socket:
        """Open the listening socket and keep its port for later starts.

        Raises:
            OSError: The address is in use, or not there.
        """
        # Werkzeug would end the whole process when the port is taken, so the socket is ours.
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        host = "127.0.0.1" if self._host == "localhost" else self._host
        listener = socket.create_server((host, self.port), family=family, backlog=128)
        self.port = listener.getsockname()[1]
        return listener


class _QuietHandler(WSGIRequestHandler):
    """Serves without a request log of its own, and answers unreadable requests with JSON."""

    timeout = 10.0  # seconds without a byte before a connection is given up
    error_message_format = '{"error": "invalid_request"}'
    error_content_type = "application/json"

    def version_string(self) -> str:
        """Name the server, not its libraries and their versions."""
        return "mindpeeker-guard"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent: the application logs the route, this line would hold the query."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ARG002  # Werkzeug's signature
        """Say that something was wrong with a connection, but not what was in it."""
        _log.debug("a connection ended early (%s)", type)

    def run_wsgi(self) -> None:
        """Answer 400 to a request target that is no URL; Werkzeug would drop the connection and print a traceback."""
        try:
            urlsplit(self.path)
        except ValueError:
            self.send_error(400)
        else:
            super().run_wsgi()


def is_loopback(host: str) -> bool:
    """Say whether a host can only be reached from this machine; names other than ``localhost`` are not looked up."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _serve_on(listener: socket.socket, host: str, app: Flask) -> BaseWSGIServer:
    """Make a server on a copy of an open socket."""
    port = listener.getsockname()[1]
    return make_server(host, port, app, threaded=True, request_handler=_QuietHandler, fd=listener.fileno())
