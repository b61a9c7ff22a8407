"""What ``import mindpeeker_guard`` costs, as a multiple of ``import jwt``, which it contains.

Each import runs in a fresh interpreter that times itself, so the interpreter's own start is not in it. The interpreters
run in turn, and each ratio is taken within one turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median
from typing import Any, Final

from benchmarks.harness import Row, Who, labelled

_GROUP: Final = "Import"
_UNIT: Final = "x import jwt"
_GOAL: Final = 1.15
_REFERENCE: Final = "jwt"
_OURS: Final = "mindpeeker_guard"
_PEERS: Final = {
    "joserfc.jwt": "joserfc",
    "jose.jwt": "python-jose",
    "authlib.oauth2.rfc9068": "Authlib",
    "flask_jwt_extended": "Flask-JWT-Extended",
    "fastapi_azure_auth": "fastapi-azure-auth",
    "fastapi_plugin": "auth0-fastapi-api",
}
_UNWANTED: Final = ("httpx", "httpx2", "asyncio")
_CODE: Final = f"""
import importlib, json, sys, time
name = sys.argv[1]
start = time.perf_counter_ns()
importlib.import_module(name)
taken = time.perf_counter_ns() - start
print(json.dumps([taken, [other for other in {_UNWANTED} if other in sys.modules]]))
"""


def rows(rounds: int = 15) -> list[Row]:
    """Measure ours and the peers."""
    names = [_REFERENCE, _OURS, *_PEERS]
    found = {name: timed_import(name) for name in names}  # the first time compiles
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            answer = timed_import(name) if found[name] is not None else None
            times[name].append(answer[0] if answer is not None else 0)
    base = times[_REFERENCE]
    return [_row(name, times[name], base, found[name]) for name in names]


def _row(name: str, times: list[float], base: list[float], found: Any) -> Row:
    who: Who = "reference" if name == _REFERENCE else "ours" if name == _OURS else "peer"
    label = f"import {name}"
    if found is None:
        return Row(group=_GROUP, name=label, who=who, text="not installed", unit=_UNIT)
    ratios = sorted(taken / unit for taken, unit in zip(times, base, strict=True))
    quarter = len(ratios) // 4
    note = [f"also loads {', '.join(found[1])}"] if found[1] else []
    if name in _PEERS:
        note.insert(0, labelled(_PEERS[name]))
    return Row(
        group=_GROUP,
        name=label,
        who=who,
        value=median(ratios),
        goal=_GOAL if who == "ours" else None,
        note=", ".join(note),
        micros=median(times) / 1000,
        spread=(ratios[quarter], ratios[-1 - quarter]),
        unit=_UNIT,
    )


def timed_import(name: str) -> Any:
    """Import a module in a fresh interpreter; return nanoseconds and what it drags in, or None where it fails."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-W", "ignore", "-c", _CODE, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ)
    return json.loads(done.stdout) if done.returncode == 0 else None
