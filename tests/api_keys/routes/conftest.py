"""New keys that can be foretold, so that answers can be spelled out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.clients import gateways

from mindpeeker_guard.api_keys import _format


@pytest.fixture
def zeros(monkeypatch):
    """Let new keys be made of zeros."""
    monkeypatch.setattr(_format, "_random", lambda length: "0" * length)


@pytest.fixture(scope="session", autouse=True)
def _event_loop() -> Iterator[None]:
    yield
    gateways.close()
