"""The SQLAlchemy stores themselves: URLs, engines, statements, schema, forks and event loops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.ext.asyncio import create_async_engine
from tests.api_keys.stores.kinds import PATIENCE
from tests.api_keys.stores.records import HOUR, NOW, record
from tests.api_keys.stores.test_faults import OPERATIONS, _all_texts

from mindpeeker_guard.api_keys import DuplicateKeyError, MemoryStore, StoreUnavailableError, store_from_url
from mindpeeker_guard.api_keys._sql_engines import checked_url
from mindpeeker_guard.api_keys.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore, api_keys_table, metadata
from mindpeeker_guard.errors import ConfigurationError

ROOT = Path(__file__).parents[3]
SQL = ["sqlite", "postgresql", "async-sqlite", "async-postgresql"]
SECRET = "opensesame"


def statements_of(engine):
    """Return a list that grows by each statement that `engine` runs."""
    seen = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


def engine_of(store):
    """Return the engine below a store that was used already."""
    if hasattr(store, "store"):
        return next(iter(store.store._engines._by_loop.values())).engine.sync_engine
    return store._engine


@pytest.mark.parametrize("kind", SQL, indirect=True)
def test_a_look_up_is_one_statement(kind, store):
    """
    A look-up is one statement, found or not, and so is each change but a rotation, which is two.
    """
    store.add(record("old"))
    seen = statements_of(engine_of(store))
    counts = {}
    for name in ("get", "list", "touch", "rotate", "revoke", "add"):
        OPERATIONS[name](store)
        counts[name] = len(seen)
        seen.clear()
    store.get("missing")

    assert {"get": 1, "list": 1, "touch": 1, "rotate": 2, "revoke": 1, "add": 1} == counts
    assert 1 == len(seen)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_each_read_uses_an_index(kind, store):
    """
    PostgreSQL looks a key up by the primary key, and reads the pages of an owner, and of everybody, by their indexes.
    """
    store.add(record("old"))
    kind.execute("""
        INSERT INTO mindpeeker_api_keys
        SELECT 'K' || n, digest, pepper_id, name, 'user-' || n % 50, scopes, created_at + n * interval '1 minute'
        FROM mindpeeker_api_keys, generate_series(1, 5000) AS n
    """)
    kind.execute("ANALYZE mindpeeker_api_keys")
    sent = []
    event.listen(engine_of(store), "before_cursor_execute", lambda *args: sent.append(args[2:4]))
    store.get("K7")
    store.list("user-7", after="K7")
    store.list(None)
    store.list(None, after="K7")

    with kind._engine.connect() as connection:
        plans = [
            " ".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))
            for statement, parameters in sent
        ]
    assert not any("Seq Scan" in plan for plan in plans)
    indexes = ["pk_mindpeeker_api_keys", "mindpeeker_api_keys_owner", *["mindpeeker_api_keys_created"] * 2]
    assert [True] * 4 == [index in plan for index, plan in zip(indexes, plans, strict=True)]


@pytest.mark.parametrize("kind", ["postgresql", "async-postgresql"], indirect=True)
def test_a_look_up_begins_no_transaction(kind, store):
    """
    PostgreSQL is sent the one statement of a look-up, and neither BEGIN nor ROLLBACK around it.
    """
    database = kind.url.rpartition("/")[2]
    for setting in ("log_min_duration_statement = 0", "client_min_messages = log"):
        kind.execute(f"ALTER DATABASE {database} SET {setting}")
    talkative, heard = kind.open(), []
    talkative.get("old")
    event.listen(
        engine_of(talkative),
        "checkout",
        lambda connection, *_: getattr(connection, "driver_connection", connection).add_notice_handler(
            lambda notice: heard.append(notice.message_primary)
        ),
    )

    talkative.get("old")
    for setting in ("log_min_duration_statement", "client_min_messages"):
        kind.execute(f"ALTER DATABASE {database} RESET {setting}")

    assert any("SELECT mindpeeker_api_keys.id" in line for line in heard)
    assert not any(word in line for line in heard for word in ("BEGIN", "COMMIT", "ROLLBACK"))


@pytest.mark.parametrize("kind", SQL, indirect=True)
@pytest.mark.parametrize("level", ["AUTOCOMMIT", "SERIALIZABLE"])
def test_a_rotation_is_whole_whatever_the_engine(kind, store, level):
    """
    An engine of the application's own may commit each statement by itself: a rotation that fails still changes nothing.
    """
    store.add(record("old"))
    store.add(record("new", name="another"))
    url = checked_url(kind.url, is_async=kind.is_async)

    async def rotate_async():
        engine = create_async_engine(url, isolation_level=level)
        ours = AsyncSQLAlchemyStore(engine)
        with pytest.raises(DuplicateKeyError):
            await ours.rotate("old", record("new"), NOW + HOUR, NOW)
        await ours.aclose()

    if kind.is_async:
        asyncio.run(rotate_async())
    else:
        ours = SQLAlchemyStore(create_engine(url, isolation_level=level))
        with pytest.raises(DuplicateKeyError):
            ours.rotate("old", record("new"), NOW + HOUR, NOW)
        ours.close()

    assert record("old") == store.get("old")


@pytest.mark.parametrize("kind", SQL, indirect=True)
def test_the_schema_can_be_made_again_and_by_many(kind):
    """
    `create_schema` does nothing where the table is there, and many at once do not get in each other's way.
    """
    if kind.is_async:

        async def create():
            await asyncio.gather(*(kind.store.store.acreate_schema() for _ in range(8)))

        kind.store.runner.run(create())
    else:
        from concurrent.futures import ThreadPoolExecutor

        kind.execute("DROP TABLE mindpeeker_api_keys")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: kind.store.create_schema(), range(8)))

    kind._engine.dispose()  # a PRAGMA of SQLite does not notice what another connection has made
    with kind._engine.connect() as connection:
        names = {index["name"] for index in inspect(connection).get_indexes("mindpeeker_api_keys")}
    assert {"mindpeeker_api_keys_owner", "mindpeeker_api_keys_created"} == names


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
def test_the_metadata_is_what_the_database_has(kind):
    """
    The table that `create_schema` makes is that of `metadata`: a migration tool has nothing to add or to change.
    """
    with kind._engine.connect() as connection:
        found = {column["name"]: column for column in inspect(connection).get_columns("mindpeeker_api_keys")}
        primary_key = inspect(connection).get_pk_constraint("mindpeeker_api_keys")

    assert [column.name for column in api_keys_table.columns] == list(found)
    assert [column.nullable for column in api_keys_table.columns] == [one["nullable"] for one in found.values()]
    assert (["id"], "pk_mindpeeker_api_keys") == (primary_key["constrained_columns"], primary_key["name"])
    assert ["mindpeeker_api_keys"] == list(metadata.tables)


def test_the_table_fits_into_the_metadata_of_an_application(tmp_path):
    """
    An application can have the table in its own `MetaData`, and create all of its tables at once.
    """
    from sqlalchemy import Column, Integer, MetaData, Table

    own = MetaData()
    Table("sessions", own, Column("id", Integer, primary_key=True))
    for table in metadata.tables.values():
        table.to_metadata(own)
    engine = create_engine(f"sqlite:///{tmp_path / 'all.db'}")
    own.create_all(engine)

    store = SQLAlchemyStore(engine)
    store.add(record())
    assert record() == store.get("K1")
    store.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://user:opensesame@host/db", "not in 'mysql'"),
        ("postgresql+psycopg2://user:opensesame@host/db", "postgresql+psycopg"),
        ("sqlite+aiosqlite:///keys.db", "sqlite+pysqlite"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:///file:keys?mode=memory&uri=true", "needs a file"),
        ("user:opensesame@host", "is no URL"),
        ("postgresql://user:opensesame@host:port/db", "is no URL"),
        ("", "is no URL"),
        (None, "takes a URL"),
        (b"sqlite:///keys.db", "takes a URL"),
    ],
)
def test_a_wrong_url(url, said):
    """
    A URL that cannot be used is refused when the store is made, in a sentence without the password.
    """
    with pytest.raises(ConfigurationError, match=said.replace("+", r"\+")) as caught:
        SQLAlchemyStore(url)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("store", [SQLAlchemyStore, AsyncSQLAlchemyStore])
@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True, "5", None, 4000])
def test_a_wrong_timeout(store, timeout):
    """
    A timeout is a number of seconds, above 0 and an hour at most.
    """
    with pytest.raises(ConfigurationError, match="timeout"):
        store("sqlite:///keys.db", timeout=timeout)


def test_a_wrong_engine():
    """
    A sync store takes no async engine, an async store no sync one, and neither an engine of another database.
    """
    sync, asynchronous = create_engine("sqlite:///keys.db"), create_async_engine("sqlite+aiosqlite:///keys.db")
    other = create_engine("sqlite:///keys.db")
    other.dialect.name = "mysql"

    for store, engine in [(SQLAlchemyStore, asynchronous), (AsyncSQLAlchemyStore, sync), (SQLAlchemyStore, other)]:
        with pytest.raises(ConfigurationError):
            store(engine)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://someone:{SECRET}@127.0.0.1:1/keys?application_name={SECRET}",
        f"postgresql://{SECRET}:x@127.0.0.1:1/keys?sslpassword={SECRET}",
    ],
)
def test_a_password_is_never_shown(url, caplog):
    """
    Neither the user, the password nor the options of a URL stand in `repr`, in an error or in the log.
    """
    caplog.set_level(logging.DEBUG)
    store, other = SQLAlchemyStore(url, timeout=2), AsyncSQLAlchemyStore(url, timeout=2)

    with pytest.raises(StoreUnavailableError) as caught:
        store.get("K1")
    with pytest.raises(StoreUnavailableError) as caught_too:
        asyncio.run(other.get("K1"))

    shown = repr(store) + repr(other) + _all_texts(caught.value) + _all_texts(caught_too.value) + caplog.text
    assert SECRET not in shown
    assert "127.0.0.1:1/keys" in repr(store)


@pytest.mark.parametrize("kind", SQL, indirect=True)
def test_no_digest_in_errors_and_logs(kind, store, caplog):
    """
    Neither an error nor the log of an engine that logs everything has the values of a statement in it.
    """
    caplog.set_level(logging.DEBUG)
    stored = record("old", digest=b"0123456789abcdef0123456789abcdef", name="opensesame")
    store.add(stored)
    url = checked_url(kind.url, is_async=kind.is_async)

    async def use():
        ours = AsyncSQLAlchemyStore(create_async_engine(url, echo=True))
        with pytest.raises(DuplicateKeyError) as caught:
            await ours.add(stored)
        await ours.aclose()
        return caught.value

    if kind.is_async:
        error = asyncio.run(use())
    else:
        ours = SQLAlchemyStore(create_engine(url, echo=True))
        with pytest.raises(DuplicateKeyError) as caught:
            ours.add(stored)
        ours.close()
        error = caught.value

    # aiosqlite logs, at the level DEBUG, all values but the digest.
    logged = [entry.getMessage() for entry in caplog.records if not entry.name.startswith("aiosqlite")]
    assert any("INSERT INTO mindpeeker_api_keys" in line for line in logged)
    assert "0123456789abcdef" not in _all_texts(error) + caplog.text
    assert SECRET not in _all_texts(error) + " ".join(logged)


def test_a_time_without_a_zone_is_refused(tmp_path):
    """
    Nobody knows when a time without a zone is: it is not stored.
    """
    store = store_from_url(f"sqlite:///{tmp_path / 'keys.db'}")

    with pytest.raises(Exception, match="must have a zone"):
        store.revoke("K1", NOW.replace(tzinfo=None))
    store.close()


def test_sqlite_waits_for_a_lock_and_gives_up(tmp_path):
    """
    While another process writes, reads go on; a change waits as long as it was told to, then the store is unavailable.
    """
    path = tmp_path / "keys.db"
    store = SQLAlchemyStore(f"sqlite:///{path}", timeout=0.2)
    store.create_schema()
    store.add(record("old"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert record("old") == store.get("old")
        for name in ("add", "revoke", "rotate", "touch"):
            with pytest.raises(StoreUnavailableError):
                OPERATIONS[name](store)
        other.execute("ROLLBACK")

    assert [record("old")] == list(store.list(None))
    assert OPERATIONS["rotate"](store) is True
    store.close()


def test_a_file_that_is_no_database(tmp_path):
    """
    A file of something else, a folder, or a place that does not exist is a store that cannot be used.
    """
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"no database at all" * 100)
    for place in (junk, tmp_path, tmp_path / "nowhere" / "keys.db"):
        store = SQLAlchemyStore(f"sqlite:///{place}")
        with pytest.raises(StoreUnavailableError):
            store.get("K1")
        store.close()


def test_a_pool_with_no_connection_left(tmp_path):
    """
    Where all connections are in use for too long, the store is unavailable, and works again afterwards.
    """
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    store = SQLAlchemyStore(engine)
    store.create_schema()
    with engine.connect(), pytest.raises(StoreUnavailableError):
        store.get("K1")

    assert store.get("K1") is None
    store.close()


@pytest.mark.parametrize("kind", ["async-sqlite", "async-postgresql"], indirect=True)
def test_event_loops_one_after_the_other_and_at_once(kind, store):
    """
    One async store serves event loops in a row, as each `asyncio.run` makes one, and loops in threads at once.
    """
    from concurrent.futures import ThreadPoolExecutor

    store.add(record("old"))
    shared = AsyncSQLAlchemyStore(kind.url, timeout=PATIENCE)

    async def look_up():
        found = await asyncio.gather(*(shared.get("old") for _ in range(20)))
        return set(found)

    for _ in range(3):
        assert {record("old")} == asyncio.run(look_up())
    with ThreadPoolExecutor(3) as pool:
        assert [{record("old")}] * 3 == list(pool.map(lambda _: asyncio.run(look_up()), range(3)))
    assert len(shared._engines._by_loop) <= 4
    asyncio.run(shared.aclose())
    assert {} == shared._engines._by_loop


FORK = """
import asyncio, os, sys
from tests.api_keys.stores.records import record, NOW, HOUR
from mindpeeker_guard.api_keys.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore

