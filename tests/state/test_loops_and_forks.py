"""Clients of event loops that end, and of processes that fork: nobody uses what is another's."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.state.rig import principal, ready

ROOT = Path(__file__).parents[2]


def test_loops_in_sequence(make, calm):
    """
    A client of an event loop ends with it: the next loop has its own, and none leaves a connection behind.
    """
    state = make(calm)
    with calm.client(client_name="observer") as observer:
        for number in range(5):
            assert asyncio.run(state.replay.aadd(f"proof-{number}", 60))
            assert not asyncio.run(state.replay.aadd(f"proof-{number}", 60))
            asyncio.run(state.revocations.arevoke(token_id=f"token-{number}"))
        gc.collect()  # an unclosed connection would warn, and warnings are errors

        assert {} == state._clients._by_loop
        names = [one["name"] for one in observer.client_list()]
        assert 0 == names.count("mindpeeker-guard")


def test_loops_at_once(make, calm):
    """
    Loops in several threads share a state, and each has its own client.
    """
    state, outcomes = make(calm), []
    barrier = threading.Barrier(4)

    async def main():
        barrier.wait(20)
        outcomes.extend(await asyncio.gather(*(state.replay.aadd(f"proof-{number}", 60) for number in range(25))))
        assert threading.current_thread().is_alive()

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert (100, 25) == (len(outcomes), sum(outcomes))
    assert {} == state._clients._by_loop


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_ends_without_tidying_up(make, calm):
    """
    A loop that is closed without closing its generators leaves a dead client, which the next loop does not touch.
    """
    state = make(calm)
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(state.replay.aadd("a", 60))
    loop.close()

    assert not asyncio.run(state.replay.aadd("a", 60))
    assert {} == state._clients._by_loop
    del loop
    gc.collect()


def test_closing_on_a_loop(make, calm):
    """
    `aclose` closes the client of the running loop, as often as it is called; the next call makes a new one.
    """
    state = make(calm)

    async def main():
        await state.aclose()
        for _ in range(2):
            await state.replay.aadd("a", 60)
            await state.aclose()
            await state.aclose()
        assert not await state.replay.aadd("a", 60)

    asyncio.run(main())


def test_a_cancelled_caller(make, calm):
    """
    A caller who is cancelled in the middle of a question leaves no half answer to the next one.
    """
    state = make(calm)

    async def main():
        for number in range(30):
            task = asyncio.create_task(state.replay.aadd(f"cancelled-{number}", 60))
            for _ in range(number % 6):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await state.replay.aadd(f"good-{number}", 60)
            assert not await state.replay.aadd(f"good-{number}", 60)

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forks(make, calm):
    """
    A child knows what its parent knew, follows by itself, hears what is revoked later, and shares no connection.
    """
    state = make(calm)
    script = """
import asyncio, os, signal, sys
from mindpeeker_guard.state.redis import RedisState
from tests.state.rig import eventually, principal, ready
state = RedisState(sys.argv[1], prefix=sys.argv[2], timeout=5, connect_timeout=5)
def knows(name):
    return ready(state.revocations).is_revoked(principal(token_id=name))
state.revocations.revoke(token_id="before")
assert knows("before") and state.replay.add("proof", 60)
async def main():
    assert await state.replay.aadd("other proof", 60)
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            status = 1
            try:
                asyncio.events._set_running_loop(None)
                assert not state.revocations.ready
                assert knows("before") and not knows("good")
                assert not state.replay.add("proof", 60)
                assert not asyncio.run(state.replay.aadd("other proof", 60))
                state.revocations.revoke(token_id=f"child-{number}")
                eventually(lambda: all(knows(f"child-{one}") for one in range(4)) and knows("parent"))
                status = 0
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
            finally:
                os._exit(status)
        children.append(child)
    await state.revocations.arevoke(token_id="parent")
    ended = [await asyncio.to_thread(os.waitpid, child, 0) for child in children]
    assert [0] * 4 == [os.waitstatus_to_exitcode(status) for _, status in ended], ended
    assert not await state.replay.aadd("other proof", 60)
    eventually(lambda: all(knows(f"child-{one}") for one in range(4)))
asyncio.run(main())
assert not state.replay.add("proof", 60)
state.close()
"""
    environ = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    command = [sys.executable, "-W", "ignore", "-c", script, calm.url, state._prefix]

    done = subprocess.run(command, capture_output=True, text=True, timeout=90, env=environ, check=False)

    assert ("", 0) == (done.stderr, done.returncode)
    ready(state.revocations)
    assert state.revocations.is_revoked(principal(token_id="child-3"))
