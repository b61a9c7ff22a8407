"""A day without the issuer, at a request each second."""

from __future__ import annotations

import logging
from itertools import repeat

import pytest
from tests.simulation.oracle import Oracle
from tests.simulation.pool import Token, pool
from tests.simulation.world import World

DAY = 86_400
KINDS = ["refused", "html", "empty", "retry after"]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Some thousand warnings are as they should be."""
    caplog.set_level(logging.CRITICAL, "mindpeeker_guard")


@pytest.fixture
def world() -> World:
    """A world in which the issuer has answered once, just now."""
    world = World(7)
    world.issuer.publish(0, use=True)
    world.issuer.delays = (0.05, 0.2)
    world.run([good_token()] * 2, [0, 1])
    return world


def good_token() -> Token:
    return pool().good[pool().keys[0]][0]


def counts(oracle: Oracle) -> dict[str, int]:
    """The decisions so far, which are then forgotten."""
    assert {} == dict(oracle.wrong), oracle.notes
    found = dict(+oracle.decided)
    oracle.decided.clear()
    return found


def pass_a_day(world: World) -> int:
    """A request each second, until a day has passed since the last good answer; return how many."""
    assert world.oracle.good is not None
    seconds = int(world.oracle.good.at + DAY - world.clock())
    world.run(repeat(good_token(), seconds), repeat(1))
    return seconds


@pytest.mark.parametrize("kind", KINDS)
def test_a_day_without_the_issuer(world: World, kind: str) -> None:
    """
    For a day since the last good answer no valid request is refused, however the issuer fails; then all get a 503.
    """
    counts(world.oracle)
    world.issuer.outage = kind

    seconds = pass_a_day(world)

    assert {"accepted": seconds} == counts(world.oracle)
    assert seconds > DAY - 60
    world.run(repeat(good_token(), 600), repeat(1))
    assert {"503": 600} == counts(world.oracle)


def test_an_outage_is_no_flood(world: World) -> None:
    """
    While the issuer is down it is asked every 30 seconds on average, and never twice within a moment.
    """
    world.issuer.outage = "refused"
    before = world.oracle.fetches["scheduled"]

    pass_a_day(world)

    tries = world.oracle.fetches["scheduled"] - before
    assert DAY / 60 <= tries <= DAY / 28


def test_nobody_waits_in_an_outage(world: World) -> None:
    """
    With a set that has become stale, requests wait for one try; once that has failed, nobody waits any more.
    """
    world.issuer.outage = "refused"
    world.issuer.delays = (2, 2)
    world.agenda.run_until(world.clock.monotonic() + 3600)

    waits = []
    for _ in range(2000):
        began = world.clock.monotonic()
        world.send_through_guard(good_token())
        waits.append(round(world.clock.monotonic() - began, 3))
        world.agenda.run_until(world.clock.monotonic() + 1)

    assert [2.0, *[0.0] * 1999] == waits
    assert {"accepted": 2002} == counts(world.oracle)


def test_callers_are_told_when_to_come_back(world: World) -> None:
    """
    Past the day each answer is a 503 with Retry-After, a whole number of seconds; the oracle looks at each.
    """
    world.issuer.outage = "retry after"
    world.agenda.run_until(world.clock.monotonic() + DAY)
    counts(world.oracle)

    for _ in range(300):
        world.send_through_guard(good_token())
        world.agenda.run_until(world.clock.monotonic() + 7)

    assert {"503": 300} == counts(world.oracle)


@pytest.mark.parametrize("hours", [1, 25])
def test_recovery(world: World, hours: int) -> None:
    """
    When the issuer is back, its keys are in force a minute later at most, those that are new among them.
    """
    world.issuer.outage = "refused"
    world.run(repeat(good_token(), 360 * hours), repeat(10))
    counts(world.oracle)

    world.issuer.outage = None
    new = world.issuer.publish(world.clock.monotonic(), use=True)
    world.run(repeat(good_token(), 62), repeat(1))
    recovered = world.oracle.good
    counts(world.oracle)
    world.run([pool().good[new][0], good_token()], [0, 0])

    assert recovered is not None
    assert new in recovered.keys
    assert {"accepted": 2} == counts(world.oracle)
