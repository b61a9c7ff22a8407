"""What rate limits cost: in memory as a multiple of a signature check, on Redis in round trips, and under a flood."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks import flood, ours
from benchmarks.harness import Candidate, Row, Subject, UnavailableError, compared, labelled, loop, why
from benchmarks.tokens import AUDIENCE, ISSUER, SigningKey, bad_tokens, raw_verify, signing_key
from mindpeeker_guard import AnswerError, Guard, JWTBearer, RateLimit, RateLimits, Request, Shield

_GROUP: Final = "Rate limits in memory (less the same check without)"
_JUNK: Final = "A token with a bad signature, with its answer"
_TRIPS: Final = "Rate limits on Redis: commands for one request"
_GOAL: Final = 0.5
_HIGH: Final = "100000/second"
_REQUESTS: Final = 20


def rows(rounds: int = 300, floods: int = 5) -> list[Row]:
    """Measure all three."""
    key = signing_key()
    return [*_memory(key, rounds), *_junk(key, rounds), *_redis(key), *flood.rows(floods)]


def _memory(key: SigningKey, rounds: int) -> list[Row]:
    candidates = [
        Candidate("one limit, moving window", "ours", lambda: _limited(key, "one limit, moving window"), _GOAL),
        Candidate("one limit, fixed window", "ours", lambda: _limited(key, "one limit, fixed window"), _GOAL),
        Candidate("three limits and a route's", "ours", lambda: _limited(key, "three limits and a route's")),
        Candidate(f"{labelled('limits')} itself, moving window", "peer", _library),
    ]
    plain = Subject("without limits", loop(_check(key, None)))
    return compared(_GROUP, raw_verify(key), candidates, rounds, minus=plain)


def _junk(key: SigningKey, rounds: int) -> list[Row]:
    candidates = [
        Candidate("an address that is cut off", "ours", lambda: _refused(key, "an address that is cut off"), 1.0),
        Candidate("one that is not", "reference", lambda: _refused(key, "one that is not")),
    ]
    return compared(_JUNK, raw_verify(key), candidates, rounds)


def _refused(key: SigningKey, name: str) -> Subject:
    """Return a token with a bad signature, from the request to the answer."""
    shield = Shield(refill=0.001) if name.startswith("an address") else False
    guard = Guard(JWTBearer(ISSUER, AUDIENCE, keys=key.jwks), shield=shield)
    request = Request(headers={"authorization": f"Bearer {bad_tokens(key)['forged']}"}, peer="8.8.4.4")

    def call() -> object:
        try:
            return guard.check(request, ours.NEEDED)
        except AnswerError as error:
            return guard.refusal(error)

    for _ in range(200):
        call()
    return Subject(name, loop(call))


def _limited(key: SigningKey, name: str) -> Subject:
    limits: list[Any] = [_HIGH]
    if name.startswith("three"):
        limits += [RateLimit(_HIGH, per="ip"), RateLimit(_HIGH, per="global"), RateLimit(_HIGH, per="route")]
    made = RateLimits(*limits, strategy="fixed-window" if "fixed" in name else "moving-window")
    return Subject(name, loop(_check(key, made)))


def _check(key: SigningKey, limits: RateLimits | None, check: str = "check") -> Callable[[], object]:
    guard = Guard(JWTBearer(ISSUER, AUDIENCE, keys=key.jwks), limits=limits)
    headers = {"authorization": f"Bearer {key.token()}"}
    request = Request(headers=headers, peer="203.0.113.7", route="/v1/sessions")
    call = getattr(guard, check)
    return lambda: call(request, ours.NEEDED)


def _library() -> Subject:
    """Return what the library does for the same verdict; the guard's check is added, which is then taken off."""
    try:
        from limits import parse  # noqa: PLC0415 - an extra
        from limits.storage import MemoryStorage  # noqa: PLC0415
        from limits.strategies import MovingWindowRateLimiter  # noqa: PLC0415
    except ImportError as error:
        raise UnavailableError("not installed") from error
    strategy, item = MovingWindowRateLimiter(MemoryStorage()), parse(_HIGH)
    check = _check(signing_key(), None)

    def call() -> object:
        check()
        strategy.hit(item, "caller")
        return strategy.get_window_stats(item, "caller")

    return Subject(f"{labelled('limits')} itself, moving window", loop(call))


def _redis(key: SigningKey) -> list[Row]:
    name = "four limits"
    try:
        with _server() as url:
            value = _commands(key, url)
    except Exception as error:  # noqa: BLE001 - without a Redis there is nothing to count
        return [Row(group=_TRIPS, name=name, who="ours", text=why(error), unit="commands")]
    return [Row(group=_TRIPS, name=name, who="ours", value=value, goal=1, unit="commands", note="one script")]


def _commands(key: SigningKey, url: str) -> float:
    """Return how many commands Redis hears for one request."""
    import redis  # noqa: PLC0415 - an extra

    limits = RateLimits(
        _HIGH,
        *(RateLimit(_HIGH, per=per) for per in ("ip", "global", "route")),  # type: ignore[arg-type]
        store=url,
        prefix=uuid.uuid4().hex,
        timeout=5,
    )
    check = _check(key, limits)
    check()
    with redis.Redis.from_url(url) as client:
        before = client.info("stats")["total_commands_processed"]
        for _ in range(_REQUESTS):
            check()
        # The script's own calls are counted as commands, too; those that clients send are told by the script's name.
        after = client.info("stats")["total_commands_processed"]
        evaluated = client.info("commandstats")["cmdstat_evalsha"]["calls"] - 1
    if after - before < evaluated:
        raise UnavailableError("Redis counts in another way")
    return float(evaluated / _REQUESTS)


@contextmanager
def _server() -> Iterator[str]:
    """Yield the URL of a Redis of our own."""
    with flood.process(["redis-server", "--port", "{port}", "--save", "", "--appendonly", "no"]) as port:
        yield f"redis://127.0.0.1:{port}/0"
