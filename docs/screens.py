"""Runs the commands in docs/cli.md and puts what they print under them: ``python docs/screens.py``.

Each ``console`` block of the page has lines that begin with ``$``; all else in it is output. The commands run in a
folder with some files, next to an issuer on this machine. What differs from run to run (ports, keys, secrets, versions)
is replaced by something of the same length, so that the page changes only where the commands do.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import mindpeeker_guard
from mindpeeker_guard.issuer import EmbeddedIssuer

PAGE: Final = Path(__file__).with_name("cli.md")
NOON: Final = 1_795_348_800  # 2026-11-22 12:00:00 UTC
KID: Final = "mUnHbcRMDkYXb2c3eFnq0vLh5l3yWc2pYd7tQ9sKx1A"
SECRET: Final = "xq2Kc0Zt9mVb4Lr7Ns1Pw8Hd3Fy6Gj5A"

_BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHIM: Final = f'#!/bin/sh\nexec "{sys.executable}" -c "from mindpeeker_guard.cli import main; main()" "$@"\n'
_ENDLESS: Final = ("mindpeeker-guard issuer",)


class Stage:
    """Where the commands run: a folder, an issuer, an environment.

    Args:
        folder: An empty folder.
        issuer: The issuer, running.
    """

    def __init__(self, folder: Path, issuer: EmbeddedIssuer) -> None:
        self._folder = folder
        self._issuer = issuer
        self._status = 0
        commands = folder / "bin"
        commands.mkdir()
        shim = commands / "mindpeeker-guard"
        shim.write_text(_SHIM, encoding="utf-8")
        shim.chmod(0o755)
        self._environ = {
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(Path(mindpeeker_guard.__file__).parents[1]),
            "HOME": str(folder),
            "COLUMNS": "80",
            "LANG": "C.UTF-8",
            "MINDPEEKER_ISSUER": issuer.issuer,
            "MINDPEEKER_CLIENT_ID": "my-app",
            "MINDPEEKER_CLIENT_SECRET": "my-secret",
        }
        _write_files(folder)

    def screen(self, block: str) -> str:
        """Return a block with what its commands print now."""
        commands = re.findall(r"^\$ (.*(?:\\\n.*)*)$", block, re.MULTILINE)
        return "".join(f"$ {command}\n{self._output(command)}" for command in commands)

    def _output(self, command: str) -> str:
        if command == "echo $?":
            return f"{self._status}\n"
        run = self._until_ready if command in _ENDLESS else self._to_the_end
        return self._normal(run(command))

    def _to_the_end(self, command: str) -> str:
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], **self._options(), check=False, timeout=120)
        self._status = done.returncode
        return done.stdout

    def _until_ready(self, command: str) -> str:
        lines = []
        with subprocess.Popen(command.split(), **self._options()) as process:
            for line in process.stdout:
                lines.append(line)
                if "client_secret=" in line:
                    process.terminate()
            self._status = process.wait(30)
        return "".join(lines)

    def _options(self) -> dict[str, object]:
        return {
            "cwd": self._folder,
            "env": self._environ,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    def _normal(self, output: str) -> str:
        """Replace what differs from run to run."""
        output = output.replace(self._issuer.kid, KID)
        output = re.sub(r"127\.0\.0\.1:\d{5}", "127.0.0.1:48400", output)
        output = re.sub(r"(CLIENT_SECRET=)'?[\w-]{32}'?$", rf"\1{SECRET}", output, flags=re.MULTILINE)
        versions = "(versions of this package, Python and what it needs)"
        return re.sub(r"^(ok +packages +)\S.*\n(?: .*\n)*", rf"\1{versions}\n", output, flags=re.MULTILINE)


def _write_files(folder: Path) -> None:
    """Write a key set and some tokens, made as the platform's issuer makes them."""
    with EmbeddedIssuer(issuer="https://auth.mindpeeker.com", clock=lambda: NOON) as issuer:
        with urllib.request.urlopen(issuer.jwks_uri) as answer:
            jwks = json.load(answer)
        good = {"headers": {"kid": "2026-11"}, "sub": "user-1", "client_id": "my-app", "jti": "token-1"}
        token = issuer.issue(**good)
        other = issuer.issue(**good, aud="https://api.example.com")
    jwks["keys"][0]["kid"] = "2026-11"
    files = {"jwks.json": json.dumps(jwks), "token.txt": token, "other.txt": other, "hello.txt": "hello"}
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n", encoding="utf-8")


@contextmanager
def stage() -> Iterator[Stage]:
    """Set everything up, and take it down again."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedIssuer() as issuer:
        issuer.add_client("my-app", "my-secret", ["remote-viewing:read", "profile"])
        yield Stage(Path(folder), issuer)


def renewed(text: str) -> str:
    """Return the page with what its commands print now."""
    with stage() as run:
        return _BLOCK.sub(lambda found: f"```console\n{run.screen(found[1])}```", text)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE.name} is up to date.")
