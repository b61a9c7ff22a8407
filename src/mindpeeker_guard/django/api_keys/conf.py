"""The project's service for API keys, made of the ``MINDPEEKER_GUARD`` setting and the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.signals import setting_changed

from mindpeeker_guard.api_keys import APIKeys
from mindpeeker_guard.django.api_keys._store import DjangoStore
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.settings import PREFIX

APP: Final = "mindpeeker_guard.django.api_keys"
_NAME: Final = "MINDPEEKER_GUARD"
_PEPPER: Final = "API_KEY_PEPPER"
_ENVIRONMENT: Final = "API_KEY_ENVIRONMENT"
_STORE: Final = "API_KEY_STORE"


def has_api_keys() -> bool:
    """Tell whether the project wants API keys: it has a pepper for them, and the application.

    Raises:
        ConfigurationError: The settings have a pepper, and neither a store nor the application for it.
    """
    if apps.is_installed(APP):
        return _setting(_PEPPER) is not None
    if _PEPPER in _own_settings() and _setting(_STORE) is None:
        raise ConfigurationError(f"{_NAME}: {_PEPPER} needs {APP!r} in INSTALLED_APPS.")
    return False


@cache
def api_keys() -> APIKeys:
    """Return the service, made at the first call: ``API_KEY_PEPPER`` and ``API_KEY_ENVIRONMENT``, in the database.

    The pepper is a string, or several by their ids, the first for new keys. In the environment variable
    ``MINDPEEKER_API_KEY_PEPPER``, several are written as a JSON object.

    Raises:
        ConfigurationError: A setting is missing or wrong; the text names it.
    """
    pepper = _setting(_PEPPER)
    if pepper is None:
        raise ConfigurationError(f"API keys need {_PEPPER} in {_NAME}, or {PREFIX}{_PEPPER} in the environment.")
    environment = _setting(_ENVIRONMENT)
    return APIKeys(DjangoStore(), pepper=pepper, **({} if environment is None else {"environment": environment}))


def _setting(name: str) -> Any:
    own = _own_settings()
    if name in own:
        return own[name]
    value = os.environ.get(PREFIX + name)
    return _several(value) if value is not None and value.startswith("{") else value


def _several(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        raise ConfigurationError(f"{PREFIX}{_PEPPER} begins like a JSON object, and is none.") from None


def _own_settings() -> Mapping[str, Any]:
    value = getattr(settings, _NAME, {})
    return value if isinstance(value, Mapping) else {}


def _forget(*, setting: str, **_: Any) -> None:
    if setting == _NAME:
        api_keys.cache_clear()


setting_changed.connect(_forget, dispatch_uid="mindpeeker_guard.api_keys")
