"""Audit an application: which of its routes are guarded, by what, and which are open.

`audit` reads the routes of a Flask, FastAPI, Starlette or Django application without sending a request. The command
``mindpeeker-guard routes`` shows what it finds.
"""

from __future__ import annotations

from typing import Any

from mindpeeker_guard._guard import Guard
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.routes._mermaid import to_mermaid
from mindpeeker_guard.routes._openapi import to_openapi
from mindpeeker_guard.routes._records import GuardedRoute, Kind, Place, State
from mindpeeker_guard.routes._walk import framework_of, peel, reader_of, walk

__all__ = ["GuardedRoute", "Kind", "State", "audit", "guard_of", "to_mermaid", "to_openapi"]


def audit(app: Any) -> list[GuardedRoute]:
    """Return what stands before each route of an application, in the order in which the framework has them.

    Middleware around the application is passed through, and applications mounted in it are entered. Methods of one view
    share a record where the same is asked of them. Nothing is called that a request would call.

    Args:
        app: A Flask, FastAPI or Starlette application, Django's WSGI or ASGI handler, or one of them in middleware.

    Raises:
        ConfigurationError: It is no such application, or the project's settings are wrong.
        ImportError: The extra of its framework is missing; the text names it.
    """
    if framework_of(peel(app).core) is None:
        kind = app.__name__ if isinstance(app, type) else type(app).__name__
        raise ConfigurationError(f"This is no Flask, FastAPI or Django application, but {kind!r}.")
    return list(walk(app, Place()))


def guard_of(app: Any) -> Guard | None:
    """Return the guard in front of, or attached to, an application; None where there is none.

    Raises:
        ConfigurationError: The project's settings are wrong.
    """
    found = peel(app)
    reader = reader_of(found.core)
    attached: Guard | None = None if reader is None else reader.guard_of(found.core)
    return attached or next(iter(found.guards), None)
