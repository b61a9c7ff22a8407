"""gunicorn --preload with four workers: keys come along with the fork, and every worker goes on by itself."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.faults.issuer import publish
from tests.faults.rig import eventually, fresh
from tests.support.processes import end

pytest.importorskip("gunicorn")
ROOT = Path(__file__).parents[2]
WORKERS = 4


@pytest.fixture
def served(issuer, tmp_path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port of a gunicorn with four workers, and its process."""
    listener = socket.create_server(("127.0.0.1", 0))
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--preload",
        "--no-control-socket",
        f"--workers={WORKERS}",
        "--timeout=120",
    ]
    environ = os.environ | {
        "FAULTS_JWKS": issuer.url(),
        "NO_PROXY": "*",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--bind=fd://{listener.fileno()}", "tests.faults.served:app"],
            cwd=tmp_path,
            env=environ,
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
        )
        try:
            yield listener.getsockname()[1], process
        finally:
            end(process)
            listener.close()


def ask(port: int, text: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/", headers={"Authorization": f"Bearer {text}"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def ask_all(port: int, text: str) -> tuple[set[int], dict[int, dict[str, Any]]]:
    """Ask until every worker has answered and none fetches; return the statuses, and the last answer of each worker."""
    statuses, answers = set(), {}
    with ThreadPoolExecutor(WORKERS * 2) as pool:

        def everybody() -> bool:
            for status, answer in pool.map(lambda _: ask(port, text), range(WORKERS * 4)):
                statuses.add(status)
                answers[answer.get("pid", 0)] = answer
            idle = [pid for pid, answer in answers.items() if pid == 0 or not answer["fetching"]]
            return len(idle) >= WORKERS or 0 in answers

        eventually(everybody)
    return statuses, answers


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_of_a_warm_parent(served, issuer):
    """
    Every worker answers at once with the keys it was born with, fetches a new key itself, and ends with the server.
    """
    port, process = served
    old, new = fresh("a"), fresh("b")

    statuses, answers = ask_all(port, old)
    assert ({200}, WORKERS) == (statuses, len(answers))
    assert {"user-1"} == {answer["sub"] for answer in answers.values()}
    assert 1 == issuer.requests

    issuer.behave = publish("b")
    statuses, answers = ask_all(port, new)
    assert ({200}, WORKERS) == (statuses, len(answers))
    assert [["b"]] * WORKERS == [answer["kids"] for answer in answers.values()]
    assert [[]] * WORKERS == [answer["fetching"] for answer in answers.values()]
    assert 1 + WORKERS == issuer.requests

    assert {401} == {ask(port, old)[0] for _ in range(WORKERS * 3)}

    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(60)
    eventually(lambda: not any(map(is_running, answers)))


def test_workers_that_are_born_during_an_outage(served, issuer):
    """
    A worker that is killed is replaced by one that has keys, although the issuer is down.
    """
    port, _ = served
    _, answers = ask_all(port, fresh("a"))
    issuer.refuse()

    for pid in answers:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(is_running, answers)))
    statuses, born = ask_all(port, fresh("a"))

    assert {200} == statuses
    assert not set(born) & set(answers)
    assert 1 == issuer.requests
