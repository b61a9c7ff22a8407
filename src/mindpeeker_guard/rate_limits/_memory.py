"""Budgets kept in this process: exact, bounded, and without I/O.

The storage in memory that ``limits`` brings has a thread that looks at every key a hundred times a second, keeps as
many keys as callers can think of, and tells the time by itself; hence this one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.rate_limits._store import Budget, Level, Strategy

MAX_KEYS = 100_000
MAX_MARKS = 2_000_000
"""How many requests are remembered one by one, over all moving windows; some 100 MB."""


class MemoryWindows:
    """Counts requests. Where there is no more room, the budget that nobody has asked about for longest begins anew.

    Args:
        strategy: ``moving-window`` remembers when each request came; ``fixed-window`` counts from the first on.
        timer: Tells seconds that only ever grow.
        max_keys: How many budgets are kept.
        max_marks: How many requests are remembered, over all moving windows.
    """

    def __init__(
        self,
        strategy: Strategy = "moving-window",
        *,
        timer: Callable[[], float] = time.monotonic,
        max_keys: int = MAX_KEYS,
        max_marks: int = MAX_MARKS,
    ) -> None:
        self._timer = timer
        self._max_keys, self._max_marks = max_keys, max_marks
        self._kind: type[_Moving | _Fixed] = _Moving if strategy == "moving-window" else _Fixed
        self._windows: OrderedDict[str, _Moving | _Fixed] = OrderedDict()
        self._marks = 0
        self._lock = threading.Lock()
        on_fork(self, MemoryWindows._leave)

    def take(self, budgets: Sequence[Budget]) -> list[Level]:
        """Take one request from all of `budgets`, or from none; return what is left of each."""
        with self._lock:
            now = self._timer()
            windows = []
            passes = True
            for budget in budgets:
                window = self._window(budget, now)
                windows.append(window)
                if window.used >= budget.amount:
                    passes = False
            if passes:
                for window in windows:
                    window.add(now)
                    self._marks += window.weight
            levels = [window.level(budget, now, passes) for window, budget in zip(windows, budgets, strict=True)]
            self._make_room(now)
            return levels

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._windows.clear()
            self._marks = 0

    def __len__(self) -> int:
        return len(self._windows)

    def _window(self, budget: Budget, now: float) -> _Moving | _Fixed:
        window = self._windows.get(budget.key)
        if window is None:
            window = self._windows[budget.key] = self._kind(budget.seconds)
        else:
            self._windows.move_to_end(budget.key)
            self._marks -= window.expire(now)
        return window

    def _make_room(self, now: float) -> None:
        """Drop what is too much, and one more budget that has come to its end, so that idle ones do not stay."""
        windows = self._windows
        while len(windows) > self._max_keys or (self._marks > self._max_marks and len(windows) > 1):
            self._marks -= windows.popitem(last=False)[1].forget()
        for oldest in windows:
            if windows[oldest].is_over(now):
                self._marks -= windows.pop(oldest).forget()
            break

    def _leave(self) -> None:
        # The thread that held the lock at a fork does not exist in the child.
        self._lock = threading.Lock()


class _Moving:
    """When each request of the last so many seconds came."""

    __slots__ = ("_marks", "_seconds", "used")

    weight = 1

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._marks: deque[float] = deque()
        self.used = 0

    def add(self, now: float) -> None:
        self._marks.append(now)
        self.used += 1

    def expire(self, now: float) -> int:
        """Drop the requests that are older than the window, and return how many they were."""
        marks, since, count = self._marks, now - self._seconds, 0
        while marks and marks[0] < since:
            marks.popleft()
            count += 1
        self.used -= count
        return count

    def is_over(self, now: float) -> bool:
        return not self._marks or self._marks[-1] < now - self._seconds

    def forget(self) -> int:
        return len(self._marks)

    def level(self, budget: Budget, now: float, passes: bool) -> Level:
        remaining = budget.amount - self.used
        if remaining > 0:
            # Requests leave one by one: within a whole window, no more than what remains may surely pass.
            return Level(True, remaining, budget.seconds)  # noqa: FBT003 - names take their time
        return Level(passes, 0, self._marks[-budget.amount] + budget.seconds - now)


class _Fixed:
    """How many requests came since the first one, which began the window."""

    __slots__ = ("_end", "_seconds", "used")

    weight = 0

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._end = 0.0
        self.used = 0

    def add(self, now: float) -> None:
        if not self.used:
            self._end = now + self._seconds
        self.used += 1

    def expire(self, now: float) -> int:
        if self.used and now >= self._end:
            self.used = 0
        return 0

    def is_over(self, now: float) -> bool:
        return not self.used or now >= self._end

    def forget(self) -> int:
        return 0

    def level(self, budget: Budget, now: float, passes: bool) -> Level:
        remaining = max(0, budget.amount - self.used)
        reset = self._end - now if self.used else float(budget.seconds)
        return Level(passes or remaining > 0, remaining, reset)
