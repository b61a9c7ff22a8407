"""A PostgreSQL that is killed, frozen, refused or locked: 503, nothing half done, and all is well afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.api_keys.stores import django_keys
from tests.api_keys.stores.kinds import Blocking, Kind
from tests.api_keys.stores.postgres import PostgresServer, eventually
from tests.api_keys.stores.records import HOUR, NOW, record
from tests.support.ports import free_port

from mindpeeker_guard.api_keys import StoreUnavailableError
from mindpeeker_guard.api_keys.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore

KINDS = ("postgresql", "async-postgresql", "django-postgresql")
OPERATIONS = {
    "add": lambda store: store.add(record("another")),
    "get": lambda store: store.get("old"),
    "list": lambda store: store.list(None),
    "revoke": lambda store: store.revoke("old", NOW),
    "rotate": lambda store: store.rotate("old", record("new"), NOW + HOUR, NOW),
    "touch": lambda store: store.touch("old", NOW, NOW),
}
# Each holds a lock that a rotation runs into: before anything is done, and between its two statements.
BEFORE = "SELECT * FROM mindpeeker_api_keys WHERE id = 'old' FOR UPDATE"
HALFWAY = """
    INSERT INTO mindpeeker_api_keys SELECT 'new', digest, pepper_id, name, owner, scopes, created_at
    FROM mindpeeker_api_keys WHERE id = 'old'
"""


@pytest.fixture(scope="module")
def server():
    """A server that these tests may do anything to."""
    with contextlib.closing(PostgresServer()) as server:
        server.start()
        yield lambda: server


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory, server):
    one = Kind(request.param, tmp_path_factory.mktemp("keys"), server)
    yield one
    one.close()


@pytest.fixture
def fragile(kind):
    """A store that waits a second for an answer, and two for a connection, on a table with one key."""
    kind.clear()
    kind.store.add(record("old"))
    return kind.open(timeout=1, max_age=0)


@contextlib.contextmanager
def locking(kind, statement):
    """Hold what `statement` locks; the server may be gone at the end."""
    connection = psycopg.connect(kind.url)
    try:
        connection.execute(statement)
        yield
    finally:
        connection.close()


def rotation(store):
    """Return the type of what a rotation raises, or what it returns."""
    try:
        return OPERATIONS["rotate"](store)
    except StoreUnavailableError as error:
        return type(error)


@pytest.mark.parametrize("statement", [BEFORE, HALFWAY], ids=["before", "halfway"])
def test_killed_in_the_middle_of_a_rotation(kind, server, fragile, statement):
    """
    A server that dies in the middle of a rotation leaves the old key in force and no successor, and the store goes on
    when it is back.
    """
    patient = kind.open(max_age=0)
    with ThreadPoolExecutor(1) as pool, locking(kind, statement):
        outcome = pool.submit(rotation, patient)
        eventually(server().waits_for_a_lock)

        server().kill()

        assert outcome.result(60) is StoreUnavailableError
    server().start()
    assert [record("old")] == list(patient.list(None))
    assert OPERATIONS["rotate"](patient) is True


@pytest.mark.parametrize("kind", KINDS[:2], indirect=True)
@pytest.mark.parametrize("statement", [BEFORE, HALFWAY], ids=["before", "halfway"])
def test_a_lock_that_is_held_too_long(kind, server, fragile, statement):
    """
    A rotation that waits longer than the timeout is given up, and does not happen later either, when the lock is free.
    """
    with locking(kind, statement):
        assert rotation(fragile) is StoreUnavailableError

    eventually(lambda: not server().waits_for_a_lock())
    assert [record("old")] == list(kind.store.list(None))
    assert rotation(kind.store) is True


@pytest.mark.parametrize("kind", ["async-postgresql"], indirect=True)
def test_a_caller_that_goes_away(kind, server, fragile):
    """
    A request that is cancelled while its rotation waits has changed nothing, and leaves the store in order.
    """
    patient = kind.open()

    async def cancel():
        task = asyncio.ensure_future(OPERATIONS["rotate"](patient.store))
        await asyncio.to_thread(eventually, server().waits_for_a_lock)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    with locking(kind, BEFORE):
        patient.runner.run(cancel())

    eventually(lambda: not server().waits_for_a_lock())
    assert [record("old")] == list(patient.list(None))
    assert rotation(patient) is True


def test_frozen(kind, server, fragile):
    """
    A server that takes connections and never answers holds nobody for longer than the timeouts.
    """
    fragile.get("old")
    with server().frozen(), ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(rotation, fragile)
        assert outcome.result(60) is StoreUnavailableError

    assert [record("old")] == list(kind.open(max_age=0).list(None))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_refused(kind, operation):
    """
    Where nobody listens, each operation says that the store cannot be reached, and to try again.
    """
    url = f"postgresql://someone:opensesame@127.0.0.1:{free_port()}/keys"
    with _opened(kind, url) as store, pytest.raises(StoreUnavailableError) as caught:
        OPERATIONS[operation](store)

    assert (503, 1) == (caught.value.status, caught.value.retry_after)
    assert "opensesame" not in _all_texts(caught.value) + repr(store)


def test_terminated(kind, server, fragile):
    """
    Connections that the server has ended while nobody used them are replaced, and no caller hears of it.
    """
    store = kind.open(max_age=0)
    store.get("old")
    with server().connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND datname LIKE 'k%'"
        )

    assert record("old") == store.get("old")
    assert rotation(store) is True


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_table(kind, server, operation):
    """
    A database without the table is a store that cannot be used: 503, and no other error.
    """
    with _opened(kind, server().url()) as store, pytest.raises(StoreUnavailableError):
        OPERATIONS[operation](store)


@contextlib.contextmanager
def _opened(kind, url):
    """Have a store of `kind` on another database."""
    if kind.is_django:
        with django_keys.store(url, 2, 0) as store:
            yield store
        return
    store = Blocking(AsyncSQLAlchemyStore(url, timeout=2)) if kind.is_async else SQLAlchemyStore(url, timeout=2)
    yield store
    store.close()


def _all_texts(error):
    texts = ""
    while error is not None:
        texts += f"{error!r} {error}"
        error = error.__cause__ or error.__context__
    return texts
