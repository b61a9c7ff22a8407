"""Scopes: the catalogue, what a scope implies, and what a route asks for (RFC 6749 section 3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Final
from weakref import WeakSet

from mindpeeker_guard.errors import ConfigurationError

_ADMIN = ":admin"
_MAX_ALTERNATIVES = 64
# Callers come with few different sets of scopes, so splitting and expanding them is remembered, and shared.
_MEMO = 1024
_MEMO_TEXT = 1024
# Decorators run at import, often before a guard exists, so a typo is looked for in every catalogue made so far.
_catalogues: WeakSet[ScopeCatalogue] = WeakSet()


def _is_scope_token(text: str) -> bool:
    """Tell whether `text` is one scope-token: printable ASCII but for blank, quote and backslash."""
    return bool(text) and all("!" <= c <= "~" and c not in '"\\' for c in text)


class ScopeCatalogue(Mapping[str, str]):
    """The scopes an API knows, each with its description, and the rule by which one implies another.

    ``svc:admin`` implies every ``svc:…`` of the same service. Only an administrative scope that the catalogue lists has
    this power: in a token, ``admin`` alone or the ``…:admin`` of an unlisted service is a scope like any other.

    Args:
        scopes: Scope to description.

    Raises:
        ConfigurationError: A name is not a scope token, or a description is no string.
    """

    def __init__(self, scopes: Mapping[str, str]) -> None:
        for name, description in scopes.items():
            if not isinstance(name, str) or not _is_scope_token(name):
                raise ConfigurationError(f"{name!r} cannot be a scope: use printable ASCII without blanks or quotes.")
            if not isinstance(description, str):
                raise ConfigurationError(f"The description of scope {name!r} must be a string.")
        self._scopes: Final = dict(scopes)
        self._implied: Final = {
            name: frozenset(other for other in scopes if other.startswith(_service_prefix(name)))
            for name in scopes
            if _service_prefix(name)
        }
        self._expansions: Final[dict[frozenset[str], frozenset[str]]] = {}
        self._grants: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {}
        _catalogues.add(self)

    def __getitem__(self, scope: str) -> str:
        return self._scopes[scope]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scopes)

    def __len__(self) -> int:
        return len(self._scopes)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        return f"ScopeCatalogue({len(self)} scopes)"

    def extend(self, scopes: Mapping[str, str]) -> ScopeCatalogue:
        """Return a new catalogue with `scopes` added to, or replacing, the ones here."""
        return ScopeCatalogue({**self._scopes, **scopes})

    def implied_by(self, scope: str) -> frozenset[str]:
        """Return the listed scopes that `scope` implies, without itself."""
        return self._implied.get(scope, frozenset()) - {scope}

    def expand(self, granted: frozenset[str]) -> frozenset[str]:
        """Return `granted` plus every listed scope that it implies."""
        found = self._expansions.get(granted)
        if found is None:
            found = granted.union(*(self._implied[scope] for scope in granted if scope in self._implied))
            if len(self._expansions) >= _MEMO:
                self._expansions.clear()
            self._expansions[granted] = found
        return found

    def granted_by(self, text: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return the scopes in a ``scope`` string, and these plus every listed scope that they imply."""
        found = self._grants.get(text)
        if found is None:
            granted = split_scope(text)
            found = granted, self.expand(granted)
            if len(text) <= _MEMO_TEXT:
                if len(self._grants) >= _MEMO:
                    self._grants.clear()
                self._grants[text] = found
        return found

    def covers(self, granted: frozenset[str], scope: str) -> bool:
        """Tell whether `granted` reaches `scope`, listed or not."""
        if scope in granted:
            return True
        return any(name in granted for name in self._implied if scope.startswith(_service_prefix(name)))

    def check(self, scopes: Iterable[str]) -> None:
        """Refuse scopes that are not listed.

        Raises:
            ConfigurationError: Names the first unlisted scope and the nearest one that is listed.
        """
        for scope in scopes:
            if scope not in self._scopes:
                raise ConfigurationError(f"Unknown scope {scope!r}{_nearest(scope, self._scopes)}")


def _service_prefix(scope: str) -> str:
    """Return ``svc:`` for ``svc:admin``, and nothing for any other scope."""
    return scope[: -len(_ADMIN) + 1] if scope.endswith(_ADMIN) and scope != _ADMIN else ""


