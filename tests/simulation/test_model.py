"""Ten million requests, or fewer: whatever the issuer does, no decision is wrong."""

from __future__ import annotations

import logging
import os
from collections import Counter

import pytest
from tests.simulation.pool import START
from tests.simulation.scenario import simulate

REQUESTS = int(os.environ.get("MINDPEEKER_SIMULATED_REQUESTS", "200000"))
IN_A_WORLD = max(20_000, REQUESTS // 150)


def test_no_decision_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    """
    Through rotations, withdrawals, outages, floods and clocks that are set, every answer is the one it must be.
    """
    caplog.set_level(logging.CRITICAL, "mindpeeker_guard")
    wrong: Counter[str] = Counter()
    decided: Counter[str] = Counter()
    fetches: Counter[str] = Counter()
    notes: list[str] = []
    days, seed = 0.0, 0
    while decided.total() < REQUESTS:
        world = simulate(seed, min(IN_A_WORLD, REQUESTS - decided.total()))
        wrong += world.oracle.wrong
        decided += world.oracle.decided
        fetches += world.oracle.fetches
        notes += [f"seed {seed}, {note}" for note in world.oracle.notes]
        days += (world.clock.monotonic() - START) / 86_400
        seed += 1

    print(f"{seed} worlds, {days:,.0f} days; {decided.total():,} requests: {dict(decided)}; fetches: {dict(fetches)}")  # noqa: T201 - shown with -rP
    assert Counter() == wrong, "\n".join(notes[:20])
    assert min(decided[outcome] for outcome in ("accepted", "401", "503")) > REQUESTS / 2000
