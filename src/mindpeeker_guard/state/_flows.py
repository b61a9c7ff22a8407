"""State in flows: what to yield, so that threads block, and event loops do not."""

from __future__ import annotations

from mindpeeker_guard._flow import Call, Flow
from mindpeeker_guard.state._protocols import ReplayCache


def first_use(cache: ReplayCache, key: str, ttl: float) -> Flow[bool]:
    """Remember `key` for `ttl` seconds, and tell whether it was new; see `ReplayCache.add`.

    Raises:
        StoreUnavailableError: That cannot be told; what must be used once is to be refused then.
    """
    is_new: bool = yield Call(cache.add, key, ttl, twin=cache.aadd)
    return is_new
