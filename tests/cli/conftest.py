"""Runs the command in this process, in an environment without settings, or in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from tests.support.server import ScriptedServer
from tests.support.tokens import jwks

from mindpeeker_guard.cli._main import cli
from mindpeeker_guard.issuer import EmbeddedIssuer
from mindpeeker_guard.settings import PREFIX

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "from mindpeeker_guard.cli import main; main()"
# A busy machine may take its time.
PATIENT = {"COLUMNS": "80", "MINDPEEKER_TIMEOUT": "60", "MINDPEEKER_CONNECT_TIMEOUT": "30"}
_OURS = ("SSL_CERT_FILE", "SSL_CERT_DIR", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def members(self) -> dict[str, Any]:
        """The JSON object on standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error, from the JSON object on standard error."""
        return json.loads(self.err)["error"]


def bare_environment() -> dict[str, str]:
    """Return this process's environment without settings, proxies and colours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and not name.lower().endswith("_proxy") and name not in _OURS
    }
    return kept | PATIENT


def run(*words: str, stdin: bytes | str | None = b"", env: dict[str, str] | None = None) -> Ended:
    """Run the command in this process."""
    wanted: dict[str, str | None] = dict.fromkeys(set(os.environ) - set(bare_environment()))
    wanted |= PATIENT | (env or {})
    try:
        runner = CliRunner(mix_stderr=False)  # click before 8.2
    except TypeError:
        runner = CliRunner()
    result = runner.invoke(cli, list(words), input=stdin, env=wanted, prog_name="mindpeeker-guard")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def process(*words: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM, *words]
    return subprocess.run(command, input=stdin, env=bare_environment() | (env or {}), capture_output=True, check=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Return a server that answers what a test tells it to."""
    with ScriptedServer() as running:
        yield running


@pytest.fixture(scope="session")
def issuer() -> Iterator[EmbeddedIssuer]:
    """Return a running issuer with one client."""
    with EmbeddedIssuer() as running:
        running.add_client("my-app", "my-secret", ["remote-viewing:read", "profile"])
        yield running


@pytest.fixture
def keys_file(tmp_path: Path) -> str:
    """Return a file with the key set of the token "k1"."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks()), encoding="utf-8")
    return str(path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes | str], str]:
    """Return a function that writes a file and returns its name."""

    def writer(name: str, content: bytes | str) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return writer
