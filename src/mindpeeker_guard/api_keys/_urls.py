"""A store from a URL, for settings and the command line."""

from __future__ import annotations

from mindpeeker_guard.api_keys._stores import APIKeyStore
from mindpeeker_guard.errors import ConfigurationError


def store_from_url(url: str) -> APIKeyStore:
    """Return the store that `url` names, with plain functions.

    ``memory:`` keeps keys as long as the process lives. ``sqlite:///keys.db`` is a file, which is made with its table
    where it is not there. ``postgresql://user:password@host/database`` needs its table already: `create_schema`,
    or a migration of yours, makes it.

    Raises:
        ConfigurationError: There is no such store, or its driver is not installed; the text names the extra, and never
            has a password in it.
        StoreUnavailableError: The file of SQLite cannot be opened.
    """
    if not isinstance(url, str):
        raise ConfigurationError("The URL of a store must be a string.")
    kind, separator, _ = url.partition(":")
    if url == "memory:":
        from mindpeeker_guard.api_keys._memory import MemoryStore  # noqa: PLC0415 - others do without it

        return MemoryStore()
    if separator and kind.partition("+")[0] in {"sqlite", "postgresql"}:
        return _sqlalchemy_store(url)
    raise ConfigurationError("The URL of a store must begin with memory:, sqlite:/// or postgresql://.")


def _sqlalchemy_store(url: str) -> APIKeyStore:
    try:
        from mindpeeker_guard.api_keys.sqlalchemy import SQLAlchemyStore  # noqa: PLC0415 - it needs the extra
    except ImportError as error:
        raise ConfigurationError(str(error)) from error
    store = SQLAlchemyStore(url)
    if url.startswith("sqlite"):
        store.create_schema()
    return store
