"""The project's ``MINDPEEKER_GUARD`` setting, read once and again when a test overrides it.

A dictionary of settings (``"AUDIENCE"`` and the like), or a `Guard`, or the dotted path of one. Some keys are Django's
own: ``USER_RESOLVER`` and ``PUBLIC_NAMESPACES``, and those of `mindpeeker_guard.django.api_keys`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import iscoroutinefunction
from typing import Any, Final

from django.conf import settings
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.utils.module_loading import import_string

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._types import Authenticator, Principal
from mindpeeker_guard.authenticators.api_key import APIKey
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.settings import guard_from_settings

UserResolver = Callable[[Principal, HttpRequest], Any]

_NAME: Final = "MINDPEEKER_GUARD"
_API_KEYS: Final = ("API_KEY_PEPPER", "API_KEY_ENVIRONMENT")
_OWN: Final = ("USER_RESOLVER", "PUBLIC_NAMESPACES", "GUARD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What the project's settings say.

    Attributes:
        guard: Decides.
        user_resolver: Makes ``request.user`` out of a principal; None leaves ``request.user`` alone.
        public_namespaces: URL namespaces whose views are all public, from the root: ``admin``, ``internal:pages``.
    """

    guard: Guard
    user_resolver: UserResolver | None = None
    public_namespaces: frozenset[str] = frozenset()


@cache
def configuration() -> Configuration:
    """Return the configuration, made at the first call.

    Raises:
        ConfigurationError: A setting is unknown or wrong; the text names it.
    """
    value = getattr(settings, _NAME, {})
    if isinstance(value, str):
        value = _imported(_NAME, value)
    if isinstance(value, Guard):
        return Configuration(guard=value)
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{_NAME} must be a dictionary, a Guard or the dotted path of one.")
    for name in value:
        if not isinstance(name, str):
            raise ConfigurationError(f"{_NAME} has a key that is not a string: {name!r}.")
    return Configuration(
        guard=_guard(dict(value)),
        user_resolver=_user_resolver(value.get("USER_RESOLVER")),
        public_namespaces=_namespaces(value.get("PUBLIC_NAMESPACES", ())),
    )


def _guard(options: dict[str, Any]) -> Guard:
    options.pop("USER_RESOLVER", None)
    options.pop("PUBLIC_NAMESPACES", None)
    authenticators = () if "GUARD" in options else _authenticators()
    if authenticators and "API_KEY_STORE" in options:
        raise ConfigurationError(f"{_NAME}: API_KEY_STORE is for projects without the application for API keys.")
    if authenticators or "GUARD" in options:
        for name in _API_KEYS:
            options.pop(name, None)
    if "GUARD" not in options:
        return guard_from_settings(options, prefix=f"{_NAME}: ", also=_OWN, authenticators=authenticators)
    guard = options.pop("GUARD")
    guard = _imported("GUARD", guard) if isinstance(guard, str) else guard
    if options or not isinstance(guard, Guard):
        raise ConfigurationError(f"{_NAME}: GUARD must be a Guard or the dotted path of one, without other settings.")
    return guard


def _authenticators() -> tuple[Authenticator, ...]:
    from mindpeeker_guard.django.api_keys import conf as keys  # noqa: PLC0415 - few projects have API keys

    return (APIKey(keys.api_keys()),) if keys.has_api_keys() else ()


def _user_resolver(value: Any) -> UserResolver | None:
    resolver = _imported("USER_RESOLVER", value) if isinstance(value, str) else value
    if resolver is not None and (not callable(resolver) or iscoroutinefunction(resolver)):
        raise ConfigurationError("USER_RESOLVER must be a plain function, or the dotted path of one.")
    return resolver  # type: ignore[no-any-return]


def _namespaces(value: Any) -> frozenset[str]:
    if not isinstance(value, list | tuple | set | frozenset) or not all(
        isinstance(name, str) and name for name in value
    ):
        raise ConfigurationError("PUBLIC_NAMESPACES must be a list of URL namespaces, such as ['admin'].")
    return frozenset(value)


def _imported(setting: str, path: str) -> Any:
    try:
        return import_string(path)
    except ImportError as error:
        raise ConfigurationError(f"{setting} names {path!r}, which cannot be imported: {error}") from error


def _forget(*, setting: str, **_: Any) -> None:
    if setting == _NAME:
        configuration.cache_clear()


setting_changed.connect(_forget, dispatch_uid="mindpeeker_guard")
