"""The oracle is no rubber stamp: each way to get it wrong is found out."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest
from tests.simulation.breakages import BREAKAGES, Breakage
from tests.simulation.scenario import simulate

from mindpeeker_guard import JWTBearer, Principal, Request

SEEDS = range(20)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "mindpeeker_guard")


class Believing(JWTBearer):
    """Remembers tokens, and looks neither at their end nor at their key again."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.known: dict[str, Principal] = {}

    def attempt(self, credential: str, request: Request) -> Principal | None:
        """Ask the memory first."""
        if credential not in self.known:
            principal = super().attempt(credential, request)
            if principal is None:
                return None
            self.known[credential] = principal
        return self.known[credential]


class Hasty(Believing):
    """Remembers tokens, and looks at their end again, but not at their key."""

    def attempt(self, credential: str, request: Request) -> Principal | None:
        """Forget what has ended."""
        known = self.known.get(credential)
        if known is not None and known.expires_at is not None and known.expires_at + 30 <= self._clock():
            del self.known[credential]
        return super().attempt(credential, request)


class Confused(Believing):
    """Remembers tokens by so little of them that it takes one for another."""

    def attempt(self, credential: str, request: Request) -> Principal | None:
        """Ask the memory by the end of the token."""
        principal = super().attempt(credential, request)
        return self.known.setdefault(credential[-1:], principal) if principal is not None else None


def is_found_out(rule: str, bearer: type[JWTBearer] = JWTBearer) -> bool:
    """Whether the oracle notes, in one of a few worlds, that a broken guard breaks a rule."""
    return any(rule in simulate(seed, 6000, bearer).oracle.wrong for seed in SEEDS)


def test_a_guard_that_is_not_broken() -> None:
    """
    In these worlds nothing is wrong with the guard as it is.
    """
    assert Counter() == sum((simulate(seed, 6000).oracle.wrong for seed in SEEDS[:8]), Counter())


@pytest.mark.parametrize(
    ("bearer", "rule"),
    [
        pytest.param(Believing, "accepted where it must be 401", id="neither end nor key looked at again"),
        pytest.param(Hasty, "accepted where it must be 401", id="withdrawal not noticed"),
        pytest.param(Confused, "somebody else where it must be accepted", id="tokens mixed up"),
    ],
)
def test_a_broken_cache(bearer: type[JWTBearer], rule: str) -> None:
    """
    A cache that believes for too long, or the wrong one, is found out.
    """
    assert is_found_out(rule, bearer)


@pytest.mark.parametrize(("breakage", "rule"), [pytest.param(*case[1:], id=case[0]) for case in BREAKAGES])
def test_a_broken_key_set(monkeypatch: pytest.MonkeyPatch, breakage: Breakage, rule: str) -> None:
    """
    A key set that breaks one of its rules is found out by the oracle's rule about it.
    """
    breakage(monkeypatch)

    assert is_found_out(rule)
