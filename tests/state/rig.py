"""What the tests of shared state have in common: principals, clocks, patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mindpeeker_guard import Principal
from mindpeeker_guard._flow import run

NOW = 4_000_000_000.0  # later than any clock: Redis tidies up by its own
ISSUER = "https://auth.mindpeeker.com"


class Clock:
    """The time, as the test sets it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def principal(**changes: Any) -> Principal:
    """Return who calls with a good token; `iat` is a claim."""
    iat = changes.pop("iat", NOW)
    known: dict[str, Any] = {
        "subject": "user-1",
        "client_id": "client-1",
        "issuer": ISSUER,
        "token_id": "token-1",
        "expires_at": NOW + 3600,
        "claims": {} if iat is None else {"iat": iat},
    }
    return Principal(**known | changes)


def ready(revocations: Any) -> Any:
    """Return a list that has been read."""
    if not revocations.ready:
        run(revocations.prepare())
    return revocations


def eventually(holds: Callable[[], Any], longest: float = 20.0) -> None:
    """Wait until `holds`, and fail where it does not come to that."""
    end = time.monotonic() + longest
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def is_level(state: Any, server: Any) -> bool:
    """Tell whether a process has followed the log to its end."""
    with server.client() as client:
        head, mine = state._follower._head(client), state._follower.position
    return (head.epoch, head.sequence) == (mine.epoch, mine.sequence)
