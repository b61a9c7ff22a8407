"""What an oracle keeps in mind of a simulated world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.simulation.pool import Key, Token

REFILL: Final = 15
BURST: Final = 2
_BACK_OFF: Final = 60
LONGEST_PAUSE: Final = 300


@dataclass(frozen=True, slots=True)
class Numbers:
    """The settings of a world."""

    fresh_for: float = 300
    stale_for: float = 300
    max_stale: float = 86_400
    token_cache: int = 4096


@dataclass(slots=True)
class Fetch:
    """A fetch under way."""

    began: float
    kid: str | None
    """The key id that it was begun for, past all caches; None for a scheduled one."""


@dataclass(frozen=True, slots=True)
class Good:
    """The last good answer."""

    keys: frozenset[Key]
    kids: frozenset[str]
    at: float
    fresh_for: float


@dataclass(frozen=True, slots=True)
class Bad:
    """The failures since."""

    at: float
    monotonic: float
    count: int
    retry_after: float

    @property
    def longest_pause(self) -> float:
        """The most seconds until the next try may be."""
        return min(max(min(2.0 ** min(self.count - 1, 10), _BACK_OFF), self.retry_after), LONGEST_PAUSE)


@dataclass(slots=True)
class Ask:
    """A request, and how things stood when it came."""

    token: Token
    at: float
    monotonic: float
    may_wait: bool
    budget: float
    waited: bool = False


@dataclass(slots=True)
class Budget:
    """What is left of the budget for unknown key ids."""

    at: float
    left: float = BURST

    def pass_to(self, now: float) -> None:
        """Let the budget grow."""
        self.left, self.at = min(BURST, self.left + (now - self.at) / REFILL), now

    def take(self) -> None:
        """Take one."""
        self.left -= 1
