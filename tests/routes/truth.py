"""What an audit says, held against what the application does with a request that has no credential."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mindpeeker_guard.routes import GuardedRoute

REFUSED = "refused"
RAN = "ran"
ANSWERS = {"guarded": REFUSED, "deny-by-default": REFUSED, "optional": RAN, "public": RAN, "open": RAN}
"""State to what must become of the request; of an opaque route, nothing is promised."""


def state_of(routes: Iterable[GuardedRoute]) -> dict[str, str]:
    """Return ``METHOD path`` to state, for what is easy to read in a test."""
    return {f"{' '.join(route.methods) or route.kind} {route.path}": route.state for route in routes}


def needs(routes: Iterable[GuardedRoute]) -> dict[str, set[frozenset[str]]]:
    """Return path to the alternatives of scopes that are enough, for routes that require something."""
    return {route.path: set(route.requirement.scopes.alternatives) for route in routes if route.requirement is not None}


def filled(path: str) -> str:
    """Return a path that fits a pattern."""
    return re.sub(r"<[^>]*>|\{[^}]*\}|\*", "1", path)


def requests(routes: Iterable[GuardedRoute]) -> Iterator[tuple[str, str, str, GuardedRoute]]:
    """Yield kind, method and path of the requests that show whether the audit is right, with what it says."""
    for route in routes:
        if route.state in ANSWERS:
            for method in route.methods or (("GET",) if route.kind == "mount" else ("GET", "POST")):
                yield route.kind, method, filled(route.path), route


def differences(routes: Iterable[GuardedRoute], send: Callable[[str, str, str], str]) -> list[Any]:
    """Return where the application does something else than the audit says."""
    found = [(send(kind, method, path), route) for kind, method, path, route in requests(routes)]
    return [(seen, route) for seen, route in found if seen != ANSWERS[route.state]]


def outcome(status: int, body: str, *, builtin: bool = False) -> str:
    """Return what became of a request: the views of the samples answer with one word."""
    if status == 401:
        return REFUSED
    return RAN if builtin or (status == 200 and "it ran" in body) else f"{status}: {body[:200]}"
