"""The example applications, each under the server that the README names, in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from mindpeeker_guard._http import http_library

_READY: Final = 90.0  # seconds; a cold start on a small machine takes three, and on a busy one ten times that
_STOP: Final = 10.0
_PACKAGED: Final = Path(__file__).parent / "_examples"
_CHECKOUT: Final = Path(__file__).parents[3] / "examples"

_GUNICORN: Final = ("gunicorn", "--bind", "fd://{fd}", "--threads", "4", "--no-control-socket")
_UVICORN: Final = ("uvicorn", "--fd", "{fd}", "--no-access-log")
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "flask": (*_GUNICORN, "flask_app:app"),
    "fastapi": (*_UVICORN, "fastapi_app:app"),
    "django": (*_GUNICORN, "django_app:application"),
}


class StartError(Exception):
    """Something the demo needs could not be started."""


@contextmanager
def serving(framework: str, environ: Mapping[str, str], port: int = 0) -> Iterator[str]:
    """Run an example until the block ends, and yield its base URL.

    Args:
        framework: One of `COMMANDS`.
        environ: Variables for the example, on top of this process's own.
        port: The loopback port to listen on; 0 picks a free one.

    Raises:
        ImportError: The framework or its server is not installed.
        StartError: The port is taken, or the example does not answer.
    """
    for module in (framework, COMMANDS[framework][0]):
        if importlib.util.find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    with _listening(port) as listener, tempfile.TemporaryFile("w+") as log:
        process = _start(framework, environ, listener, log)
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            _wait_until_ready(url, process, log)
            yield url
        finally:
            _stop(process)


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """Yield a listening socket: the server inherits it, so no other program can take the port in between."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise StartError(f"Port {port} cannot be used: {error.strerror}.") from error
        listener.listen(128)
        listener.set_inheritable(True)
        yield listener


def _start(
    framework: str, environ: Mapping[str, str], listener: socket.socket, log: IO[str]
) -> subprocess.Popen[bytes]:
    command = [part.format(fd=listener.fileno()) for part in COMMANDS[framework]]
    folder = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MINDPEEKER_")}
    return subprocess.Popen(  # noqa: S603 - a fixed command
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**inherited, **environ},
        pass_fds=(listener.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: IO[str]) -> None:
    library = http_library()
    deadline = time.monotonic() + _READY
    with library.Client(trust_env=False, timeout=2) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get(f"{url}/v1/status").is_success:
                    return
            except library.HTTPError:
                pass
            time.sleep(0.05)
    log.seek(0)
    raise StartError(f"The API did not start. Its last words:\n{log.read()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