url, mode = sys.argv[1:]
loop = asyncio.new_event_loop()
store = SQLAlchemyStore(url, timeout=60) if mode == "sync" else AsyncSQLAlchemyStore(url, timeout=60)

def do(name, *args):
    result = getattr(store, name)(*args)
    return result if mode == "sync" else loop.run_until_complete(result)

def work(name):
    for number in range(10):
        do("add", record(f"{name}-{number}"))
        assert do("get", f"{name}-{number}") == record(f"{name}-{number}")

do("get", "old")
children = []
for number in range(3):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            loop = asyncio.new_event_loop()
            work(f"child{number}")
            status = 0
        finally:
            os._exit(status)
    children.append(child)
work("parent")
assert [0, 0, 0] == [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
do("close" if mode == "sync" else "aclose")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kind", SQL, indirect=True)
def test_forked_children_use_connections_of_their_own(kind, store):
    """
    A store that was used before a fork works in the parent and in all children at once.
    """
    store.add(record("old"))
    command = [sys.executable, "-W", "ignore", "-c", FORK, kind.url, "async" if kind.is_async else "sync"]
    environ = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ, check=False)

    assert ("", 0) == (done.stderr, done.returncode)
    assert 41 == kind.execute("SELECT count(*) FROM mindpeeker_api_keys")


