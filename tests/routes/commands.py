"""The command, run in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

import mindpeeker_guard
from mindpeeker_guard.cli import _main

ROOT = Path(__file__).resolve().parents[2]
PLANTED = Path(__file__).parent / "planted"


def command(*arguments, cwd=ROOT, **environ):
    """Run the command in a process of its own, as Django's settings demand."""
    program = "from mindpeeker_guard.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, "routes", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        | {"PYTHONPATH": str(Path(mindpeeker_guard.__file__).parents[1])}
        | environ,
    )


def run(*arguments):
    """Run the command in this process."""
    return CliRunner().invoke(_main.cli, ["routes", *arguments])


def planted(*arguments, name="fastapi_app:app"):
    return run(name, "--app-dir", str(PLANTED), *arguments)
