"""Connections of psycopg that never wait longer than they are told to.

libpq bounds how long connecting takes, but not how long an answer does: a server that was stopped, or whose packets are
dropped, would hold its caller forever.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar, cast

from psycopg import AsyncConnection, Connection, OperationalError

T = TypeVar("T")
B = TypeVar("B", bound="type[Connection[Any] | AsyncConnection[Any]]")
_Waiting = Generator[Any, Any, T]


class _Bounded(Connection[Any]):
    limit = 5.0

    def wait(self, gen: _Waiting[T], *args: Any, **options: Any) -> T:
        return super().wait(_bounded(gen, self.pgconn, self.limit), *args, **options)


class _AsyncBounded(AsyncConnection[Any]):
    limit = 5.0

    async def wait(self, gen: _Waiting[T], *args: Any, **options: Any) -> T:
        return await super().wait(_bounded(gen, self.pgconn, self.limit), *args, **options)


def bounded(seconds: float) -> type[Connection[Any]]:
    """Return a class of connections that give up an answer that takes longer than `seconds`."""
    return cast("type[Connection[Any]]", type("BoundedConnection", (_Bounded,), {"limit": seconds}))


def async_bounded(seconds: float) -> type[AsyncConnection[Any]]:
    """Return the same as `bounded`, for event loops."""
    return cast("type[AsyncConnection[Any]]", type("AsyncBoundedConnection", (_AsyncBounded,), {"limit": seconds}))


def _bounded(gen: _Waiting[T], connection: Any, seconds: float) -> _Waiting[T]:
    """Pass on what `gen` waits for. It is woken several times a second, whether there is an answer or not."""
    deadline = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() >= deadline:
                # What the server does with the statement is not known: nothing can follow on this connection.
                connection.finish()
                raise OperationalError(f"the database gave no answer within {seconds:g} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        return cast("T", end.value)
