"""`issuer`: a real issuer in the foreground, until it is told to stop."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.cli.conftest import PROGRAM, bare_environment, process, run

from mindpeeker_guard.cli._issuer import lines


@contextmanager
def running(*words: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, "issuer", *words]
    environ = bare_environment() | (env or {})
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environ) as started:
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()


def exported(started: subprocess.Popen[str]) -> dict[str, str]:
    """Return the variables that the command prints, up to its last line."""
    made = {}
    for line in started.stdout:
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            made[name] = value.strip("'")
        if "client_secret=" in line:
            return made
    raise AssertionError("it ended early")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_it_prints_works_until_it_is_stopped(number):
    """
    With the printed variables a token can be had and is accepted; Ctrl-C and SIGTERM end it quietly, with 0.
    """
    with running() as started:
        env = exported(started)
        printed = process("token", env=env)
        explained = process("explain", stdin=printed.stdout, env=env)
        started.send_signal(number)
        rest, err = started.communicate(timeout=30)

    assert (0, 0, 0) == (printed.returncode, explained.returncode, started.returncode)
    assert ("", "Stopped.\n") == (rest, err)


def test_the_json_form_is_one_line():
    """
    With `--json` the first line is one JSON object with all that a client needs.
    """
    with running("--json", "--audience", "https://api.example.com", "--scope", "profile email") as started:
        told = json.loads(started.stdout.readline())
        env = {"MINDPEEKER_CLIENT_SECRET": told["client_secret"]}
        words = ["--token-endpoint", told["token_endpoint"], "--client-id", told["client_id"], "--json"]
        response = json.loads(process("token", *words, env=env).stdout)

    assert "https://api.example.com" == told["audience"]
    assert "profile email" == response["scope"]


def test_a_secret_of_ones_own_is_not_printed():
    """
    A secret from a variable is used, and its variable named in its place.
    """
    with running("--secret-env", "MY_SECRET", env={"MY_SECRET": "hunter2hunter2"}) as started:
        env = exported(started)
        printed = process("token", env=env | {"MINDPEEKER_CLIENT_SECRET": "hunter2hunter2"})

    assert '"$MY_SECRET"' == env["MINDPEEKER_CLIENT_SECRET"]
    assert 0 == printed.returncode


def test_each_start_has_a_secret_of_its_own():
    """
    Without a secret of one's own, a new one is made at each start.
    """
    secrets = set()
    for _ in range(2):
        with running("--json") as started:
            secrets.add(json.loads(started.stdout.readline())["client_secret"])

    assert 2 == len(secrets)
    assert min(map(len, secrets)) >= 32


def test_a_port_that_is_taken():
    """
    A port that cannot be used is named, with exit code 5.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("issuer", "--port", str(port))

    assert 5 == ended.code
    assert f"Port {port} cannot be used" in ended.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--secret-env", "NO_SUCH_VARIABLE"], 5),
        (["--scope", 'a"b'], 5),
        (["--lifetime", "0"], 2),
        (["--port", "x"], 2),
    ],
)
def test_what_is_wrong(words, code):
    """
    A wrong option is one sentence.
    """
    assert code == run("issuer", *words).code


def test_a_missing_extra_is_named():
    """
    Without Authlib, one sentence names the extra.
    """
    program = f"import sys; sys.modules['authlib'] = None; {PROGRAM}"

    done = subprocess.run([sys.executable, "-c", program, "issuer"], capture_output=True, text=True, check=False)

    assert 5 == done.returncode
    assert "pip install 'mindpeeker-guard[issuer]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_pasted_is_quoted():
    """
    Names that a shell would read otherwise are quoted.
    """
    told = {
        "issuer": "http://127.0.0.1:1",
        "audience": "a b; rm",
        "client_id": "$(x)",
        "client_secret": "'",
        "token_endpoint": "http://127.0.0.1:1/t",
    }

    text = "\n".join(lines(told, None))

    assert "export MINDPEEKER_AUDIENCE='a b; rm'" in text
    assert "export MINDPEEKER_CLIENT_ID='$(x)'" in text
