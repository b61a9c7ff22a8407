"""The stores that the suite runs over. Each opens on a table of its own, and again on the same one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from tests.api_keys.stores import django_keys
from tests.api_keys.stores.postgres import PostgresServer

from mindpeeker_guard.api_keys import MemoryStore
from mindpeeker_guard.api_keys._sql_engines import checked_url
from mindpeeker_guard.api_keys.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore

PATIENCE = 60.0  # seconds: nothing here may depend on how fast the machine is
_numbers = itertools.count()

KINDS = ("memory", "sqlite", "postgresql", "async-sqlite", "async-postgresql", "django-sqlite", "django-postgresql")
DATABASES = KINDS[1:]


class Blocking:
    """An async store, with plain methods: one event loop of its own runs them."""

    def __init__(self, store: AsyncSQLAlchemyStore) -> None:
        self.store = store
        self.runner = asyncio.Runner()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.store, name)

        async def call(*args: Any, **options: Any) -> Any:
            return await method(*args, **options)

        return lambda *args, **options: self.runner.run(call(*args, **options))

    def create_schema(self) -> None:
        self.acreate_schema()

    def close(self) -> None:
        self.aclose()
        self.runner.close()


class Kind:
    """One kind of store, and a database for it.

    Attributes:
        store: The store, with plain methods.
        url: The database, for SQLAlchemy; None for memory.
    """

    def __init__(self, name: str, folder: Path, server: Callable[[], PostgresServer], timeout: float = PATIENCE):
        self.name = name
        self.is_async = name.startswith("async")
        self.is_django = name.startswith("django")
        self.timeout = timeout
        self._stack = ExitStack()
        self.url = self._database(folder, server)
        self._engine = self.url and create_engine(checked_url(self.url, is_async=False), pool_pre_ping=True)
        if self._engine:
            self._stack.callback(self._engine.dispose)
        self.store = self.open()
        self._create_schema()

    def open(self, timeout: float | None = None, max_age: float = 3600) -> Any:
        """Return a store with the same table, and with connections of its own; Django's are kept for `max_age`."""
        seconds = self.timeout if timeout is None else timeout
        if self.url is None:
            return MemoryStore()
        if self.is_django:
            return self._stack.enter_context(django_keys.store(self.url, seconds, max_age))
        store = Blocking(AsyncSQLAlchemyStore(self.url, timeout=seconds)) if self.is_async else None
        store = store or SQLAlchemyStore(self.url, timeout=seconds)
        self._stack.callback(store.close)
        return store

    def clear(self) -> None:
        """Empty the table."""
        if self.url is None:
            self.store = self.open()
            return
        self.execute("DELETE FROM mindpeeker_api_keys")

    def execute(self, statement: str, **values: Any) -> Any:
        """Run a statement past the store, and return its first value, if it has any."""
        with self._engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return result.scalar() if result.returns_rows else None

    def close(self) -> None:
        self._stack.close()

    def _database(self, folder: Path, server: Callable[[], PostgresServer]) -> str | None:
        if self.name == "memory":
            return None
        if self.name.endswith("postgresql"):
            return server().database(f"keys_{self.name.replace('-', '_')}")  # making one takes long
        return f"sqlite:///{folder / f'keys{next(_numbers)}.db'}"

    def _create_schema(self) -> None:
        for table in ("mindpeeker_api_keys", "django_migrations") if self.url else ():
            self.execute(f"DROP TABLE IF EXISTS {table}")
        if self.is_django:
            django_keys.migrate(self.store)
        elif self.url is not None:
            self.store.create_schema()
