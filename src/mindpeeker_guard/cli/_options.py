"""The guard that a command looks through: made from the environment, and from options that beat it."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._json import InvalidJSONError, load_object
from mindpeeker_guard._keys import StaticKeySet
from mindpeeker_guard._shown import moment
from mindpeeker_guard.authenticators._jwt_rules import Rules
from mindpeeker_guard.authenticators.jwt_bearer import JWTBearer
from mindpeeker_guard.cli._exits import InputError, SettingError
from mindpeeker_guard.cli._input import read_file
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.settings import PREFIX, from_prefixed, guard_from_settings

F = TypeVar("F", bound=Callable[..., Any])

_HINT: Final = f"Look at the options, and at the variables that begin with {PREFIX}."
_MAX_JWKS: Final = 262_144  # bytes, as many as a guard takes from an issuer
_SETTINGS: Final = {
    "issuer": ("--issuer", "URL", False, "The iss that tokens must have."),
    "audience": ("--audience", "NAME", True, "What aud must name; may be given more than once."),
    "jwks_uri": ("--jwks-uri", "URL", False, "Where the keys are; the issuer's metadata tell otherwise."),
    "algorithms": ("--algorithm", "NAME", True, "An algorithm to accept; may be given more than once."),
    "leeway": ("--leeway", "SECONDS", False, "Clock difference allowed."),
    "profile": ("--profile", "NAME", False, "auto, or rfc9068."),
}


def guard_options(function: F) -> F:
    """Add the settings of a guard as options; those not given come from the environment, as for `Guard.from_env`."""
    for name, (option, metavar, multiple, text) in reversed(_SETTINGS.items()):
        decorate = click.option(option, name, metavar=metavar, multiple=multiple, help=text)
        function = decorate(function)
    return function


def _moment(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read a time: seconds since the epoch, or ISO 8601, in UTC where it names no zone."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.replace(".", "", 1).isdigit() else _iso(value)
    except (ValueError, OverflowError):
        seconds = float("nan")
    if moment(seconds) is None:
        text = "write seconds since the epoch, or a date and time such as 2026-11-22T12:00:00Z."
        raise click.BadParameter(text, ctx, param)
    return seconds


def _iso(value: str) -> float:
    read = dt.datetime.fromisoformat(value)
    return (read if read.tzinfo is not None else read.replace(tzinfo=dt.UTC)).timestamp()


def at_option(function: F) -> F:
    """Add ``--at``, given as `at`: the time by which a token is judged."""
    text = "Judge by this time instead of now: seconds since the epoch, or 2026-11-22T12:00:00Z."
    return click.option("--at", callback=_moment, metavar="TIME", help=text)(function)


def setting(options: Mapping[str, Any], name: str) -> str | None:
    """Return a setting as text: the option, else the variable; None where neither is given.

    Raises:
        SettingError: A variable looks like a misspelt setting.
    """
    if options.get(name):
        return str(options[name])
    try:
        return from_prefixed(os.environ).get(name.upper())
    except ConfigurationError as error:
        raise SettingError(str(error), _HINT) from None


def make_guard(options: Mapping[str, Any], *, keys: str | None = None, at: float | None = None) -> Guard:
    """Make a guard whose clock stands still, from `guard_options` and the environment.

    Args:
        options: What `guard_options` gave.
        keys: A file with a JWK set, to use in place of the issuer's.
        at: What the clock shows; now where it is None.

    Raises:
        CommandError: A setting is wrong, or the file cannot be used.
    """
    made = configured_guard(options, only_tokens=True)
    rules = bearer_of(made)
    now = time.time() if at is None else at
    bearer = JWTBearer(
        rules.issuer,
        rules.audiences,
        keys=rules.keys if keys is None else keys_from(keys),
        algorithms=rules.algorithms,
        leeway=rules.leeway,
        profile="rfc9068" if rules.strict else "auto",
        token_cache=0,
        clock=lambda: now,
    )
    return Guard(bearer, catalogue=made.catalogue, clock=lambda: now)


def configured_guard(options: Mapping[str, Any], *, only_tokens: bool = False) -> Guard:
    """Make the guard that an application would make, from `guard_options` and the environment.

    Args:
        options: What `guard_options` gave.
        only_tokens: Whether settings of API keys are left out: the command looks at tokens alone.

    Raises:
        SettingError: A setting is wrong.
    """
    given = {name.upper(): options[name] for name in _SETTINGS if options.get(name)}
    left_out = f"{PREFIX}API_KEY_" if only_tokens else "\0"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    try:
        return guard_from_settings(given, environ)
    except ConfigurationError as error:
        raise SettingError(str(error), _HINT) from None


def bearer_of(guard: Guard) -> Rules:
    """Return what the guard holds tokens against."""
    return next(one.rules for one in guard.authenticators if isinstance(one, JWTBearer))


def keys_from(file: str) -> StaticKeySet:
    """Return the keys in a file.

    Raises:
        InputError: It holds no JWK set with a usable key.
    """
    try:
        return StaticKeySet(load_jwks(file))
    except ConfigurationError as error:
        raise InputError(f"{file!r}: {error}", "mindpeeker-guard jwks shows why a key cannot be used.") from None


def load_jwks(file: str) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        InputError: There is none.
    """
    try:
        return load_object(read_file(file, _MAX_JWKS))
    except InvalidJSONError as error:
        raise InputError(f"{file!r} holds no JSON object: {error}.", 'Give a JWK set: {"keys": [...]}.') from None
