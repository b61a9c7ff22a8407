"""What an audit says of a route, and how it comes to say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Literal

from mindpeeker_guard._scopes import all_of
from mindpeeker_guard._types import Requirement
from mindpeeker_guard.errors import ConfigurationError

State = Literal["guarded", "deny-by-default", "optional", "public", "opaque", "open"]
Kind = Literal["http", "websocket", "mount"]
Requirements = tuple[Requirement, ...]

ANY_PRINCIPAL = Requirement()


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedRoute:
    """One route of an application, and what stands before it.

    Attributes:
        path: The path as the framework writes it, with everything in front of it that mounts and includes add.
        methods: The HTTP methods, sorted; empty where every method reaches the view, and for WebSockets and mounts.
        kind: ``http``, ``websocket``, or ``mount`` for an application below this one that has no routes to show.
        endpoint: The name of the view.
        state: ``guarded``: the route requires something. ``deny-by-default``: it requires nothing of its own, but what
            is in front of it (``default="deny"``, a middleware) demands a credential. ``optional``: nobody is refused
            for want of a credential. ``public``: open, and declared so. ``open``: open, and nobody said so.
            ``opaque``: it cannot be told; `hint` says why.
        requirement: All that a caller must meet; None where that is nothing, or not known.
        builtin: Whether the framework brought the route: pages of the API document, the ``static`` view.
        hint: What to know about the route, or an empty string.
    """

    path: str
    state: State
    methods: tuple[str, ...] = ()
    kind: Kind = "http"
    endpoint: str = ""
    requirement: Requirement | None = None
    builtin: bool = False
    hint: str = ""

    @property
    def exposed(self) -> bool:
        """Whether anybody may reach the route and nobody declared that, as far as can be told."""
        return self.state in {"open", "opaque"}

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON has it."""
        return {
            "path": self.path,
            "methods": list(self.methods),
            "kind": self.kind,
            "endpoint": self.endpoint,
            "state": self.state,
            "requirement": None if self.requirement is None else _facts(self.requirement),
            "builtin": self.builtin,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an application an audit is.

    Attributes:
        prefix: The path down to here.
        outer: What everything here must meet, whatever the routes say.
        inside: The applications around this place, by identity: one that is mounted below itself is not entered again.
    """

    prefix: str = ""
    outer: Requirements = ()
    inside: tuple[int, ...] = ()

    def below(self, path: str) -> Place:
        """Return the place at `path` below this one."""
        return replace(self, prefix=self.prefix + path)

    def behind(self, *requirements: Requirement) -> Place:
        """Return this place with more to meet."""
        return replace(self, outer=(*self.outer, *requirements))

    def within(self, app: object) -> Place:
        """Return this place, inside of `app`."""
        return replace(self, inside=(*self.inside, id(app)))


def judge(own: Requirements, outer: Requirements, *, public: bool) -> tuple[State, Requirement | None]:
    """Return the state of a route, and all that it requires.

    Args:
        own: What the route requires.
        outer: What everything at its place requires.
        public: Whether it is declared public.
    """
    needed = combine((*own, *outer))
    if needed is None:
        return ("public" if public else "open"), None
    if needed.optional:
        return "optional", needed
    return ("guarded" if not all(one.optional for one in own) else "deny-by-default"), needed


def shown(methods: Iterable[str]) -> tuple[str, ...]:
    """Return the methods that an audit lists of some that go together: HEAD and OPTIONS only if there is no other."""
    found = set(methods)
    return tuple(sorted(found - {"HEAD", "OPTIONS"} or found))


def combine(requirements: Iterable[Requirement]) -> Requirement | None:
    """Return one requirement that asks for all of several; None for none."""
    found = list(dict.fromkeys(requirements))
    return reduce(_both, found) if found else None


def _both(first: Requirement, second: Requirement) -> Requirement:
    ages = [age for age in (first.max_age, second.max_age) if age is not None]
    return Requirement(
        scopes=_all(first, second),
        # A token has one `acr`. Where no value is in both, nobody can pass, and the first shows what was asked.
        acr_values=tuple(value for value in first.acr_values if value in second.acr_values)
        or first.acr_values
        or second.acr_values,
        max_age=min(ages, default=None),
        optional=first.optional and second.optional,
        # No scheme is in both: nobody can pass, and the first shows what was asked.
        schemes=tuple(name for name in first.schemes if name in second.schemes) or first.schemes or second.schemes,
        rates=tuple(dict.fromkeys((*first.rates, *second.rates))),
    )


def _all(first: Requirement, second: Requirement) -> Any:
    try:
        return all_of(first.scopes, second.scopes)
    except ConfigurationError:  # too many alternatives to be written as one: each is checked by itself all the same
        return max(first.scopes, second.scopes, key=lambda expression: len(expression.alternatives))


def _facts(needed: Requirement) -> dict[str, Any]:
    return {
        "scopes": [sorted(choice) for choice in needed.scopes.alternatives if choice],
        "acr": list(needed.acr_values),
        "max_age": needed.max_age,
        "optional": needed.optional,
        "schemes": list(needed.schemes),
    }


def described(needed: Requirement) -> str:
    """Return a requirement in words: ``a b`` asks for both, ``a | b`` for one."""
    scopes = " | ".join(" ".join(sorted(choice)) for choice in needed.scopes.alternatives if choice)
    words = [scopes or "any credential"]
    if needed.acr_values:
        words.append(f"acr {' | '.join(needed.acr_values)}")
    if needed.max_age is not None:
        words.append(f"signed in within {needed.max_age} s")
    if needed.schemes:
        words.append(f"{' | '.join(needed.schemes)} only")
    words += [f"{rate.rate} per {rate.per}" for rate in needed.rates]
    return ", ".join(words)
