"""The table of `mindpeeker-guard routes`: open routes first, in 80 columns where the output is no terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mindpeeker_guard.routes import GuardedRoute
from mindpeeker_guard.routes._records import described

_WIDTH: Final = 80
_STYLES: Final = {"optional": "yellow", "public": "cyan", "guarded": "green", "deny-by-default": "green"}
_ADVICE: Final = (
    "Guard each with require_scopes(). Where a route is meant to be open, mark its view @public; what cannot be "
    "marked, such as a mounted application, is allowed with --public PATTERN."
)


def show(found: list[GuardedRoute], exposed: list[GuardedRoute], *, only_exposed: bool, strict: bool) -> None:
    """Print the routes, what to know about some, and a sentence that sums them up.

    Args:
        found: All routes.
        exposed: Those that are open and should not be.
        only_exposed: Whether to list the latter only.
        strict: Whether what the framework brought counts.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    rest = [route for route in found if route not in exposed]
    listed = [*_sorted(exposed), *([] if only_exposed else _sorted(rest))]
    if listed:
        console.print(_table(listed, strict=strict))
    for route in listed:
        if route in exposed or (route.hint and route.state != "public"):
            console.print(_remark(route), soft_wrap=False)
    console.print(Text(_summary(found, exposed), style="bold red" if exposed else "bold"))
    if exposed:
        console.print(Text(_ADVICE))


def _sorted(routes: Iterable[GuardedRoute]) -> list[GuardedRoute]:
    return sorted(routes, key=lambda route: (route.path, route.kind, route.methods))


def _table(routes: Iterable[GuardedRoute], *, strict: bool) -> Table:
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Method", overflow="fold", max_width=12)
    table.add_column("Route", overflow="fold", ratio=3)
    table.add_column("Needs", overflow="fold", ratio=2)
    for route in routes:
        needs = _needs(route, strict=strict)
        table.add_row(Text(_methods(route)), Text(_clean(route.path), style=needs.style), needs)
    return table


def _methods(route: GuardedRoute) -> str:
    if route.kind != "http":
        return {"websocket": "WebSocket", "mount": "mount"}[route.kind]
    return " ".join(route.methods) or "any"


def _needs(route: GuardedRoute, *, strict: bool) -> Text:
    if route.exposed and route.builtin and not strict:
        return Text("open, the framework's own", style="yellow")
    if route.state in {"open", "opaque"}:
        return Text("OPEN" if route.state == "open" else "OPAQUE: cannot be told", style="bold red")
    words = route.state if route.requirement is None else described(route.requirement)
    if route.state == "optional":
        words = f"optional: {words}"
    elif route.state == "deny-by-default":
        words = f"{words} (by default)"
    return Text(words, style=_STYLES[route.state])


def _remark(route: GuardedRoute) -> Text:
    where = f"{_methods(route)} {route.path} ({route.endpoint})"
    return Text(_clean(f"{where}: {route.hint}" if route.hint else where), style="red" if route.exposed else "yellow")


def _summary(found: list[GuardedRoute], exposed: list[GuardedRoute]) -> str:
    states = Counter(_word(route) for route in found if route not in exposed)
    parts = [f"{count} {state}" for state, count in sorted(states.items())]
    bad = Counter(route.state for route in exposed)
    parts = [*(f"{bad[state]} {state.upper()}" for state in ("open", "opaque") if bad[state]), *parts]
    return f"{len(found)} routes: {', '.join(parts)}." if found else "There are no routes."


def _word(route: GuardedRoute) -> str:
    return "of the framework's own" if route.exposed else route.state


def _clean(text: str) -> str:
    """Return `text` without characters that would steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
