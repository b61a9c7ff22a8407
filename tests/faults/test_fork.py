"""Processes that fork at the worst moment; each test in a process of its own, since forks and threads do not mix."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.issuer import Issuer, answer, once, publish, published, until
from tests.faults.rig import WAIT, fresh

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
ROOT = Path(__file__).parents[2]

PRELUDE = """
import faulthandler, json, os, sys, threading, time
from mindpeeker_guard._http import http_library
from tests.faults.rig import Rig, eventually

tokens = json.load(sys.stdin)
rig = Rig(None, url=sys.argv[1], clock=time.time)

def load():
    # Whatever a fetch imports is imported by one: a fork that finds a module half done is a test of its own.
    Rig(None, url=sys.argv[1]).guard.warm_up()

def fork(work):
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(60, exit=True)  # from C: no lock that it was born with is in its way
        status = 1
        try:
            status = 0 if work() else 2
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    return child

def ended_well(*children):
    return all(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 for child in children)

def good(kid="a"):
    return rig.check(tokens[kid].pop()).subject == "user-1"
"""


def script(issuer: Issuer, body: str) -> None:
    """Run a script in a process of its own; it fails by raising."""
    command = [sys.executable, "-W", "ignore", "-c", PRELUDE + body, issuer.url()]
    environ = os.environ | {"NO_PROXY": "*", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    tokens = json.dumps({kid: [fresh(kid, jti=str(number)) for number in range(50)] for kid in "ab"})
    done = subprocess.run(command, input=tokens, capture_output=True, text=True, timeout=WAIT, env=environ, check=False)

    assert ("", 0) == (done.stderr, done.returncode)


def test_a_fork_amid_a_fetch(issuer):
    """
    A child that is born while threads wait for a fetch does its own; the parent's goes on.
    """
    issuer.behave = once(publish("a"), until(lambda: issuer.connections == 3, publish("a")))

    script(
        issuer,
        """
load()
results = []
threads = [threading.Thread(target=lambda: results.append(good())) for _ in range(4)]
for thread in threads:
    thread.start()
eventually(rig.keys._worker.running)
assert ended_well(fork(good))
for thread in threads:
    thread.join(60)
assert results == [True] * 4 and good()
""",
    )

    assert 1 + 2 == issuer.requests


def test_a_fork_amid_a_refresh(issuer):
    """
    A child that is born amid a refresh has the keys of before at once, and does not wait for a thread it has not.
    """
    issuer.behave = once(publish("a"), until(lambda: issuer.connections == 1 + 1 + 4, publish("a", "b")))

    script(
        issuer,
        """
now = [time.time()]
rig = Rig(None, url=sys.argv[1], clock=lambda: now[0])
assert good()
now[0] += 301
assert good() and rig.keys._worker.running() is not None
children = [fork(lambda: good() and good("b")) for _ in range(4)]
assert good() and good("b")
assert ended_well(*children)
""",
    )

    assert 1 + 1 + 4 == issuer.requests


def test_a_fork_amid_traffic(issuer):
    """
    However many threads check tokens at the moment of a fork, the child is not held up by what they held.
    """
    script(
        issuer,
        """
rig = Rig(None, url=sys.argv[1], clock=time.time, token_cache=4)
tokens = tokens["a"]
assert rig.check(tokens[0])
over = threading.Event()
def caller(number):
    while not over.is_set():
        number += 1
        rig.check(tokens[number % 50])
threads = [threading.Thread(target=caller, args=(number,), daemon=True) for number in range(6)]
for thread in threads:
    thread.start()
for _ in range(20):
    assert ended_well(fork(lambda: all(rig.check(text) for text in tokens)))
over.set()
for thread in threads:  # one that is cut off amid a signature by the end of the process would abort that
    thread.join(60)
""",
    )


def test_a_fork_amid_an_addition_to_the_token_cache(issuer):
    """
    A lock of the token cache that another thread held at the fork holds nobody up in the child.
    """
    script(
        issuer,
        """
assert good()
cache = rig.guard.authenticators[0]._tokens
names = [name for cls in type(cache).__mro__ for name in getattr(cls, "__slots__", ())] + list(vars(type(cache)))
locks = [lock for lock in (getattr(cache, name, None) for name in set(names)) if hasattr(lock, "acquire")]
held, let_go = threading.Event(), threading.Event()
def hold():
    for lock in locks:
        lock.acquire()
    held.set()
    let_go.wait(100)
    for lock in locks:
        lock.release()
thread = threading.Thread(target=hold)
thread.start()
held.wait(60)
child = fork(good)
try:
    assert ended_well(child), "the child came to no end"
finally:
    let_go.set()
    thread.join()
""",
    )


def test_a_fork_of_an_event_loop(issuer):
    """
    A child of a process whose loop waits for a fetch checks tokens on a loop of its own.
    """
    issuer.behave = once(publish("a"), until(lambda: issuer.connections == 3, publish("a")))

    script(
        issuer,
        """
import asyncio
load()
def loop():
    return asyncio.run(rig.acheck(tokens["a"].pop())).subject == "user-1"
async def main():
    waiting = [asyncio.create_task(rig.acheck(tokens["a"].pop())) for _ in range(3)]
    while rig.keys._worker.running() is None:
        await asyncio.sleep(0)
    def work():
        asyncio.events._set_running_loop(None)
        return loop()
    child = fork(work)
    assert await asyncio.to_thread(ended_well, child)
    assert [one.subject for one in await asyncio.gather(*waiting)] == ["user-1"] * 3
asyncio.run(main())
""",
    )

    assert 1 + 2 == issuer.requests


def test_a_fork_with_a_client_that_keeps_connections(issuer):
    """
    Children that share their parent's HTTP client do not talk into each other's connections.
    """

    def behave(connection):
        while not issuer.closing.wait(0.1):
            answer(published("a"), close=False)(connection)

    issuer.behave = behave

    script(
        issuer,
        """
now = [time.time()]
with http_library().Client(trust_env=False) as client:
    rig = Rig(None, url=sys.argv[1], clock=lambda: now[0], client=client)
    assert good()
    now[0] += 301
    def work():
        for _ in range(5):
            fetches = rig.keys.health().fetches
            assert good()
            eventually(lambda: rig.keys.health().fetches > fetches and rig.keys._worker.running() is None)
            assert rig.keys.health().failures == 0, rig.keys.health().last_error
            now[0] += 301
        return True
    assert ended_well(*[fork(work) for _ in range(4)])
""",
    )
