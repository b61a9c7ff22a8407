"""What happens in a simulated world: rotations, outages, floods, idle hours and clocks that are set, by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Final

from tests.simulation.facts import Numbers
from tests.simulation.issuer import OUTAGES
from tests.simulation.pool import Token, pool
from tests.simulation.world import World

from mindpeeker_guard import JWTBearer

_HOUR: Final = 3600.0
_MAX_AGES: Final = (None, None, 0.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 604_800.0)
_DELAYS: Final = ((0.0, 0.0), (0.0, 0.0), (0.01, 0.3), (0.01, 0.3), (0.05, 1.0), (0.5, 9.0))
_NUMBERS: Final = (
    Numbers(),
    Numbers(token_cache=64),
    Numbers(fresh_for=60, stale_for=0, max_stale=_HOUR),
    Numbers(max_stale=0),
    Numbers(token_cache=2),
    Numbers(fresh_for=900, stale_for=60, max_stale=100_000),
    Numbers(),
    Numbers(token_cache=0),
)
_SLOW: Final = {0: 40, 2: 30, 64: 2}  # so many times fewer requests where the cache can hardly help


@dataclass(frozen=True)
class Mixture:
    """How traffic is made up, in requests of a thousand."""

    previous: float = 120
    withdrawn: float = 8
    expired: float = 5
    forged: float = 4
    junk: float = 4


_USUAL: Final = Mixture()
_FLOOD: Final = Mixture(junk=600)


def simulate(seed: int, requests: int, bearer: type[JWTBearer] = JWTBearer) -> World:
    """Run the world of a seed for about so many requests, or fewer where each is slow, and return it."""
    numbers = _NUMBERS[seed % len(_NUMBERS)]
    scenario = Scenario(World(seed, numbers, bearer))
    scenario.run(max(200, requests // _SLOW.get(numbers.token_cache, 1)))
    return scenario.world


class Scenario:
    """Makes things happen in a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng: random.Random = world.rng
        self._down_until = 0.0
        self._span = 0.0
        issuer = world.issuer
        self.rng.shuffle(issuer.unused)
        if self.rng.random() < 0.25:
            issuer.cached_for = self.rng.choice([20.0, 120.0])
        issuer.publish(0, use=True)
        self._actions: list[tuple[Callable[[], None], float]] = [
            (self._rotate, 3),
            (self._rotate_at_once, 3),
            (self._withdraw, 4),
            (self._replace, 1),
            (self._fail, 5),
            (self._set_clock, 1),
            (self._change_answers, 2),
            (self._send_through_guard, 6),
        ]

    def run(self, requests: int) -> None:
        """Send about so many requests, in phases of one density each."""
        oracle, longest = self.world.oracle, max(300, requests // 12)
        while oracle.decided.total() < requests:
            pause = 0.005 * 60_000 ** self.rng.random() ** 2.5
            count = self.rng.randint(100, longest if pause < 1 else max(200, longest // 2))
            self._span = count * pause
            for _ in range(self.rng.choice([0, 1, 2, 4])):
                action = self.rng.choices(*zip(*self._actions, strict=True))[0]
                self.world.agenda.after(self.rng.random() * self._span, action)
            mixture = _FLOOD if self.rng.random() < 0.02 else _USUAL
            self.world.run(self._tokens(mixture, count), self._pauses(pause, count))

    def _tokens(self, mixture: Mixture, count: int) -> Iterator[Token]:
        """Tokens of the key in use, of others that are published, of those that were; and what attackers send."""
        issuer, rng, all_keys = self.world.issuer, self.rng, pool()
        good = all_keys.good
        others = [key for key in issuer.published if key is not issuer.signing] or [issuer.signing]
        kinds: dict[str, list[Token]] = {
            "previous": [token for key in others for token in good[key]],
            "withdrawn": [token for key in issuer.unused for token in good[key]],
            "expired": list(all_keys.expired),
            "forged": list(all_keys.forged),
            "junk": list(all_keys.junk),
        }
        weights = [getattr(mixture, kind) for kind in kinds]
        drawn = [cycle(rng.choices(tokens, k=60 if kind != "junk" else 600)) for kind, tokens in kinds.items()]
        drawn.append(cycle(rng.choices(good[issuer.signing], k=60)))
        return map(next, rng.choices(drawn, [*weights, 1000 - min(sum(weights), 999)], k=count))

    def _pauses(self, pause: float, count: int) -> list[float]:
        """Pauses about as long as asked, now and then hours in which nobody comes."""
        pauses = self.rng.choices([pause * step / 8 for step in range(17)], k=count)
        if self.rng.random() < 0.2:
            pauses[self.rng.randrange(count)] = self.rng.choice([0.1, 1, 5, 30]) * _HOUR * self.rng.random()
        return pauses

    # What may happen

    def _rotate(self) -> None:
        """Publish a key, and use it later."""
        key = self.world.issuer.publish(self.world.clock.monotonic(), use=False)

        def use() -> None:
            if key in self.world.issuer.published:
                self.world.issuer.signing = key

        self.world.agenda.after(self.rng.choice([5, 60, 600, 3600]), use)

    def _rotate_at_once(self) -> None:
        """Publish a key, and send a token of it at once, or soon."""
        key = self.world.issuer.publish(self.world.clock.monotonic(), use=True)
        for _ in range(3):
            send = self.rng.choice([self.world.ask, self.world.check])
            delay = self.rng.choice([0, self.rng.random(), 40 * self.rng.random()])
            self.world.agenda.after(delay, partial(send, self.rng.choice(pool().good[key])))

    def _withdraw(self) -> None:
        """Withdraw a key that is not in use."""
        issuer = self.world.issuer
        others = [key for key in issuer.published if key is not issuer.signing]
        if others:
            issuer.withdraw(self.rng.choice(others), self.world.clock.monotonic())

    def _replace(self) -> None:
        """Withdraw all keys at once, as after a theft."""
        issuer, now = self.world.issuer, self.world.clock.monotonic()
        stolen = list(issuer.published)
        issuer.publish(now, use=True)
        for key in stolen:
            if key in issuer.published:
                issuer.withdraw(key, now)

    def _fail(self) -> None:
        """Have the issuer fail, for moments or for up to 30 hours."""
        issuer = self.world.issuer
        issuer.outage = self.rng.choice(OUTAGES)
        lasts = min(self._span * 0.01 * 60 ** self.rng.random(), 30 * _HOUR)
        self._down_until = max(self._down_until, self.world.clock.monotonic() + lasts)

        def end() -> None:
            if self.world.clock.monotonic() >= self._down_until - 0.01:
                issuer.outage = None

        self.world.agenda.after(lasts, end)

    def _set_clock(self) -> None:
        """Set the clock ahead or back, but not while a fetch is on its way: nobody could say whether it is late."""
        if self.world.oracle.flying is not None:
            self.world.agenda.after(10, self._set_clock)
            return
        seconds = self.rng.choice([-4000, -60, -5, -1, 1, 30, 120, 4000]) * self.rng.random()
        self.world.clock.jump(seconds)
        self.world.oracle.jumped(seconds)

    def _change_answers(self) -> None:
        """Have the issuer answer faster or slower, with another max-age, with or without an ETag."""
        issuer = self.world.issuer
        issuer.max_age = self.rng.choice(_MAX_AGES)
        issuer.delays = self.rng.choice(_DELAYS)
        issuer.sends_tags = self.rng.random() < 0.7

    def _send_through_guard(self) -> None:
        """Send some requests through the guard, as an application does."""
        for token in self._tokens(_USUAL if self.rng.random() < 0.9 else _FLOOD, 20):
            self.world.check(token)
