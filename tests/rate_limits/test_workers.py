"""Four gunicorn and four uvicorn workers with one Redis: one limit for all of them, and nobody lost when it dies."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.state.servers import RedisServer
from tests.support.tokens import jwks, token

for package in ("gunicorn", "uvicorn", "flask", "fastapi"):
    pytest.importorskip(package)
ROOT = Path(__file__).parents[2]
WORKERS = 4
WSGI = ["-m", "gunicorn", "--no-control-socket", f"--workers={WORKERS}", "--threads=4"]
ASGI = ["-m", "uvicorn", f"--workers={WORKERS}", "--no-access-log"]


@contextmanager
def serving(command: list[str], folder: Path, environ: dict[str, str]) -> Iterator[int]:
    """Yield the port of a server, and end it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    with (folder / f"{command[1]}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *(part.format(fd=listener.fileno()) for part in command)],
            cwd=ROOT,
            env=os.environ | environ,
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
        )
        try:
            yield listener.getsockname()[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            listener.close()


@contextmanager
def fleet(server: RedisServer, folder: Path, rate: str, timeout: float) -> Iterator[list[int]]:
    """Yield the ports of both servers, once all workers have answered."""
    environ = {
        "LIMITS_KEYS": json.dumps(jwks()),
        "LIMITS_RATE": rate,
        "LIMITS_STORE": server.url,
        "LIMITS_TIMEOUT": str(timeout),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
    }
    commands = [
        [*WSGI, "--bind=fd://{fd}", "tests.rate_limits.served_wsgi:app"],
        [*ASGI, "--fd={fd}", "tests.rate_limits.served_asgi:app"],
    ]
    with ExitStack() as stack:
        ports = [stack.enter_context(serving(command, folder, environ)) for command in commands]
        for port in ports:
            assert 401 == ask(port, None)
        yield ports


def ask(port: int, text: str | None) -> int:
    """Return the status of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {} if text is None else {"Authorization": f"Bearer {text}"}
    connection.request("GET", "/", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_one_limit_for_all_workers(server, tmp_path):
    """
    Of four hundred requests at once to eight workers, exactly so many pass as the rate says.
    """
    text = token()
    with fleet(server, tmp_path, "100/10 minutes", 20) as ports, ThreadPoolExecutor(16) as pool:
        found = Counter(pool.map(lambda number: ask(ports[number % 2], text), range(400)))

    assert {200: 100, 429: 300} == found


def test_redis_dies_and_comes_back_under_load(server, tmp_path):
    """
    While Redis is killed and started again, all valid requests to all workers are served; none is answered with 5xx.
    """
    found: Counter[int] = Counter()
    stop, text = threading.Event(), token()

    def load(port: int) -> None:
        while not stop.is_set():
            found[ask(port, text)] += 1

    with fleet(server, tmp_path, "90000/hour", 0.25) as ports, ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(load, port) for port in ports * 2]
        served_more(found)
        server.kill()
        served_more(found)
        server.start()
        served_more(found)
        stop.set()
        for worker in workers:
            worker.result(120)

    assert {200} == set(found)


def served_more(found: Counter[int]) -> None:
    """Wait until a good many more requests were answered."""
    enough, end = found.total() + 150, time.monotonic() + 120
    while found.total() < enough:
        assert time.monotonic() < end, "the workers do not answer"
        time.sleep(0.01)
