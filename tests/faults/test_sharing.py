"""One fetch serves everybody who waits: threads, event loops, and both in one thread."""

from __future__ import annotations

import asyncio
import threading

import pytest
from tests.faults.issuer import Behaviour, Issuer, answer, once, publish, until
from tests.faults.rig import GRACE, PATIENCE, TIMEOUT, Rig, at_once, eventually, nobody_fetches, signed

from mindpeeker_guard import KeysUnavailableError, UnknownKeyError


class SlowIssuer:
    """A guard's issuer that answers only when it may.

    Attributes:
        rig: The guard.
        let_go: Set it, and the issuer answers.
    """

    def __init__(self, issuer: Issuer, rig: Rig) -> None:
        self._issuer = issuer
        self.rig = rig
        self.let_go = threading.Event()
        self.behave(publish("a"))

    def behave(self, then: Behaviour) -> None:
        """Answer so when it is time."""
        self._issuer.behave = until(self.let_go.is_set, then)

    def answer_to(self, waiting: int, then: Behaviour | None = None) -> None:
        """Answer only when so many wait for it."""
        self.rig.waits.clear()
        self._issuer.behave = until(lambda: len(self.rig.waits) >= waiting, then or publish("a"))

    async def asked_by(self, waiting: int) -> None:
        """Come back when so many tasks wait. If the loop stands still until the fetch is over, they never will."""
        while len(self.rig.waits) < waiting:
            assert not self.rig.keys.health().failures, "nobody waits any more"
            await asyncio.sleep(0)


@pytest.fixture
def rig(issuer) -> Rig:
    """A guard with a patient client."""
    return Rig(issuer)


@pytest.fixture
def slow(issuer, rig) -> SlowIssuer:
    return SlowIssuer(issuer, rig)


def subjects(outcomes):
    return {getattr(outcome, "subject", outcome) for outcome in outcomes}


def test_two_hundred_cold_tasks(issuer, slow, rig):
    """
    200 tasks that ask before there are keys cause one fetch, and all get their answer.
    """
    slow.answer_to(200)

    async def main():
        return await asyncio.gather(*(rig.aoutcome(signed("a", number % 10)) for number in range(200)))

    outcomes = asyncio.run(main())

    assert [f"user-{number % 10}" for number in range(200)] == [outcome.subject for outcome in outcomes]
    assert 1 == issuer.requests


def test_fifty_cold_threads(issuer, slow, rig):
    """
    So do 50 threads.
    """
    slow.answer_to(50)

    outcomes = at_once(*[lambda: rig.outcome(signed("a"))] * 50)

    assert {"user-0"} == subjects(outcomes)
    assert 1 == issuer.requests


def test_two_loops_and_threads(issuer, slow, rig):
    """
    Two event loops and threads without one share a fetch as well.
    """
    slow.answer_to(20 + 20 + 10)

    async def main():
        return await asyncio.gather(*(rig.aoutcome(signed("a")) for _ in range(20)))

    def loop():
        return subjects(asyncio.run(main()))

    results = at_once(loop, loop, *[lambda: {rig.check(signed("a")).subject}] * 10)

    assert {"user-0"} == set().union(*results)
    assert 1 == issuer.requests


def test_the_loop_goes_on(slow, rig):
    """
    While the issuer takes its time everything else on the loop goes on as before.
    """

    async def main():
        waiting = [asyncio.create_task(rig.aoutcome(signed("a"))) for _ in range(10)]
        await slow.asked_by(10)
        for _ in range(200):
            await asyncio.sleep(0.001)
        done = [task.done() for task in waiting]
        slow.let_go.set()  # if the loop had stood still until the fetch failed, the outcomes would say so
        return done, await asyncio.gather(*waiting)

    done, outcomes = asyncio.run(main())

    assert [False] * 10 == done
    assert {"user-0"} == subjects(outcomes)


def test_a_caller_that_leaves(issuer, slow, rig):
    """
    A caller that is cancelled leaves alone: the fetch goes on for all the others.
    """

    async def main():
        leaving = [asyncio.create_task(rig.acheck(signed("a"))) for _ in range(5)]
        staying = [asyncio.create_task(rig.aoutcome(signed("a"))) for _ in range(5)]
        await slow.asked_by(10)
        for task in leaving:
            task.cancel()
        left = await asyncio.gather(*leaving, return_exceptions=True)
        slow.let_go.set()
        return left, await asyncio.gather(*staying)

    left, stayed = asyncio.run(main())

    assert {asyncio.CancelledError} == {type(outcome) for outcome in left}
    assert {"user-0"} == subjects(stayed)
    assert 1 == issuer.requests


