"""What a store of shared state must do. `memory` does it for one process, `redis` for all that share a Redis.

Methods come in pairs where something may have to be waited for: ``add`` blocks, ``aadd`` is awaited. All of them may
raise `StoreUnavailableError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._types import Principal
from mindpeeker_guard.state._revocation import Revoked, Unpack


class RevocationHealth(NamedTuple):
    """What a revocation list knows, and how old its knowledge is. All times are seconds.

    Attributes:
        entries: How many revocations are in force, as far as is known here.
        max_entries: How many there may be; past that, `revoke` raises and nothing is dropped.
        usable: Whether requests are decided by this list; where it is false they are answered with 503.
        connected: Whether the store could be reached at the last try.
        age: Since the store was last heard of; None where it never was. 0 for a list in memory.
        policy: What happens while the store is out of reach: ``fail_open`` or ``fail_closed``.
        max_outage: How long requests are decided by the last known list; None where it cannot get lost.
        delay: How long the latest revocation took from the store to here, by the clocks of both; None where none came.
        epoch: Names the store's present life; another one after it was lost and filled anew.
        skipped: How many entries of the store could not be read.
        reloads: How often the whole list was read.
        last_error: What went wrong last, by its kind; None where the last step was good.
    """

    entries: int
    max_entries: int
    usable: bool = True
    connected: bool = True
    age: float | None = 0.0
    policy: str = "fail_closed"
    max_outage: float | None = None
    delay: float | None = None
    epoch: str | None = None
    skipped: int = 0
    reloads: int = 0
    last_error: str | None = None


class RevocationList(Protocol):
    """The credentials that are refused although they have not ended. `Guard` asks it on every request.

    Attributes:
        ready: Whether the list has been read, or has been given up for now; before that, `prepare` is run once.
    """

    @property
    def ready(self) -> bool: ...

    def prepare(self) -> Flow[None]:
        """Wait until the list has been read for the first time, or cannot be. Never raises."""

    def is_revoked(self, principal: Principal) -> bool:
        """Tell whether `principal` is refused: a look-up in memory, without a lock.

        Raises:
            StoreUnavailableError: That is not known well enough; see `RevocationHealth.max_outage`.
        """

    def revoke(self, **what: Unpack[Revoked]) -> None:
        """Refuse credentials from now on; see `Revoked`.

        Raises:
            ConfigurationError: The arguments contradict each other, or are wrong.
            StoreUnavailableError: It cannot be told to everybody. In this process it is in force all the same, and it
                is told to the others when the store comes back, if this process lives to see that.
        """

    async def arevoke(self, **what: Unpack[Revoked]) -> None:
        """Refuse credentials from now on, leaving the event loop free; see `revoke`."""

    def health(self) -> RevocationHealth:
        """Return what there is to know, without asking anybody."""


class ReplayCache(Protocol):
    """Remembers what may be used once, such as the ``jti`` of a proof (RFC 9449 section 11.1)."""

    def add(self, key: str, ttl: float) -> bool:
        """Remember `key` for `ttl` seconds, and tell whether it was new. Of several at once exactly one is.

        Raises:
            StoreUnavailableError: That cannot be told; what must be used once is to be refused then.
        """

    async def aadd(self, key: str, ttl: float) -> bool:
        """Remember `key`, leaving the event loop free; see `add`."""


Forget = Callable[[str | None], object]
"""Is told the id of an API key whose record has changed; None where any may have."""


class Invalidations(Protocol):
    """Tells every process that an API key has changed, so that what it remembers of the key is forgotten."""

    def on_invalidate(self, callback: Forget) -> None:
        """Have `callback` called for every API key that changes from now on; it must neither block nor raise."""

    def start(self) -> None:
        """Begin to listen; a second call does nothing. To be called before the first look-up, in every process."""

    def publish(self, key_id: str) -> None:
        """Tell every process that the API key `key_id` has changed.

        Raises:
            StoreUnavailableError: The others could not be told.
        """

    async def apublish(self, key_id: str) -> None:
        """Tell every process, leaving the event loop free; see `publish`."""


class SharedDocument(NamedTuple):
    """A key set as one process of a fleet has fetched it.

    Attributes:
        url: Where it was fetched.
        members: The JWK set.
        fetched_at: When, in seconds since the epoch.
        max_age: For how many seconds the server said that it stays fresh; None where it did not say.
        validators: Request headers that ask for it only if it has changed.
    """

    url: str
    members: Mapping[str, Any]
    fetched_at: float
    max_age: float | None
    validators: Mapping[str, str]


class SharedKeys(Protocol):
    """Key sets that a fleet shares, and the lease of the one that fetches. Called from the thread that fetches keys."""

    def read(self, name: str) -> SharedDocument | None:
        """Return the key set `name`, as its fetcher wrote it; None where there is none that can be believed."""

    def write(self, name: str, document: SharedDocument, keep: float) -> None:
        """Let the others have a key set, for `keep` seconds."""

    def acquire(self, name: str, seconds: float) -> str | None:
        """Take the lease on `name` for so many seconds, and return its token; None where another one has it."""

    def release(self, name: str, token: str) -> None:
        """Give a lease back, if it is still the one that `token` names."""
