"""What may be used once: the same for a cache in memory and one in Redis."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.state.rig import NOW, Clock

from mindpeeker_guard import ConfigurationError, StoreUnavailableError
from mindpeeker_guard._flow import arun, run
from mindpeeker_guard.state import MemoryReplayCache, first_use


def test_a_key_is_new_once(state):
    """
    The first addition of a key is new, every later one is not; other keys are their own.
    """
    assert [True, False, False, True] == [state.replay.add(key, 60) for key in ("a", "a", "a", "b")]


def test_sync_and_async_share_what_they_know(state):
    """
    What was added by a thread is known on an event loop, and the other way round.
    """
    assert state.replay.add("a", 60)
    assert not asyncio.run(state.replay.aadd("a", 60))
    assert asyncio.run(state.replay.aadd("b", 60))
    assert not state.replay.add("b", 60)


def test_in_a_flow(state):
    """
    A flow that asks whether something is new blocks a thread, and leaves an event loop free.
    """
    assert run(first_use(state.replay, "a", 60))
    assert not asyncio.run(arun(first_use(state.replay, "a", 60)))
    assert asyncio.run(arun(first_use(state.replay, "b", 60)))
    assert not run(first_use(state.replay, "b", 60))


def test_a_flow_on_a_loop_takes_no_thread(state, monkeypatch):
    """
    On an event loop the question is awaited, not put into a thread.
    """
    monkeypatch.setattr(asyncio, "to_thread", None)

    assert asyncio.run(arun(first_use(state.replay, "a", 60)))


def test_of_many_at_once_one_is_first(state):
    """
    Of many threads that show the same proof at the same moment exactly one is let through.
    """
    barrier = threading.Barrier(16)

    def show(number):
        barrier.wait(20)
        return state.replay.add(f"proof-{number % 2}", 60)

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(show, range(16)))

    assert [1, 1] == [sum(outcomes[start::2]) for start in (0, 1)]


def test_of_many_tasks_one_is_first(state):
    """
    Of many tasks of an event loop exactly one is let through.
    """

    async def main():
        return await asyncio.gather(*(state.replay.aadd("proof", 60) for _ in range(40)))

    assert 1 == sum(asyncio.run(main()))


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), "60", True, None, 10**10])
def test_times_that_are_none(state, ttl):
    """
    A time to live that would keep a key for ever, or not at all, is refused.
    """
    with pytest.raises(ConfigurationError):
        state.replay.add("a", ttl)
    with pytest.raises(ConfigurationError):
        asyncio.run(state.replay.aadd("a", ttl))


def test_any_text_is_a_key(state):
    """
    Keys come from outside: of any length, with any character, and what is kept of them is short and unreadable.
    """
    keys = ["", "\x00", "\ud800", "é", "x" * 100_000, "{tag}", "a b\r\nDEL *"]

    assert [True] * len(keys) == [state.replay.add(key, 60) for key in keys]
    assert [False] * len(keys) == [state.replay.add(key, 60) for key in keys]


def test_redis_forgets_by_itself(make, calm):
    """
    A key in Redis has an end, to the millisecond above its time, and holds nothing of what was added.
    """
    state = make(calm)
    state.replay.add("the jti of a proof", 60.0001)

    with calm.client() as client:
        [name] = [key for key in client.scan_iter() if key.startswith(f"{{{state._prefix}}}".encode())]
        assert 59_000 < client.pttl(name) <= 60_001
        assert b"jti" not in name + client.get(name)


def test_a_full_memory_forgets_nothing():
    """
    A cache that is full refuses more rather than forget a proof that could then be used twice; room comes with time.
    """
    clock = Clock()
    cache = MemoryReplayCache(max_entries=2, clock=clock)
    assert cache.add("a", 10)
    assert cache.add("b", 20)

    with pytest.raises(StoreUnavailableError, match="full"):
        cache.add("c", 10)
    assert not cache.add("a", 10)

    clock.now += 10
    assert cache.add("a", 10)
    assert not cache.add("b", 10)
    assert 2 == len(cache)


steps = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.integers(0, 3)), max_size=30)


@given(steps)
def test_memory_against_a_model(given_steps):
    """
    Whatever is added whenever, a key is new exactly where its time has passed since it was new last.
    """
    clock, until = Clock(), {}
    cache = MemoryReplayCache(clock=clock)

    for key, ttl, pause in given_steps:
        clock.now += pause
        expected = until.get(key, NOW) <= clock.now
        assert expected == cache.add(key, ttl)
        if expected:
            until[key] = clock.now + ttl
        assert len(cache) == sum(end > clock.now for end in until.values())
