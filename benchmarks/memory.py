"""What one remembered token costs: bytes that stay allocated after it was verified, by ``tracemalloc``.

Every token has its own ``sub`` and ``jti``; the rest is what tokens of one issuer and client share. No peer remembers
verified tokens, so there is nothing to compare with.
"""

from __future__ import annotations

import gc
import tracemalloc
import uuid
from typing import Final

from benchmarks import ours
from benchmarks.harness import Row
from benchmarks.tokens import signing_key

_GROUP: Final = "Memory for one remembered token"
_NAME: Final = "mindpeeker-guard"
_GOAL: Final = 850.0
_WARM_UP: Final = 8


def rows(tokens: int = 2000) -> list[Row]:
    """Measure ours."""
    if not ours.has_token_cache():
        return [Row(group=_GROUP, name=_NAME, who="ours", text="not measured: no token cache", unit="bytes")]
    key = signing_key()
    guard = ours.guard(key.jwks, hot=True)
    sent = [ours.request(key.token({"sub": uuid.uuid4().hex})) for _ in range(tokens + _WARM_UP)]
    for request in sent[:_WARM_UP]:
        guard.check(request, ours.NEEDED)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for request in sent[_WARM_UP:]:
        guard.check(request, ours.NEEDED)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    note = f"over {tokens:,} tokens"
    return [Row(group=_GROUP, name=_NAME, who="ours", value=kept / tokens, goal=_GOAL, note=note, unit="bytes")]
