"""From what a user writes for ``store`` to what counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from mindpeeker_guard._rates import MISSING
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.rate_limits._library import LibraryWindows
from mindpeeker_guard.rate_limits._outage import SharedStore
from mindpeeker_guard.rate_limits._store import LocalStore, RemoteStore, Strategy

Policy = Literal["fail_open", "fail_closed"]

_REDIS: Final = ("redis://", "rediss://", "unix://")
_MEMORY: Final = "memory://"


def shared_store(  # noqa: PLR0913 - made in one place
    store: Any,
    *,
    instead: LocalStore,
    strategy: Strategy,
    prefix: str,
    policy: Policy,
    timeouts: tuple[float, float],
    timer: Callable[[], float],
    options: Mapping[str, Any],
) -> SharedStore | None:
    """Return what asks the store that `store` names; None for this process's memory.

    Raises:
        ConfigurationError: There is no such store, an argument is wrong, or an extra is missing.
    """
    if policy not in {"fail_open", "fail_closed"}:
        raise ConfigurationError(f"policy must be 'fail_open' or 'fail_closed': {policy!r}.")
    for name, value in zip(("connect_timeout", "timeout"), timeouts, strict=True):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ConfigurationError(f"{name} must be a number of seconds, more than 0: {value!r}.")
    if store == _MEMORY:
        if options:
            raise ConfigurationError(f"memory:// has no option {next(iter(options))!r}.")
        return None
    made, kind = _made(store, strategy, prefix, timeouts, options)
    return SharedStore(made, kind, instead if policy == "fail_open" else None, timer)


def _made(
    store: Any, strategy: Strategy, prefix: str, timeouts: tuple[float, float], options: Mapping[str, Any]
) -> tuple[RemoteStore, str]:
    if isinstance(store, str) and store.startswith(_REDIS):
        return _redis(store, strategy, prefix, timeouts, options), "redis"
    try:
        from limits.storage import storage_from_string  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(MISSING) from None
    if isinstance(store, str):
        try:
            store = storage_from_string(store, **options)
        except Exception as error:  # noqa: BLE001 - its text may hold the URL, and the password in it
            raise ConfigurationError(f"The store of the rate limits cannot be used: {type(error).__name__}.") from None
    elif options:
        raise ConfigurationError("Options belong to a store that is named by a URL.")
    if not hasattr(store, "incr"):
        raise ConfigurationError("store must be a URL such as 'redis://localhost:6379', or a storage of limits.")
    return LibraryWindows(store, strategy), type(store).__name__


def _redis(
    url: str, strategy: Strategy, prefix: str, timeouts: tuple[float, float], options: Mapping[str, Any]
) -> RemoteStore:
    # redis-py doubles the time of an import, and only those who share limits have it.
    from mindpeeker_guard.rate_limits._redis import RedisWindows  # noqa: PLC0415
    from mindpeeker_guard.state._redis_clients import RedisClients  # noqa: PLC0415
    from mindpeeker_guard.state._redis_log import Names  # noqa: PLC0415

    Names(prefix)  # says what is wrong with a prefix
    chosen = dict(options)
    cluster = bool(chosen.pop("cluster", False))
    connect_timeout, timeout = timeouts
    clients = RedisClients(url, connect_timeout=connect_timeout, timeout=timeout, cluster=cluster, options=chosen)
    return RedisWindows(clients, prefix, strategy)