def _nearest(scope: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only an error needs it

    close = difflib.get_close_matches(scope, list(known), n=1)
    hint = f": did you mean {close[0]!r}?" if close else "."
    return f"{hint} Scopes of your own belong into a ScopeCatalogue that is made before this line."


def check_known(scopes: Iterable[str]) -> None:
    """Refuse, at import, a scope that no catalogue made so far lists.

    Raises:
        ConfigurationError: Names the scope and the nearest one that is listed.
    """
    catalogues = list(_catalogues)
    for scope in scopes:
        if not any(scope in catalogue for catalogue in catalogues):
            names = {name for catalogue in catalogues for name in catalogue}
            raise ConfigurationError(f"Unknown scope {scope!r}{_nearest(scope, sorted(names))}")


MINDPEEKER_SCOPES: Final = ScopeCatalogue(
    {
        "remote-viewing:read": "Read session data and results",
        "remote-viewing:write": "Create and manage sessions",
        "remote-viewing:delete": "Delete sessions and data",
        "remote-viewing:admin": "Administrative access to remote viewing",
        "dowsing:read": "Read results and data",
        "dowsing:write": "Create requests",
        "dowsing:delete": "Delete data",
        "dowsing:admin": "Administrative access to dowsing",
        "analytics:read": "Read analytics and reports",
        "analytics:export": "Export data",
        "analytics:admin": "Administrative access to analytics",
        "profile": "User profile",
        "email": "Email address",
        "organizations:read": "Organization data",
        "organizations:write": "Manage organization settings",
    }
)
"""The platform's scopes."""


class ScopeExpression:
    """Which scopes are enough: alternatives, each a set of scopes that are needed together.

    Made by `all_of` and `any_of`. The alternatives are minimal and in the order in which they were written; two
    expressions with the same ones are equal.
    """

    __slots__ = ("_alternatives", "_names", "_only")

    def __init__(self, alternatives: tuple[frozenset[str], ...], names: tuple[str, ...] = ()) -> None:
        self._alternatives = alternatives
        self._names = names
        # Nearly every route has one alternative, and a generator would cost more than all of its check.
        self._only = alternatives[0] if len(alternatives) == 1 else None

    @property
    def alternatives(self) -> tuple[frozenset[str], ...]:
        """The sets of scopes of which one is enough."""
        return self._alternatives

    @property
    def names(self) -> tuple[str, ...]:
        """All scopes that are named, in the order in which they were written."""
        return self._names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScopeExpression) and set(other.alternatives) == set(self.alternatives)

    def __hash__(self) -> int:
        return hash(frozenset(self.alternatives))

    def satisfied_by(self, scopes: frozenset[str]) -> bool:
        """Tell whether `scopes` hold at least one alternative."""
        if self._only is not None:
            return self._only <= scopes
        return any(needed <= scopes for needed in self._alternatives)

    @property
    def shortest(self) -> tuple[str, ...]:
        """The smallest alternative, the first of several; in the order in which its scopes were written."""
        needed = min(self._alternatives, key=len)
        return tuple(name for name in self._names if name in needed)

    def __repr__(self) -> str:
        return f"ScopeExpression(alternatives={self._alternatives!r}, names={self._names!r})"


def all_of(*parts: str | ScopeExpression) -> ScopeExpression:
    """Ask for every part; with no part, for nothing.

    Raises:
        ConfigurationError: A part is neither a scope nor an expression, or the expression is too large.
    """
    expressions = [_expression(part) for part in parts]
    combined = (frozenset[str]().union(*choice) for choice in product(*(e.alternatives for e in expressions)))
    return _minimal(combined, expressions)


def any_of(*parts: str | ScopeExpression) -> ScopeExpression:
    """Ask for at least one part.

    Raises:
        ConfigurationError: There is no part, or one is neither a scope nor an expression.
    """
    if not parts:
        raise ConfigurationError("any_of() needs at least one scope.")
    expressions = [_expression(part) for part in parts]
    return _minimal((choice for e in expressions for choice in e.alternatives), expressions)


def _expression(part: str | ScopeExpression) -> ScopeExpression:
    if isinstance(part, ScopeExpression):
        return part
    if not isinstance(part, str):
        raise ConfigurationError(f"A scope must be a string, not {type(part).__name__}: write each one as an argument.")
    if not _is_scope_token(part):
        raise ConfigurationError(f"{part!r} is not one scope: write each scope as an argument of its own.")
    return ScopeExpression((frozenset({part}),), (part,))


def _minimal(choices: Iterable[frozenset[str]], parts: Iterable[ScopeExpression]) -> ScopeExpression:
    found: list[frozenset[str]] = []
    for count, choice in enumerate(choices):
        if count >= _MAX_ALTERNATIVES:
            raise ConfigurationError(f"A scope expression may have at most {_MAX_ALTERNATIVES} alternatives.")
        if not any(other <= choice for other in found):
            found = [other for other in found if not choice <= other]
            found.append(choice)
    return ScopeExpression(tuple(found), tuple(dict.fromkeys(name for part in parts for name in part.names)))


def split_scope(text: str) -> frozenset[str]:
    """Split a ``scope`` string at U+0020 and nothing else (RFC 6749 section 3.3)."""
    return frozenset(text.split(" ")) - {""}
