"""Runs pytest in a process and a folder of their own, as a user's project would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

PLUGIN = "_mindpeeker_guard_pytest"
REGISTERED = any(one.value == PLUGIN for one in entry_points(group="pytest11"))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder. The plugin is there by its entry point, where the package is installed with it."""
    by_hand = () if REGISTERED else ("-p", PLUGIN)
    command = (sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir=.", *by_hand)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    path = os.pathsep.join(str(Path(entry).resolve()) for entry in _python_path())
    environment |= {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=180
    )


def _python_path() -> list[str]:
    return [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


def outcomes(done: subprocess.CompletedProcess[str]) -> str:
    """Return pytest's last line without the time that it took."""
    return re.sub(r" in [\d.]+s.*", "", done.stdout.strip().splitlines()[-1])
