"""Redis servers of a test's own: started, killed by their process id, stopped, and started again on the same port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest
from tests.support.ports import free_port

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")


def need_server() -> str:
    """Return the server's program; without one, skip for a user and fail in CI."""
    if BINARY is None:
        reason = "needs redis-server (Debian: apt-get install redis-server) or valkey-server"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return BINARY


class RedisServer:
    """A server process that keeps nothing on disk.

    Args:
        folder: Where it may write.
        options: More options, as on its command line.
        port: Where it listens; a free one by default.
    """

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = free_port() if port is None else port
        self._folder, self._options = folder, options
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        known = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command = [need_server(), *known, "--dir", str(self._folder), *self._options]
        with (self._folder / f"redis-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, "the server ended at once"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGCONT)
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(20)
            self._process = None

    def pause(self) -> None:
        """Let it accept connections and say nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def client(self, **options: Any) -> Any:
        """Return a plain client, to look behind the scenes."""
        import redis

        return redis.Redis(port=self.port, host="127.0.0.1", **options)

    def _answers(self) -> bool:
        try:
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=2)
        except OSError:
            return False
        with connection, suppress(ConnectionError):
            # With TLS it says something else, or hangs up: that it does anything is what counts.
            connection.sendall(b"PING\r\n")
            connection.recv(16)
        return True
