"""Runs the Python blocks of documents, each in a process of its own that has nothing of the others.

As a program, it imports what nearly every block needs, then forks for each: a block costs what it does itself, and not
the start of an interpreter and of three frameworks. It reads a line of JSON for each block and writes one.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any, Self

_USUAL = (
    "flask",
    "fastapi.testclient",
    "django.http",
    "httpx",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "authlib",
)


class Snippets:
    """A program that runs blocks. Use it in a ``with`` block."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "error", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, code: str) -> tuple[int, str]:
        """Run a block; return how it ended (0 is good), and what it wrote to standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        status, errors = json.loads(self._process.stdout.readline())
        return status, errors


def _main() -> None:
    for name in _USUAL:
        importlib.import_module(name)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_in_child(json.loads(line))) + "\n")
        sys.stdout.flush()


def _in_child(code: str) -> tuple[int, str]:
    with tempfile.TemporaryFile("w+") as errors:
        child = os.fork()
        if not child:
            _become(code, errors)
        _, status = os.waitpid(child, 0)
        errors.seek(0)
        return os.waitstatus_to_exitcode(status), errors.read()


def _become(code: str, errors: Any) -> None:
    """Be a program that consists of `code`, and end."""
    os.dup2(errors.fileno(), 2)
    with Path(os.devnull).open("r+") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    status = 1
    try:
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "<block>", "exec"), vars(module))
        # What a program leaves open is told when its names go.
        vars(module).clear()
        gc.collect()
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the block has failed
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _main()
