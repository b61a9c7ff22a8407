"""A guard from a mapping: Django's settings, Flask's config, or the environment.

An argument beats the framework's configuration, which beats the environment, which beats the default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._rates import rate_limits
from mindpeeker_guard._remote_keys import RemoteKeySet
from mindpeeker_guard._types import Authenticator
from mindpeeker_guard.authenticators._jwt_rules import MINDPEEKER_ISSUER
from mindpeeker_guard.authenticators.api_key import APIKey
from mindpeeker_guard.authenticators.jwt_bearer import JWTBearer
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.rate_limits import RateLimits

if TYPE_CHECKING:
    from mindpeeker_guard.state.redis import RedisState

PREFIX: Final = "MINDPEEKER_"
"""What stands in front of a setting's name in the environment and in Flask's config."""


def _text(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError("a string")


def _texts(value: Any) -> tuple[str, ...]:
    """Read a list of strings: a sequence, JSON, or words between commas or blanks."""
    if isinstance(value, str):
        value = json.loads(value) if value.startswith("[") else value.replace(",", " ").split()
    if isinstance(value, Iterable) and not isinstance(value, bytes | Mapping):
        words = tuple(value)
        if words and all(isinstance(word, str) and word for word in words):
            return words
    raise ValueError("a string, or a list of strings")


def _number(value: Any) -> float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise ValueError("a number")


def _whole(value: Any) -> int:
    number = _number(value)
    if number.is_integer():
        return int(number)
    raise ValueError("a whole number")


def _switch(value: Any) -> bool:
    word = value.lower() if isinstance(value, str) else value
    if word in (True, "true", "1", "yes", "on"):
        return True
    if word in (False, "false", "0", "no", "off"):
        return False
    raise ValueError("true or false")


def _networks(value: Any) -> tuple[str, ...]:
    """Read a list of networks, which may be empty: then there are no proxies."""
    return () if not isinstance(value, bytes | Mapping) and value in ("", "none", [], ()) else _texts(value)


def _rate(value: Any) -> tuple[Any, ...]:
    """Read a rate, or several."""
    try:
        return rate_limits(value)
    except ConfigurationError as error:
        raise ValueError(f"a rate such as 100/minute ({error})") from None


def _store(value: Any) -> Any:
    """Read where API keys are kept: a URL, or a store made in code."""
    if (isinstance(value, str) and value) or (hasattr(value, "rotate") and not isinstance(value, type)):
        return value
    raise ValueError("a URL such as sqlite:///keys.db")


def _pepper(value: Any) -> Any:
    """Read one pepper, or several by their ids: a mapping, or JSON."""
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    if isinstance(value, str | bytes | Mapping) and value:
        return value
    raise ValueError("a secret, or a JSON object of ids and secrets")


_Readers = Mapping[str, Callable[[Any], Any]]
_BEARER: Final[_Readers] = {
    "ISSUER": _text,
    "AUDIENCE": _texts,
    "JWKS_URI": _text,
    "ALGORITHMS": _texts,
    "LEEWAY": _number,
    "PROFILE": _text,
    "TOKEN_CACHE": _whole,
}
_KEY_SET: Final[_Readers] = {
    "FRESH_FOR": _number,
    "STALE_FOR": _number,
    "MAX_STALE": _number,
    "UNKNOWN_KID_BURST": _whole,
    "UNKNOWN_KID_REFILL": _number,
    "CONNECT_TIMEOUT": _number,
    "TIMEOUT": _number,
    "MAX_BYTES": _whole,
}
_GUARD: Final[_Readers] = {
    "REALM": _text,
    "RESOURCE_METADATA": _text,
    "ALLOW_PREFLIGHT": _switch,
    "SHIELD": _switch,
    "TRUSTED_PROXIES": _networks,
}
_LIMITS: Final[_Readers] = {"RATE_LIMIT": _rate}

_API_KEYS: Final[_Readers] = {"API_KEY_STORE": _store, "API_KEY_PEPPER": _pepper, "API_KEY_ENVIRONMENT": _text}

_STATE: Final[_Readers] = {
    "REDIS_URL": _text,
    "REDIS_PREFIX": _text,
    "REDIS_SECRET": _text,
    "REVOCATION_POLICY": _text,
    "REVOCATION_MAX_OUTAGE": _number,
    "MAX_TOKEN_AGE": _number,
}

SETTINGS: Final[_Readers] = {**_BEARER, **_KEY_SET, **_API_KEYS, **_STATE, **_GUARD, **_LIMITS}
"""Every setting, with the function that reads its value."""

_STATE_ARGUMENTS: Final = {
    "REDIS_PREFIX": "prefix",
    "REDIS_SECRET": "secret",
    "REVOCATION_POLICY": "policy",
    "REVOCATION_MAX_OUTAGE": "max_outage",
    "MAX_TOKEN_AGE": "max_token_age",
}
# Their values have passwords in them, and are not shown where they are wrong.
_SECRET: Final = frozenset({"API_KEY_STORE", "API_KEY_PEPPER", "REDIS_URL", "REDIS_SECRET"})
# The platform's own variables, for clients: nothing of the guard's.
_OTHERS: Final = frozenset({"CLIENT_ID", "CLIENT_SECRET", "API_KEY"})


def guard_from_settings(
    settings: Mapping[str, Any],
    environ: Mapping[str, str] = os.environ,
    *,
    prefix: str = "",
    also: Collection[str] = (),
    authenticators: Iterable[Authenticator] = (),
    **guard_options: Any,
) -> Guard:
    """Make a guard from `settings`, and from the environment where they are silent.

    Args:
        settings: Setting (``"AUDIENCE"``) to value.
        environ: The environment.
        prefix: What stands in front of each name in `settings`, for error texts.
        also: More names that the framework knows, for error texts.
        authenticators: What else the guard accepts, besides access tokens. One for API keys takes the place of that
            which the settings describe.
        guard_options: Arguments for `Guard`; they beat all settings.

    Raises:
        ConfigurationError: A setting is unknown (the text has the nearest name) or its value is wrong.
    """
    for name in settings:
        if name not in SETTINGS:
            raise ConfigurationError(f"Unknown setting {prefix}{name}.{_nearest(prefix, name, 0.0, also)}")
    values = _read(settings, prefix)
    inherited = {name: value for name, value in from_prefixed(environ).items() if name not in values}
    values = {**_read(inherited, PREFIX), **values}
    bearer = _arguments(values, _BEARER)
    key_set = _arguments(values, _KEY_SET)
    state = _state(values, prefix)
    if state is not None:
        guard_options.setdefault("revocations", state.revocations)
        if "REDIS_SECRET" in values:
            key_set["shared"] = state.keys
    if key_set:
        jwks_uri = bearer.pop("jwks_uri", None)
        bearer["keys"] = RemoteKeySet(jwks_uri, issuer=bearer.get("issuer", MINDPEEKER_ISSUER), **key_set)
    others = tuple(authenticators)
    if not any(isinstance(one, APIKey) for one in others):
        others += _api_keys(values, prefix, guard_options, state)
    options = {**_arguments(values, _GUARD), **_rate_limits(values), **guard_options}
    return Guard(JWTBearer(**bearer), *others, **options)


def guard_from_environ(environ: Mapping[str, str] = os.environ) -> Guard:
    """Make a guard from environment variables alone.

    Raises:
        ConfigurationError: A variable looks like a misspelt setting, or its value is wrong.
    """
    return guard_from_settings({}, environ)


def from_prefixed(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in a mapping that holds other things too, by their ``MINDPEEKER_`` names.

    Raises:
        ConfigurationError: A name that is no setting, and nothing of the platform's, is nearly one.
    """
    names = {name: name[len(PREFIX) :] for name in mapping if isinstance(name, str) and name.startswith(PREFIX)}
    for name, setting in names.items():
        if setting not in SETTINGS and setting not in _OTHERS and (hint := _nearest(PREFIX, setting, 0.8)):
            raise ConfigurationError(f"Unknown setting {name}.{hint}")
    return {setting: mapping[name] for name, setting in names.items() if setting in SETTINGS}


