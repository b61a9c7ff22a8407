"""A clock that a test moves."""

from __future__ import annotations

import time


class Clock:
    """Tells the time, which stands still until a test moves it.

    It is callable, as ``clock=`` wants it: of `Guard`, `JWTBearer`, `RemoteKeySet` and `FakeIssuer`.

    Args:
        now: Seconds since the epoch; the present time by default.
    """

    def __init__(self, now: float | None = None) -> None:
        self._now = time.time() if now is None else now

    def __call__(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass; a negative number goes back."""
        self._now += seconds

    def set(self, now: float) -> None:
        """Make it `now`, in seconds since the epoch."""
        self._now = now

    def __repr__(self) -> str:
        return f"Clock({self._now!r})"
