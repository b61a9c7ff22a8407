"""What a `JWTBearer` holds tokens against, as a value, and the checks of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from mindpeeker_guard._jwks import ALGORITHMS
from mindpeeker_guard._keys import KeySource, StaticKeySet
from mindpeeker_guard._remote_keys import RemoteKeySet
from mindpeeker_guard.errors import ConfigurationError

MINDPEEKER_ISSUER: Final = "https://auth.mindpeeker.com"
MINDPEEKER_AUDIENCE: Final = "https://api.mindpeeker.com"

_MAX_LEEWAY: Final = 300


class Rules(NamedTuple):
    """What a `JWTBearer` holds tokens against; see its arguments."""

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    leeway: float
    strict: bool
    keys: KeySource
    clock: Callable[[], float]


def audiences(audience: str | Iterable[str]) -> frozenset[str]:
    """Return the audiences of which a token must name one.

    Raises:
        ConfigurationError: There is none, or one is no string.
    """
    names = _listed(audience)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(f"audience must be a string such as {MINDPEEKER_AUDIENCE!r}, or several of them.")
    return frozenset(names)


def algorithms(names: Iterable[str] | None) -> frozenset[str]:
    """Return the algorithms to accept: those that are named, or all.

    Raises:
        ConfigurationError: There is none, or one that is not asymmetric or not known.
    """
    names = ALGORITHMS if names is None else _listed(names)
    if not names or not all(isinstance(name, str) and name in ALGORITHMS for name in names):
        raise ConfigurationError(f"algorithms must be some of {', '.join(sorted(ALGORITHMS))}.")
    return frozenset(names)


def _listed(value: Any) -> tuple[Any, ...]:
    """Return one string or several of them as a tuple; an empty one where it is neither."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else ()


def seconds_of_leeway(leeway: float) -> float:
    """Return how far clocks may differ.

    Raises:
        ConfigurationError: It is no number from 0 to 300.
    """
    if isinstance(leeway, bool) or not isinstance(leeway, int | float) or not 0 <= leeway <= _MAX_LEEWAY:
        raise ConfigurationError(f"leeway must be a number of seconds from 0 to {_MAX_LEEWAY}: {leeway!r}.")
    return leeway


def cache_size(token_cache: int) -> int:
    """Return how many tokens are remembered.

    Raises:
        ConfigurationError: It is no whole number, or less than 0.
    """
    if isinstance(token_cache, bool) or not isinstance(token_cache, int) or token_cache < 0:
        raise ConfigurationError(f"token_cache must be a whole number, 0 or more: {token_cache!r}.")
    return token_cache


def key_source(issuer: str, jwks_uri: str | None, keys: Any, clock: Callable[[], float]) -> KeySource:
    """Return where keys come from: the issuer, a URL, or code.

    Raises:
        ConfigurationError: Two of them are given, or no key can be made of what is given.
    """
    if keys is None:
        return RemoteKeySet(jwks_uri, issuer=issuer, clock=clock)
    if jwks_uri is not None:
        raise ConfigurationError("Give jwks_uri or keys, not both.")
    if hasattr(keys, "warm_up"):
        return keys  # type: ignore[no-any-return]
    if isinstance(keys, str | bytes):
        raise ConfigurationError("keys must be a JWK set, not a string: a URL is jwks_uri, a PEM must be made a JWK.")
    return StaticKeySet(keys)
