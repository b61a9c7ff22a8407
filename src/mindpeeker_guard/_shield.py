"""The shield: an address that sends one made-up credential after another is not listened to for a while.

It has budgets of its own, of failures, and costs good callers nothing: as long as no budget is used up, a guard does
not even look whether there is a shield. Once one is, credentials from that address that were verified before still
pass, and all others are refused before anything is worked out for them.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from mindpeeker_guard._logs import logger
from mindpeeker_guard._requests import Request
from mindpeeker_guard._sources import Sources
from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.errors import ConfigurationError, TooManyFailuresError

REASON: Final = "shield"
"""What is in a guard's set of reasons to take care while somebody's budget is used up."""

_TIDY_EVERY: Final = 1.0  # seconds


class Shield:
    """How many credentials that are not good may come from one address (an IPv6 /64).

    Only what one gets who makes credentials up is counted: malformed ones, unknown keys, wrong signatures. Tokens that
    have expired, or are for another API, are not; nor is a missing scope or a missing credential.

    Args:
        burst: So many at once. A fleet behind one address whose keys were all mistyped sends fewer.
        refill: So many a second, after that. Checking ten a second takes less than a thousandth of a processor.
        sources: Of so many addresses the failures are counted, in this process; the one that failed longest ago makes
            room.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    __slots__ = ("burst", "refill", "sources")

    def __init__(self, *, burst: int = 100, refill: float = 10.0, sources: int = 4096) -> None:
        for name, value in (("burst", burst), ("sources", sources)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigurationError(f"{name} must be a whole number, 1 or more: {value!r}.")
        if isinstance(refill, bool) or not isinstance(refill, int | float) or not 0 < refill < math.inf:
            raise ConfigurationError(f"refill must be a number, more than 0: {refill!r}.")
        self.burst: Final = burst
        self.refill: Final = refill
        self.sources: Final = sources

    def __repr__(self) -> str:
        return f"Shield(burst={self.burst}, refill={self.refill}, sources={self.sources})"


_Bucket = tuple[float, float]  # how many failures are left, and when that was so


class Failures:
    """Counts the failures of one guard.

    Args:
        shield: The numbers.
        sources: Tells where requests come from.
        reasons: Has `REASON` added while some budget is used up.
        timer: Tells seconds that only ever grow.
    """

    def __init__(
        self, shield: Shield, sources: Sources, reasons: set[str], timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._shield, self._sources, self._reasons, self._timer = shield, sources, reasons, timer
        self._counted: dict[str, _Bucket] = {}
        self._spent: dict[str, _Bucket] = {}
        self._unattributed: _Bucket = (shield.burst, timer())
        self._warned = False
        self._tidied_at = timer()
        self._lock = threading.Lock()
        on_fork(self, Failures._leave)

    def note(self, request: Request) -> None:
        """Count a failure for the address of `request`."""
        source = self._sources.of_somebody(request)
        with self._lock:
            now = self._timer()
            if source is None:
                self._note_unattributed(request, now)
                return
            known = self._spent.pop(source, None) or self._counted.pop(source, None)
            left = self._left(known, now) - 1
            table = self._counted if left >= 1 else self._spent
            # Each table has its own bound: no number of new addresses makes one be forgotten that is cut off.
            if len(table) >= self._shield.sources:
                del table[next(iter(table))]
            table[source] = left, now
            (self._reasons.add if self._spent else self._reasons.discard)(REASON)

    def refusal(self, request: Request) -> TooManyFailuresError | None:
        """Return what to refuse `request` with, where its address has failed too often; None where it has not."""
        if not self._spent:
            return None
        now = self._timer()
        if now - self._tidied_at >= _TIDY_EVERY:
            self._tidy_up(now)
        source = self._sources.of_somebody(request)
        bucket = None if source is None else self._spent.get(source)
        left = self._shield.burst if bucket is None else self._left(bucket, now)
        if left >= 1:
            return None
        return TooManyFailuresError((1 - left) / self._shield.refill, reason=f"from {source}")

    @property
    def cut_off(self) -> int:
        """How many addresses have used up their budgets."""
        return len(self._spent)

    def __len__(self) -> int:
        return len(self._counted) + len(self._spent)

    def _left(self, bucket: _Bucket | None, now: float) -> float:
        if bucket is None:
            return self._shield.burst
        left, at = bucket
        return min(float(self._shield.burst), left + (now - at) * self._shield.refill)

    def _tidy_up(self, now: float) -> None:
        """Let go of those whose budgets have some left again, and with the last one, of all care."""
        with self._lock:
            self._tidied_at = now
            for source, bucket in list(self._spent.items()):
                if self._left(bucket, now) >= 1:
                    del self._spent[source]
                    if len(self._counted) < self._shield.sources:
                        self._counted[source] = bucket
            if not self._spent:
                self._reasons.discard(REASON)

    def _note_unattributed(self, request: Request, now: float) -> None:
        """Count a failure from an address that many may share: nobody is cut off there, but the log says what to do."""
        left = max(0.0, self._left(self._unattributed, now) - 1)
        self._unattributed = left, now
        if left < 1 and not self._warned:
            self._warned = True
            logger("mindpeeker_guard").warning(
                "many credentials that are not valid come from %s, and nobody is cut off, because that may be the"
                " address of a proxy: name your proxies in trusted_proxies, or give an empty list where there are none",
                self._sources.of(request),
            )

    def _leave(self) -> None:
        # The thread that held the lock at a fork does not exist in the child.
        self._lock = threading.Lock()
