"""Follows the log of a Redis into memory, in a thread of its own; no request ever waits for it after the first."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

from mindpeeker_guard._flow import Flow, wait
from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.state._redis_clients import RedisClients
from mindpeeker_guard.state._redis_log import EPOCH, LAST_ID, OWN_FIELDS, SEQUENCE, Log, Names
from mindpeeker_guard.state._revocation import Mark, decode
from mindpeeker_guard.state._table import Table

_log = logging.getLogger("mindpeeker_guard.state")

BLOCK: Final = 0.5  # seconds that Redis may take to say that there is nothing new
_BATCH: Final = 500
_BACK_OFF: Final = (0.1, 1.0)  # seconds after the first failure, doubling up to this
_START: Final = "0-0"


class Position(NamedTuple):
    """How far the log was read: in which life of the list, up to which number, at which entry."""

    epoch: str | None
    sequence: int
    last_id: str


class _GapError(Exception):
    """Something of the log was missed: the list must be read again."""


class Follower:
    """Keeps a table equal to the list in Redis, as far as that can be reached. What the table has, it never loses.

    Args:
        clients: How to reach Redis.
        names: Where the list and the log are.
        log: Writes back what Redis has lost.
        table: What to keep.
        announce: Called with the id of each API key that changes; with None where some may have been missed.
        patience: Seconds for which the first requests of a process wait for the list.
        timer: Tells seconds that only ever grow.
        now: Tells the time, in seconds since the epoch.

    Attributes:
        ready: Whether nobody needs to wait: the list was read, or was tried to.
        started_at: When this process began to follow, by `timer`; None where it has not.
        heard_at: When Redis last answered, by `timer`; None for never.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        clients: RedisClients,
        names: Names,
        log: Log,
        table: Table,
        announce: Callable[[str | None], None],
        *,
        patience: float,
        timer: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._clients, self._names, self._log = clients, names, log
        self._table, self._announce = table, announce
        self._patience, self._timer, self._now = patience, timer, now
        self.ready = False
        self.started_at: float | None = None
        self.heard_at: float | None = None
        self.connected = False
        self.last_error: str | None = None
        self.skipped = self.reloads = 0
        self.delay: float | None = None
        self.position = Position(None, 0, _START)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._gap_at: str | None = None
        self._client: Any = None
        self._stop = threading.Event()
        self._settled: Future[None] = Future()
        self._until = 0.0
        on_fork(self, Follower._leave)

    def start(self) -> Future[None]:
        """Begin to follow, if that is not so yet; return what is done when the list was read, or was tried to."""
        with self._lock:
            if self._thread is None:
                self._settled, self._stop = Future(), threading.Event()
                now = self._timer()
                self._until = now + self._patience
                self.started_at = now if self.started_at is None else self.started_at
                arguments = self._settled, self._stop
                thread = threading.Thread(
                    target=self._run, args=arguments, name="mindpeeker-guard-follower", daemon=True
                )
                try:
                    thread.start()
                    self._thread = thread
                except RuntimeError as error:  # the system has no thread: the next request tries again
                    self._note(error)
                    self._settled.set_result(None)
            return self._settled

    def prepare(self) -> Flow[None]:
        """Wait for the first reading of the list, until it was tried, or patience is at an end."""
        if self.ready:
            return
        future = self.start()
        try:
            yield from wait(future, max(0.0, self._until - self._timer()))
        except TimeoutError:
            self.ready = True

    def stop(self) -> None:
        """Stop following. What is known stays; the next request begins anew."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stop.set()
            self.ready = self.connected = False
        if thread is not None and thread is not threading.current_thread():
            _close(self._client)  # wakes the thread, which waits for an answer
            thread.join(BLOCK + self._patience)

    def _run(self, settled: Future[None], stop: threading.Event) -> None:
        client, failures = None, 0
        while not stop.is_set():
            try:
                client = self._client = client or self._clients.following(BLOCK)
                self._load(client)
                self._settle(settled)
                while not stop.is_set():
                    self._step(client)
                    failures = 0
            except _GapError:
                failures += 1
                _log.info("revocations: the log has a gap; reading the list again")
            except Exception as error:  # noqa: BLE001 - whatever it is, the list in memory goes on being good
                failures += 1
                _close(client)
                client = None
                if not stop.is_set():
                    self._note(error)
                    self._settle(settled)
            if failures:
                stop.wait(_pause(failures))
        _close(client)

    def _settle(self, settled: Future[None]) -> None:
        if not settled.done():
            self.ready = True
            settled.set_result(None)

    def _heard(self) -> None:
        self.heard_at = self._timer()
        if not self.connected:
            self.connected = True
            _log.info("revocations: following Redis")

    def _note(self, error: Exception) -> None:
        kind = type(error).__name__
        if self.connected or self.last_error != kind:
            _log.warning("revocations: Redis cannot be followed (%s); the last known list stays in force", kind)
        self.connected, self.last_error = False, kind

    def _load(self, client: Any) -> None:
        """Read the whole list, join it into the table, and write back what Redis has lost."""
        self.position = self._head(client)
        found: dict[tuple[str, str | None, str], Mark] = {}
        for name, mark in client.hscan_iter(self._names.list, count=_BATCH):
            revocation = None if name in OWN_FIELDS else decode(name, mark)
            if revocation is not None:
                self._table.add(revocation)
                found[revocation.kind, revocation.issuer, revocation.value] = revocation.mark
            elif name not in OWN_FIELDS:
                self._skip()
        self.reloads += 1
        self._heard()
        self.last_error = None
        self._restore(client, found)
        self._tell(None)

    def _restore(self, client: Any, found: dict[tuple[str, str | None, str], Mark]) -> None:
        missing = [
            one
            for one in self._table.in_force()
            if (known := found.get((one.kind, one.issuer, one.value))) is None or known.joined(one.mark) != known
        ]
        try:
            if self._log.restore(client, missing):
                _log.warning("revocations: %d were missing in Redis and are written back", len(missing))
        except Exception as error:  # noqa: BLE001 - a replica cannot be written to, and is good to read all the same
            self.last_error = type(error).__name__
            _log.warning("revocations: %d missing in Redis cannot be written back (%s)", len(missing), self.last_error)

    def _head(self, client: Any) -> Position:
        epoch, sequence, last_id = client.hmget(self._names.list, EPOCH, SEQUENCE, LAST_ID)
        if epoch is None or last_id is None:
            # No list: what is left of a log belongs to no list that could be continued.
            latest = client.xrevrange(self._names.log, count=1)
            return Position(None, 0, latest[0][0].decode() if latest else _START)
        return Position(epoch.decode(), int(sequence), last_id.decode())

    def _step(self, client: Any) -> None:
        """Read what is new, and wait for it a while; where nothing is, see that nothing was missed."""
        if self._read(client, block=int(BLOCK * 1000)) or self._is_level(client) or self._read(client, block=None):
            return
        raise _GapError

    def _is_level(self, client: Any) -> bool:
        head, mine = self._head(client), self.position
        return (head.epoch, head.sequence) == (mine.epoch, mine.sequence)

    def _read(self, client: Any, block: int | None) -> bool:
        reply = client.xread({self._names.log: self.position.last_id}, count=_BATCH, block=block)
        self._heard()
        entries = reply[0][1] if reply else []
        for entry_id, fields in entries:
            self._apply(entry_id.decode(), fields)
        return bool(entries)

    def _apply(self, entry_id: str, fields: dict[bytes, bytes]) -> None:
        mine = self.position
        epoch, number = fields.get(b"e", b"").decode("latin-1"), fields.get(b"n", b"")
        if number != b"%d" % (mine.sequence + 1) or epoch != (mine.epoch or epoch):
            if self._gap_at != entry_id:
                self._gap_at = entry_id
                raise _GapError
            # The list was read again and it still does not fit: nothing that a guard writes.
            self.position = mine._replace(last_id=entry_id)
            self._skip()
            return
        self._take(entry_id, fields)
        self.position = Position(epoch, mine.sequence + 1, entry_id)

    def _take(self, entry_id: str, fields: dict[bytes, bytes]) -> None:
        if b"k" in fields:
            self._tell(fields[b"k"].decode("utf-8", "replace"))
            return
        revocation = decode(fields.get(b"r", b""), fields.get(b"m", b""))
        if revocation is None:
            self._skip()
            return
        self._table.add(revocation)
        self.delay = max(0.0, self._now() - int(entry_id.partition("-")[0]) / 1000)

    def _tell(self, key_id: str | None) -> None:
        try:
            self._announce(key_id)
        except Exception as error:  # noqa: BLE001 - somebody else's mistake is no reason to miss a revocation
            _log.error("api keys: a callback of on_invalidate raised %s", type(error).__name__)

    def _skip(self) -> None:
        self.skipped += 1
        if self.skipped == 1:
            _log.warning("revocations: Redis holds entries that this version cannot read; they are not in force here")

    def _leave(self) -> None:
        """Begin anew in a forked child: the thread is the parent's. The table came along."""
        self._lock = threading.Lock()
        self._thread = self.started_at = None
        self._client = None
        self.ready = self.connected = False
        self._settled = Future()


def _close(client: Any) -> None:
    try:
        if client is not None:
            client.close()
    except Exception:  # noqa: BLE001 - it is of no use any more
        _log.debug("revocations: a connection could not be closed")


def _pause(failures: int) -> float:
    first, longest = _BACK_OFF
    pause: float = min(first * 2 ** min(failures - 1, 10), longest)
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
