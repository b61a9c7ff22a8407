"""Servers in processes of their own, and how they end."""

from __future__ import annotations

import subprocess

_LONGEST = 60.0  # seconds


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and wait for that; one that does not is killed, and that is a failure."""
    process.terminate()
    try:
        process.wait(_LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
