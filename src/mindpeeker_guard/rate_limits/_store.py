"""What the stores of rate limits have in common: one question with all budgets of a request, one answer.

A request takes from all its budgets, or, where one of them is used up, from none: who is refused has used nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

Strategy = Literal["moving-window", "fixed-window"]


class Budget(NamedTuple):
    """One budget to take a request from.

    Attributes:
        key: Who has it, and for what.
        amount: How many requests it lets pass.
        seconds: In how much time.
    """

    key: str
    amount: int
    seconds: int


class Level(NamedTuple):
    """What is left of a budget.

    Attributes:
        is_open: Whether this budget let the request pass.
        remaining: How many more it lets pass.
        reset: Seconds in which no more than that pass; where none pass, until the next one does.
    """

    is_open: bool
    remaining: int
    reset: float


class LocalStore(Protocol):
    """Counts in this process, without any I/O."""

    def take(self, budgets: Sequence[Budget]) -> list[Level]:
        """Take one request from all of `budgets`, or from none; return what is left of each."""


class RemoteStore(Protocol):
    """Counts somewhere else, blocking or awaited.

    Both raise `StoreUnavailableError` where it cannot be told what is left.
    """

    def take(self, budgets: Sequence[Budget]) -> list[Level]:
        """Take one request from all of `budgets`, or from none; return what is left of each."""

    async def atake(self, budgets: Sequence[Budget]) -> list[Level]:
        """Do the same, leaving the event loop free."""
