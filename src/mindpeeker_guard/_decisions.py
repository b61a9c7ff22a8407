"""What a guard tells about each of its decisions, to whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mindpeeker_guard._logs import logger
from mindpeeker_guard._requests import Request
from mindpeeker_guard._types import Principal, Requirement
from mindpeeker_guard.errors import AnswerError

ALLOWED: Final = "allowed"
ANONYMOUS: Final = "anonymous"
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Decision(NamedTuple):
    """One decision of a guard. It holds no credential, and nothing of a token but what was asked for.

    Attributes:
        outcome: ``allowed``; ``anonymous`` where a caller without a credential was let through; otherwise the ``code``
            of the error.
        status: The HTTP status of the refusal; None where the request was let through.
        scheme: The kind of credential; None where there was none.
        issuer: Who vouches for the caller; None where the caller is not known.
        method: The HTTP method; None where the decision came after the request had been let in.
        route: The route as the framework names it, such as ``/v1/sessions/{id}``; None where it does not tell.
        scopes: The scopes that the route names.
        duration: How long the decision took, in seconds.
        remembered: Whether the credential had been verified before.
        at: When it was made, in seconds since the epoch.
        claims: The claims that the guard was told to show, of a caller who is known.
        reason: What was seen, for the log; never a credential. Empty where the request was let through.
    """

    outcome: str
    status: int | None
    scheme: str | None
    issuer: str | None
    method: str | None
    route: str | None
    scopes: tuple[str, ...]
    duration: float
    remembered: bool
    at: float
    claims: Mapping[str, Any] = _NOTHING
    reason: str = ""

    @property
    def is_allowed(self) -> bool:
        """Whether the request was let through."""
        return self.status is None


DecisionHook = Callable[[Decision], object]


class Telling:
    """Tells a hook about decisions. What the hook does wrong is logged, and changes no decision.

    Args:
        hook: Who is told.
        claims: The names of the claims to show.
        clock: Tells the time, in seconds since the epoch.
    """

    def __init__(self, hook: DecisionHook, claims: tuple[str, ...], clock: Callable[[], float]) -> None:
        self._hook = hook
        self._claims = claims
        self._clock = clock

    def tell(  # noqa: PLR0913 - all that there is to tell
        self,
        request: Request | None,
        requirement: Requirement,
        duration: float,
        *,
        scheme: str | None = None,
        principal: Principal | None = None,
        remembered: bool = False,
        error: AnswerError | None = None,
    ) -> None:
        """Tell what came of a request: an error, a principal, or neither where nobody in particular was let in."""
        allowed = ALLOWED if principal is not None else ANONYMOUS
        self._call(
            Decision(
                outcome=allowed if error is None else error.code,
                status=None if error is None else error.status,
                scheme=scheme,
                issuer=None if principal is None else principal.issuer,
                method=None if request is None else request.method,
                route=None if request is None else request.route,
                scopes=requirement.scopes.names,
                duration=duration,
                remembered=remembered,
                at=self._clock(),
                claims=self._shown(principal),
                reason="" if error is None else error.reason,
            )
        )

    def _shown(self, principal: Principal | None) -> Mapping[str, Any]:
        if principal is None or not self._claims:
            return _NOTHING
        claims = principal.claims
        return MappingProxyType({name: claims[name] for name in self._claims if name in claims})

    def _call(self, decision: Decision) -> None:
        try:
            self._hook(decision)
        except Exception:  # noqa: BLE001 - whoever listens has no say in who is let in
            logger("mindpeeker_guard").exception("on_decision failed")
