"""Stores of API keys in SQLite and PostgreSQL, with SQLAlchemy 2: `SQLAlchemyStore` and its twin for event loops.

`metadata` is the schema, for Alembic. Needs the extra ``sqlalchemy``, and ``postgresql`` for that database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Concatenate, Final, ParamSpec, TypeVar

try:
    import greenlet as _greenlet  # SQLAlchemy 2.0 misses it at the first statement only
    import sqlalchemy as _sqlalchemy
except ImportError as error:
    message = (
        "mindpeeker_guard.api_keys.sqlalchemy needs the extra 'sqlalchemy': pip install 'mindpeeker-guard[sqlalchemy]'."
    )
    raise ImportError(message) from error

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.api_keys import _sql_operations as operations
from mindpeeker_guard.api_keys._records import APIKeyRecord
from mindpeeker_guard.api_keys._sql_engines import (
    checked_engine,
    checked_timeout,
    checked_url,
    engine_from,
    forget_connections,
    reading,
    shown,
    translated,
    writing,
)
from mindpeeker_guard.api_keys._sql_loops import LoopEngines
from mindpeeker_guard.api_keys._sql_schema import api_keys_table, metadata
from mindpeeker_guard.errors import ConfigurationError

del _greenlet, _sqlalchemy

__all__ = ["AsyncSQLAlchemyStore", "SQLAlchemyStore", "api_keys_table", "metadata"]

P = ParamSpec("P")
R = TypeVar("R")
_Operation = Callable[Concatenate[Connection, P], R]
TIMEOUT: Final = 5.0
"""How long a store waits for a connection, a lock or an answer, in seconds, unless it is told otherwise."""


class SQLAlchemyStore:
    """Keeps keys in a database, for threads; see `APIKeyStore` for what the methods do.

    Args:
        database: A URL, such as ``sqlite:///keys.db`` or ``postgresql://user:password@host/database``, or an `Engine`
            of yours. Yours keeps its own pool and timeouts.
        timeout: How long to wait for a connection, a lock or an answer, in seconds, for an engine made from a URL.

    Raises:
        ConfigurationError: The URL cannot be used, or the driver is not installed.
    """

    def __init__(self, database: str | URL | Engine, *, timeout: float = TIMEOUT) -> None:
        seconds = checked_timeout(timeout)
        if isinstance(database, Engine):
            self._engine = checked_engine(database)
        elif isinstance(database, str | URL):
            self._engine = engine_from(checked_url(database, is_async=False), seconds)
        else:
            raise ConfigurationError(f"SQLAlchemyStore takes a URL or an Engine, not {type(database).__name__}.")
        self._reading, self._writing = reading(self._engine), writing(self._engine)
        on_fork(self, SQLAlchemyStore._forget)

    def create_schema(self) -> None:
        """Create the table and its indexes, where they are not there yet. Any number of processes may do so at once.

        Raises:
            StoreUnavailableError: The database cannot be reached, or does not let us.
        """
        self._write(operations.create_schema)

    def add(self, record: APIKeyRecord) -> None:
        """Store a new key; see `APIKeyStore.add`."""
        self._write(operations.add, record)

    def get(self, key_id: str) -> APIKeyRecord | None:
        """Return the key `key_id`, or None; see `APIKeyStore.get`."""
        return self._read(operations.get, key_id)

    def list(self, owner: str | None, *, after: str | None = None, limit: int = 50) -> Sequence[APIKeyRecord]:
        """Return a page of keys; see `APIKeyStore.list`."""
        return self._read(operations.list_page, owner, after, limit)

    def revoke(self, key_id: str, at: datetime) -> bool:
        """Mark a key as revoked; see `APIKeyStore.revoke`."""
        return self._write(operations.revoke, key_id, at)

    def rotate(self, key_id: str, successor: APIKeyRecord, ends_at: datetime, at: datetime) -> bool:
        """Put `successor` in a key's place; see `APIKeyStore.rotate`."""
        return self._write(operations.rotate, key_id, successor, ends_at, at)

    def touch(self, key_id: str, at: datetime, unless_since: datetime) -> None:
        """Note that a key was used; see `APIKeyStore.touch`."""
        self._write(operations.touch, key_id, at, unless_since)

    def close(self) -> None:
        """Close all connections that nobody uses. The store can go on after it."""
        self._engine.dispose()

    def _read(self, operation: _Operation[P, R], *args: P.args, **options: P.kwargs) -> R:
        with translated(), self._reading.connect() as connection:
            return operation(connection, *args, **options)

    def _write(self, operation: _Operation[P, R], *args: P.args, **options: P.kwargs) -> R:
        with translated(), self._writing.begin() as connection:
            return operation(connection, *args, **options)

    def _forget(self) -> None:
        forget_connections(self._engine)

    def __repr__(self) -> str:
        return f"SQLAlchemyStore({shown(self._engine.url)!r})"


