"""The event loop of the clients ends with the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.clients import gateways


@pytest.fixture(scope="session", autouse=True)
def _event_loop() -> Iterator[None]:
    yield
    gateways.close()
