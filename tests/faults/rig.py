"""A guard in front of an issuer, a clock to set, and callers in threads and event loops."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from tests.faults.issuer import ALG, Issuer
from tests.support.tokens import private_key, token

from mindpeeker_guard import Guard, GuardError, JWTBearer, KeysUnavailableError, Principal, RemoteKeySet, Request

PATIENCE = 30.0  # seconds for one fetch that is to come to something, on a machine of any speed
TIMEOUT = 0.3  # seconds for one fetch that would never end by itself
GRACE = 0.5  # seconds after that in which its thread may still tell what came of it
WAIT = 100.0  # seconds that a test waits for anything
NAME = "mindpeeker-guard"  # of the threads that fetch


# When all tokens here were made: before any clock that stands still did so, however long a test run may take.
_START = time.time()
_LIFETIME = 86_400


class Clock:
    """The time, which stands still until the test lets it go on."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def skip(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.now += seconds


@cache
def signed(kid: str, number: int = 0) -> str:
    """Return a token signed with the key of that name, the same one for the same number."""
    return fresh(kid, jti=f"{kid}-{number}", sub=f"user-{number}")


def fresh(kid: str, **claims: Any) -> str:
    """Return a new token signed with the key of that name."""
    times = {"now": _START, "exp": int(_START) + _LIFETIME}
    return token(key=private_key(kid, ALG), alg=ALG, kid=kid, **times | claims)


def request(text: str) -> Request:
    """Return a request with this token."""
    return Request("GET", "/", [("Authorization", f"Bearer {text}")])


class Rig:
    """A guard whose keys are fetched from `issuer`.

    Args:
        issuer: Where they come from.
        url: Its URL, if it is not the usual one.
        base: The issuer's own URL, to ask it where its keys are.
        clock: Tells the time; it stands still by default.
        token_cache: How many tokens are remembered.
        options: For the `RemoteKeySet`. A fetch has a long time by default, so that none fails for a slow machine.

    Attributes:
        waits: For each time that a caller has asked to wait for a fetch: its thread or task, and for how long at most.
    """

    def __init__(
        self,
        issuer: Issuer | None,
        *,
        url: str | None = None,
        base: str | None = None,
        clock: Callable[[], float] | None = None,
        token_cache: int = 4096,
        **options: Any,
    ) -> None:
        self.clock: Any = clock or Clock()
        known = {"timeout": PATIENCE, "connect_timeout": PATIENCE, "jitter": lambda: 1.0} | options
        if base is None:
            known["jwks_uri"] = url or (issuer.url() if issuer else None)
        self.keys = RemoteKeySet(issuer=base, clock=self.clock, **known)
        self.waits: list[tuple[Any, float]] = []
        self._note_waits()
        bearer = JWTBearer(keys=self.keys, clock=self.clock, token_cache=token_cache)
        self.guard = Guard(bearer, clock=self.clock)

    def _note_waits(self) -> None:
        worker = self.keys._worker
        remaining = worker.remaining

        def noted(*arguments: float) -> float:
            seconds = remaining(*arguments)
            self.waits.append((_caller(), seconds))
            return seconds

        worker.remaining = noted  # type: ignore[method-assign]

    def limit(self, seconds: float) -> None:
        """Give each fetch that begins from now on so many seconds."""
        self.keys._fetcher._limits = self.keys._fetcher._limits._replace(timeout=seconds, connect_timeout=seconds)
        self.keys._worker._limit = seconds + GRACE

    def longest_wait(self) -> float:
        """Return for how long at most anybody has asked to wait."""
        return max((seconds for _, seconds in self.waits), default=0.0)

    def check(self, text: str) -> Principal:
        """Check a token, in this thread."""
        principal = self.guard.check(request(text))
        assert principal is not None
        return principal

    async def acheck(self, text: str) -> Principal:
        """Check a token, on this event loop."""
        principal = await self.guard.acheck(request(text))
        assert principal is not None
        return principal

    def outcome(self, text: str) -> Principal | GuardError:
        """Return what becomes of a token."""
        try:
            return self.check(text)
        except GuardError as error:
            return error

    async def aoutcome(self, text: str) -> Principal | GuardError:
        """Return what becomes of a token, on this event loop."""
        try:
            return await self.acheck(text)
        except GuardError as error:
            return error

    def everybody(self, text: str, threads: int = 6, tasks: int = 6) -> list[Principal | GuardError]:
        """Return what becomes of a token that threads and the tasks of an event loop show at once."""

        async def loop() -> list[Principal | GuardError]:
            return await asyncio.gather(*(self.aoutcome(text) for _ in range(tasks)))

        work: list[Callable[[], Any]] = [lambda: [self.outcome(text)]] * threads + [lambda: asyncio.run(loop())]
        return [outcome for outcomes in at_once(*work) for outcome in outcomes]

    def refresh(self) -> None:
        """Have the keys fetched that the issuer publishes now, and wait for it."""
        fetches = self.keys.health().fetches
        self.clock.skip(301)
        with suppress(KeysUnavailableError):
            self.guard.warm_up()
        eventually(lambda: self.keys.health().fetches > fetches and self.keys._worker.running() is None)


def _caller() -> Any:
    """Return the task that runs, or the thread where none does."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return threading.current_thread()


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """Return what each of `work` comes to, in threads that start as one; what they raise is raised."""
    barrier = threading.Barrier(len(work))
    results: list[Any] = [None] * len(work)
    errors: list[BaseException] = []

    def one(place: int) -> None:
        try:
            barrier.wait(WAIT)
            results[place] = work[place]()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=one, args=(place,), daemon=True) for place in range(len(work))]
    end = time.monotonic() + WAIT
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    assert not [thread for thread in threads if thread.is_alive()]
    if errors:
        raise errors[0]
    return results


def eventually(holds: Callable[[], Any], longest: float = WAIT) -> None:
    """Wait until `holds`, and fail where it does not come to that."""
    end = time.monotonic() + longest
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def fetching_threads() -> list[str]:
    """Return the threads that fetch keys."""
    return [thread.name for thread in threading.enumerate() if thread.name == NAME]


def nobody_fetches(longest: float = WAIT) -> bool:
    """Tell whether all threads that fetch keys come to an end, whatever the issuer still does."""
    end = time.monotonic() + longest
    while fetching_threads() and time.monotonic() < end:
        time.sleep(0.005)
    return not fetching_threads()