class AsyncSQLAlchemyStore:
    """Keeps keys in a database, for event loops; see `APIKeyStore` for what the methods do.

    Made from a URL, it can be used on several event loops, one after the other or at once.

    Args:
        database: A URL, such as ``sqlite:///keys.db`` or ``postgresql://user:password@host/database``, or an
            `AsyncEngine` of yours. Yours keeps its own pool and timeouts, and to one event loop.
        timeout: How long to wait for a connection, a lock or an answer, in seconds, for engines made from a URL.

    Raises:
        ConfigurationError: The URL cannot be used, or the driver is not installed.
    """

    def __init__(self, database: str | URL | AsyncEngine, *, timeout: float = TIMEOUT) -> None:
        seconds = checked_timeout(timeout)
        if isinstance(database, AsyncEngine):
            self._engines = LoopEngines.of_one(checked_engine(database))
        elif isinstance(database, str | URL):
            self._engines = LoopEngines.of_url(checked_url(database, is_async=True), seconds)
        else:
            raise ConfigurationError(
                f"AsyncSQLAlchemyStore takes a URL or an AsyncEngine, not {type(database).__name__}."
            )
        on_fork(self, AsyncSQLAlchemyStore._forget)

    async def acreate_schema(self) -> None:
        """Create the table and its indexes; see `SQLAlchemyStore.create_schema`."""
        await self._write(operations.create_schema)

    async def add(self, record: APIKeyRecord) -> None:
        """Store a new key; see `APIKeyStore.add`."""
        await self._write(operations.add, record)

    async def get(self, key_id: str) -> APIKeyRecord | None:
        """Return the key `key_id`, or None; see `APIKeyStore.get`."""
        return await self._read(operations.get, key_id)

    async def list(self, owner: str | None, *, after: str | None = None, limit: int = 50) -> Sequence[APIKeyRecord]:
        """Return a page of keys; see `APIKeyStore.list`."""
        return await self._read(operations.list_page, owner, after, limit)

    async def revoke(self, key_id: str, at: datetime) -> bool:
        """Mark a key as revoked; see `APIKeyStore.revoke`."""
        return await self._write(operations.revoke, key_id, at)

    async def rotate(self, key_id: str, successor: APIKeyRecord, ends_at: datetime, at: datetime) -> bool:
        """Put `successor` in a key's place; see `APIKeyStore.rotate`."""
        return await self._write(operations.rotate, key_id, successor, ends_at, at)

    async def touch(self, key_id: str, at: datetime, unless_since: datetime) -> None:
        """Note that a key was used; see `APIKeyStore.touch`."""
        await self._write(operations.touch, key_id, at, unless_since)

    async def aclose(self) -> None:
        """Close all connections that nobody uses, on this event loop and on those that have ended."""
        await self._engines.close()

    async def _read(self, operation: _Operation[P, R], *args: P.args, **options: P.kwargs) -> R:
        with translated():
            engines = await self._engines.current()
            async with engines.reading.connect() as connection:
                return await connection.run_sync(operation, *args, **options)

    async def _write(self, operation: _Operation[P, R], *args: P.args, **options: P.kwargs) -> R:
        with translated():
            engines = await self._engines.current()
            async with engines.writing.begin() as connection:
                return await connection.run_sync(operation, *args, **options)

    def _forget(self) -> None:
        self._engines.forget()

    def __repr__(self) -> str:
        return f"AsyncSQLAlchemyStore({shown(self._engines.url)!r})"
