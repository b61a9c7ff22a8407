"""A key set against a simple oracle: whatever the issuer does, whenever anybody asks."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.tokens import jwks, public_jwk

from mindpeeker_guard import KeysUnavailableError, RemoteKeySet, UnknownKeyError
from mindpeeker_guard._flow import run
from mindpeeker_guard._http import Answer, FetchError

ALG = "ES256"
KIDS = ["a", "b", "c"]
FRESH, STALE, DEAD = 300, 300, 3600
BURST, REFILL = 2, 15

kid_sets = st.frozensets(st.sampled_from(KIDS))
modes = st.sampled_from(["good", "good", "not modified", "down", "junk", "slow down"])
pauses = st.sampled_from([0, 0.5, 1, 10, 16, 70, 250, 700, 4000]) | st.floats(0, 1000)


class Issuer:
    """Publishes keys, or fails; counts who asks. It stands in for the fetcher of a key set."""

    def __init__(self, clock):
        self.clock = clock
        self.published = frozenset({"a"})
        self.mode = "good"
        self.asked = []
        self.good = None

    def session(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def get(self, url, headers):
        self.asked.append(self.clock())
        if self.mode == "down":
            raise FetchError("down")
        if self.mode == "slow down":
            raise FetchError("slow down", retry_after=20, answered=True)
        if self.mode == "junk":
            return Answer({"keys": [{"kty": "oct", "k": "AA", "kid": kid} for kid in KIDS]}, None, {})
        if self.mode == "not modified" and "if-none-match" in headers:
            self.good = (self.good[0], self.clock())
            return Answer(None, None, {})
        keys = [public_jwk("shared", ALG, kid=kid) for kid in sorted(self.published)]
        if keys:
            self.good = (self.published, self.clock())
        return Answer(jwks(*keys) if keys else {"keys": []}, None, {"if-none-match": "x"})


class KeySetMachine(RuleBasedStateMachine):
    """Look-ups, and an issuer that changes its mind, in any order."""

    @initialize()
    def start(self):
        self.now = 1_000_000.0
        self.began = self.now
        self.issuer = Issuer(lambda: self.now)
        self.keys = RemoteKeySet(
            "https://a.com/jwks",
            fresh_for=FRESH,
            stale_for=STALE,
            max_stale=DEAD,
            unknown_kid_burst=BURST,
            unknown_kid_refill=REFILL,
            timeout=60,
            clock=lambda: self.now,
            jitter=lambda: 1.0,
        )
        self.keys._fetcher = self.issuer

    @rule(seconds=pauses)
    def wait(self, seconds):
        self.now += seconds

    @rule(kids=kid_sets)
    def publish(self, kids):
        self.issuer.published = kids

    @rule(mode=modes)
    def turn(self, mode):
        self.issuer.mode = mode

    @rule(
        kids=kid_sets, mode=st.sampled_from(["down", "junk", "good"]), seconds=st.sampled_from([250, 700, 3500, 4000])
    )
    def let_time_pass(self, kids, mode, seconds):
        """A good time, and then an outage or a rotation while nobody asks."""
        self.issuer.mode = "good"
        self.now += 400
        for kid in KIDS:
            self.look_up(kid)
        self.issuer.published, self.issuer.mode = kids, mode
        self.now += seconds
        for kid in KIDS:
            self.look_up(kid)

    @rule(kid=st.sampled_from([*KIDS, "junk-1", "junk-2"]))
    def look_up(self, kid):
        before, asked = self.issuer.good, len(self.issuer.asked)
        due = before is not None and self.now >= before[1] + 0.8 * FRESH and self.now > self.issuer.asked[-1] + 60
        outcome = self.ask(kid)
        after, fetched = self.issuer.good, len(self.issuer.asked) > asked
        in_force = [good for good in (before, after) if good is not None and self.now < good[1] + DEAD]

        assert fetched or not due, "a set past its time was not asked for anew"
        if outcome == "found":
            assert any(kid in good[0] for good in in_force), "a key that no good set had"
        elif outcome == "unknown":
            assert after is not None, "nobody could know"
            assert kid not in after[0], "a good key was lost"
            assert self.keys._failure is None, "the issuer's failure is not the caller's"
        else:
            assert self.keys._failure is not None, "unavailable, and nothing failed"
            assert not any(kid in good[0] for good in in_force[-1:]), "a good key was lost to a bad answer"
        if not fetched and in_force and kid in in_force[-1][0]:
            assert outcome == "found", "a key at hand was refused"

    @rule()
    def flood(self):
        """A hundred key ids that nobody ever had."""
        asked = len(self.issuer.asked)
        for number in range(100):
            assert self.ask(f"flood-{number}") != "found"

        assert len(self.issuer.asked) - asked <= BURST + 2, "a flood of junk became a flood of fetches"

    @invariant()
    def fetches_are_bounded(self):
        """One for each refresh time or pause that has passed, and the budget for unknown keys; no more."""
        if not hasattr(self, "issuer"):
            return
        passed = self.now - self.began
        assert len(self.issuer.asked) <= 2 + BURST + passed / REFILL + passed

    def ask(self, kid):
        try:
            run(self.keys.find(kid, ALG))
        except UnknownKeyError:
            return "unknown"
        except KeysUnavailableError:
            return "unavailable"
        finally:
            running = self.keys._worker.running()
            if running is not None:
                running.result(60)
        return "found"


KeySetMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None, derandomize=True)
TestKeySetMachine = KeySetMachine.TestCase
