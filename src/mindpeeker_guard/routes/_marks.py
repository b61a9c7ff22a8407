"""What can be read off a view: its marks, and signs that they are in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from types import FunctionType, MethodType
from typing import Any

from mindpeeker_guard._views import requirement_of
from mindpeeker_guard.routes._records import Requirements

_DEPTH = 8
# Nothing else is asked for its attributes: a proxy would look for a request.
_PLAIN = frozenset({FunctionType, MethodType, partial})
_LOST = (
    "A decorator around the guarded view hides it from this audit: give that decorator functools.wraps, "
    "or put the guard outermost, next to the route."
)
_LRU_CACHE = type(cache(len))
_CACHED = (
    "A cache stands above the guard: whoever comes second gets its answer without being asked. "
    "Put the guard above the cache."
)
_COPIED = (
    "functools.wraps has copied the mark of a guarded view to one that does not seem to call it: "
    "put the guard outermost, next to the route."
)
_ORDER = "{} is guarded only after it was registered: move require_scopes() below the line that adds the route."


def requirements(*views: Any) -> Requirements:
    """Return what `views`, which run one inside the other, require."""
    return tuple(found for view in views for found in _found(view))


def _found(view: Any) -> Iterator[Any]:
    for layer in layers(view):
        needed = requirement_of(layer)
        if needed is not None:
            yield needed


def has_guard(view: Any) -> bool:
    """Tell whether a mark on `view` is that of a guard that it has inside, not only a copy of one.

    Only of a plain function that can be told: what else it may call is believed. A cache above a guard is none.
    """
    if _is_cached(view):
        return False
    if type(view) is not FunctionType or requirement_of(view) is None:
        return True
    return any(_is_ours(inner) for inner in (view, *_enclosed(view, _DEPTH)))


def _is_cached(view: Any) -> bool:
    """Tell whether a cache stands above the guard: functools', or one that notes what it caches (Flask-Caching)."""
    for layer in (view, *_wrapped(view)):
        inner = getattr(layer, "__wrapped__", None) if type(layer) is _LRU_CACHE else None
        if any(requirement_of(one) is not None for one in (inner, getattr(layer, "uncached", None))):
            return True
    return False


def _is_ours(function: Any) -> bool:
    return str(getattr(function, "__globals__", {}).get("__name__")).startswith("mindpeeker_guard.")


def layers(view: Any) -> Iterator[Any]:
    """Yield `view`, and what it surely calls: the function of a partial, the ``__call__`` of an object."""
    yield view
    while isinstance(view, partial):
        view = view.func
        yield view
    call = getattr(type(view), "__call__", None)  # noqa: B004 - what a call runs, not whether there is one
    if not isinstance(view, type) and hasattr(call, "__dict__"):
        yield call


def name_of(view: Any) -> str:
    """Return the name under which a developer knows `view`."""
    cls = getattr(view, "view_class", None)
    named = cls or (view.func if isinstance(view, partial) else view)
    name = getattr(named, "__qualname__", None) or type(named).__qualname__
    return f"{getattr(named, '__module__', None) or type(named).__module__}.{name}"


def hint_for(view: Any) -> tuple[bool, str]:
    """Look for a guard that the marks of an unguarded `view` do not show.

    Returns:
        Whether the view may be guarded all the same, and what to tell the developer.
    """
    if not has_guard(view):
        return True, _CACHED if _is_cached(view) else _COPIED
    if any(requirement_of(inner) is not None for inner in _enclosed(view, _DEPTH)):
        return True, _LOST
    if _is_guarded_elsewhere(view):
        return False, _ORDER.format(getattr(view, "__name__", "The view"))
    return False, ""


def _enclosed(view: Any, depth: int) -> Iterator[Any]:
    """Yield the functions that `view` closes over, at any depth."""
    for cell in getattr(view, "__closure__", None) or ():
        try:
            inner = cell.cell_contents
        except ValueError:  # not filled yet
            continue
        if type(inner) in _PLAIN:
            for layer in layers(inner):
                yield layer
                if depth:
                    yield from _enclosed(getattr(layer, "__func__", layer), depth - 1)


def _is_guarded_elsewhere(view: Any) -> bool:
    """Tell whether the view's module has a guarded function around it: the decorators are in the wrong order."""
    names = [one for one in list(getattr(view, "__globals__", {}).values()) if type(one) in _PLAIN]
    return any(requirement_of(one) is not None and view in _wrapped(one) for one in names)


def _wrapped(view: Any) -> list[Any]:
    found: list[Any] = []
    while len(found) < _DEPTH and hasattr(view, "__wrapped__"):
        view = view.__wrapped__
        found.append(view)
    return found
