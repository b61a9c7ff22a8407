"""An issuer that changes its keys all the time, and what must hold for every token meanwhile."""

from __future__ import annotations

import random
import threading
from collections import Counter

from tests.faults.issuer import Issuer, publish
from tests.faults.rig import Rig, eventually, signed
from tests.support.tokens import public_jwk

from mindpeeker_guard import GuardError, Principal, UnknownKeyError

_IN_FORCE = 3  # keys that are published at the same time
_TOKENS = 20  # good ones that are seen of each round, at least


class Rotation:
    """Publishes a new key every so many seconds and withdraws the oldest; signs with the newest at once.

    Attributes:
        wrong: What was seen that must not be.
        seen: How many tokens were shown, by what became of them.
    """

    def __init__(self, issuer: Issuer, rounds: int) -> None:
        self._issuer = issuer
        self._names = [f"r{number}" for number in range(rounds + _IN_FORCE)]
        for name in self._names:
            public_jwk(name, "ES256")  # made now, not amid the test
            signed(name)
        self._round = 0
        self.over = threading.Event()
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()
        self._good_kids: Counter[str] = Counter()
        self._publish()

    def run(self, every: float) -> None:
        """Rotate until there are no names left, but no faster than that, nor before the newest key is in use."""
        try:
            self._await_use(every)
            for number in range(1, len(self._names) - _IN_FORCE + 1):
                self._round = number
                self._publish()
                self._await_use(every)
        finally:
            self.over.set()

    def _await_use(self, every: float) -> None:
        self.over.wait(every)
        before, newest = self.seen["good"], self.published()[-1]
        eventually(lambda: self._good_kids[newest] and self.seen["good"] >= before + _TOKENS)

    def published(self) -> list[str]:
        """Return the names of the keys that are published now, the newest last."""
        return self._names[self._round : self._round + _IN_FORCE]

    def withdrawn(self) -> list[str]:
        """Return the names of the keys that are published no more."""
        return self._names[: self._round]

    def choose(self, chance: random.Random) -> str:
        """Return the key of the next token: mostly the newest, sometimes the one that was withdrawn last."""
        number = chance.random()
        withdrawn = self.withdrawn()[-1:]
        if number < 0.1 and withdrawn:
            return withdrawn[0]
        return self.published()[-1] if number < 0.6 else chance.choice(self.published())

    def before(self, rig: Rig, kid: str) -> tuple[bool, bool]:
        """Return whether `kid` is published, and whether the guard still has it."""
        had = kid in rig.keys.health().keys
        return kid in self.published(), had

    def judge(self, kid: str, before: tuple[bool, bool], outcome: Principal | GuardError) -> None:
        """Note an outcome that may not be: whatever happens at the same time, these two rules hold."""
        was_published, had = before
        good = isinstance(outcome, Principal)
        if was_published and kid in self.published():
            if not good:
                self.wrong.append(f"refused: {kid} {outcome!r}")
        elif not was_published and not had and not isinstance(outcome, UnknownKeyError):
            self.wrong.append(f"withdrawn, yet: {kid} {outcome!r}")
        if good:
            self._good_kids[kid] += 1
        self.seen["good" if good else type(outcome).__name__] += 1

    def _publish(self) -> None:
        self._issuer.behave = publish(*self.published())
