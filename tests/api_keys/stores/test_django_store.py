"""The Django application: its table, its connections, and the service that the settings describe."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.test.utils import override_settings
from sqlalchemy import inspect
from tests.api_keys.stores import django_keys
from tests.api_keys.stores.kinds import Kind
from tests.api_keys.stores.records import HOUR, NOW, record
from tests.frameworks.django_project import project

from mindpeeker_guard import APIKey, Guard, JWTBearer
from mindpeeker_guard.api_keys import APIKeys, DuplicateKeyError, StoreUnavailableError
from mindpeeker_guard.api_keys.sqlalchemy import SQLAlchemyStore, api_keys_table
from mindpeeker_guard.django.api_keys import DjangoStore, api_keys
from mindpeeker_guard.django.conf import configuration
from mindpeeker_guard.errors import ConfigurationError

ROOT = Path(__file__).parents[3]
PEPPER = "a pepper of at least thirty-two bytes"
DJANGO = ["django-sqlite", "django-postgresql"]
BOTH = pytest.mark.parametrize("kind", DJANGO, indirect=True)


def test_the_migrations_are_those_of_the_model():
    """
    `makemigrations` finds nothing to do: the migration that is checked in makes the table of the model.
    """
    with django_keys.installed():
        call_command("makemigrations", "mindpeeker_api_keys", check=True, dry_run=True, stdout=StringIO())


@BOTH
def test_both_stores_share_a_table(kind, store):
    """
    What one of the two stores has written, the other reads, changes and sorts as its own, to the microsecond.
    """
    other = SQLAlchemyStore(kind.url, timeout=60)
    whole = NOW.replace(microsecond=0)
    store.add(record("a", created_at=whole, expires_at=whole + HOUR))
    other.add(record("B", created_at=whole, expires_at=whole + HOUR))
    store.add(record("c", created_at=NOW, expires_at=NOW + HOUR, last_used_at=NOW))

    assert list(store.list(None)) == list(other.list(None))
    assert ["B", "a", "c"] == [one.id for one in other.list(None)]
    for writer, reader in [(store, other), (other, store)]:
        for key_id in ("a", "B"):
            # At its very end a key is over, whoever has written that.
            assert reader.rotate(key_id, record("d"), NOW, whole + HOUR) is False
            assert writer.get(key_id) == reader.get(key_id)
    assert other.revoke("a", NOW) is True
    assert store.revoke("a", NOW) is False
    assert store.rotate("B", record("d"), NOW, NOW) is True
    assert other.rotate("B", record("e"), NOW, NOW) is False
    with pytest.raises(DuplicateKeyError):
        other.add(record("d"))
    other.close()


@BOTH
def test_both_tables_have_the_same_columns(kind):
    """
    The columns and indexes that the migration makes are those of the SQLAlchemy table.
    """
    with kind._engine.connect() as connection:
        columns = inspect(connection).get_columns("mindpeeker_api_keys")
        indexes = {
            index["name"]: index["column_names"] for index in inspect(connection).get_indexes("mindpeeker_api_keys")
        }

    expected = [(column.name, bool(column.nullable)) for column in api_keys_table.columns]
    assert expected == [(column["name"], column["nullable"]) for column in columns]
    for index in api_keys_table.indexes:
        assert [column.name for column in index.columns] == indexes[index.name]
    lengths = {column["name"]: getattr(column["type"], "length", None) for column in columns}
    for name in ("id", "pepper_id", "name", "owner", "rotated_to"):
        assert api_keys_table.c[name].type.length == lengths[name]


@BOTH
def test_worker_threads_leave_no_connection_behind(kind, store):
    """
    Under ASGI a store is called in worker threads, which no request ends in: each closes what it opened.
    """
    store.add(record())
    short = kind.open(max_age=0)
    left = []

    async def look_up():
        for _ in range(3):
            await asyncio.gather(*(asyncio.to_thread(short.get, "K1") for _ in range(8)))
            left.append(await asyncio.to_thread(lambda: connections[short._using].connection))

    asyncio.run(look_up())

    assert [None] * 3 == left


@pytest.mark.parametrize("kind", ["django-postgresql"], indirect=True)
def test_a_kept_connection_is_replaced_when_it_is_broken(kind, store):
    """
    A connection that a worker thread keeps, and that breaks, is replaced: before it is used with CONN_HEALTH_CHECKS,
    and after one failure without.
    """
    store.add(record())

    def in_one_thread():
        connection = connections[store._using]
        first = store.get("K1")
        connection.connection.close()
        healed = store.get("K1")
        connection.health_check_enabled = False
        connection.connection.close()
        with pytest.raises(StoreUnavailableError):
            store.get("K1")
        last = store.get("K1")
        connection.close()
        return {first, healed, last}

    with ThreadPoolExecutor(1) as pool:
        assert {record()} == pool.submit(in_one_thread).result()


@BOTH
def test_a_connection_of_the_application_is_left_alone(kind, store):
    """
    In the middle of a request the store uses the connection that is open already, and leaves it open.
    """
    short = kind.open(max_age=0)
    connection = connections[short._using]
    connection.ensure_connection()
    before = connection.connection

    short.add(record())
    short.get("K1")

    assert connection.connection is before
    connection.close()
    short.get("K1")
    assert connection.connection is None


@BOTH
def test_a_transaction_of_the_application(kind, store):
    """
    Inside `atomic` a duplicate does not spoil the transaction, and what is rolled back never was.
    """
    store.add(record("K1"))
    with transaction.atomic(using=store._using):
        with pytest.raises(DuplicateKeyError):
            store.add(record("K1"))
        with pytest.raises(DuplicateKeyError):
            store.rotate("K1", record("K1"), NOW, NOW)
        store.add(record("K2"))
        assert store.rotate("K1", record("K3"), NOW + HOUR, NOW) is True
        transaction.set_rollback(True, using=store._using)

    assert [record("K1")] == list(store.list(None))


def test_sqlite_that_is_locked(tmp_path, server):
    """
    A change waits for a lock as long as the project's settings say, then the store is unavailable.
    """
    patient = Kind("django-sqlite", tmp_path, server)
    patient.store.add(record())
    hasty = patient.open(timeout=0.1, max_age=0)
    with patient._engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        for change in (lambda: hasty.revoke("K1", NOW), lambda: hasty.rotate("K1", record("K2"), NOW, NOW)):
            with pytest.raises(StoreUnavailableError):
                change()

    assert record() == patient.store.get("K1")
    patient.close()


def test_the_event_loop_is_never_blocked(tmp_path, server):
    """
    Called by a guard on an event loop, the store runs in another thread: Django would refuse it on that of the loop.
    """
    kind = Kind("django-sqlite", tmp_path, server)
    keys = APIKeys(kind.open(max_age=0), pepper=PEPPER, cache_for=0)
    guard = Guard(JWTBearer(), APIKey(keys))

    async def use():
        issued = await keys.aissue("reports", ["analytics:read"], owner="user-1")
        request = {"type": "http", "headers": [(b"x-api-key", issued.key.encode())], "method": "GET", "path": "/"}
        from mindpeeker_guard._requests import ASGIRequest

        return await guard.acheck(ASGIRequest(request))

    principal = asyncio.run(use())

    assert ("user-1", frozenset({"analytics:read"})) == (principal.subject, principal.granted_scopes)
    assert threading.current_thread() is threading.main_thread()
    kind.close()


def test_the_application_is_needed():
    """
    Without the application, or without time zones, a store says what to write into the settings.
    """
    without = override_settings(INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"])
    with without, pytest.raises(ConfigurationError, match="INSTALLED_APPS"):
        DjangoStore().get("K1")
    with django_keys.installed(USE_TZ=False), pytest.raises(ConfigurationError, match="USE_TZ"):
        DjangoStore().get("K1")


@pytest.mark.parametrize(
    ("settings", "environ", "environment"),
    [
        ({"API_KEY_PEPPER": PEPPER}, {}, "live"),
        ({"API_KEY_PEPPER": {"2": PEPPER, "1": PEPPER + "!"}, "API_KEY_ENVIRONMENT": "test"}, {}, "test"),
        ({}, {"API_KEY_PEPPER": PEPPER, "API_KEY_ENVIRONMENT": "test"}, "test"),
        ({"API_KEY_PEPPER": PEPPER}, {"API_KEY_PEPPER": "short", "API_KEY_ENVIRONMENT": "test"}, "test"),
        ({}, {"API_KEY_PEPPER": f'{{"2": "{PEPPER}"}}'}, "live"),
    ],
)
def test_the_settings_describe_the_service(monkeypatch, settings, environ, environment):
    """
    The pepper and the environment come from the settings, then from the environment; the guard accepts keys then.
    """
    for name, value in environ.items():
        monkeypatch.setenv(f"MINDPEEKER_{name}", value)
    with django_keys.installed(MINDPEEKER_GUARD=settings):
        assert environment == api_keys().environment
        assert api_keys() is api_keys()
        schemes = [type(one) for one in configuration().guard.authenticators]
    assert [JWTBearer, APIKey] == schemes


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "API_KEY_PEPPER"),
        ({"API_KEY_PEPPER": "short"}, "at least 32 bytes"),
        ({"API_KEY_PEPPER": PEPPER, "API_KEY_ENVIRONMENT": "Live!"}, "environment"),
        ({"API_KEY_PEPPER": 5}, "epper"),
    ],
)
def test_wrong_settings(settings, said):
    """
    A missing or wrong setting is named, and the pepper is not shown.
    """
    with (
        django_keys.installed(MINDPEEKER_GUARD=settings),
        pytest.raises(ConfigurationError, match=said) as caught,
    ):
        api_keys()

    assert "short" not in str(caught.value)


def test_a_guard_without_api_keys():
    """
    Without a pepper a guard has no API keys, with the application installed or not.
    """
    for settings in (django_keys.installed(MINDPEEKER_GUARD={}), override_settings(MINDPEEKER_GUARD={})):
        with settings:
            assert [JWTBearer] == [type(one) for one in configuration().guard.authenticators]
    with project(MINDPEEKER_GUARD=Guard(JWTBearer())):
        assert [JWTBearer] == [type(one) for one in configuration().guard.authenticators]


INSTALLED = """
import django
from django.conf import settings
settings.configure(SECRET_KEY="x" * 50, INSTALLED_APPS=["mindpeeker_guard.django.api_keys"],
                   DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
                   MINDPEEKER_GUARD={"API_KEY_PEPPER": "p" * 32})
django.setup()
from django.core.management import call_command
call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
call_command("mindpeeker_apikey", "create", "--name=n", "--owner=o", "--scope=analytics:read")
"""


def test_the_application_works_alone(tmp_path):
    """
    A project with nothing but the application can migrate and make keys: no admin, no users, no SQLAlchemy.
    """
    program = "import sys; sys.modules['sqlalchemy'] = None\n" + INSTALLED
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path / "keys.db")]

    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "src", check=False)

    assert 0 == done.returncode, done.stderr
    assert done.stdout.splitlines()[-1].startswith("mp_live_")
