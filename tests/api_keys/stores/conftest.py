"""A store of every kind, and a PostgreSQL server for those that need one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.api_keys.stores.kinds import KINDS, Kind
from tests.api_keys.stores.postgres import PostgresServer


@pytest.fixture(scope="session")
def server() -> Iterator[Callable[[], PostgresServer]]:
    """Return the server, started when the first test needs it."""
    started: list[PostgresServer] = []

    def get() -> PostgresServer:
        if not started:
            started.append(PostgresServer())
            started[0].start()
        return started[0]

    yield get
    for one in started:
        one.close()


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory, server) -> Iterator[Kind]:
    """A kind of store, with a table of its own for each module."""
    one = Kind(request.param, tmp_path_factory.mktemp("keys"), server)
    yield one
    one.close()


@pytest.fixture
def store(kind):
    """A store of that kind, with an empty table."""
    kind.clear()
    return kind.store
