"""One key, rotated by many at once: exactly one wins, and nothing is left of the others."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.api_keys.stores.records import HOUR, NOW, record

ROOT = Path(__file__).parents[3]
MANY = 100


def in_threads(store, successors):
    """Rotate in a thread for each successor, all at once."""
    ready = threading.Barrier(len(successors))

    def rotate(successor):
        ready.wait()
        return store.rotate("old", successor, NOW + HOUR, NOW)

    with ThreadPoolExecutor(len(successors)) as pool:
        return list(pool.map(rotate, successors))


def in_tasks(store, successors):
    """Rotate in a task for each successor, on the loop of the store."""

    async def rotate():
        return await asyncio.gather(*(store.store.rotate("old", one, NOW + HOUR, NOW) for one in successors))

    return store.runner.run(rotate())


def assert_one_won(store, outcomes):
    """One rotation happened, and the table has the two keys of it."""
    assert 1 == sum(outcomes)
    successor = store.get("old").rotated_to
    assert {"old", successor} == {one.id for one in store.list(None)}
    assert NOW + HOUR == store.get("old").expires_at


def test_a_hundred_at_once(kind, store):
    """
    Of a hundred rotations of one key, in threads or tasks of one process, exactly one happens.
    """
    store.add(record("old"))
    successors = [record(f"new-{number}") for number in range(MANY)]
    # A thread that ends takes its connection with it: Django's are closed after each step.
    rotating = kind.open(max_age=0) if kind.is_django else store

    outcomes = (in_tasks if kind.is_async else in_threads)(rotating, successors)

    assert_one_won(store, outcomes)


@pytest.fixture(scope="module")
def processes():
    """Two processes that rotate when they are told to."""
    environ = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environ, "cwd": ROOT}
    command = [sys.executable, "-W", "error", "-m", "tests.api_keys.stores.rotator"]
    started = [subprocess.Popen(command, **pipes) for _ in range(2)]
    yield started
    for process in started:
        process.communicate(timeout=60)
    assert [0, 0] == [process.returncode for process in started]


def tell(processes, lines):
    """Write a line to each process, and return the line that each answers with."""
    for process, line in zip(processes, lines, strict=True):
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    return [process.stdout.readline().strip() for process in processes]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "async-sqlite", "async-postgresql"], indirect=True)
def test_processes_at_once(kind, store, processes):
    """
    Of a hundred rotations in two processes, 50 in each, exactly one happens.
    """
    store.add(record("old"))
    mode = "async" if kind.is_async else "sync"

    ready = tell(processes, [f"{mode} {kind.url} new{number} {MANY // 2}" for number in range(2)])
    outcomes = tell(processes, ["go", "go"])

    assert ["ready", "ready"] == ready
    assert_one_won(store, [int(outcome) for outcome in outcomes])
