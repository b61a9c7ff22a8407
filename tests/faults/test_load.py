"""Keys change, and junk pours in, while good requests never stop."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time

import pytest
from tests.faults.issuer import publish, until
from tests.faults.rig import Rig, at_once, eventually, signed
from tests.faults.rotation import Rotation
from tests.support.tokens import private_key, token

from mindpeeker_guard import KeysUnavailableError, Principal, UnknownKeyError

ROUNDS = 7
EVERY = 0.3  # seconds
FRESH_FOR = 1.0  # seconds


def rotating(issuer) -> tuple[Rotation, Rig]:
    rotation = Rotation(issuer, ROUNDS)
    rig = Rig(
        issuer,
        clock=time.time,
        fresh_for=FRESH_FOR,
        unknown_kid_burst=100,
        unknown_kid_refill=1,
    )
    rig.guard.warm_up()
    return rotation, rig


def most_fetches(seconds):
    """
    Return how many fetches seven rotations may cost, on a machine of any speed.

    Each may cost one for the first token of the new key and one for a token of the withdrawn one, and twice that is
    allowed; refreshes come as often as they are due, half of the time at the earliest.
    """
    return 1 + ROUNDS * 4 + 2 * seconds / FRESH_FOR


def settled(issuer, rotation, rig):
    """Assert what holds at the end of a rotation under load."""
    rig.outcome(signed("nobody"))  # has the keys fetched, whatever was fetched last
    gone = [type(rig.outcome(signed(name))) for name in rotation.withdrawn()]
    there = [type(rig.outcome(signed(name))) for name in rotation.published()]

    assert [] == rotation.wrong
    assert {UnknownKeyError} == set(gone)
    assert {Principal} == set(there)
    assert rotation.seen["good"] > 100
    assert {"good", "UnknownKeyError"} >= set(rotation.seen)


def test_rotation_under_threads(issuer):
    """
    While keys come and go eight threads see no good token refused, and none of a key that is gone accepted.
    """
    rotation, rig = rotating(issuer)
    start = time.monotonic()

    def caller(number):
        chance = random.Random(number)
        while not rotation.over.is_set():
            kid = rotation.choose(chance)
            before = rotation.before(rig, kid)
            rotation.judge(kid, before, rig.outcome(signed(kid)))

    at_once(lambda: rotation.run(EVERY), *[lambda number=number: caller(number) for number in range(8)])
    fetches = issuer.requests

    settled(issuer, rotation, rig)
    assert 1 + ROUNDS <= fetches <= most_fetches(time.monotonic() - start)


def test_rotation_under_tasks(issuer):
    """
    So do fifty tasks on an event loop.
    """
    rotation, rig = rotating(issuer)
    start = time.monotonic()

    async def caller(number):
        chance = random.Random(number)
        while not rotation.over.is_set():
            kid = rotation.choose(chance)
            before = rotation.before(rig, kid)
            rotation.judge(kid, before, await rig.aoutcome(signed(kid)))
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(asyncio.to_thread(rotation.run, EVERY), *(caller(number) for number in range(50)))

    asyncio.run(main())
    fetches = issuer.requests

    settled(issuer, rotation, rig)
    assert 1 + ROUNDS <= fetches <= most_fetches(time.monotonic() - start)


def test_an_outage_under_load(issuer):
    """
    Eight threads with good tokens do not notice that the issuer goes away and comes back.
    """
    rig = Rig(issuer, clock=time.time, fresh_for=1, jitter=lambda: 0.0)
    rig.guard.warm_up()
    rig.limit(1)  # the pauses are short: of the tries after an outage one will have the time that it needs
    over = threading.Event()
    refused, count = [], [0] * 8

    def everybody_goes_on():
        before = list(count)
        eventually(lambda: all(now >= then + 10 for now, then in zip(count, before, strict=True)))

    def issuer_goes_and_comes():
        try:
            for down, up in ((issuer.refuse, issuer.listen), (issuer.stall, issuer.listen)):
                everybody_goes_on()
                down()
                eventually(lambda: rig.keys.health().failures)
                everybody_goes_on()
                up()
                eventually(lambda: not rig.keys.health().failures)
        finally:
            over.set()

    def caller(number):
        while not over.is_set():
            outcome = rig.outcome(signed("a", number))
            count[number] += 1
            if not isinstance(outcome, Principal):
                refused.append(outcome)

    at_once(issuer_goes_and_comes, *[lambda number=number: caller(number) for number in range(8)])

    assert [] == refused
    assert rig.keys.health().fetches >= 1 + 2 * 2


FLOOD = 1000


@pytest.fixture
def flooded(issuer):
    """A guard with keys, and junk."""
    rig = Rig(issuer)
    rig.guard.warm_up()
    rig.waits.clear()
    key = private_key("attacker", "ES256")
    return rig, [token(key=key, alg="ES256", kid=f"junk-{number}") for number in range(FLOOD)]


def test_a_flood_in_threads(issuer, flooded):
    """
    A thousand unknown key ids cost two fetches, and good tokens pass beside them while those are under way.
    """
    rig, junk = flooded
    over, served = threading.Event(), threading.Event()
    issuer.behave = until(served.is_set, publish("a"))
    customers = []

    def attacker(part):
        return [type(rig.outcome(text)) for text in junk[part::4]]

    def attack():
        try:
            return set().union(*at_once(*[lambda part=part: attacker(part) for part in range(4)]))
        finally:
            over.set()

    def customer(number):
        customers.append(threading.current_thread())
        eventually(lambda: issuer.connections == 2)
        for count in itertools.count():
            rig.check(signed("a", count % 20 + number))
            if count == 100:
                served.set()
            if count >= 100 and over.is_set():
                return

    outcomes, *_ = at_once(attack, lambda: customer(0), lambda: customer(20))

    assert {UnknownKeyError} == outcomes
    assert issuer.requests <= 1 + 2
    assert not {caller for caller, _ in rig.waits} & set(customers)


def test_a_flood_on_a_loop(issuer, flooded):
    """
    So do a thousand at once on an event loop.
    """
    rig, junk = flooded

    served = threading.Event()
    issuer.behave = until(served.is_set, publish("a"))

    async def customer(number):
        for _ in range(number):
            await asyncio.sleep(0)
        await rig.acheck(signed("a", number))
        return asyncio.current_task()

    async def main():
        attack = [asyncio.create_task(rig.aoutcome(text)) for text in junk]
        customers = await asyncio.gather(*(customer(number) for number in range(100)))
        served.set()
        return await asyncio.gather(*attack), customers

    outcomes, customers = asyncio.run(main())

    assert {UnknownKeyError} == {type(outcome) for outcome in outcomes}
    assert issuer.requests <= 1 + 2
    assert FLOOD <= len(rig.waits)
    assert not {caller for caller, _ in rig.waits} & set(customers)


def test_a_flood_while_the_issuer_is_down(issuer, flooded):
    """
    While the issuer is down a flood costs what the pause between tries allows, and blames no token.
    """
    rig, junk = flooded
    issuer.behave = lambda connection: connection.reset()
    connections = issuer.connections

    outcomes = [rig.outcome(text) for text in junk]

    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert issuer.connections <= connections + 2  # one try, which may be worth a second one
    assert "user-0" == rig.check(signed("a")).subject


def test_a_rotation_amid_a_flood(issuer, flooded):
    """
    A new key arrives within 15 seconds of its first token, however much junk has used up the budget.
    """
    rig, junk = flooded
    for text in junk[:10]:
        rig.outcome(text)
    issuer.behave = publish("a", "b")

    early = rig.outcome(signed("b"))
    rig.clock.skip(15)

    assert isinstance(early, UnknownKeyError)
    assert isinstance(rig.outcome(junk[11]), UnknownKeyError)
    assert "user-0" == rig.check(signed("b")).subject
    assert 1 + 2 + 1 == issuer.requests
