"""What both applications of `test_workers` share."""

from __future__ import annotations

import json
import os

from mindpeeker_guard import RateLimits

KEYS = json.loads(os.environ["LIMITS_KEYS"])


def limits(rate: str) -> RateLimits:
    """Return limits with time to spare: a machine that is busy must not look like an outage."""
    wait = float(os.environ["LIMITS_TIMEOUT"])
    return RateLimits(rate, store=os.environ["LIMITS_STORE"], connect_timeout=wait, timeout=wait)


def pid() -> dict[str, int]:
    """Tell which process answers."""
    return {"pid": os.getpid()}
