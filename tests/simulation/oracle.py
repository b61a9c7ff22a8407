"""What a guard must decide, worked out from what the issuer did and when; nothing here looks at the guard.

The rules are those of the design, section 5, said once more. All that depends on a random number is checked by its
bounds. Times are wall-clock seconds, as the guard counts them, but for those of waits, of unknown keys and of the
issuer.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.clock import Clock
from tests.simulation.facts import BURST, LONGEST_PAUSE, REFILL, Ask, Bad, Budget, Fetch, Good, Numbers
from tests.simulation.issuer import Issuer, Reply
from tests.simulation.pool import Key, Token

ACCEPTED: Final = "accepted"
REFUSED: Final = "401"
UNAVAILABLE: Final = "503"

_EPS: Final = 1e-3
_LIMIT: Final = 5.5  # seconds after which a fetch is given up: its timeout, and half a second for the thread
_ABSENT_FOR: Final = 30
_NEVER: Final = float("inf")


@dataclass
class Oracle:
    """Follows a world and notes each wrong decision.

    Attributes:
        wrong: How often each rule was broken.
        notes: The first of these, in detail.
        decided: How often each decision was made.
        fetches: How many fetches there were, of which kind.
        keys: The keys that are surely in force, while `sure_from` <= now < `sure_until`.
    """

    clock: Clock
    issuer: Issuer
    numbers: Numbers
    wrong: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    decided: Counter[str] = field(default_factory=Counter)
    fetches: Counter[str] = field(default_factory=Counter)
    keys: frozenset[Key] = frozenset()
    sure_from: float = 0
    sure_until: float = 0

    def __post_init__(self) -> None:
        self.good: Good | None = None
        self.bad: Bad | None = None
        self.flying: Fetch | None = None
        self.set_back = self.told_wrong = False
        self.drawn: float | None = 0
        self.jumped_at = -_NEVER
        self.budget = Budget(self.clock.monotonic())
        self.absent: dict[str, float] = {}
        self.recent: deque[float] = deque()

    # What happens

    def jumped(self, seconds: float) -> None:
        """Note that the clock was set."""
        self.set_back |= seconds < 0
        self.jumped_at = self.clock.monotonic()
        self._be_sure()

    def asked(self, fetch: Fetch) -> None:
        """A fetch begins: one at a time, when it is due or paid for, and not while backing off."""
        now = self.clock()
        if self.flying is not None and fetch.began <= self.flying.began + _LIMIT:
            self._blame("two fetches at a time")
        if self.bad is not None and now < self.bad.at + min(self.bad.retry_after, LONGEST_PAUSE) and not self.set_back:
            self._blame("a fetch before Retry-After")
        if fetch.kid is not None:
            self.budget.pass_to(self.clock.monotonic())
            if self.budget.left < 1 - _EPS:
                self._blame("a fetch for an unknown key that the budget does not allow")
            self.budget.take()
        elif not self.set_back and self._is_early(now):
            self._blame("a fetch before its time")
        self.fetches["unknown kid" if fetch.kid is not None else "scheduled"] += 1
        self.recent.append(fetch.began)
        while self.recent[0] < fetch.began - 3600:
            self.recent.popleft()
        if len(self.recent) > 3600 / (0.7 * min(60, self.numbers.fresh_for)) + 3600 / REFILL + BURST + 3600 / 15:
            self._blame("too many fetches in an hour")
        self.flying = fetch
        self._be_sure()

    def answered(self, fetch: Fetch, reply: Reply) -> None:
        """A fetch ends; one that was given up changes nothing."""
        if self.flying is not fetch:
            self.fetches["too late"] += 1
            return
        keys = reply.document.keys if reply.document is not None else None
        if reply.unchanged and self.good is not None:
            if keys not in {None, self.good.keys}:
                self._blame("asked for what has changed since another set")
            keys = self.good.keys
        if not keys:
            self._fail(reply.retry_after)
            return
        now = self.clock()
        fresh_for = self.numbers.fresh_for if reply.max_age is None else min(max(reply.max_age, 60), 3600)
        if self.good is None or keys != self.good.keys:
            self.absent.clear()
        self.good = Good(keys, frozenset(key.kid for key in keys), now, fresh_for)
        if fetch.kid is not None and fetch.kid not in self.good.kids:
            self.absent[fetch.kid] = self.clock.monotonic()
        self.fetches["not modified" if reply.unchanged else "good"] += 1
        self.told_wrong = reply.document is None
        self.drawn = None
        self.bad = self.flying = None
        self.set_back = False
        self._be_sure()

    # What is decided

    def ask(self, token: Token) -> Ask:
        """Note that a request comes, and how things stand."""
        now = self.clock()
        self._give_up(token)
        self.budget.pass_to(self.clock.monotonic())
        known = self.good is not None and token.kid in self.good.kids and now < self._dead_at()
        at_once = not token.is_good_at(now) or (known and (self._is_usable(now) or self.bad is not None))
        return Ask(token, now, self.clock.monotonic(), not at_once, self.budget.left)

    def judge(self, ask: Ask, outcome: str) -> None:
        """Compare a decision with what it must be."""
        token, now = ask.token, self.clock()
        self._give_up(token, waited=ask.waited)
        self.decided[outcome] += 1
        if outcome != (expected := self._expected(ask, now)):
            self._blame(f"{outcome} where it must be {expected}", ask)
        if ask.waited and not ask.may_wait:
            self._blame("a wait that was not needed", ask)
        if self.clock.monotonic() > ask.monotonic + _LIMIT + 2 * _EPS:
            self._blame("a wait that was too long", ask)
        if token.is_good_at(ask.at):
            self._check_refresh(ask)
            if outcome == ACCEPTED:
                self._check_age(ask, now)
            elif self._is_published(ask) and (self.good is None or token.kid not in self.good.kids):
                self._check_first_use(ask, outcome)

    def _expected(self, ask: Ask, now: float) -> str:
        token, good = ask.token, self.good
        if not token.is_good_at(ask.at):
            return REFUSED
        if good is None or now >= self._dead_at():
            return UNAVAILABLE
        if token.kid in good.kids:
            return ACCEPTED if token.key in good.keys else REFUSED
        return UNAVAILABLE if self.bad is not None or self._is_out_of_time(ask) else REFUSED

    def _check_refresh(self, ask: Ask) -> None:
        """With every request, a refresh that is due must be under way, or over."""
        due = self.bad.at + self.bad.longest_pause if self.bad is not None else -_NEVER
        if self.good is not None:
            due = max(due, min(self.good.at + 0.8 * self.good.fresh_for, self._dead_at()))
        if self.flying is None and ask.at >= due + _EPS:
            self._blame("a refresh is due, and nobody began it", ask)

    def _check_age(self, ask: Ask, now: float) -> None:
        """A set that is past its time is used only after a try to refresh it; so a key that was withdrawn ends."""
        if self.bad is not None or self.good is None:
            return
        if not self._is_usable(now):
            self._blame("a stale set was used without a try to refresh it", ask)
        gone = self.issuer.withdrawn_at.get(ask.token.key, _NEVER) if ask.token.key is not None else _NEVER
        bound = self.good.fresh_for + self.numbers.stale_for + _LIMIT + self.issuer.cached_for
        if self.clock.monotonic() > gone + bound and self.jumped_at < gone and not self.told_wrong:
            self._blame("a key in force long after its withdrawal", ask)

    def _check_first_use(self, ask: Ask, outcome: str) -> None:
        """A key that is published counts at its first use, unless junk took the budget or fetches fail."""
        kid, absent = ask.token.kid, ask.monotonic < self.absent.get(ask.token.kid, -_NEVER) + _ABSENT_FOR
        backing_off = self.bad is not None and ask.at < self.bad.at + self.bad.longest_pause + _EPS
        if self.told_wrong or self._is_out_of_time(ask):
            return
        if not absent and not backing_off and ask.budget >= 1 + _EPS:
            self._blame(f"{outcome} for a key that is published", ask)
        since = self.issuer.published_at[ask.token.key] if ask.token.key is not None else _NEVER
        late = ask.monotonic > since + REFILL + _LIMIT
        if outcome == REFUSED and late and not absent and self.jumped_at < since and not self.issuer.cached_for:
            self._blame(f"{kid} is published and still unknown", ask)

    def _is_out_of_time(self, ask: Ask) -> bool:
        """Whether it has waited for as long as anybody may, for a fetch that goes on."""
        return self.flying is not None and self.clock.monotonic() >= ask.monotonic + _LIMIT

    def _is_published(self, ask: Ask) -> bool:
        key = ask.token.key
        return key in self.issuer.published and self.issuer.published_at[key] <= ask.monotonic

    def _is_usable(self, now: float) -> bool:
        good = self.good
        return good is not None and good.at <= now < good.at + good.fresh_for + self.numbers.stale_for

    def _is_early(self, now: float) -> bool:
        good = self.good
        return good is not None and good.at <= now < good.at + 0.7 * good.fresh_for - _EPS

    def _dead_at(self) -> float:
        good, numbers = self.good, self.numbers
        return -_NEVER if good is None else good.at + max(numbers.max_stale, good.fresh_for + numbers.stale_for)

    def _give_up(self, token: Token, *, waited: bool = False) -> None:
        """A fetch that takes too long has failed as soon as a request looks for it."""
        late = self.flying is not None and self.clock.monotonic() > self.flying.began + _LIMIT
        if late and (waited or self._looks(token)):
            self._fail(0)

    def _looks(self, token: Token) -> bool:
        """Whether a request looks for a fetch: not if its token is bad, or if it needs no more than a fresh set."""
        now, good = self.clock(), self.good
        fresh = good is not None and good.at <= now < good.at + good.fresh_for * (0.7 + 0.1 * (self.drawn or 0))
        return token.is_good_at(now) and not (fresh and good is not None and token.kid in good.kids)

    def _blame(self, rule: str, ask: Ask | None = None) -> None:
        self.wrong[rule] += 1
        if self.wrong[rule] <= 3:
            facts = self.good, self.bad, self.flying, self.issuer.outage
            self.notes.append(f"{self.clock.monotonic():.3f}: {rule}; {ask}, {facts}")

    def draw(self) -> float:
        """Draw a random number for the guard; the first after a good answer decides when that will be refreshed."""
        number = self.issuer.rng.random()
        if self.drawn is None:
            self.drawn = number
        return number

    def _fail(self, retry_after: float) -> None:
        count = self.bad.count + 1 if self.bad is not None else 1
        self.bad = Bad(self.clock(), self.clock.monotonic(), count, retry_after)
        self.flying = None
        self.set_back = False
        self.fetches["bad"] += 1
        self._be_sure()

    def _be_sure(self) -> None:
        """Work out until when a look at the key suffices: while no fetch is under way and none is due."""
        self.sure_until = -_NEVER
        if self.good is not None and self.flying is None:
            self.keys, self.sure_from = self.good.keys, self.good.at
            self.sure_until = min(self.good.at + 0.7 * self.good.fresh_for, self._dead_at())
