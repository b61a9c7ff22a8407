"""Keys fetched from the issuer's ``jwks_uri`` and kept (RFC 7517 section 5)."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mindpeeker_guard._discovery import discover_jwks_uri
from mindpeeker_guard._fleet import Fetched, Fleet
from mindpeeker_guard._flow import Flow, wait
from mindpeeker_guard._http import Answer, Fetcher, FetchError, Limits, Session, check_url
from mindpeeker_guard._jwks import Key, KeySet, parse_jwks
from mindpeeker_guard._key_events import KeyEventHook, KeyEvents
from mindpeeker_guard._key_health import KeySetHealth
from mindpeeker_guard._key_state import Bucket, Failure, Lifetimes, Snapshot, check_numbers, unavailable
from mindpeeker_guard._worker import IsCurrent, Worker
from mindpeeker_guard.errors import ConfigurationError, UnknownKeyError

if TYPE_CHECKING:
    from concurrent.futures import Future  # see `_flow`

    from mindpeeker_guard.state._protocols import SharedKeys

_ABSENT: Final = (1024, 30.0)  # so many key ids are remembered as absent, for so many seconds
_ASK_AGAIN: Final = 3600.0  # seconds after which the issuer is asked anew where its keys are
_GRACE: Final = 0.5  # seconds between the deadline of a fetch and giving up its thread


class RemoteKeySet:
    """The keys that an issuer publishes: fetched when first needed, kept, refreshed ahead, and kept through an outage.

    A good set is replaced only by a good answer: status 200 or 304, a JSON object, at least one usable key.

    Args:
        jwks_uri: Where the keys are; https, or http to a loopback address. None asks `issuer` (RFC 8414, then OpenID).
        issuer: Who is asked where `jwks_uri` is None.
        fresh_for: Seconds for which keys are used without a thought; a server's ``max-age`` counts from 60 to 3600.
        stale_for: Seconds past that in which they are used while a refresh runs in the background.
        max_stale: Seconds since the last success for which they are used while the issuer cannot be reached.
        unknown_kid_burst: How many fetches unknown key ids may cause at once.
        unknown_kid_refill: Seconds until they may cause one more.
        connect_timeout: Seconds to connect.
        timeout: Seconds for one refresh, discovery and retry included; nobody waits longer (if shared: than 1.5 times).
        max_bytes: The largest document, after decompression.
        shared: Where a fleet shares the keys, so that one process fetches for all: ``RedisState(…).keys``.
        on_event: Called with each `KeyEvent`; it must be quick. What it raises is logged.
        client: An ``httpx`` or ``httpx2`` client to use, for a proxy or a CA of your own.
        clock: Tells the time, in seconds since the epoch.
        timer: Tells seconds that nobody can set back, for the budget of unknown key ids; by default `time.monotonic`,
            or a `clock` of your own.
        jitter: Tells a random number from 0 to 1.

    Raises:
        ConfigurationError: An argument is out of range.
    """

    def __init__(  # noqa: PLR0913 - each is a number that an operator may need to turn
        self,
        jwks_uri: str | None = None,
        *,
        issuer: str | None = None,
        fresh_for: float = 300,
        stale_for: float = 300,
        max_stale: float = 86_400,
        unknown_kid_burst: int = 2,
        unknown_kid_refill: float = 15,
        connect_timeout: float = 2,
        timeout: float = 5,
        max_bytes: int = 262_144,
        shared: SharedKeys | None = None,
        on_event: KeyEventHook | None = None,
        client: Any = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if jwks_uri is None and issuer is None:
            raise ConfigurationError("RemoteKeySet needs a jwks_uri, or an issuer to ask for it.")
        check_numbers(locals())
        self._jwks_uri = None if jwks_uri is None else check_url(jwks_uri, "jwks_uri")
        self._issuer = issuer if jwks_uri is None else None
        if self._issuer is not None:
            check_url(self._issuer, "issuer")
        self._lifetimes = Lifetimes(fresh_for=fresh_for, stale_for=stale_for, max_stale=max_stale)
        self._clock, self._jitter, self._located_at = clock, jitter, clock()
        self._timer = timer or (time.monotonic if clock is time.time else clock)
        self._fetcher = Fetcher(Limits(connect_timeout=connect_timeout, timeout=timeout, max_bytes=max_bytes), client)
        self._snapshot: Snapshot | None = None
        self._failure: Failure | None = None
        self._fetches = 0
        self._clock_offset: float | None = None
        self._wanted: tuple[str | None, str] | None = None
        self._fleet = Fleet(shared, jwks_uri, issuer, timeout=timeout, lifetimes=self._lifetimes, clock=clock)
        self._events = KeyEvents(on_event)
        from cachetools import TTLCache  # noqa: PLC0415 - keys given in code do without

        self._absent: TTLCache[tuple[str | None, str], bool] = TTLCache(*_ABSENT, timer=self._timer)
        self._budget = Bucket(unknown_kid_burst, unknown_kid_refill, self._timer())
        limit = timeout + self._fleet.patience + _GRACE
        self._worker = Worker(self._refresh, lambda: self._fail("no answer in time", 0), limit)

    def at_hand(self) -> KeySet | None:
        """Return the keys in force, if nothing needs to be waited for. Takes no lock while they are fresh."""
        snapshot, now = self._snapshot, self._clock()
        if snapshot is None or snapshot.is_fresh(now):
            return None if snapshot is None else snapshot.keys
        # Past its time, a set waits for one try to refresh it; once that has failed, the next tries wait for nobody.
        if snapshot.is_usable(now) or (self._failure is not None and not snapshot.is_dead(now)):
            self._start(now, snapshot)
            return snapshot.keys
        return None

    def current(self) -> Flow[KeySet]:
        """Return the keys in force, waiting for a fetch where there are none, or only stale ones.

        Raises:
            KeysUnavailableError: There are none that may be used, and they cannot be had.
        """
        seen = self._snapshot
        keys = self.at_hand()
        if keys is not None:
            return keys
        yield from self._settle(self._start(self._clock(), seen))
        snapshot, now = self._snapshot, self._clock()
        if snapshot is None or snapshot.is_dead(now):
            raise unavailable(self._failure, now)
        return snapshot.keys

    def find(self, kid: str | None, alg: str) -> Flow[Sequence[Key]]:
        """Return the keys that fit; see `KeySource.find`."""
        until = self._worker.patience()
        keys = yield from self.current()
        found = keys.candidates(kid, alg)
        if not found:
            found = yield from self._look_again(kid, alg, keys, until)
        return found

    def warm_up(self) -> Flow[None]:
        """Get the keys now, if they are not at hand; see `KeySource.warm_up`."""
        yield from self.current()

    def health(self) -> KeySetHealth:
        """Return what there is to know about the keys, without fetching anything."""
        states = self._snapshot, self._failure, self._clock()
        return KeySetHealth.of(*states, self._jwks_uri, self._fetches, self._clock_offset)

    def __repr__(self) -> str:
        return f"RemoteKeySet({self._jwks_uri or self._issuer!r})"

    def _look_again(self, kid: str | None, alg: str, seen: KeySet, until: float) -> Flow[tuple[Key, ...]]:
        """Fetch for a key id that is not in the set: a key may have been added. Junk pays from a budget of its own."""
        name = (kid, "" if kid is not None else alg)
        future, asked = self._start_for(name, self._clock(), seen)
        self._events.deliver()
        while True:
            if not (yield from self._settle(future, until)):
                raise unavailable(self._failure, self._clock())
            snapshot = self._snapshot
            found = snapshot.keys.candidates(kid, alg) if snapshot is not None else ()
            if found:
                return found
            if self._failure is not None or snapshot is None:
                raise unavailable(self._failure, self._clock())
            if asked or future is None:
                break
            # The fetch that was under way may have been answered before the key was added: ask once more.
            future, asked = self._start_for(name, self._clock(), snapshot.keys)
        if asked:
            with self._worker.lock:
                self._absent[name] = True
        raise UnknownKeyError

    def _start(self, now: float, seen: Snapshot | None) -> Future[None] | None:
        """Return the fetch under way, or a new one; None while backing off, or if `seen` has been replaced by now."""
        running = self._worker.running()
        if running is not None or self._backing_off(now):
            return running
        with self._worker.lock:
            running = self._worker.running()
            if running is not None or self._backing_off(now) or self._snapshot is not seen:
                return running
            return self._worker.start()

    def _start_for(self, name: tuple[str | None, str], now: float, seen: KeySet) -> tuple[Future[None] | None, bool]:
        """Return the fetch under way, or a new one if the budget for unknown keys allows; and if it is new."""
        with self._worker.lock:
            running = self._worker.running()
            replaced = self._snapshot is None or self._snapshot.keys is not seen
            if running is not None or replaced or self._backing_off(now):
                return running, False
            if name in self._absent or not self._budget.take(self._timer()):
                self._events.limited(self._jwks_uri, now)
                return None, False
            self._wanted = name
            return self._worker.start(), True

    def _backing_off(self, now: float) -> bool:
        return (failure := self._failure) is not None and failure.forbids(now)

    def _settle(self, future: Future[None] | None, until: float = math.inf) -> Flow[bool]:
        """Wait until the fetch is over or given up, if there is one, but not past `until`; tell whether it is over."""
        try:
            if future is not None:
                yield from wait(future, self._worker.remaining(until))
        except TimeoutError:
            self._worker.running()  # gives the job up
            return False
        return True

    def _refresh(self, is_current: IsCurrent) -> None:
        """Fetch, and take over what came of it. Runs in the worker's thread."""
        self._fetches += 1
        last: Fetched | None = None
        try:
            fetched = self._obtain()
        except FetchError as error:
            outcome: Callable[[], None] = partial(self._fail, str(error), error.retry_after)
            last = self._fleet.last(self._snapshot)
        except Exception as error:  # noqa: BLE001 - whatever broke, keys in hand stay good and waiters get an answer
            outcome = partial(self._fail, type(error).__name__, 0)
        else:
            outcome = partial(self._accept, fetched)
        with self._worker.lock:
            if is_current():
                if last is not None:
                    self._accept(last)
                outcome()
        self._events.deliver()

    def _obtain(self) -> Fetched:
        """Return what another process of the fleet has fetched, or fetch."""
        with self._fleet.turn(self._snapshot, self._wanted) as found:
            if found is not None:
                self._wanted = None
                return found
            with self._fetcher.session() as session:
                url, answer = self._ask(session)
            old, keys = self._snapshot, self._usable_keys(url, answer)
            validators = answer.validators or (old.validators if old is not None and answer.members is None else {})
            fetched = Fetched(url, keys, self._clock(), answer.max_age, validators, answer.clock_offset)
            self._fleet.share(fetched)
            return fetched

    def _ask(self, session: Session) -> tuple[str, Answer]:
        url = self._locate(session)
        snapshot = self._snapshot
        headers = dict(snapshot.validators) if snapshot is not None and snapshot.url == url else {}
        if self._wanted is not None:
            headers["cache-control"] = "no-cache"
            self._wanted = None
        return url, session.get(url, headers)

    def _locate(self, session: Session) -> str:
        """Return where the keys are. After a failure, and after an hour, ask the issuer again: they may move."""
        known, now = self._jwks_uri, self._clock()
        if self._issuer is None or (known and self._failure is None and now < self._located_at + _ASK_AGAIN):
            return str(known)
        try:
            self._jwks_uri = discover_jwks_uri(self._issuer, session)
            self._located_at = now
        except FetchError:
            if known is None:
                raise
        return str(self._jwks_uri)

    def _usable_keys(self, url: str, answer: Answer) -> KeySet:
        snapshot = self._snapshot
        if answer.members is None:
            if snapshot is None or snapshot.url != url or not snapshot.validators:
                raise FetchError("HTTP status 304 to an unconditional request", answered=True)
            return snapshot.keys
        try:
            keys = parse_jwks(answer.members, previous=snapshot.keys if snapshot is not None else None)
        except ValueError as error:
            raise FetchError(str(error), answered=True) from None
        if not keys.keys:
            raise FetchError("no usable key in the set", answered=True)
        return keys

    def _accept(self, fetched: Fetched) -> None:
        old, keys = self._snapshot, fetched.keys
        self._snapshot = fetched.snapshot(self._lifetimes, self._jitter(), old)
        self._jwks_uri = fetched.url
        self._failure = None
        if old is None or keys is not old.keys:
            self._absent.clear()
        self._clock_offset = fetched.clock_offset
        self._events.accepted(fetched, old.keys if old is not None else None, self._clock())

    def _fail(self, reason: str, retry_after: float) -> None:
        now = self._clock()
        self._failure = Failure.after(self._failure, reason, now=now, retry_after=retry_after, jitter=self._jitter())
        self._events.failed(self._jwks_uri, self._failure, now)
