"""Calls of a store, with the one answer to whatever may go wrong in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mindpeeker_guard._flow import Flow, call
from mindpeeker_guard.api_keys._stores import StoreUnavailableError
from mindpeeker_guard.errors import GuardError

T = TypeVar("T")


def ask(method: Callable[..., T | Awaitable[T]], *args: Any) -> Flow[T]:
    """Ask for `method(*args)` of a store.

    Raises:
        StoreUnavailableError: The store raised what is no error of ours; that is its cause.
    """
    try:
        return (yield from call(method, *args))
    except GuardError:
        raise
    except Exception as error:  # each store has errors of its own
        # The name of its type only: a driver's text may hold the statement with its values.
        raise StoreUnavailableError(f"{getattr(method, '__name__', 'store')}: {type(error).__name__}") from error
