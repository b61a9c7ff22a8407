"""A timer that a test sets, and Redis servers of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.rate_limits.rig import Timer
from tests.state.servers import RedisServer

settings.register_profile(
    "limits", deadline=None, derandomize=True, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("limits")


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server that no test harms. Each uses a prefix of its own."""
    pytest.importorskip("redis")
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may kill."""
    pytest.importorskip("redis")
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    return uuid.uuid4().hex
