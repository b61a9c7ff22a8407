"""What is done with a guard besides checking requests: warming it up, looking at its health, revoking credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Unpack

from mindpeeker_guard._flow import Flow, arun, run
from mindpeeker_guard._logs import logger
from mindpeeker_guard._types import Authenticator, Principal
from mindpeeker_guard.errors import RevokedAPIKeyError, RevokedTokenError

if TYPE_CHECKING:
    from mindpeeker_guard.rate_limits import RateLimits
    from mindpeeker_guard.state._protocols import RevocationList  # state is loaded by those who have some
    from mindpeeker_guard.state._revocation import Revoked


class Operated:
    """The operator's side of a `Guard`. Without a revocation list, one in memory is made at the first revocation.

    Args:
        revocations: The list.
        clock: Tells the time, in seconds since the epoch.
    """

    _authenticators: tuple[Authenticator, ...]
    _limits: RateLimits | None = None

    def __init__(self, revocations: RevocationList | None, clock: Callable[[], float]) -> None:
        self._revocations = revocations
        self._clock = clock
        self._own: dict[str, RevocationList] = {}

    def warm_up(self) -> None:
        """Fetch what can be fetched ahead, such as the issuer's keys.

        Raises:
            UnavailableError: It cannot be had; the guard works all the same, and tries again when asked.
        """
        run(self._warm_up())

    async def awarm_up(self) -> None:
        """Fetch what can be fetched ahead without blocking the event loop; see `warm_up`."""
        await arun(self._warm_up())

    def health(self) -> dict[str, Any]:
        """Return what there is to know about what this guard depends on, without asking anybody.

        Returns:
            Scheme to what its authenticator tells: a `KeySetHealth` for a `JWTBearer` with a `RemoteKeySet`; and
            ``revocations`` to a `RevocationHealth`, where there is a list; ``limits`` to a `RateLimitHealth`, where
            there are rate limits.
        """
        told = {one.scheme: one.health() for one in self._authenticators if hasattr(one, "health")}
        if self._revocations is not None:
            told["revocations"] = self._revocations.health()
        if self._limits is not None:
            told["limits"] = self._limits.health()
        return {scheme: health for scheme, health in told.items() if health is not None}

    def revoke(self, **what: Unpack[Revoked]) -> None:
        """Refuse credentials from now on, before their end, in every process that shares the list; see `Revoked`.

        Raises:
            ConfigurationError: The arguments contradict each other, or are wrong.
            StoreUnavailableError: Not every process could be told; this one refuses them all the same.
        """
        self._list().revoke(**what)

    async def arevoke(self, **what: Unpack[Revoked]) -> None:
        """Refuse credentials from now on without blocking the event loop; see `revoke`."""
        await self._list().arevoke(**what)

    def _list(self) -> RevocationList:
        if self._revocations is None:
            from mindpeeker_guard.state.memory import MemoryState  # noqa: PLC0415 - see above

            # Threads that come at once share one list: what either revokes is refused.
            self._revocations = self._own.setdefault("revocations", MemoryState(clock=self._clock).revocations)
            logger("mindpeeker_guard.state").warning("revocations are kept in this process only: Guard(revocations=…)")
        return self._revocations

    def _warm_up(self) -> Flow[None]:
        if self._revocations is not None:
            yield from self._revocations.prepare()
        for authenticator in self._authenticators:
            if hasattr(authenticator, "warm_up"):
                yield from authenticator.warm_up()


def refuse_revoked(principal: Principal, revocations: RevocationList) -> None:
    """Refuse a principal whose credential was revoked.

    Raises:
        RevokedTokenError, RevokedAPIKeyError: It was.
        StoreUnavailableError: That is not known well enough.
    """
    if revocations.is_revoked(principal):
        raise (RevokedAPIKeyError if principal.scheme == "ApiKey" else RevokedTokenError)("on the revocation list")
