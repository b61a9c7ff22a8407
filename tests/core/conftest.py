"""A clock that a test sets, and a server that it scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests.support.server import ScriptedServer

NOW = 1_700_000_000.0

# Fixed seeds: a test run says the same thing twice. Slow machines are no reason to fail.
settings.register_profile(
    "core", deadline=None, derandomize=True, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("core")


class Clock:
    """The time, as the test sets it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(monkeypatch) -> Iterator[ScriptedServer]:
    """A server that nothing but the loopback interface stands in front of."""
    monkeypatch.setenv("NO_PROXY", "*")
    with ScriptedServer() as server:
        yield server
