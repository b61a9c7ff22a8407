"""The time of a simulated world, and what is to happen in it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

from tests.simulation.pool import START

_NEVER: Final = float("inf")


class Clock:
    """Tells the time in seconds since the epoch, which may be set, and that of a clock that nobody sets.

    Attributes:
        now: The time in seconds since the epoch.
    """

    __slots__ = ("_shift", "now")

    def __init__(self) -> None:
        self.now = float(START)
        self._shift = 0.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        """Return the time of the clock that nobody sets."""
        return self.now - self._shift

    def jump(self, seconds: float) -> None:
        """Set the clock ahead, or back."""
        self.now += seconds
        self._shift += seconds

    def run_to(self, monotonic: float) -> None:
        """Let time pass."""
        self.now = max(self.now, monotonic + self._shift)

    def seen_as(self, monotonic: float) -> float:
        """Return what this clock will say at a time of the clock that nobody sets."""
        return monotonic + self._shift


class Agenda:
    """What is to happen, in order.

    Attributes:
        next_at: What the clock will say when the next thing is due.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.next_at = _NEVER
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do `action` so many seconds from now."""
        self._count += 1
        heapq.heappush(self._due, (self.clock.monotonic() + seconds, self._count, action))
        self._look()

    def run_until(self, monotonic: float, done: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, and do what is due, until then or until something is done."""
        while self._due and self._due[0][0] <= monotonic and not done():
            at, _, action = heapq.heappop(self._due)
            self.clock.run_to(at)
            action()
        if not done():
            self.clock.run_to(monotonic)
        self._look()

    def _look(self) -> None:
        self.next_at = self.clock.seen_as(self._due[0][0]) if self._due else _NEVER
