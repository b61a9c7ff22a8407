"""Four workers of gunicorn and four of uvicorn, one issuer, one Redis that is killed under load."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.state.rig import eventually, principal, ready
from tests.state.servers import RedisServer
from tests.support.ports import free_port
from tests.support.server import Reply, ScriptedServer
from tests.support.tokens import jwks, private_key, public_jwk, token

from mindpeeker_guard.state.redis import RedisState

pytest.importorskip("gunicorn")
pytest.importorskip("uvicorn")

ROOT = Path(__file__).parents[2]
WORKERS = 4
ALG = "ES256"
SECRET = "a secret that a whole fleet shares"
CALLERS = 12
MOST = 20_000  # requests that one caller may send


def fresh(**claims: Any) -> str:
    return token(key=private_key("k1", ALG), alg=ALG, **claims)


class Fleet:
    """Two servers with four workers each; they say which worker answers."""

    def __init__(self, ports: tuple[int, int]) -> None:
        self.ports = ports

    def ask(self, text: str, number: int) -> tuple[int, str]:
        """Send a token to one of the servers; return the status, and who answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[number % 2], timeout=30)
        try:
            connection.request("GET", "/", headers={"Authorization": f"Bearer {text}"})
            response = connection.getresponse()
            response.read()
            return response.status, response.headers["X-Pid"]
        finally:
            connection.close()

    def by_worker(self, text: str) -> dict[str, int]:
        """Send a token until each worker has answered; return the latest status of each."""
        latest: dict[str, int] = {}
        with ThreadPoolExecutor(CALLERS) as pool:

            def all_of_them() -> bool:
                answers = pool.map(lambda number: self.ask(text, number), range(CALLERS * 4))
                latest.update((pid, status) for status, pid in answers)
                return len(latest) == 2 * WORKERS

            eventually(all_of_them, 60)
        return latest

    def all_refuse(self, text: str) -> bool:
        """Tell whether each worker refuses a token."""
        return set(self.by_worker(text).values()) == {401}

    @contextmanager
    def under_load(self, *texts: str) -> Iterator[list[Counter[int]]]:
        """Have callers send tokens all the time; yield how often each was answered with which status."""
        counts = [Counter[int]() for _ in texts]
        over = threading.Event()

        def caller(start: int) -> None:
            for number in range(start, start + MOST):
                if over.is_set():
                    return
                place = number % len(texts)
                try:
                    status, _ = self.ask(texts[place], number // len(texts))
                except OSError:
                    status = 0
                counts[place][status] += 1

        threads = [threading.Thread(target=caller, args=(number * 7,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            yield counts
        finally:
            over.set()
            for thread in threads:
                thread.join(60)


@contextmanager
def running(command: list[str], environ: dict[str, str], folder: Path, **options: Any) -> Iterator[None]:
    with (folder / f"{command[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env=environ, stdout=log, stderr=log, **options
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@pytest.fixture
def issuer() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.answer(Reply(jwks(public_jwk("k1", ALG))))
        yield server


@pytest.fixture
def fleet(server: RedisServer, issuer: ScriptedServer, tmp_path: Path) -> Iterator[Fleet]:
    environ = os.environ | {
        "FLEET_REDIS": server.url,
        "FLEET_SECRET": SECRET,
        "FLEET_JWKS": issuer.url(),
        "NO_PROXY": "*",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
    }
    port, listener = free_port(), socket.create_server(("127.0.0.1", 0))
    gunicorn = ["gunicorn", "--no-control-socket", f"--workers={WORKERS}", f"--bind=fd://{listener.fileno()}"]
    uvicorn = ["uvicorn", f"--port={port}", f"--workers={WORKERS}", "--no-access-log", "--lifespan=off"]
    with (
        listener,
        running([*gunicorn, "tests.state.served:wsgi"], environ, tmp_path, pass_fds=[listener.fileno()]),
        running([*uvicorn, "tests.state.served:asgi"], environ, tmp_path),
    ):
        made = Fleet((listener.getsockname()[1], port))
        eventually(lambda: _answers(port), 60)
        yield made


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture
def office(server: RedisServer) -> Iterator[RedisState]:
    """The state of whoever revokes."""
    state = RedisState(server.url, prefix="fleet", timeout=5, connect_timeout=5)
    yield state
    state.close()


def test_a_fleet_through_a_crash_of_redis(fleet, office, server, issuer):
    """
    Eight workers fetch the keys once, and all refuse what is revoked. Redis is killed under load and comes back empty:
    no good request is lost, nothing that was revoked is let through, and the next revocation reaches everybody again.
    """
    first, second, good = fresh(jti="first"), fresh(jti="second"), fresh(jti="good")
    assert {200} == set(fleet.by_worker(good).values())
    assert {200} == set(fleet.by_worker(first).values())
    assert 1 == issuer.count()

    office.revocations.revoke(token_id="first")
    eventually(lambda: fleet.all_refuse(first), 60)

    with fleet.under_load(good, first) as counts:
        server.kill()
        eventually(lambda: sum(counts[0].values()) > 200 and sum(counts[1].values()) > 200, 120)
        server.start()
        # Whoever knew of it writes it back: a process that starts now hears of it.
        with server.client() as client:
            eventually(lambda: client.zcard("{fleet}:revocations:ends") == 1, 60)
        office.revocations.revoke(token_id="second")
        eventually(lambda: fleet.all_refuse(second), 60)

    assert [{200}, {401}] == [set(statuses) for statuses in counts]
    late = RedisState(server.url, prefix="fleet", timeout=5, connect_timeout=5)
    try:
        ready(late.revocations)
        assert [True, True] == [late.revocations.is_revoked(principal(token_id=name)) for name in ("first", "second")]
    finally:
        late.close()
    assert 1 == issuer.count()