def test_a_loop_that_ends(issuer, slow, rig, caplog):
    """
    A loop that ends while its callers wait takes nothing with it: the keys arrive, and nothing is said about it.
    """

    async def main():
        tasks = [asyncio.create_task(rig.acheck(signed("a"))) for _ in range(3)]
        await slow.asked_by(3)
        return len(tasks)

    asyncio.run(main())
    slow.let_go.set()
    assert nobody_fetches()

    assert "user-0" == rig.check(signed("a")).subject
    assert 1 == issuer.requests
    assert [] == [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


def test_plain_code_on_the_loop(issuer, slow, rig):
    """
    A plain check in the loop's own thread, with an async one under way, comes to its end: there is no deadlock.
    """
    slow.answer_to(2)

    async def main():
        waiting = asyncio.create_task(rig.acheck(signed("a")))
        await slow.asked_by(1)
        return rig.check(signed("a")), await asyncio.wait_for(waiting, PATIENCE)

    outcomes = asyncio.run(main())

    assert {"user-0"} == subjects(outcomes)
    assert 1 == issuer.requests


def test_all_share_a_failure(issuer, slow, rig):
    """
    Where the one fetch fails it has failed for all: nobody queues for a try of their own.
    """
    slow.answer_to(20 + 50, answer(status=404))

    outcomes = rig.everybody(signed("a"), threads=20, tasks=50)

    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert 1 == issuer.requests
    assert 20 + 50 == len(rig.waits)


def test_a_new_key_for_everybody(issuer, slow, rig):
    """
    When a key is new to everybody at once, it is fetched once and all of its tokens pass.
    """
    slow.let_go.set()
    rig.guard.warm_up()
    slow.answer_to(20 + 50, publish("a", "b"))

    outcomes = rig.everybody(signed("b"), threads=20, tasks=50)

    assert {"user-0"} == subjects(outcomes)
    assert 2 == issuer.requests


def test_a_key_that_is_newer_than_the_fetch_under_way(issuer, rig):
    """
    A token whose key was published after the fetch under way had begun is good all the same.
    """
    rig.guard.warm_up()
    rig.waits.clear()
    issuer.behave = once(until(lambda: len(rig.waits) >= 3 + 3, publish("a")), publish("a", "b"))
    rig.clock.skip(301)
    rig.check(signed("a"))
    eventually(lambda: issuer.connections == 2)

    outcomes = rig.everybody(signed("b"), threads=3, tasks=3)

    assert {"user-0"} == subjects(outcomes)
    assert 3 == issuer.requests


def test_junk_joins_and_pays_no_more_than_its_budget(issuer, slow, rig):
    """
    Unknown key ids that come during a slow fetch cause no more than their two fetches, and good tokens pass meanwhile.
    """
    slow.let_go.set()
    rig.guard.warm_up()
    slow.answer_to(5)
    rig.clock.skip(301)
    rig.check(signed("a"))

    junk = at_once(*[lambda kid=kid: rig.outcome(signed(kid)) for kid in ("x1", "x2", "x3", "x4", "x5")])

    assert {UnknownKeyError} == {type(outcome) for outcome in junk}
    assert issuer.requests <= 1 + 1 + 2
    assert "user-0" == rig.check(signed("a")).subject


def test_nobody_waits_longer_than_the_limit(issuer):
    """
    Those who come late, to a fetch that hangs, are let go when it is given up and not after a time of their own.
    """
    issuer.behave = lambda connection: connection.hold()
    rig = Rig(issuer, timeout=PATIENCE)
    flows = [rig.keys.find("a", "ES256") for _ in range(2)]

    first = next(flows[0])
    eventually(lambda: issuer.requests or issuer.connections)
    late = next(flows[1])

    assert late.future is first.future
    assert late.timeout < first.timeout <= PATIENCE + GRACE
    assert not late.future.done()


def test_a_fetch_that_is_given_up_lets_everybody_go(issuer):
    """
    When a fetch that hangs is given up, all who wait for it are let go, and it was the only one.
    """
    issuer.behave = lambda connection: connection.hold()
    rig = Rig(issuer, timeout=TIMEOUT)

    outcomes = rig.everybody(signed("a"))

    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert rig.longest_wait() <= TIMEOUT + GRACE
    assert nobody_fetches()
    assert 1 == rig.keys.health().fetches
