"""The views of a Django project: URL patterns, includes, namespaces, class-based views."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern
from django.utils.module_loading import import_string
from django.utils.regex_helper import normalize
from django.views import View

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._views import is_public, requirement_of
from mindpeeker_guard.django._middleware import GuardMiddleware
from mindpeeker_guard.django.conf import configuration
from mindpeeker_guard.routes import _marks
from mindpeeker_guard.routes._records import ANY_PRINCIPAL, GuardedRoute, Place, Requirements, judge, shown

_GROUP = re.compile(r"%\((\w+)\)s")
_ABSENT = "GuardMiddleware is not in MIDDLEWARE: this view can only fail."
_CLASS = "@public opens a class or a function, not one method of a class."


def guard_of(_: Any) -> Guard | None:
    """Return the guard of the project."""
    return configuration().guard if _is_guarded() else None


def read(_: Any, place: Place) -> Iterator[GuardedRoute]:
    """Yield the views of the project."""
    public = configuration().public_namespaces if _is_guarded() else frozenset[str]()
    yield from _Reader(is_guarded=_is_guarded(), public_namespaces=public).walk(get_resolver(), place.below("/"), ())


def _is_guarded() -> bool:
    """Tell whether the middleware is there. What cannot be imported, Django has refused before."""
    found = [import_string(path) for path in settings.MIDDLEWARE]
    return any(isinstance(one, type) and issubclass(one, GuardMiddleware) for one in found)


class _Reader:
    """Walks through the URL patterns."""

    def __init__(self, *, is_guarded: bool, public_namespaces: frozenset[str]) -> None:
        self._is_guarded = is_guarded
        self._public_namespaces = public_namespaces

    def walk(self, resolver: URLResolver, place: Place, namespaces: tuple[str, ...]) -> Iterator[GuardedRoute]:
        for entry in resolver.url_patterns:
            below = place.below(_text(entry.pattern))
            if isinstance(entry, URLPattern):
                yield from self._view(entry, below, namespaces)
            else:
                inner = (*namespaces, entry.namespace) if entry.namespace else namespaces
                yield from self.walk(entry, below, inner)

    def _view(self, entry: URLPattern, place: Place, namespaces: tuple[str, ...]) -> Iterator[GuardedRoute]:
        view = entry.callback
        named = not self._public_namespaces.isdisjoint(accumulate(namespaces, "{}:{}".format))
        needed = requirement_of(view)
        declared = named or is_public(view)
        if self._is_guarded and not declared:
            place = place.behind(needed or ANY_PRINCIPAL)
        for methods, handlers in _handlers(view):
            yield self._judged(place, methods, handlers, declared=declared)

    def _judged(self, place: Place, methods: tuple[str, ...], handlers: list[Any], *, declared: bool) -> GuardedRoute:
        view, *inner = handlers
        own = _marks.requirements(*handlers)
        marked = any(is_public(one) for one in inner)
        state, needed = judge(own, place.outer, public=declared or (marked and not self._is_guarded))
        hint = _ABSENT if own and not self._is_guarded else ""
        if state == "deny-by-default" and marked:
            hint = _CLASS
        elif state in {"open", "deny-by-default"}:
            maybe, hint = _marks.hint_for(view)
            state = "opaque" if maybe and state == "open" else state
        return GuardedRoute(
            path=place.prefix,
            state=state,
            methods=methods,
            endpoint=_marks.name_of(view),
            requirement=needed,
            hint=hint,
        )


def _handlers(view: Any) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield the methods of a view, each group with the functions that run for it, the outermost first."""
    cls = getattr(view, "view_class", None)
    if not (isinstance(cls, type) and issubclass(cls, View)):
        yield (), [view]
        return
    groups: dict[Requirements, tuple[list[Any], list[str]]] = {}
    for method, handler in _class_methods(cls):
        handlers = [view, handler]  # as_view() has copied the marks of `dispatch` to the view
        groups.setdefault(_marks.requirements(*handlers), (handlers, []))[1].append(method)
    for handlers, together in groups.values():
        yield shown(together), handlers


def _class_methods(cls: type[View]) -> Iterator[tuple[str, Any]]:
    """Yield the methods that a class has a handler for; the answer to OPTIONS that `View` brings tells nothing."""
    for name in cls.http_method_names:
        handler = getattr(cls, name, None)
        if handler is not None and handler is not View.options:
            yield name.upper(), handler


def _text(pattern: Any) -> str:
    """Return a pattern as text; a regular expression as the first path that fits it."""
    if not isinstance(pattern, RegexPattern):
        return str(pattern)
    (text, _), *_ = normalize(str(pattern)) or [(str(pattern), [])]
    return _GROUP.sub(r"<\1>", text)
