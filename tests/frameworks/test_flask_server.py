"""Flask under gunicorn: real processes, real sockets."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.frameworks.callers import bearer
from tests.support.processes import end
from tests.support.server import Reply, ScriptedServer
from tests.support.tokens import jwks

pytest.importorskip("gunicorn")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def issuer() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.answer(Reply(jwks()))
        yield server


@pytest.fixture(params=[False, True], ids=["", "preload"])
def port(request, issuer, tmp_path) -> Iterator[int]:
    """The port of a gunicorn with two workers, once with the application loaded before they fork."""
    listener = socket.create_server(("127.0.0.1", 0))
    preload = ["--preload"] if request.param else []
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--workers=2",
        "--timeout=120",
        f"--bind=fd://{listener.fileno()}",
        *preload,
    ]
    environ = os.environ | {
        "MINDPEEKER_JWKS_URI": issuer.url(),
        "MINDPEEKER_CONNECT_TIMEOUT": "30",
        "MINDPEEKER_TIMEOUT": "30",
        "NO_PROXY": "*",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        "WARM_UP": "1" if request.param else "",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--no-control-socket", "tests.frameworks.served_flask:app"],
            cwd=tmp_path,
            env=environ,
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
        )
        try:
            yield listener.getsockname()[1]
        finally:
            end(process)
            listener.close()


def ask(port: int, *headers: tuple[str, str], path: str = "/x") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("GET", path)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    response.content = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


def test_two_workers_answer_alike(port, issuer):
    """Workers share nothing, fetch keys once each at most, and answer over the wire as in tests."""
    good = bearer()["Authorization"]

    answers = [ask(port, ("Authorization", good), path=path) for path in ("/x", "/async") * 20]
    none = ask(port)
    two = ask(port, ("Authorization", good), ("Authorization", good))
    junk = ask(port, ("Authorization", "Bearer junk"))

    assert {200} == {answer.status for answer in answers}
    assert {"user-1"} == {json.loads(answer.content)["sub"] for answer in answers}
    workers = {json.loads(answer.content)["pid"] for answer in answers}
    assert 1 <= issuer.count() <= len(workers)
    assert [401, 400, 401] == [none.status, two.status, junk.status]
    assert 'Bearer realm="mindpeeker"' == none.headers["WWW-Authenticate"]
    assert "invalid_request" == json.loads(two.content)["error"]
    assert "application/problem+json" == two.headers["Content-Type"]
