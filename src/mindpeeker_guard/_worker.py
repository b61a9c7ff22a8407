"""One job at a time, in a thread of its own, for everybody who waits for it."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary, WeakSet

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
_TIDY_UP: Final = 5.0  # seconds; microseconds as a rule, but a busy machine may let a thread wait
_workers: Final[WeakSet[Worker]] = WeakSet()
_repairs: Final[WeakKeyDictionary[Any, Callable[[Any], None]]] = WeakKeyDictionary()

IsCurrent = Callable[[], bool]


class Worker:
    """Runs `job` in a thread, never twice at the same time; threads and event loops wait for the same future.

    The future only tells that the job is over: what came of it is the job's own to record. A job that takes longer than
    `limit` seconds is given up, and one that comes back later finds that it is not current any more. A forked child
    starts afresh, since neither the thread nor the holder of the lock came along.

    Args:
        job: What to run. It catches its own failures, and asks its argument whether its result still counts.
        lost: Called, with the lock held, when a job is given up or cannot be started.
        limit: Seconds after which a job is given up.

    Attributes:
        lock: Guards all below, and whatever of the job's state must agree with it. Held for moments only.
    """

    def __init__(self, job: Callable[[IsCurrent], None], lost: Callable[[], None], limit: float) -> None:
        self._job = job
        self._lost = lost
        self._limit = limit
        self.lock = threading.RLock()
        self._future: Future[None] | None = None
        self._deadline = 0.0
        self._latest: tuple[threading.Thread, Future[None]] | None = None
        _workers.add(self)
        on_fork(self, Worker._forget)

    def running(self) -> Future[None] | None:
        """Return the future of the job under way, or None."""
        future = self._future
        if future is not None and time.monotonic() > self._deadline:
            with self.lock:
                if self._future is future:
                    self._future = None
                    self._lost()
            return None
        return future

    def start(self) -> Future[None] | None:
        """Start the job, with the lock held, and return its future; None where the system has no thread for it."""
        future = _future()
        future.set_running_or_notify_cancel()  # from here on nobody who waits can cancel it for the others
        self._future, self._deadline = future, time.monotonic() + self._limit
        try:
            thread = threading.Thread(target=self._run, args=(future,), name="mindpeeker-guard", daemon=True)
            self._latest = thread, future
            thread.start()
        except RuntimeError:
            self._future = None
            self._lost()
        return self._future

    def patience(self) -> float:
        """Return until when one who begins to wait now may wait: as long as one job may take (monotonic clock)."""
        return time.monotonic() + self._limit

    def remaining(self, until: float = math.inf) -> float:
        """Return the seconds until the job under way is given up, or `until` has come."""
        return max(0.0, min(self._deadline, until) - time.monotonic())

    def _run(self, future: Future[None]) -> None:
        try:
            self._job(lambda: self._future is future)
        finally:
            with self.lock:
                if self._future is future:
                    self._future = None
            future.set_result(None)

    def _await_end(self) -> None:
        """Wait until the thread of a job that is over has gone for the system too, a moment at most.

        After Python is done with a thread, OpenSSL tidies up in it: a child forked just then inherits a lock of
        OpenSSL's that nobody will ever release.
        """
        latest = self._latest
        if latest is None or not latest[1].done():
            return  # no job yet, or one that runs, or hangs: nobody knows when its thread ends
        thread = latest[0]
        deadline = time.monotonic() + _TIDY_UP
        thread.join(_TIDY_UP)
        while os.path.exists(f"/proc/self/task/{thread.native_id}"):  # noqa: PTH110
            if time.monotonic() > deadline:
                return  # the next fork waits for it again
            time.sleep(0.001)
        if self._latest is latest:
            self._latest = None

    def _forget(self) -> None:
        self.lock = threading.RLock()
        self._future = self._latest = None


class ForkGate:
    """Keeps forks and work in OpenSSL apart: ``with fork_gate:`` around such work in a thread of ours.

    OpenSSL takes locks of the whole process where it sets up a context or a connection, and lets go of the interpreter
    meanwhile. A child forked just then has those locks taken for ever: its first use of TLS would hang. So a fork waits
    until nobody is inside, a moment at most, and whoever wants to enter meanwhile waits for the fork.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start afresh, as in a child: nobody is inside, and nobody forks."""
        self._changed = threading.Condition()
        self.inside = self.forks = 0

    def __enter__(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self.forks, _TIDY_UP)
            self.inside += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self.inside -= 1
            self._changed.notify_all()

    def before_fork(self) -> None:
        """Wait until nobody is inside, and let nobody in."""
        with self._changed:
            self.forks += 1
            self._changed.wait_for(lambda: not self.inside, _TIDY_UP)

    def after_fork(self) -> None:
        """Let everybody in again, in the parent."""
        with self._changed:
            self.forks -= 1
            self._changed.notify_all()


fork_gate: Final = ForkGate()


def on_fork(holder: T, repair: Callable[[T], None]) -> None:
    """Have `repair` called with `holder` in every child that is forked while it exists."""
    _repairs[holder] = repair


def _before_fork() -> None:
    fork_gate.before_fork()
    for worker in list(_workers):
        worker._await_end()  # noqa: SLF001 - the same module


def _after_fork() -> None:
    fork_gate.reset()
    for holder, repair in list(_repairs.items()):
        repair(holder)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=fork_gate.after_fork, after_in_child=_after_fork)


def _future() -> Future[None]:
    from concurrent.futures import Future  # noqa: PLC0415 - see `_flow`

    return Future()
