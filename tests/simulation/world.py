"""A simulated world: a guard, an issuer, traffic between them, and an oracle that sees everything.

The real key set and the real verified-token cache run in it, and the real worker; what is simulated is the network, the
thread, and the time. Requests that wait are put aside and go on when their fetch ends, as threads would.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from tests.simulation.clock import Agenda, Clock
from tests.simulation.facts import Ask, Fetch, Numbers
from tests.simulation.issuer import Issuer
from tests.simulation.oracle import ACCEPTED, REFUSED, UNAVAILABLE, Oracle
from tests.simulation.parts import Network, SimulatedFuture, simulated
from tests.simulation.pool import Key, Token, pool
from tests.support.tokens import AUDIENCE, ISSUER

from mindpeeker_guard import (
    AuthError,
    Guard,
    InvalidTokenError,
    JWTBearer,
    KeysUnavailableError,
    Principal,
    RemoteKeySet,
    Request,
)
from mindpeeker_guard._flow import Flow, Wait

_LATE: Final = 1e-3  # seconds after its timeout that a thread wakes up
_ANY: Final = Request()

Step = Callable[[Flow[Principal]], Any]


class World:
    """One run: time passes, requests come, and every decision is judged.

    Args:
        seed: Decides about everything that is random.
        numbers: The settings.
        bearer: The class of the authenticator; a broken one must be found out.
        keys: The issuer's keys, in the order in which it publishes them.
    """

    def __init__(
        self,
        seed: int,
        numbers: Numbers = Numbers(),  # noqa: B008 - frozen
        bearer: type[JWTBearer] = JWTBearer,
        keys: Iterable[Key] | None = None,
    ) -> None:
        self.rng = random.Random(seed)
        self.clock = Clock()
        self.agenda = Agenda(self.clock)
        self.issuer = Issuer(self.rng, pool().keys if keys is None else keys)
        self.oracle = Oracle(self.clock, self.issuer, numbers)
        self.network = Network(self)
        self.asking: str | None = None
        self._blocked = False
        self._waiting: defaultdict[Future[Any], list[Callable[[Step], None]]] = defaultdict(list)
        self.keys = RemoteKeySet(
            "https://auth.mindpeeker.com/jwks",
            fresh_for=numbers.fresh_for,
            stale_for=numbers.stale_for,
            max_stale=numbers.max_stale,
            clock=self.clock,
            timer=self.clock.monotonic,
            jitter=self.oracle.draw,
        )
        self.network.stand_in_for(self.keys)
        self.bearer = bearer(ISSUER, AUDIENCE, keys=self.keys, token_cache=numbers.token_cache, clock=self.clock)
        self.guard = Guard(self.bearer, clock=self.clock)

    def run(self, tokens: Iterable[Token], pauses: Iterable[float]) -> None:
        """Send requests, each so many seconds after the one before."""
        with simulated(self):
            self._run(tokens, pauses)

    def _run(self, tokens: Iterable[Token], pauses: Iterable[float]) -> None:
        clock, agenda, oracle, attempt = self.clock, self.agenda, self.oracle, self.bearer.attempt
        surely = 0
        for token, pause in zip(tokens, pauses, strict=False):
            now = clock.now + pause
            if now >= agenda.next_at:
                agenda.run_until(clock.monotonic() + pause)
                now = clock.now
            else:
                clock.now = now
            try:
                principal = attempt(token.text, _ANY)
            except InvalidTokenError:
                oracle.judge(oracle.ask(token), REFUSED)
                continue
            if principal is None:
                self._authenticate(token)
            elif (
                oracle.sure_from <= now < oracle.sure_until
                and token.key in oracle.keys
                and token.starts <= now < token.ends
                and principal.token_id == token.name
            ):
                surely += 1
            else:
                oracle.judge(oracle.ask(token), _accepted(principal, token))
        oracle.decided[ACCEPTED] += surely

    def ask(self, token: Token) -> None:
        """Send one request."""
        try:
            principal = self.bearer.attempt(token.text, _ANY)
        except InvalidTokenError:
            self.oracle.judge(self.oracle.ask(token), REFUSED)
            return
        if principal is None:
            self._authenticate(token)
        else:
            self.oracle.judge(self.oracle.ask(token), _accepted(principal, token))

    def send_through_guard(self, token: Token) -> None:
        """Send one request through the guard, and come back when it is answered."""
        with simulated(self):
            self.check(token)

    def check(self, token: Token) -> None:
        """Send one request through the guard, in a world that runs. While it waits, others go on; they do not block."""
        if self._blocked:
            self.ask(token)
            return
        ask = self.oracle.ask(token)
        self.asking = token.kid
        try:
            principal = self.guard.check(Request(headers={"authorization": f"Bearer {token.text}"}))
        except AuthError as error:
            outcome = str(self.guard.refusal(error).status)
        except KeysUnavailableError as error:
            refusal = self.guard.refusal(error)
            outcome = _checked(error, str(refusal.status), dict(refusal.headers))
        else:
            outcome = "nobody" if principal is None else _accepted(principal, token)
        ask.waited = self.clock.monotonic() > ask.monotonic
        self.oracle.judge(ask, outcome)

    def begin(self, job: Callable[[], None], headers: Mapping[str, str], future: Future[Any]) -> None:
        """Begin a fetch: what the issuer answers is decided now, and arrives later."""
        kid = self.asking if "no-cache" in headers.get("cache-control", "") else None
        now = self.clock.monotonic()
        fetch, reply = Fetch(now, kid), self.issuer.reply(headers, now)
        self.oracle.asked(fetch)
        self.agenda.after(reply.delay, partial(self._end, job, fetch, reply, future))

    def _end(self, job: Callable[[], None], fetch: Fetch, reply: Any, future: Future[Any]) -> None:
        self.network.deliver(partial(self.oracle.answered, fetch, reply), reply.outcome)
        job()
        for go_on in self._waiting.pop(future, ()):
            go_on(_resume)

    def _authenticate(self, token: Token) -> None:
        ask = self.oracle.ask(token)
        self._go_on(ask, self.bearer.authenticate(token.text, _ANY), next)

    def _go_on(self, ask: Ask, flow: Flow[Principal], step: Step) -> None:
        """Take a request on to where it waits, or is decided."""
        self.asking = ask.token.kid
        try:
            effect = step(flow)
        except StopIteration as end:
            outcome = _accepted(end.value, ask.token)
        except InvalidTokenError:
            outcome = REFUSED
        except KeysUnavailableError as error:
            outcome = _checked(error, UNAVAILABLE)
        else:
            self._park(ask, flow, effect)
            return
        self.oracle.judge(ask, outcome)

    def _park(self, ask: Ask, flow: Flow[Principal], effect: Wait) -> None:
        ask.waited = True
        if effect.future.done():
            raise AssertionError("nobody waits for what is over")
        go_on = partial(self._go_on, ask, flow)
        waiting = self._waiting[effect.future]
        waiting.append(go_on)

        def give_up() -> None:
            if go_on in waiting and not effect.future.done():
                waiting.remove(go_on)
                go_on(_time_out)

        self.agenda.after(effect.timeout + _LATE, give_up)

    def wait_for(self, future: SimulatedFuture, timeout: float) -> None:
        """Let time pass until a fetch is over; see `concurrent.futures.Future.result`."""
        asking, self._blocked = self.asking, True
        self.agenda.run_until(self.clock.monotonic() + timeout + _LATE, future.done)
        self.asking, self._blocked = asking, False
        if not future.done():
            raise TimeoutError


def _resume(flow: Flow[Principal]) -> Any:
    return flow.send(None)


def _time_out(flow: Flow[Principal]) -> Any:
    return flow.throw(TimeoutError())


def _accepted(principal: Principal, token: Token) -> str:
    return ACCEPTED if principal.token_id == token.name else "somebody else"


def _checked(error: KeysUnavailableError, status: str, headers: Mapping[str, str] | None = None) -> str:
    """Return the status, if callers are told a time to come back that makes sense."""
    told = "1" if headers is None else headers.get("Retry-After", "")
    good = error.retry_after <= 300 and told.isdigit() and 1 <= int(told) <= 300
    return status if good else f"{status} with Retry-After {told} ({error.retry_after})"
