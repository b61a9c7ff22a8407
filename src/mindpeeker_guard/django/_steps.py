"""What a decorator does before its view runs: one check, or one count, blocking or awaited."""

from __future__ import annotations

from typing import Protocol

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from mindpeeker_guard._rates import RateLimit
from mindpeeker_guard._types import Principal, Requirement
from mindpeeker_guard.django._middleware import answer, note, read
from mindpeeker_guard.django.conf import configuration
from mindpeeker_guard.errors import AnswerError


class Step(Protocol):
    """Something to do before a view runs."""

    def take(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to a caller who may not pass; None where it may."""

    async def atake(self, request: HttpRequest) -> HttpResponse | None:
        """Do the same, leaving the event loop free."""


class Limit:
    """Counts a request.

    Args:
        limits: For these limits.
    """

    def __init__(self, limits: tuple[RateLimit, ...]) -> None:
        self._limits = limits

    def take(self, request: HttpRequest) -> HttpResponse | None:
        """See `Step.take`."""
        guard, seen = configuration().guard, read(request)
        try:
            guard.limit(seen, self._limits, _principal(request))
        except AnswerError as error:
            return answer(guard.refusal(error))
        note(request, seen)
        return None

    async def atake(self, request: HttpRequest) -> HttpResponse | None:
        """See `Step.atake`."""
        guard, seen = configuration().guard, read(request)
        try:
            await guard.alimit(seen, self._limits, _principal(request))
        except AnswerError as error:
            return answer(guard.refusal(error))
        note(request, seen)
        return None


class Check:
    """Checks a requirement, unless the middleware has done so for this caller.

    Args:
        needed: The requirement.
    """

    def __init__(self, needed: Requirement) -> None:
        self._needed = needed
        self._limit = Limit(needed.rates) if needed.rates else None

    def take(self, request: HttpRequest) -> HttpResponse | None:
        """See `Step.take`."""
        if self._is_met(request):
            return None
        refused = self._refused(request)
        return self._limit.take(request) if refused is None and self._limit is not None else refused

    async def atake(self, request: HttpRequest) -> HttpResponse | None:
        """See `Step.atake`."""
        if self._is_met(request):
            return None
        refused = self._refused(request)
        return await self._limit.atake(request) if refused is None and self._limit is not None else refused

    def _is_met(self, request: HttpRequest) -> bool:
        met: tuple[Requirement, Principal | None] | None = getattr(request, "_mindpeeker_met", None)
        return met is not None and met[0] is self._needed and met[1] is _principal(request)

    def _refused(self, request: HttpRequest) -> HttpResponse | None:
        guard, principal = configuration().guard, _principal(request)
        try:
            if principal is None:
                guard.check_anonymous(read(request), self._needed)
            else:
                guard.authorize(principal, self._needed, read(request))
        except AnswerError as error:
            return answer(guard.refusal(error))
        return None


def _principal(request: HttpRequest) -> Principal | None:
    try:
        found: Principal | None = request.principal  # type: ignore[attr-defined]
    except AttributeError:
        raise ImproperlyConfigured(
            "require_scopes() needs 'mindpeeker_guard.django.GuardMiddleware' in MIDDLEWARE."
        ) from None
    return found