def test_a_store_from_a_url(tmp_path):
    """
    A URL in a setting names a store; a file of SQLite is ready for use, and keeps what was stored.
    """
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    first = store_from_url(url)
    first.add(record())
    first.close()
    again = store_from_url(url)

    assert isinstance(store_from_url("memory:"), MemoryStore)
    assert record() == again.get("K1")
    assert "SQLAlchemyStore('postgresql+psycopg://host/db')" == repr(store_from_url(f"postgresql://u:{SECRET}@host/db"))
    again.close()


@pytest.mark.parametrize(
    "url", ["", "memory", "memory:x", "redis://host", "mysql://u:opensesame@h/d", None, b"memory:"]
)
def test_a_url_of_no_store(url):
    """
    Anything else is refused in a sentence that says what to write, without a password.
    """
    with pytest.raises(ConfigurationError, match="URL") as caught:
        store_from_url(url)

    assert SECRET not in str(caught.value)


MISSING = """
import sys
for name in sys.argv[2].split(","):
    sys.modules[name] = None
from mindpeeker_guard.api_keys import store_from_url
try:
    if sys.argv[3:]:
        from mindpeeker_guard.api_keys.sqlalchemy import AsyncSQLAlchemyStore as store_from_url
    store_from_url(sys.argv[1])
except Exception as error:
    print(type(error).__name__, "|", error)
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["sqlite:///k.db", "sqlalchemy"],
            "sqlalchemy needs the extra 'sqlalchemy': pip install 'mindpeeker-guard[sql",
        ),
        (["postgresql://h/d", "psycopg"], "needs psycopg: pip install 'mindpeeker-guard[postgresql]'."),
        (["postgresql://h/d", "psycopg", "async"], "needs psycopg: pip install 'mindpeeker-guard[postgresql]'."),
        (["sqlite:///k.db", "aiosqlite", "async"], "needs aiosqlite: pip install 'mindpeeker-guard[sqlalchemy]'."),
    ],
)
def test_a_missing_driver_is_named_with_its_extra(arguments, said):
    """
    A store whose driver is not installed says so when it is made, in one sentence with the command to run.
    """
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-W", "error", "-c", MISSING, *arguments]

    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=True)

    assert said in done.stdout
    assert done.stdout.startswith("ConfigurationError")
    assert 1 == len(done.stdout.splitlines())


def test_api_keys_need_no_sqlalchemy():
    """
    Importing the package of API keys loads neither SQLAlchemy nor a driver.
    """
    program = "import sys, mindpeeker_guard.api_keys; print({'sqlalchemy', 'psycopg', 'django'} & set(sys.modules))"
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environ, check=True)

    assert "set()" == done.stdout.strip()
