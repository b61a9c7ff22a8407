"""The routes of a Flask application: views, blueprints, method views, what runs before a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask
from flask.views import MethodView, View
from werkzeug.routing import Rule

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._views import is_public, requirement_of
from mindpeeker_guard.flask import _EXTENSION, _deny
from mindpeeker_guard.routes import _marks
from mindpeeker_guard.routes._records import ANY_PRINCIPAL, GuardedRoute, Place, Requirements, judge, shown
from mindpeeker_guard.routes._walk import dispatched, peel

_MISSING = "The rule names an endpoint without a view."
_CLASS = "With default='deny', @public opens a class, not one of its methods."


def guard_of(app: Flask) -> Guard | None:
    """Return the guard that is attached to `app`."""
    found = app.extensions.get(_EXTENSION)
    return found if isinstance(found, Guard) else next(iter(peel(app.wsgi_app).guards), None)


def read(app: Flask, place: Place) -> Iterator[GuardedRoute]:
    """Yield the routes of `app`, and of the applications beside it."""
    front = peel(app.wsgi_app)
    yield from dispatched(front, place)
    place = place.behind(*front.outer)
    for rule in app.url_map.iter_rules():
        # No view runs for a redirect, nor for a rule that is there to build URLs from.
        if not rule.build_only and rule.redirect_to is None:
            yield from _rule(app, rule, place)


def _rule(app: Flask, rule: Rule, place: Place) -> Iterator[GuardedRoute]:
    view = app.view_functions.get(rule.endpoint)
    place = place.behind(*_before(app, rule.endpoint))
    if view is None:
        yield _record(rule, place, shown(_methods(rule)), None, state="opaque", hint=_MISSING)
        return
    if _is_denied(app, view):
        place = place.behind(requirement_of(view) or ANY_PRINCIPAL)
    for methods, handlers in _handlers(rule, view):
        yield _judged(rule, place, methods, handlers, denies=_denies(app))


def _judged(rule: Rule, place: Place, methods: tuple[str, ...], handlers: list[Any], *, denies: bool) -> GuardedRoute:
    view, *inner = handlers
    # With default="deny" the mark of a method comes too late: the credential was asked for before.
    declared = is_public(view) or any(is_public(one) for one in inner)
    state, needed = judge(_required(*handlers), place.outer, public=declared)
    hint = _CLASS if denies and state == "deny-by-default" and any(is_public(one) for one in inner) else ""
    if state in {"open", "deny-by-default"} and not hint:
        maybe, hint = _marks.hint_for(view)
        state = "opaque" if maybe and state == "open" else state
    return _record(rule, place, methods, view, state=state, requirement=needed, hint=hint)


def _record(rule: Rule, place: Place, methods: tuple[str, ...], view: Any, **facts: Any) -> GuardedRoute:
    host = rule.host or rule.subdomain or ""
    return GuardedRoute(
        path=f"{host}{place.prefix}{rule.rule}",
        methods=methods,
        kind="websocket" if rule.websocket else "http",
        endpoint=rule.endpoint,
        builtin=(getattr(view, "__module__", None) or "").partition(".")[0] == "flask",
        **facts,
    )


def _required(*views: Any) -> Requirements:
    """Return what `views` require. Flask asks only those that run: a mark without its guard is none."""
    return _marks.requirements(*filter(_marks.has_guard, views))


def _denies(app: Flask) -> bool:
    return _deny in app.before_request_funcs.get(None, ())


def _is_denied(app: Flask, view: Any) -> bool:
    return _denies(app) and not is_public(view)


def _before(app: Flask, endpoint: str) -> Requirements:
    """Return what guarded functions demand that run before every request to this endpoint."""
    *outer, _ = endpoint.split(".")
    names = [None, *(".".join(outer[: count + 1]) for count in range(len(outer)))]
    functions: Iterable[Any] = [function for name in names for function in app.before_request_funcs.get(name, ())]
    return _required(*functions)


def _handlers(rule: Rule, view: Any) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield the methods of a rule, each group with the functions that run for it, the outermost first."""
    cls = getattr(view, "view_class", None)
    methods = _methods(rule)
    if rule.methods is None or not (isinstance(cls, type) and issubclass(cls, View)):
        if methods or rule.methods is None:
            yield shown(methods), [view]
        return
    # Methods of which the same is asked go together.
    groups: dict[Any, tuple[list[Any], list[str]]] = {}
    for method in methods:
        handlers = [view, *_class_handlers(cls, method)]
        asked = _required(*handlers), any(map(is_public, handlers))
        groups.setdefault(asked, (handlers, []))[1].append(method)
    for handlers, together in groups.values():
        yield shown(together), handlers


def _class_handlers(cls: type[View], method: str) -> Iterator[Any]:
    yield cls.dispatch_request
    if issubclass(cls, MethodView):
        name = method.lower()
        yield getattr(cls, "get" if name == "head" and not hasattr(cls, "head") else name, None)


def _methods(rule: Rule) -> list[str]:
    """Return the methods that run the view; an automatic answer to OPTIONS runs none."""
    automatic = {"OPTIONS"} if getattr(rule, "provide_automatic_options", False) else set()
    return sorted(set(rule.methods or ()) - automatic)