def state_from_environ(environ: Mapping[str, str] = os.environ) -> RedisState | None:
    """Make the state that processes share from environment variables; None where they name no Redis.

    Raises:
        ConfigurationError: ``MINDPEEKER_REDIS_URL`` is missing beside another one, or a value is wrong.
    """
    given = {name: value for name, value in from_prefixed(environ).items() if name in _STATE}
    return _state(_read(given, PREFIX), PREFIX)


def _state(values: Mapping[str, Any], prefix: str) -> RedisState | None:
    """Make the state that processes share; none where the settings name no Redis."""
    given = [name for name in _STATE if name in values]
    if not given:
        return None
    if "REDIS_URL" not in values:
        raise ConfigurationError(f"{prefix}{given[0]} needs {prefix}REDIS_URL beside it.")
    from mindpeeker_guard.state.redis import RedisState  # noqa: PLC0415 - few guards have one

    options = {argument: values[name] for name, argument in _STATE_ARGUMENTS.items() if name in values}
    return RedisState(values["REDIS_URL"], **options)


def _api_keys(
    values: Mapping[str, Any], prefix: str, guard_options: Mapping[str, Any], state: RedisState | None
) -> tuple[APIKey, ...]:
    """Make the authenticator for API keys; none where the settings have no store and no pepper."""
    given = [name for name in _API_KEYS if name in values]
    if not given:
        return ()
    for name in ("API_KEY_STORE", "API_KEY_PEPPER"):
        if name not in values:
            raise ConfigurationError(f"{prefix}{given[0]} needs {prefix}{name} beside it.")
    from mindpeeker_guard.api_keys import APIKeys, store_from_url  # noqa: PLC0415 - few guards have API keys

    options = {name: guard_options[name] for name in ("catalogue", "clock") if name in guard_options}
    if "API_KEY_ENVIRONMENT" in values:
        options["environment"] = values["API_KEY_ENVIRONMENT"]
    if state is not None:
        options["invalidations"] = state.invalidations
    store = values["API_KEY_STORE"]
    store = store_from_url(store) if isinstance(store, str) else store
    return (APIKey(APIKeys(store, pepper=values["API_KEY_PEPPER"], **options)),)


