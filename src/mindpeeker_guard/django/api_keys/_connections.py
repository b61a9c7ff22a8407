"""Django's connections, in threads that are Django's and in threads that are not.

Connections belong to threads, and Django closes those of its own at the begin and end of a request. Under ASGI the
guard calls a store in a worker thread of the event loop, which no request begins or ends in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import DatabaseError, IntegrityError, InterfaceError, connections, transaction

from mindpeeker_guard.api_keys._stores import DuplicateKeyError, StoreUnavailableError

_OURS: Final = "_mindpeeker_guard_opened"


@contextmanager
def step(using: str) -> Iterator[None]:
    """Do what is inside whole or not at all, and turn errors of the database into errors of a store.

    Raises:
        DuplicateKeyError: The id is taken.
        StoreUnavailableError: The database gave no answer, or none that is of use.
    """
    with plain_step(using), transaction.atomic(using):
        yield


@contextmanager
def plain_step(using: str) -> Iterator[None]:
    """Do the same as `step` has done, for one statement, which needs no transaction.

    Raises:
        DuplicateKeyError: The id is taken.
        StoreUnavailableError: The database gave no answer, or none that is of use.
    """
    connection = connections[using]
    _close_if_over(connection)
    before = connection.connection
    try:
        yield
    except IntegrityError as error:
        raise DuplicateKeyError("A key with this id is stored already.") from error
    except (DatabaseError, InterfaceError, OSError) as error:
        cause = error.__cause__ or error
        _close_if_unusable(connection)
        raise StoreUnavailableError(f"{type(cause).__module__.partition('.')[0]}.{type(cause).__name__}") from error
    finally:
        if connection.connection is not before:
            setattr(connection, _OURS, connection.connection)
        _close_if_over(connection)


def _close_if_over(connection: Any) -> None:
    """Do what Django does around a request, for a connection that was opened here: others may be in use further up."""
    if connection.connection is not None and getattr(connection, _OURS, None) is connection.connection:
        _close_if_unusable(connection)


def _close_if_unusable(connection: Any) -> None:
    # In a transaction Django would take it for one that somebody has left in a wrong state, and close it.
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
