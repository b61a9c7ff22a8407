"""A process that rotates one key many times at once, whenever it is told to, and says how often it won."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.api_keys.stores.records import HOUR, NOW, record

from mindpeeker_guard.api_keys.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore


def threads(url: str, name: str, times: int) -> int:
    store = SQLAlchemyStore(url, timeout=60)
    store.get("old")
    wait()
    with ThreadPoolExecutor(times) as pool:
        won = list(pool.map(lambda n: store.rotate("old", record(f"{name}-{n}"), NOW + HOUR, NOW), range(times)))
    store.close()
    return sum(won)


async def tasks(url: str, name: str, times: int) -> int:
    store = AsyncSQLAlchemyStore(url, timeout=60)
    await store.get("old")
    wait()
    successors = [record(f"{name}-{number}") for number in range(times)]
    won = await asyncio.gather(*(store.rotate("old", successor, NOW + HOUR, NOW) for successor in successors))
    await store.aclose()
    return sum(won)


def wait() -> None:
    """Say that all is ready, and wait for the others."""
    say("ready")
    sys.stdin.readline()


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    while job := sys.stdin.readline().split():
        mode, url, name, times = job
        say(asyncio.run(tasks(url, name, int(times))) if mode == "async" else threads(url, name, int(times)))
