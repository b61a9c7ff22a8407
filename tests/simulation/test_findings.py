"""What the simulation found, one small world for each."""

from __future__ import annotations

from tests.simulation.pool import Token, pool
from tests.simulation.world import World

LONGEST = 5.5 + 0.01


def first_token(number: int) -> Token:
    """A token that lasts, of one of the keys."""
    return pool().good[pool().keys[number]][0]


def test_a_new_key_counts_at_its_first_use_while_a_fetch_is_under_way() -> None:
    """
    A key published while a refresh is under way is looked for again: that refresh was answered before.
    """
    world = World(1)
    world.issuer.publish(0, use=True)
    world.run([first_token(0)] * 2, [1, 1])
    world.issuer.delays = (3, 3)
    world.run([first_token(0)], [290])
    world.issuer.publish(world.clock.monotonic(), use=True)

    world.run([first_token(1), first_token(0), first_token(0), first_token(0)], [1, 3, 3, 3])

    assert {"accepted": 7} == dict(world.oracle.decided)


def test_nobody_waits_for_longer_than_one_refresh() -> None:
    """
    A request waits for no longer than one refresh may take, whatever it has to wait for.
    """
    world = World(1)
    world.issuer.publish(0, use=True)
    world.run([first_token(0)] * 2, [1, 1])
    world.issuer.delays = (4, 4)
    world.agenda.run_until(world.clock.monotonic() + 7200)
    began = world.clock.monotonic()

    world.send_through_guard(first_token(1))

    assert LONGEST >= world.clock.monotonic() - began


def test_a_clock_set_back_does_not_use_up_the_budget() -> None:
    """
    The budget for unknown keys has grown again after twenty minutes, though the clock was set back meanwhile.
    """
    world = World(1)
    world.issuer.publish(0, use=True)
    world.agenda.run_until(world.clock.monotonic() + 7200)  # later, the token is good by a clock that was set back, too
    world.run([first_token(0), *pool().junk[:3]], [1, 1, 1, 1])
    world.clock.jump(-3600)
    world.oracle.jumped(-3600)
    world.run([first_token(0)] * 40, [30] * 40)
    world.issuer.publish(world.clock.monotonic(), use=True)

    world.send_through_guard(first_token(1))

    assert {"accepted": 42, "401": 3} == dict(world.oracle.decided)
