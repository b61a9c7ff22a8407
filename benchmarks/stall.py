"""How long the event loop stands still while the issuer takes half a second to answer with its keys.

Each subject runs in a process of its own, as it would at the start of an application, so that what it imports or builds
for its first fetch counts. Twenty requests arrive at once; meanwhile a task wakes every millisecond and notes how late
it is. The row "nothing" is the same loop with nobody fetching: the machine's own noise.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Awaitable
from statistics import median
from time import perf_counter
from typing import Final

from benchmarks.harness import Row, why
from benchmarks.issuer import Address, Issuer
from benchmarks.issuer_users import on_loop, users
from benchmarks.tokens import ISSUER, signing_key

_GROUP: Final = "Longest stall of the event loop, keys arriving after 500 ms"
_NOTHING: Final = "nothing"
_SUBJECTS: Final = (_NOTHING, "ours", "pyjwkclient", "auth0", "azure")
_DELAY: Final = 0.5
_TICK: Final = 0.001
_REQUESTS: Final = 20
_GOAL: Final = 10.0
_TIMEOUT: Final = 60


def rows(rounds: int = 5) -> list[Row]:
    """Measure ours, PyJWKClient, Auth0's package and the Azure one, each in so many processes, in turn."""
    stalls: dict[str, list[float]] = {name: [] for name in _SUBJECTS}
    broken: dict[str, str] = {}
    for _ in range(rounds):
        for name in _SUBJECTS:
            if name not in broken:
                try:
                    stalls[name].append(in_a_process(name))
                except (OSError, ValueError, subprocess.SubprocessError) as error:
                    broken[name] = why(error)
    return [_row(name, stalls[name], broken.get(name, "")) for name in _SUBJECTS]


def _row(name: str, stalls: list[float], text: str) -> Row:
    user = users().get(name)
    label = user.name if user is not None else "nothing: the machine's noise"
    who = user.who if user is not None else "reference"
    if text:
        return Row(group=_GROUP, name=label, who=who, text=text, unit="ms")
    goal = _GOAL if who == "ours" else None
    spread = (min(stalls), max(stalls))
    return Row(group=_GROUP, name=label, who=who, value=median(stalls), goal=goal, unit="ms", spread=spread)


def in_a_process(name: str, delay: float = _DELAY) -> float:
    """Run one subject in a fresh interpreter; return its longest stall in milliseconds."""
    changes = {} if name == _NOTHING else users()[name].changes
    with Issuer(signing_key(), delay=delay, name=changes.get("iss", ISSUER)) as issuer:
        job = json.dumps({"name": name, "url": issuer.url, "token": signing_key().token(changes)})
        command = [sys.executable, "-m", "benchmarks.stall"]
        done = subprocess.run(command, input=job, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    if done.returncode:
        raise ValueError(done.stderr.strip().rpartition("\n")[2])
    return float(done.stdout)


async def _longest_stall(name: str, url: str, token: str) -> float:
    """Return how late, at worst, in seconds, a task woke up while the requests were served."""
    work: list[Awaitable[object]] = [asyncio.sleep(_DELAY)]
    if name != _NOTHING:
        verify = on_loop(users()[name], Address(url))
        work = [verify(token) for _ in range(_REQUESTS)]
    over = asyncio.Event()
    ticker = asyncio.create_task(_lateness(over))
    await asyncio.sleep(10 * _TICK)
    await asyncio.gather(*work)
    over.set()
    return await ticker


async def _lateness(over: asyncio.Event) -> float:
    worst, last = 0.0, perf_counter()
    while not over.is_set():
        await asyncio.sleep(_TICK)
        now = perf_counter()
        worst, last = max(worst, now - last - _TICK), now
    return worst


def _child() -> None:
    logging.disable(logging.CRITICAL)
    job = json.load(sys.stdin)
    print(asyncio.run(_longest_stall(job["name"], job["url"], job["token"])) * 1000)


if __name__ == "__main__":
    _child()
