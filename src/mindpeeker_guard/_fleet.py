"""One process of a fleet fetches the keys, and the others take what it got.

Nobody depends on that: where the store of shared keys cannot be asked, or the one who fetches takes too long, a process
fetches for itself, as it would alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from mindpeeker_guard._http import check_url
from mindpeeker_guard._jwks import KeySet, parse_jwks
from mindpeeker_guard._key_state import Lifetimes, Snapshot
from mindpeeker_guard.errors import ConfigurationError, StoreUnavailableError

if TYPE_CHECKING:
    from mindpeeker_guard.state._protocols import SharedDocument, SharedKeys  # state is for those who have some

_LOOK_EVERY: Final = 0.05  # seconds between two looks for what another one fetches
_AHEAD: Final = 30.0  # seconds that the clock of another process may be ahead


class Fetched(NamedTuple):
    """A key set, whoever fetched it.

    Attributes:
        url: Where.
        keys: The keys.
        fetched_at: When, in seconds since the epoch, by a clock that is not ahead of ours.
        max_age: For how many seconds the server said that it stays fresh; None where it did not say.
        validators: Request headers that ask for it only if it has changed.
        clock_offset: How many seconds the issuer's clock is ahead of ours; None where it is not known.
    """

    url: str
    keys: KeySet
    fetched_at: float
    max_age: float | None
    validators: Mapping[str, str]
    clock_offset: float | None = None

    def snapshot(self, lifetimes: Lifetimes, jitter: float, old: Snapshot | None) -> Snapshot:
        """Return the snapshot to use; see `Snapshot.of`."""
        return Snapshot.of(
            self.keys,
            now=self.fetched_at,
            lifetimes=lifetimes,
            max_age=self.max_age,
            jitter=jitter,
            url=self.url,
            validators=self.validators,
            old=old,
        )


Wanted = tuple[str | None, str]
"""The key id that is missed, and, where a token names none, the algorithm."""


class Fleet:
    """The processes that share the keys of one issuer.

    Args:
        shared: Where they share them; None for a process on its own.
        jwks_uri: Where the keys must come from; None where the issuer tells.
        issuer: The issuer.
        timeout: Seconds that a fetch may take.
        lifetimes: How long keys are good.
        clock: Tells the time, in seconds since the epoch.

    Attributes:
        patience: Seconds for which another one's fetch is waited for.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        shared: SharedKeys | None,
        jwks_uri: str | None,
        issuer: str | None,
        *,
        timeout: float,
        lifetimes: Lifetimes,
        clock: Callable[[], float],
    ) -> None:
        self._shared = shared
        self._jwks_uri = jwks_uri
        self._name = sha256(json.dumps([issuer, jwks_uri]).encode()).hexdigest()[:32]
        self._lease = timeout + 1
        self._lifetimes, self._clock = lifetimes, clock
        self.patience = 0.0 if shared is None else timeout / 2

    @contextmanager
    def turn(self, old: Snapshot | None, wanted: Wanted | None) -> Iterator[Fetched | None]:
        """Wait for one's turn to fetch, and hold it; yield what another one fetched, if that spares us the fetch."""
        found, lease = None, None
        if self._shared is not None:
            with suppress(StoreUnavailableError):
                found, lease = self._wait(self._shared, old, wanted)
        try:
            yield found
        finally:
            if self._shared is not None and lease is not None:
                with suppress(StoreUnavailableError):
                    self._shared.release(self._name, lease)

    def share(self, fetched: Fetched) -> None:
        """Let the others have a key set, for as long as it may be used. Only usable keys are passed on."""
        if self._shared is None:
            return
        from mindpeeker_guard.state._protocols import SharedDocument  # noqa: PLC0415 - see above

        members = {"keys": [json.loads(key.source) for key in fetched.keys.keys]}
        document = SharedDocument(fetched.url, members, fetched.fetched_at, fetched.max_age, dict(fetched.validators))
        with suppress(StoreUnavailableError):
            keep = max(self._lifetimes.max_stale, self._lifetimes.fresh(fetched.max_age))
            self._shared.write(self._name, document, keep)

    def last(self, old: Snapshot | None) -> Fetched | None:
        """Return what the fleet fetched last, if that is newer than `old`, however long ago."""
        found = None
        if self._shared is not None:
            with suppress(StoreUnavailableError):
                found = self._read(self._shared, old)
        return found if found is not None and _is_newer(found, old) else None

    def _wait(
        self, shared: SharedKeys, old: Snapshot | None, wanted: Wanted | None
    ) -> tuple[Fetched | None, str | None]:
        until = time.monotonic() + self.patience
        lease = None
        while True:
            found = self._read(shared, old)
            if found is not None and self._is_news(found, old, wanted):
                if lease is not None:
                    shared.release(self._name, lease)
                return found, None
            # With the lease in hand one more look is due: its last holder may have written in between.
            if lease is not None or time.monotonic() >= until:
                return None, lease
            lease = shared.acquire(self._name, self._lease)
            if lease is None:
                time.sleep(_LOOK_EVERY)

    def _is_news(self, found: Fetched, old: Snapshot | None, wanted: Wanted | None) -> bool:
        """Tell whether a set spares us a fetch: newer than ours, still fresh, and with the key that is missed."""
        return (
            _is_newer(found, old)
            and self._clock() < found.fetched_at + self._lifetimes.soonest_refresh(found.max_age)
            and (wanted is None or _has(found.keys, *wanted))
        )

    def _read(self, shared: SharedKeys, old: Snapshot | None) -> Fetched | None:
        document = shared.read(self._name)
        return None if document is None else self._believed(document, old.keys if old is not None else None)

    def _believed(self, document: SharedDocument, previous: KeySet | None) -> Fetched | None:
        """Return the keys of a document, by the same rules as those of an answer; None where it breaks one."""
        now = self._clock()
        try:
            url = check_url(document.url, "jwks_uri")
            keys = parse_jwks(document.members, previous=previous)
        except (ConfigurationError, ValueError):
            return None
        if not keys.keys or self._jwks_uri not in {None, url} or not document.fetched_at <= now + _AHEAD:
            return None
        fetched_at = min(document.fetched_at, now)
        return Fetched(url, keys, fetched_at, document.max_age, document.validators)


def _is_newer(found: Fetched, old: Snapshot | None) -> bool:
    return old is None or found.fetched_at > old.fetched_at


def _has(keys: KeySet, kid: str | None, alg: str) -> bool:
    return any(key.kid == kid if kid is not None else alg in key.algorithms for key in keys.keys)
