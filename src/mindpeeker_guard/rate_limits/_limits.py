"""The rate limits of a guard: who is counted for what, where, and what a caller is told of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._rates import SHARED, Per, RateLimit, Rates, Rule, rate_limits
from mindpeeker_guard._requests import Request
from mindpeeker_guard._sources import Sources
from mindpeeker_guard._types import Principal
from mindpeeker_guard.errors import ConfigurationError, RateLimitedError
from mindpeeker_guard.rate_limits._memory import MemoryWindows
from mindpeeker_guard.rate_limits._outage import RateLimitHealth, SharedStore
from mindpeeker_guard.rate_limits._store import Budget, Level, Strategy
from mindpeeker_guard.rate_limits._stores import Policy, shared_store

Fields = tuple[tuple[str, str], ...]
Owner = tuple[str | None, ...]

_MOST: Final[dict[Strategy, int]] = {"moving-window": 100_000, "fixed-window": 10**12}
"""The largest rate: a moving window remembers each request by itself."""


class RateLimits:
    """Rate limits for every request that a guard lets pass. Who is refused for another reason uses up nothing.

    Args:
        limits: Rates such as ``"1000/minute"``, or `RateLimit` objects; all of them hold. None at all is fine: routes
            may have limits of their own.
        per: Who shares a budget of the rates among them; see `RateLimit`.
        rates: See `RateLimit`; for the rates among `limits`.
        strategy: ``moving-window`` lets so many pass in any stretch of that length; ``fixed-window`` counts from a
            caller's first request on, takes less memory, and lets up to twice as many pass around its end.
        store: Where is counted: ``memory://`` in each process, ``redis://``, ``rediss://`` or ``unix://`` in one Redis
            for all; or another URL or storage object of ``limits``.
        prefix: What all names in Redis begin with, in braces.
        policy: While the store fails, ``fail_open`` counts in each process, ``fail_closed`` answers 503.
        connect_timeout: Seconds to connect to Redis.
        timeout: Seconds to wait for an answer of Redis.
        timer: Tells seconds that only ever grow.
        options: More arguments for redis-py's client, or for the storage.

    Raises:
        ConfigurationError: A rate or another argument is wrong, or an extra is missing.
    """

    def __init__(  # noqa: PLR0913 - each is a rule of its own
        self,
        *limits: str | RateLimit,
        per: Per = "principal",
        rates: Rates | None = None,
        strategy: Strategy = "moving-window",
        store: Any = "memory://",
        prefix: str = "mindpeeker",
        policy: Policy = "fail_open",
        connect_timeout: float = 0.25,
        timeout: float = 0.25,
        timer: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        if strategy not in _MOST:
            raise ConfigurationError(f"strategy must be one of {', '.join(_MOST)}: {strategy!r}.")
        made = [one if isinstance(one, RateLimit) else RateLimit(one, per=per, rates=rates) for one in limits]
        self._strategy: Strategy = strategy
        self._limits = rate_limits(made)
        self._memory = MemoryWindows(strategy, timer=timer)
        self._shared: SharedStore | None = shared_store(
            store,
            instead=self._memory,
            strategy=strategy,
            prefix=prefix,
            policy=policy,
            timeouts=(connect_timeout, timeout),
            timer=timer,
            options=options,
        )
        self.validate(self._limits)

    @property
    def limits(self) -> tuple[RateLimit, ...]:
        """The limits that hold for every request."""
        return self._limits

    def validate(self, limits: Iterable[RateLimit]) -> None:
        """Check that the strategy can keep `limits`.

        Raises:
            ConfigurationError: One is too large for it.
        """
        most = _MOST[self._strategy]
        for limit in limits:
            if any(window.amount > most for window in limit.windows):
                raise ConfigurationError(
                    f"{limit.rate!r} is too much for a moving window, which remembers each request: at most {most:,}. "
                    "Use strategy='fixed-window'."
                )

    def take(
        self, own: Sequence[RateLimit], request: Request, principal: Principal | None, sources: Sources
    ) -> Flow[Fields]:
        """Count a request for all limits, and for those of its route; return the headers that tell what is left.

        Args:
            own: The limits of the route.
            request: The request.
            principal: Who calls; None where nobody in particular does.
            sources: Tells where requests come from.

        Raises:
            RateLimitedError: A budget is used up. The request was counted for none.
            StoreUnavailableError: That cannot be told, and the policy is to refuse.
        """
        rules, budgets = self._budgets(self._limits, own, request, principal, sources)
        return (yield from self._taken(rules, budgets)) if rules else ()

    def take_here(
        self, own: Sequence[RateLimit], request: Request, principal: Principal | None, sources: Sources
    ) -> Fields:
        """Do the same in this process's memory, which is all there is to do where `is_local`; see `take`."""
        rules, budgets = self._budgets(self._limits, own, request, principal, sources)
        return _judged(rules, self._memory.take(budgets)) if rules else ()

    def count(
        self, own: Sequence[RateLimit], request: Request, principal: Principal | None, sources: Sources
    ) -> Flow[Fields]:
        """Count a request for the limits of its route alone; see `take`."""
        rules, budgets = self._budgets((), own, request, principal, sources)
        return (yield from self._taken(rules, budgets)) if rules else ()

    @property
    def is_local(self) -> bool:
        """Whether everything is counted in this process's memory."""
        return self._shared is None

    def health(self) -> RateLimitHealth:
        """Return what there is to know about the store, without asking it."""
        return RateLimitHealth("memory") if self._shared is None else self._shared.health()

    def close(self) -> None:
        """Close the connections of this process to Redis; they are made anew where they are needed."""
        if self._shared is not None:
            self._shared.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop; a loop that is run by ``asyncio.run`` does so when it ends."""
        if self._shared is not None:
            await self._shared.aclose()

    def _taken(self, rules: Sequence[Rule], budgets: Sequence[Budget]) -> Flow[Fields]:
        if self._shared is None:
            return _judged(rules, self._memory.take(budgets))
        return _judged(rules, (yield from self._shared.take(budgets)))

    def _budgets(
        self,
        common: Sequence[RateLimit],
        own: Sequence[RateLimit],
        request: Request,
        principal: Principal | None,
        sources: Sources,
    ) -> tuple[list[Rule], list[Budget]]:
        """Return what a request is counted for, and in which budgets."""
        rules: list[Rule] = []
        budgets: list[Budget] = []
        most = _MOST[self._strategy]
        for limits, place in ((common, None), (own, request.view or "" if own else None)):
            for limit in limits:
                who = _who(limit.per, request, principal, sources)
                if who is not None:
                    owner = _digest(place, limit.per, who)
                    for rule in limit.rules(place is not None, principal, most):
                        rules.append(rule)
                        budgets.append(Budget(f"{rule.head}{owner}{rule.tail}", rule.amount, rule.seconds))
        return rules, budgets

    def __repr__(self) -> str:
        return f"RateLimits({', '.join(map(repr, self._limits))})"


def _who(per: Per, request: Request, principal: Principal | None, sources: Sources) -> Owner | None:
    """Return whom a request is counted for; None where the limit does not concern it."""
    if per in SHARED:
        return (request.view,) if per == "route" else ()
    if per == "api_key":
        return (principal.token_id,) if principal is not None and principal.scheme == "ApiKey" else None
    owner = None if principal is None or per == "ip" else _owner(principal, per)
    return ("ip", sources.of(request)) if owner is None else owner


def _owner(principal: Principal, per: Per) -> Owner | None:
    subject, client = principal.subject, principal.client_id
    if subject is not None and (per != "client" or client is None):
        return "subject", principal.issuer, subject
    if client is not None:
        return "client", principal.issuer, client
    return None if principal.token_id is None else ("token", principal.issuer, principal.token_id)


@lru_cache(maxsize=1024)
def _digest(place: str | None, per: str, who: Owner) -> str:
    """Return a name for a budget's owner that has a fixed length, and tells nobody who that is."""
    return blake2b(repr((place, per, who)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _judged(rules: Sequence[Rule], levels: Sequence[Level]) -> Fields:
    """Return the headers that tell what is left (draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4).

    Raises:
        RateLimitedError: A budget is used up.
    """
    policies, states, violated, retry_after = [], [], [], 0.0
    for rule, (is_open, remaining, reset) in zip(rules, levels, strict=True):
        if not is_open:
            violated.append(rule.name)
            retry_after = max(retry_after, reset)
        if rule.is_shown or not is_open:
            policies.append(rule.policy)
            states.append(f"{rule.state}{remaining};t={max(1, math.ceil(reset))}")
    fields = (("RateLimit-Policy", ", ".join(policies)), ("RateLimit", ", ".join(states))) if policies else ()
    if violated:
        raise RateLimitedError(retry_after, violated=violated, fields=fields)
    return fields
