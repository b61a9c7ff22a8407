"""The revocations that are in force, in memory: read without a lock, joined and never replaced, dropped when over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mindpeeker_guard._types import Principal
from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.state._revocation import ALL, API_KEY, CLIENT, SUBJECT, TOKEN, Mark, Revocation

_API_KEY_SCHEME: Final = "ApiKey"
_TIDY_EVERY: Final = 60.0  # seconds
_NUMBERS: Final = frozenset({int, float})

Marks = dict[str | None, Mark]


class Table:
    """Revocations by kind, name and issuer.

    Reads take no lock: each is one step of a dictionary. What is over may stay a while: whatever it concerns has ended.

    Args:
        clock: Tells the time, in seconds since the epoch.
    """

    __slots__ = (
        "__weakref__",
        "_api_keys",
        "_clients",
        "_clock",
        "_everything",
        "_lock",
        "_size",
        "_subjects",
        "_tidy_at",
        "_tokens",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        self._tokens: dict[str | None, Marks] = {}
        self._subjects: dict[str | None, Marks] = {}
        self._clients: dict[str | None, Marks] = {}
        self._api_keys: dict[str | None, Marks] = {}
        self._everything: dict[str | None, Marks] = {}
        self._clock = clock
        self._size = 0
        self._tidy_at = clock() + _TIDY_EVERY
        self._lock = threading.Lock()
        on_fork(self, Table._forget_lock)

    def covers(self, principal: Principal) -> bool:
        """Tell whether `principal` is revoked."""
        if not self._size:
            return False
        ids = self._api_keys if principal.scheme == _API_KEY_SCHEME else self._tokens
        marks = ids.get(principal.token_id)
        if marks is not None and _concerns(marks, principal):
            return True
        marks = self._subjects.get(principal.subject)
        if marks is not None and _concerns(marks, principal):
            return True
        marks = self._clients.get(principal.client_id)
        if marks is not None and _concerns(marks, principal):
            return True
        marks = self._everything.get("")
        return marks is not None and _concerns(marks, principal)

    def add(self, revocation: Revocation, most: float = float("inf")) -> bool:
        """Add a revocation, joined with one of the same name; return False where there are `most` already.

        One that is over is not kept: the log tells of those too.
        """
        now = self._clock()
        if now >= revocation.mark.until:
            return True
        with self._lock:
            if now >= self._tidy_at or self._size >= most:
                self._tidy(now)
            table = self._kinds()[revocation.kind]
            marks = table.get(revocation.value) or {}
            old = marks.get(revocation.issuer)
            if old is None and self._size >= most:
                return False
            marks[revocation.issuer] = revocation.mark if old is None else old.joined(revocation.mark)
            table[revocation.value] = marks  # only now: a reader finds no name without a mark
            self._size += old is None
            return True

    def in_force(self) -> Iterator[Revocation]:
        """Return the revocations that are not over."""
        with self._lock:
            self._tidy(self._clock())
            found = [
                Revocation(kind, issuer, str(value), mark)
                for kind, table in self._kinds().items()
                for value, marks in table.items()
                for issuer, mark in marks.items()
            ]
        return iter(found)

    def __len__(self) -> int:
        return self._size

    def _kinds(self) -> Mapping[str, dict[str | None, Marks]]:
        return {
            TOKEN: self._tokens,
            SUBJECT: self._subjects,
            CLIENT: self._clients,
            API_KEY: self._api_keys,
            ALL: self._everything,
        }

    def _tidy(self, now: float) -> None:
        """Drop what is over. A name with no mark left goes in one step, so that readers find marks or nothing."""
        self._tidy_at = now + _TIDY_EVERY
        left = 0
        for table in self._kinds().values():
            for value, marks in list(table.items()):
                kept = {issuer: mark for issuer, mark in marks.items() if now < mark.until}
                left += len(kept)
                if not kept:
                    del table[value]
                elif len(kept) < len(marks):
                    table[value] = kept
        self._size = left

    def _forget_lock(self) -> None:
        # The thread that held the lock at a fork does not exist in the child.
        self._lock = threading.Lock()


def _concerns(marks: Marks, principal: Principal) -> bool:
    for issuer in (None, principal.issuer):
        mark = marks.get(issuer)
        if mark is not None and not _issued_since(principal.claims, mark.before):
            return True
    return False


def _issued_since(claims: Mapping[str, Any], time: float) -> bool:
    """Tell whether a credential says that it was issued at `time` or later; one that does not say was not."""
    issued_at: Any = claims.get("iat")
    return type(issued_at) in _NUMBERS and bool(issued_at >= time)
