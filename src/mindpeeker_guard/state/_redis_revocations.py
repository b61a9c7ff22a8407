"""A revocation list that all processes share through a Redis, and each has in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, get_args

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._types import Principal
from mindpeeker_guard.errors import ConfigurationError, StoreUnavailableError
from mindpeeker_guard.state._follower import Follower
from mindpeeker_guard.state._protocols import RevocationHealth
from mindpeeker_guard.state._redis_log import Log
from mindpeeker_guard.state._revocation import Revoked, Terms, Unpack
from mindpeeker_guard.state._table import Table

Policy = Literal["fail_open", "fail_closed"]

MAX_OUTAGE: Final = {"fail_open": 300.0, "fail_closed": 5.0}
"""Seconds without Redis after which requests are refused: as long as a withdrawn key may go on, and next to nothing."""

_RETRY_AFTER: Final = 5.0


class RedisRevocations:
    """See `RevocationList`.

    Args:
        table: The list in memory.
        log: Writes to Redis.
        follower: Reads from Redis.
        terms: Turns arguments into revocations.
        policy: What happens while Redis is out of reach.
        max_outage: For how many seconds the last known list decides then; infinity for ever.
        max_entries: How many revocations there may be.
        clock: Tells the time, in seconds since the epoch.
        timer: Tells seconds that only ever grow.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        table: Table,
        log: Log,
        follower: Follower,
        terms: Terms,
        *,
        policy: Policy,
        max_outage: float,
        max_entries: int,
        clock: Callable[[], float],
        timer: Callable[[], float],
    ) -> None:
        self._table, self._log, self._follower, self._terms = table, log, follower, terms
        self._policy, self._max_entries = policy, max_entries
        self._max_outage = max_outage
        self._clock, self._timer = clock, timer

    @property
    def ready(self) -> bool:
        """Whether the list has been read, or was tried to."""
        return self._follower.ready

    def prepare(self) -> Flow[None]:
        """Wait until the list has been read for the first time; see `RevocationList.prepare`."""
        yield from self._follower.prepare()

    def is_revoked(self, principal: Principal) -> bool:
        """Tell whether `principal` is refused; see `RevocationList.is_revoked`.

        Raises:
            StoreUnavailableError: Redis has been out of reach for longer than the policy allows.
        """
        if self._table.covers(principal):
            return True
        if not self._is_usable():
            raise StoreUnavailableError("revocations are not known well enough", retry_after=_RETRY_AFTER)
        return False

    def revoke(self, **what: Unpack[Revoked]) -> None:
        """Refuse credentials from now on; see `RevocationList.revoke`.

        Raises:
            ConfigurationError: The arguments contradict each other, or are wrong.
            StoreUnavailableError: Redis did not take it. In this process it is in force all the same.
        """
        revocation = self._terms.revocation(self._clock(), **what)
        self._table.add(revocation, self._max_entries)
        self._log.revoke(revocation)

    async def arevoke(self, **what: Unpack[Revoked]) -> None:
        """Refuse credentials from now on, leaving the event loop free; see `revoke`."""
        revocation = self._terms.revocation(self._clock(), **what)
        self._table.add(revocation, self._max_entries)
        await self._log.arevoke(revocation)

    def health(self) -> RevocationHealth:
        """Return what there is to know, without asking Redis."""
        follower = self._follower
        heard_at = follower.heard_at
        return RevocationHealth(
            entries=len(self._table),
            max_entries=self._max_entries,
            usable=self._is_usable(),
            connected=follower.connected,
            age=None if heard_at is None else max(0.0, self._timer() - heard_at),
            policy=self._policy,
            max_outage=self._max_outage,
            delay=follower.delay,
            epoch=follower.position.epoch,
            skipped=follower.skipped,
            reloads=follower.reloads,
            last_error=follower.last_error,
        )

    def _is_usable(self) -> bool:
        since = self._follower.heard_at
        if since is None:
            # Redis was never reached: the outage began with this process, and who fails closed does not begin.
            since = self._follower.started_at
            if self._policy == "fail_closed" or since is None:
                return self._policy == "fail_open"
        return self._timer() - since <= self._max_outage


def check_policy(policy: str, max_outage: float | None) -> float:
    """Return for how long the last known list decides, if policy and bound are well-formed.

    Raises:
        ConfigurationError: They are not.
    """
    if policy not in get_args(Policy):
        raise ConfigurationError(f"policy must be 'fail_open' or 'fail_closed': {policy!r}.")
    if max_outage is None:
        return MAX_OUTAGE[policy]
    if isinstance(max_outage, bool) or not isinstance(max_outage, int | float) or not max_outage >= 1:
        raise ConfigurationError(f"max_outage must be a number of seconds, 1 or more: {max_outage!r}.")
    return float(max_outage)