def _rate_limits(values: Mapping[str, Any]) -> dict[str, RateLimits]:
    """Make the rate limits; none where neither a rate nor a store is set. A store alone is for the rates of routes."""
    if "RATE_LIMIT" not in values and "REDIS_URL" not in values:
        return {}
    given = (("store", "REDIS_URL"), ("prefix", "REDIS_PREFIX"))
    options = {option: values[name] for option, name in given if name in values}
    return {"limits": RateLimits(*values.get("RATE_LIMIT", ()), **options)}


def _read(settings: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    values = {}
    for name, value in settings.items():
        try:
            values[name] = SETTINGS[name](value)
        except ValueError as error:
            words = "a JSON object" if name in _SECRET else "JSON or words between commas"
            wanted = words if isinstance(error, json.JSONDecodeError) else str(error)
            shown = "" if name in _SECRET else f", not {value!r}"
            raise ConfigurationError(f"{prefix}{name} must be {wanted}{shown}.") from None
    return values


def _arguments(values: Mapping[str, Any], readers: _Readers) -> dict[str, Any]:
    return {name.lower(): values[name] for name in readers if name in values}


def _nearest(prefix: str, name: str, cutoff: float, also: Collection[str] = ()) -> str:
    import difflib  # noqa: PLC0415 - only an error needs it

    close = difflib.get_close_matches(name.upper(), [*SETTINGS, *also], n=1, cutoff=cutoff)
    return f" Did you mean {prefix}{close[0]}?" if close else ""
