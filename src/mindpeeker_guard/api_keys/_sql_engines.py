"""Engines that neither hang nor leak, and what their errors mean."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mindpeeker_guard.api_keys._stores import DuplicateKeyError, StoreUnavailableError
from mindpeeker_guard.errors import ConfigurationError

E = TypeVar("E", bound="Engine | AsyncEngine")

_DRIVERS: Final = {"sqlite": ("pysqlite", "aiosqlite"), "postgresql": ("psycopg", "psycopg")}
_LONGEST: Final = 3600.0  # seconds
# Two statements are one step only in a transaction, which an engine with AUTOCOMMIT has not. In PostgreSQL, what waits
# for a row lock must see the row as it is then.
_WRITES: Final = {"sqlite": "SERIALIZABLE", "postgresql": "READ COMMITTED"}
_inherited: Final[list[Any]] = []


def checked_url(url: str | URL, *, is_async: bool) -> URL:
    """Return `url` with its driver.

    Raises:
        ConfigurationError: It is no URL of SQLite or PostgreSQL, or names a driver that is not supported. The text
            never has a password in it.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise ConfigurationError("The URL of the store is no URL, such as postgresql://user@host/database.") from None
    backend, _, driver = parsed.drivername.partition("+")
    if backend not in _DRIVERS:
        raise ConfigurationError(f"API keys are stored in SQLite or PostgreSQL, not in {backend!r}.")
    supported = _DRIVERS[backend][is_async]
    if driver not in {"", supported}:
        raise ConfigurationError(f"Write {backend}+{supported} in the URL of the store, not {parsed.drivername}.")
    if backend == "sqlite" and _is_in_memory(parsed):
        raise ConfigurationError(
            "A SQLite store needs a file, such as sqlite:///keys.db: without one, use MemoryStore."
        )
    return parsed.set(drivername=f"{backend}+{supported}")


def shown(url: URL) -> str:
    """Return `url` without what may be a secret: who connects, and the options."""
    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


def checked_engine(engine: E) -> E:
    """Return `engine`.

    Raises:
        ConfigurationError: It is not one of SQLite or PostgreSQL.
    """
    if engine.dialect.name not in _DRIVERS:
        raise ConfigurationError(f"API keys are stored in SQLite or PostgreSQL, not in {engine.dialect.name!r}.")
    return engine


def checked_timeout(timeout: float) -> float:
    """Return `timeout`.

    Raises:
        ConfigurationError: It is not a number of seconds above 0, an hour at most.
    """
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not is_number or not 0 < timeout <= _LONGEST:
        raise ConfigurationError(f"timeout must be a number of seconds above 0, {_LONGEST:.0f} at most.")
    return float(timeout)


def engine_from(url: URL, timeout: float) -> Engine:
    """Make an engine that waits at most `timeout` seconds for a connection, a lock or an answer.

    Raises:
        ConfigurationError: The driver is not installed.
    """
    with _drivers_needed(url):
        engine = create_engine(url, **_options(url, timeout))
        _bound(engine, timeout, is_async=False)
        return engine


def async_engine_from(url: URL, timeout: float) -> AsyncEngine:
    """Make an async engine that waits no longer than `engine_from` has one wait.

    Raises:
        ConfigurationError: The driver is not installed.
    """
    with _drivers_needed(url):
        engine = create_async_engine(url, **_options(url, timeout))
        _bound(engine.sync_engine, timeout, is_async=True)
        return engine


def reading(engine: E) -> E:
    """Return `engine` for single reads: on PostgreSQL without the round trips that begin and end a transaction."""
    options = {} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
    return _discreet(engine, options)


def writing(engine: E) -> E:
    """Return `engine` for changes: whatever its own level of isolation is, they are whole."""
    return _discreet(engine, {"isolation_level": _WRITES[engine.dialect.name]})


def forget_connections(engine: Engine) -> None:
    """Give a forked child connections of its own, and leave those of its parent alone.

    They are kept, not dropped: some drivers say good-bye to the server when a connection is collected.
    """
    _inherited.append(engine.pool)
    engine.dispose(close=False)


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the database into errors of a store. What was to be stored is not in their texts.

    Raises:
        DuplicateKeyError: The id is taken.
        StoreUnavailableError: The database gave no answer, or none that is of use.
    """
    try:
        yield
    except exc.IntegrityError as error:
        raise DuplicateKeyError("A key with this id is stored already.") from error
    except (exc.DBAPIError, exc.TimeoutError, OSError) as error:
        raise StoreUnavailableError(_reason(error)) from error


def _options(url: URL, timeout: float) -> dict[str, Any]:
    # A busy SQLite waits this long for a lock; PostgreSQL may take this long to connect.
    name, at_least = ("timeout", 0) if url.get_backend_name() == "sqlite" else ("connect_timeout", 2)
    arguments = {} if name in url.query else {name: max(at_least, math.ceil(timeout) if at_least else timeout)}
    return {"pool_pre_ping": True, "pool_timeout": timeout, "connect_args": arguments}


def _bound(engine: Engine, timeout: float, *, is_async: bool) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        return
    from mindpeeker_guard.api_keys import _sql_psycopg  # noqa: PLC0415 - it needs the driver

    if is_async:
        connect = _sql_psycopg.async_bounded(timeout).connect

        @event.listens_for(engine, "do_connect")
        def use_async(_dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
            options["async_creator_fn"] = connect

    else:
        connect_now = _sql_psycopg.bounded(timeout).connect

        @event.listens_for(engine, "do_connect")
        def use(_dialect: Any, _record: Any, args: Any, options: dict[str, Any]) -> Any:
            return connect_now(*args, **options)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Let readers and a writer go on side by side. Where that cannot be had just now, they wait for each other."""
    cursor = connection.cursor()
    with suppress(Exception):
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


@contextmanager
def _drivers_needed(url: URL) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        extra = "postgresql" if url.get_backend_name() == "postgresql" else "sqlalchemy"
        missing = error.name or url.get_driver_name()
        raise ConfigurationError(f"This store needs {missing}: pip install 'mindpeeker-guard[{extra}]'.") from error


def _discreet(engine: E, options: dict[str, Any]) -> E:
    """Return `engine` with `options`, on the same pool, and with no value in an error or a log."""
    ours = cast("E", engine.execution_options(**options))
    (ours.sync_engine if isinstance(ours, AsyncEngine) else ours).hide_parameters = True
    return ours


def _is_in_memory(url: URL) -> bool:
    database = url.database or ":memory:"
    return ":memory:" in database or url.query.get("mode") == "memory"


def _reason(error: BaseException) -> str:
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    return f"{type(cause).__module__.partition('.')[0]}.{type(cause).__name__}"
