"""What must be known in every process: revocations, proofs that were used, API keys that changed, fetched keys.

`MemoryState` keeps it in this process. ``mindpeeker_guard.state.redis`` shares it through a Redis.
"""

from mindpeeker_guard.state._flows import first_use
from mindpeeker_guard.state._protocols import (
    Forget,
    Invalidations,
    ReplayCache,
    RevocationHealth,
    RevocationList,
    SharedDocument,
    SharedKeys,
)
from mindpeeker_guard.state._revocation import Revoked
from mindpeeker_guard.state.memory import MemoryInvalidations, MemoryReplayCache, MemoryRevocations, MemoryState

__all__ = [
    "Forget",
    "Invalidations",
    "MemoryInvalidations",
    "MemoryReplayCache",
    "MemoryRevocations",
    "MemoryState",
    "ReplayCache",
    "RevocationHealth",
    "RevocationList",
    "Revoked",
    "SharedDocument",
    "SharedKeys",
    "first_use",
]
