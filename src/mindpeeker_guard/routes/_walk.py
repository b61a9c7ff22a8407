"""From an application to its routes: middleware is passed, mounts are entered, each framework has its reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, cast

from mindpeeker_guard import asgi, wsgi
from mindpeeker_guard._guard import Guard
from mindpeeker_guard._types import Requirement
from mindpeeker_guard._views import is_public
from mindpeeker_guard.routes._records import GuardedRoute, Place, Requirements, judge

_READERS: Final[Mapping[tuple[str, str], str]] = {
    ("flask", "Flask"): "_flask",
    ("fastapi", "FastAPI"): "_starlette",
    ("starlette", "Starlette"): "_starlette",
    ("starlette", "Router"): "_starlette",
    ("django", "BaseHandler"): "_django",
}
_ADAPTERS: Final = {"_flask": "flask", "_starlette": "fastapi", "_django": "django"}
_INNER: Final = ("app", "wsgi_app", "application")
_MAX_LAYERS = 32
_UNREADABLE = "This application has no routes that can be read: look at it yourself, then allow it by its path."
_CYCLE = "This application is mounted below itself."


@dataclass(slots=True)
class Peeled:
    """What is in front of an application.

    Attributes:
        core: The application itself.
        outer: What the middleware around it asks for.
        guards: Whose they are.
        mounts: The applications that a dispatcher around it serves, each with its path and what stands before it.
    """

    core: Any
    outer: Requirements = ()
    guards: list[Guard] = field(default_factory=list)
    mounts: list[tuple[str, Any, Requirements]] = field(default_factory=list)


def peel(app: Any) -> Peeled:
    """Take off the middleware around `app`."""
    found = Peeled(app)
    for _ in range(_MAX_LAYERS):
        inner = _next(found)
        if inner is None:
            break
        found.core = inner
    return found


def _next(found: Peeled) -> Any:
    app: Any = found.core
    if isinstance(app, (asgi.GuardMiddleware, wsgi.GuardMiddleware)):
        inner, guard, needed = app.guarded
        found.outer = (*found.outer, needed)
        found.guards.append(guard)
        return cast("Any", inner)
    if _is(app, "werkzeug", "DispatcherMiddleware"):
        found.mounts += [(path, mounted, found.outer) for path, mounted in app.mounts.items()]
    if _is(app, "channels", "ProtocolTypeRouter"):
        protocols = dict(app.application_mapping)
        inner = protocols.pop("http", None)
        found.mounts += [("", other, found.outer) for other in protocols.values()]
        return inner
    owner = getattr(app, "__self__", None)
    if owner is not None and framework_of(owner):
        return owner
    if framework_of(app) or isinstance(app, type):
        return None
    found_inside = (getattr(app, name, None) for name in _INNER)
    return next((inner for inner in found_inside if callable(inner)), None)


def walk(app: Any, place: Place) -> Iterator[GuardedRoute]:
    """Yield the routes of `app` at `place`, in the order in which the framework has them."""
    found = peel(app)
    yield from dispatched(found, place)
    place = place.behind(*found.outer)
    reader = reader_of(found.core)
    if id(found.core) in place.inside:
        yield _closed_box(found.core, place, _CYCLE)
    elif reader is None:
        yield _box(app, found.core, place)
    else:
        yield from reader.read(found.core, place.within(found.core))


def dispatched(found: Peeled, place: Place) -> Iterator[GuardedRoute]:
    """Yield the routes of the applications that a dispatcher serves."""
    for path, mounted, outer in found.mounts:
        yield from walk(mounted, place.below(path).behind(*outer))


def framework_of(app: Any) -> str | None:
    """Return the name of the module that reads the routes of `app`; None where it is of no framework known here."""
    for cls in () if isinstance(app, type) else type(app).__mro__:
        name = _READERS.get((cls.__module__.partition(".")[0], cls.__name__))
        if name is not None:
            return name
    return None


def reader_of(app: Any) -> Any:
    """Return the module that reads the routes of `app`; None where it is of no framework known here.

    Raises:
        ImportError: An extra is missing; the text names it.
    """
    name = framework_of(app)
    if name is None:
        return None
    import_module(f"mindpeeker_guard.{_ADAPTERS[name]}")  # where the framework is missing, it names the extra
    return import_module(f"mindpeeker_guard.routes.{name}")


def _is(app: Any, package: str, name: str) -> bool:
    return any(cls.__name__ == name and cls.__module__.partition(".")[0] == package for cls in type(app).__mro__)


def _box(app: Any, core: Any, place: Place) -> GuardedRoute:
    """Return the record of an application without routes: files, or something that cannot be looked into."""
    if not _is(core, "starlette", "StaticFiles"):
        return _closed_box(core, place, _UNREADABLE, public=is_public(app))
    state, needed = judge((), place.outer, public=is_public(app))
    return GuardedRoute(path=_everything(place), state=state, kind="mount", endpoint=_name(core), requirement=needed)


def _closed_box(core: Any, place: Place, hint: str, *, public: bool = False) -> GuardedRoute:
    state, needed = judge((), place.outer, public=public)
    return GuardedRoute(
        path=_everything(place),
        state="opaque" if state in {"open", "optional"} else state,
        kind="mount",
        endpoint=_name(core),
        requirement=needed,
        hint=hint if state in {"open", "optional"} else "",
    )


def _everything(place: Place) -> str:
    return f"{place.prefix.rstrip('/')}/*"


def _name(app: Any) -> str:
    named: Any = app if hasattr(app, "__qualname__") else type(app)
    return f"{named.__module__}.{named.__qualname__}"


def middleware_of(entries: Any) -> tuple[Requirements, list[Guard]]:
    """Return what the middleware that Starlette will make asks for: each entry has ``cls``, ``args`` and ``kwargs``."""
    needed: list[Requirement] = []
    guards: list[Guard] = []
    for entry in entries or ():
        if isinstance(entry.cls, type) and issubclass(entry.cls, asgi.GuardMiddleware):
            made: Callable[..., Any] = entry.cls
            _, guard, requirement = made(_nothing, *entry.args, **entry.kwargs).guarded
            needed.append(requirement)
            guards.append(guard)
    return tuple(needed), guards


async def _nothing(*_: Any) -> None:
    """Stand in for the application behind a middleware that is made only to be asked."""
