"""A Redis for the tests that leave it alone, one each for those that do not, and state to put on top."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests.state.rig import Clock
from tests.state.servers import RedisServer

from mindpeeker_guard.state import MemoryState
from mindpeeker_guard.state.redis import RedisState

settings.register_profile(
    "state", deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("state")

MakeState = Callable[..., Any]


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server that no test harms. Each uses a prefix of its own."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may kill."""
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make() -> Iterator[MakeState]:
    """Make a `RedisState`; all of them are closed in the end. Those of one test share a prefix."""
    pytest.importorskip("redis")
    made: list[RedisState] = []
    prefix = uuid.uuid4().hex

    def make(server: RedisServer | str, **options: Any) -> RedisState:
        known: dict[str, Any] = {"prefix": prefix, "timeout": 5, "connect_timeout": 5}
        made.append(RedisState(server if isinstance(server, str) else server.url, **known | options))
        return made[-1]

    yield make
    for state in made:
        state.close()


@pytest.fixture(params=["memory", "redis"])
def state(request: pytest.FixtureRequest, clock: Clock) -> Any:
    """State of either kind; the same tests hold for both."""
    if request.param == "memory":
        return MemoryState(clock=clock)
    return request.getfixturevalue("make")(request.getfixturevalue("calm"), clock=clock)
