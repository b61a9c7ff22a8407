"""A server that a test scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.server import ScriptedServer


@pytest.fixture
def server(monkeypatch) -> Iterator[ScriptedServer]:
    """A server that nothing but the loopback interface stands in front of."""
    monkeypatch.setenv("NO_PROXY", "*")
    with ScriptedServer() as server:
        yield server
