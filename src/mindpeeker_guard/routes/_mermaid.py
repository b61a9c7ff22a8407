"""A diagram of an audit in Mermaid's flowchart language: service, scope, routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mindpeeker_guard.routes._records import GuardedRoute, described

_USER: Final = frozenset({"profile", "email", "organizations"})
_STYLES: Final = (
    "classDef open fill:#fdd,stroke:#c00,color:#900,stroke-width:2px",
    "classDef public fill:#eee,stroke:#999,color:#333",
)
_ESCAPED: Final = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}


def to_mermaid(routes: Iterable[GuardedRoute]) -> str:
    """Return a diagram of `routes`: each service, its scopes, and the routes that ask for them."""
    drawing = _Drawing()
    for route in routes:
        drawing.add(route)
    return drawing.text()


class _Drawing:
    def __init__(self) -> None:
        self._names: dict[tuple[str, ...], str] = {}
        self._lines: list[str] = []

    def add(self, route: GuardedRoute) -> None:
        label = f"{' '.join(route.methods) or _word(route)} {route.path}"
        style = "open" if _is_alarming(route) else "public" if route.requirement is None else ""
        target = self._node(("route", route.path, *route.methods, route.kind), label, style)
        for path in _paths(route):
            self._chain([*path], target, style)

    def _chain(self, labels: list[str], target: str, style: str) -> None:
        nodes = [self._node(tuple(labels[: end + 1]), label, style) for end, label in enumerate(labels)]
        for left, right in zip([*nodes], [*nodes[1:], target], strict=True):
            line = f"{left} --> {right}"
            if line not in self._lines:
                self._lines.append(line)

    def _node(self, key: tuple[str, ...], label: str, style: str) -> str:
        """Return the name of a node, drawn at its first use. Labels are quoted: a path may hold anything."""
        if key not in self._names:
            self._names[key] = f"n{len(self._names) + 1}"
            mark = f":::{style}" if style else ""
            self._lines.append(f'{self._names[key]}["{_escaped(label)}"]{mark}')
        return self._names[key]

    def text(self) -> str:
        return "\n".join(["flowchart LR", *(f"  {line}" for line in (*_STYLES, *self._lines))]) + "\n"


def _is_alarming(route: GuardedRoute) -> bool:
    return route.exposed and not route.builtin


def _word(route: GuardedRoute) -> str:
    return {"http": "ANY", "websocket": "WebSocket", "mount": "mount"}[route.kind]


def _paths(route: GuardedRoute) -> Iterator[tuple[str, ...]]:
    """Yield the ways to a route, from the left: a service and a scope, or what stands in their place."""
    needed = route.requirement
    if needed is None or route.exposed:
        yield (route.state.upper() if _is_alarming(route) else "the framework's own" if route.exposed else route.state,)
        return
    suffix = " (optional)" if needed.optional else ""
    scopes = sorted({scope for choice in needed.scopes.alternatives for scope in choice})
    for scope in scopes:
        yield _service(scope), scope + suffix
    if not scopes:
        yield (described(needed) + suffix,)


def _service(scope: str) -> str:
    name = scope.partition(":")[0]
    return "user" if name in _USER else name


def _escaped(label: str) -> str:
    return "".join(_ESCAPED.get(c, c if c.isprintable() else "?") for c in label)
