"""The long way of a decision: whatever must be counted, looked up or told besides the decision itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Final

from mindpeeker_guard._decisions import DecisionHook, Telling
from mindpeeker_guard._flow import Flow, arun, run
from mindpeeker_guard._logs import logger
from mindpeeker_guard._operations import Operated, refuse_revoked
from mindpeeker_guard._rates import RateLimit
from mindpeeker_guard._requests import Request
from mindpeeker_guard._shield import Failures, Shield
from mindpeeker_guard._sources import Sources, TrustedProxies
from mindpeeker_guard._types import Authenticator, Principal, Requirement
from mindpeeker_guard.errors import AnswerError, ConfigurationError

if TYPE_CHECKING:
    from mindpeeker_guard.rate_limits import RateLimits  # loaded by those who have some
    from mindpeeker_guard.state._protocols import RevocationList

Extract = Callable[[Request], str | None]
Attempt = Callable[[str, Request], Principal | None]
Found = tuple[Authenticator, Attempt, str]

_TOLD: Final = "told"
_LIMITED: Final = "limited"


class Thorough(Operated):
    """Takes the long way where there is a reason to.

    Args:
        revocations: The revocation list.
        limits: The rate limits.
        shield: The numbers of the shield; None for no shield.
        trusted_proxies: See `Guard`.
        telling: Whom to tell about decisions, and of which claims.
        clock: Tells the time, in seconds since the epoch.

    Attributes:
        is_limited: Whether there are rate limits, so that answers have headers that tell what is left.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    is_limited: bool = False

    def __init__(  # noqa: PLR0913 - made in one place
        self,
        *,
        revocations: RevocationList | None,
        limits: RateLimits | None,
        shield: Shield | bool | None,
        trusted_proxies: TrustedProxies | Iterable[str] | None,
        telling: tuple[DecisionHook | None, Iterable[str]],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(revocations, clock)
        if limits is not None and not hasattr(limits, "take"):
            raise ConfigurationError("limits must be rate limits, such as RateLimits('1000/minute').")
        if not isinstance(shield, Shield | bool | None):
            raise ConfigurationError("shield must be a Shield, or False for none.")
        hook, claims = telling
        # Why to take the long way; empty for nearly every guard, nearly always.
        self._reasons: set[str] = set()
        self._sources = Sources(trusted_proxies)
        self._limits: RateLimits | None = None
        self._own_limits: dict[str, RateLimits] = {}
        self._failures = (
            Failures(Shield() if shield is True else shield, self._sources, self._reasons) if shield else None
        )
        self._telling = None if hook is None else Telling(hook, tuple(claims), clock)
        if hook is not None:
            self._reasons.add(_TOLD)
        if limits is not None:
            self._limit_by(limits)

    def limit(self, request: Request, limits: Sequence[RateLimit], principal: Principal | None = None) -> None:
        """Count a request for the limits of its route, and for nothing else; `check` does that by itself.

        Raises:
            RateLimitedError: There were too many.
            StoreUnavailableError: That cannot be told, and the policy is to refuse.
        """
        run(self._limit(request, limits, principal))

    async def alimit(self, request: Request, limits: Sequence[RateLimit], principal: Principal | None = None) -> None:
        """Count a request without blocking the event loop; see `limit`."""
        await arun(self._limit(request, limits, principal))

    def validate_rates(self, limits: Sequence[RateLimit]) -> None:
        """Check, at start, that the limits of a route can be kept.

        Raises:
            ConfigurationError: One is too large for the strategy.
        """
        if limits:
            self._counting().validate(limits)

    def _find(self, request: Request, requirement: Requirement) -> Found | None:
        raise NotImplementedError

    def _admit(self, principal: Principal, requirement: Requirement) -> Principal:
        raise NotImplementedError

    def _decide(self, request: Request, requirement: Requirement) -> Flow[Principal | None]:
        """Decide as `Guard.check` does, and count and tell."""
        start, made = perf_counter(), _Made()
        try:
            found = self._find(request, requirement)
            if found is not None:
                authenticator, attempt, credential = found
                principal = self._recalled(found, request, made) or attempt(credential, request)
                if principal is None:
                    principal = yield from authenticator.authenticate(credential, request)
                made.principal = principal
                if self._revocations is not None:
                    yield from self._revocations.prepare()
                    refuse_revoked(principal, self._revocations)
                made.principal = self._admit(principal, requirement)
            if _LIMITED in self._reasons or requirement.rates:
                limits = self._counting()
                take = limits.take_here if limits.is_local else limits.take
                taken = take(requirement.rates, request, made.principal, self._sources)
                request.note(taken if isinstance(taken, tuple) else (yield from taken))
        except AnswerError as error:
            error.schemes = requirement.schemes
            self._note(error, request)
            self._tell(request, requirement, made, perf_counter() - start, error)
            raise
        if self._telling is not None:
            self._tell(request, requirement, made, perf_counter() - start)
        return made.principal

    def _recalled(self, found: Found, request: Request, made: _Made) -> Principal | None:
        """Return whose credential it is, where that must be known: from an address that is cut off no other passes."""
        authenticator, _, credential = found
        made.scheme = authenticator.scheme
        refusal = None if self._failures is None else self._failures.refusal(request)
        if self._telling is None and refusal is None:
            return None  # the attempt that follows looks there first
        recall: Attempt = getattr(authenticator, "recall", no_attempt)
        principal = recall(credential, request)
        made.remembered = principal is not None
        if refusal is not None and principal is None:
            raise refusal
        return principal

    def _note(self, error: AnswerError, request: Request) -> None:
        """Count an error that one who guesses would get."""
        if error.is_guess and self._failures is not None:
            self._failures.note(request)

    def _limit(self, request: Request, limits: Sequence[RateLimit], principal: Principal | None) -> Flow[None]:
        try:
            fields = yield from self._counting().count(limits, request, principal, self._sources)
        except AnswerError as error:
            self._tell(request, Requirement(), _Made(principal), 0.0, error)
            raise
        request.note(fields)

    def _limit_by(self, limits: RateLimits) -> None:
        self._limits = limits
        self.is_limited = True
        if limits.limits:  # those of routes are seen without a reason
            self._reasons.add(_LIMITED)

    def _counting(self) -> RateLimits:
        """Return the rate limits; where only routes have some, they are counted in this process."""
        if self._limits is None:
            from mindpeeker_guard.rate_limits import RateLimits  # noqa: PLC0415 - see above

            # Threads that come at once share one object: each request is counted in the same place.
            self._limit_by(self._own_limits.setdefault("limits", RateLimits()))
            logger("mindpeeker_guard.limits").warning(
                "rate limits are counted in this process only: Guard(limits=RateLimits(store=…))"
            )
        assert self._limits is not None  # noqa: S101 - for the type checker
        return self._limits

    def _tell(
        self,
        request: Request,
        requirement: Requirement,
        made: _Made,
        took: float,
        error: AnswerError | None = None,
    ) -> None:
        if self._telling is not None:
            self._telling.tell(
                request,
                requirement,
                took,
                scheme=made.scheme,
                principal=made.principal,
                remembered=made.remembered,
                error=error,
            )


class _Made:
    """What a decision has found out so far."""

    __slots__ = ("principal", "remembered", "scheme")

    def __init__(self, principal: Principal | None = None) -> None:
        self.principal = principal
        self.scheme = None if principal is None else principal.scheme
        self.remembered = principal is not None


def no_attempt(credential: str, request: Request) -> None:
    """Stand in for authenticators without a short way."""
