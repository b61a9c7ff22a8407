"""Guards with rate limits, requests for them, and a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.tokens import jwks, token

from mindpeeker_guard import AnswerError, Guard, JWTBearer, Principal, RateLimits, Request, Requirement

PUBLIC = "203.0.113.7"
NEEDED = Requirement()


class Timer:
    """Seconds, as the test sets them."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def guard(*limits: Any, **options: Any) -> Guard:
    """Return a guard with these limits, or none, and options of `Guard`."""
    if limits:
        options["limits"] = limits[0] if isinstance(limits[0], RateLimits) else RateLimits(*limits)
    return Guard(JWTBearer(keys=jwks()), **options)


def request(text: str | None = None, *, peer: str | None = PUBLIC, **options: Any) -> Request:
    """Return a request with a token, a good one by default; an empty one for none."""
    headers = list(options.pop("headers", ()))
    if text != "":
        headers.append(("Authorization", f"Bearer {text or token()}"))
    return Request(headers=headers, peer=peer, **options)


Check = Callable[[Guard, Request, Requirement], Principal | None]


def blocking(one: Guard, seen: Request, needed: Requirement = NEEDED) -> Principal | None:
    return one.check(seen, needed)


def awaited(one: Guard, seen: Request, needed: Requirement = NEEDED) -> Principal | None:
    return asyncio.run(one.acheck(seen, needed))


def answer(
    one: Guard, seen: Request, needed: Requirement = NEEDED, check: Check = blocking
) -> tuple[int, dict[str, str]]:
    """Return the status of the answer and its headers, as an adapter would send them."""
    try:
        check(one, seen, needed)
    except AnswerError as error:
        refusal = one.refusal(error)
        return refusal.status, dict(refusal.headers)
    return 200, dict(seen.answer_headers)


def statuses(one: Guard, count: int, **options: Any) -> list[int]:
    """Return the statuses of so many requests, all alike."""
    return [answer(one, request(**options))[0] for _ in range(count)]


def told(headers: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    """Return what a caller is told of the limits: state, policy, and when to come again."""
    return headers.get("RateLimit"), headers.get("RateLimit-Policy"), headers.get("Retry-After")
