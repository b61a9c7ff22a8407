"""Tokens that were verified before: bounded, read without a lock, and never believed for longer than their key.

An entry says: these bytes were verified under this key. That a token has not ended, and that its key is still
published, is checked again on every hit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import sha256
from sys import intern
from typing import Any, Final, NamedTuple

from mindpeeker_guard._jwks import Key, KeySet
from mindpeeker_guard._types import Principal
from mindpeeker_guard._worker import on_fork

_ALIKE: Final = frozenset({"iss", "aud", "client_id", "azp", "scope", "scp"})


class Entry(NamedTuple):
    """What is known of one token.

    Attributes:
        principal: Who it stands for, and when it ends.
        key: The key that its signature was verified with. An unchanged key stays the same object across fetches.
        starts_at: Since when it is good, in seconds since the epoch; a number that the claims have anyway.
    """

    principal: Principal
    key: Key
    starts_at: float


class TokenCache:
    """At most `size` entries, by the SHA-256 of the token; the token itself is not kept.

    Reads take no lock: a look-up in a dictionary is one step. Additions do, and push out what was added first.
    """

    __slots__ = ("__weakref__", "_entries", "_leeway", "_lock", "_size")

    def __init__(self, size: int, leeway: float) -> None:
        self._entries: dict[bytes, Entry] = {}
        self._lock = threading.Lock()
        self._size = size
        self._leeway = leeway
        on_fork(self, TokenCache._forget)

    def recall(self, token: bytes, keys_at_hand: Callable[[], KeySet | None], now: float) -> Principal | None:
        """Return who `token` stands for, if it was verified before, is in force, and its key is still published."""
        entry = self._entries.get(sha256(token).digest())
        leeway = self._leeway
        if entry is None or not entry.starts_at - leeway <= now < (entry.principal.expires_at or 0) + leeway:
            return None
        keys = keys_at_hand()
        return entry.principal if keys is not None and entry.key in keys.keys else None

    def remember(self, token: bytes, entry: Entry) -> None:
        """Add an entry, in place of the oldest one where there are too many."""
        digest = sha256(token).digest()
        with self._lock:
            self._entries.pop(digest, None)
            while len(self._entries) >= self._size:
                del self._entries[next(iter(self._entries))]
            self._entries[digest] = entry

    def __len__(self) -> int:
        return len(self._entries)

    def _forget(self) -> None:
        # The thread that held the lock at a fork does not exist in the child.
        self._lock = threading.Lock()


def sharing(claims: dict[str, Any]) -> dict[str, Any]:
    """Return `claims` with one string for all tokens where they say the same, such as names, issuer and scope."""
    return {
        intern(name): intern(value) if name in _ALIKE and type(value) is str else value
        for name, value in claims.items()
    }
