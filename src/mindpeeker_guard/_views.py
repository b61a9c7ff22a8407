"""Marks on views: what one requires, or that it is public. Adapters read them; the decorator itself does the check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, TypeVar

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._rates import RateLimit
from mindpeeker_guard._requests import Request
from mindpeeker_guard._types import Principal, Requirement
from mindpeeker_guard.errors import ConfigurationError

V = TypeVar("V", bound=Callable[..., Any])
Headers = tuple[tuple[str, str], ...]

PRINCIPAL_KEY: Final = "mindpeeker_guard.principal"
"""Where adapters keep the principal in a WSGI environ or an ASGI scope."""

_GUARD_KEY: Final = "mindpeeker_guard.guard"
_MET: Final = "mindpeeker_guard.met"
_FIELDS: Final = "mindpeeker_guard.fields"

_PUBLIC: Final = "__mindpeeker_public__"
_REQUIREMENT: Final = "__mindpeeker_requirement__"
_RATES: Final = "__mindpeeker_rates__"


def public(view: V) -> V:
    """Open a view (a function or a class): no credential is looked at, and there is no principal.

    Raises:
        ConfigurationError: The view requires something.
    """
    if requirement_of(view) is not None:
        raise ConfigurationError(f"{_name(view)} cannot be public: it requires scopes.")
    try:
        setattr(view, _PUBLIC, True)
    except AttributeError:
        raise ConfigurationError(f"{_name(view)} cannot be marked public: put a function around it.") from None
    return view


def mark_required(view: V, requirement: Requirement) -> V:
    """Note on a guarded view what it requires.

    Raises:
        ConfigurationError: The view is public.
    """
    if is_public(view):
        raise ConfigurationError(f"{_name(view)} cannot require scopes: it is public.")
    setattr(view, _REQUIREMENT, requirement)
    return view


def is_public(view: Any) -> bool:
    """Tell whether `view` is marked public. A class is never public because its base is."""
    return bool(_mark(view, _PUBLIC))


def requirement_of(view: Any) -> Requirement | None:
    """Return what `view` requires; None where nothing is noted on it."""
    found = _mark(view, _REQUIREMENT)
    return found if isinstance(found, Requirement) else None


def mark_rated(view: V, limits: tuple[RateLimit, ...]) -> V:
    """Note on a view what rate limits it has, besides those of its requirement."""
    setattr(view, _RATES, limits + rates_of(view))
    return view


def rates_of(view: Any) -> tuple[RateLimit, ...]:
    """Return the rate limits that are noted on `view`."""
    found: tuple[RateLimit, ...] = _mark(view, _RATES) or ()
    return found


def remember(
    environ: MutableMapping[str, Any], guard: Guard, principal: Principal | None, met: Requirement | None = None
) -> Principal | None:
    """Keep what `guard` found for the rest of the request, and what requirement was `met`; return the principal."""
    environ[_GUARD_KEY] = guard
    environ[PRINCIPAL_KEY] = principal
    environ[_MET] = met
    return principal


def has_decided(environ: Mapping[str, Any], guard: Guard) -> bool:
    """Tell whether `guard` is the one that has decided about this request before."""
    return environ.get(_GUARD_KEY) is guard


def has_met(environ: Mapping[str, Any], guard: Guard, needed: Requirement) -> bool:
    """Tell whether `guard` has checked this very requirement for this request, and counted it."""
    return environ.get(_MET) is needed and has_decided(environ, guard)


def note_headers(environ: MutableMapping[str, Any], request: Request) -> None:
    """Keep the headers that the answer should have, besides those that were kept before."""
    headers = request.answer_headers
    if headers:
        environ[_FIELDS] = joined(environ.get(_FIELDS, ()), headers)


def take_headers(environ: MutableMapping[str, Any]) -> Headers:
    """Return the headers that the answer should have, to whoever asks first."""
    headers: Headers = environ.pop(_FIELDS, ())
    return headers


def joined(first: Headers, second: Headers) -> Headers:
    """Return headers with lists as values, as one list for each name."""
    values = dict(first)
    for name, value in second:
        values[name] = f"{values[name]}, {value}" if name in values else value
    return tuple(values.items())


def remembered(environ: Mapping[str, Any], guard: Guard) -> Principal | None:
    """Return the principal that `guard` found before in this request. What another guard found counts for nothing."""
    principal: Principal | None = environ.get(PRINCIPAL_KEY) if environ.get(_GUARD_KEY) is guard else None
    return principal


def _mark(view: Any, name: str) -> Any:
    own = getattr(view, "__dict__", {})
    cls = own.get("view_class")
    if cls is None:
        return own.get(name)
    # Django copies the marks of a class's dispatch to the view: one that a base class has makes nothing public.
    dispatch = getattr(cls, "dispatch", None)
    inherited = "dispatch" not in vars(cls) and name in getattr(dispatch, "__dict__", {})
    return vars(cls).get(name) if name == _PUBLIC and inherited else own.get(name, vars(cls).get(name))


def _name(view: Any) -> str:
    return str(getattr(view, "__qualname__", view))
