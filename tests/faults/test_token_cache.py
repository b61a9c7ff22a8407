"""Tokens that are remembered, over an issuer whose keys come and go."""

from __future__ import annotations

import gc
import random
import threading

import pytest
from tests.faults.issuer import publish
from tests.faults.rig import Rig, at_once, fresh, signed

from mindpeeker_guard import ExpiredTokenError, Key, KeysUnavailableError, Principal, UnknownKeyError


@pytest.fixture
def verified(monkeypatch):
    """A list that grows with every signature that is verified."""
    calls = []
    verify = Key.verify

    def counting(self, *arguments):
        calls.append(self.kid)
        return verify(self, *arguments)

    monkeypatch.setattr(Key, "verify", counting)
    return calls


def test_a_hit_verifies_no_signature(issuer, verified):
    """
    A token is verified once, and remembered through refreshes that leave its key as it is.
    """
    rig = Rig(issuer)
    rig.check(signed("a"))

    for names in (["a"], ["a", "b"], ["b", "a"], ["a"]):
        issuer.behave = publish(*names)
        rig.refresh()
        rig.check(signed("a"))

    assert 5 == rig.keys.health().fetches
    assert ["a"] == verified


def test_a_hit_ends_with_its_key(issuer):
    """
    The refresh that withdraws a key takes the remembered tokens of that key with it, and no others.
    """
    issuer.behave = publish("a", "b")
    rig = Rig(issuer)
    tokens = [signed(kid, number) for kid in "ab" for number in range(5)]
    before = [type(rig.outcome(text)) for text in tokens * 2]
    issuer.behave = publish("b")

    rig.refresh()
    after = [type(rig.outcome(text)) for text in tokens]

    assert [Principal] * 20 == before
    assert [UnknownKeyError] * 5 + [Principal] * 5 == after


def test_a_key_that_is_withdrawn_during_the_check(issuer):
    """
    A token that was let through just as its key was withdrawn is not let through again.
    """
    rig = Rig(issuer)
    rig.guard.warm_up()
    issuer.behave = publish("a", "b")
    find = rig.keys.find

    def find_then_withdraw(kid, alg):
        found = yield from find(kid, alg)
        issuer.behave = publish("a")
        rig.refresh()
        rig.keys.find = find
        return found

    rig.keys.find = find_then_withdraw
    first, second = rig.outcome(signed("b")), rig.outcome(signed("b"))

    assert ["a"] == list(rig.keys.health().keys)
    assert isinstance(first, Principal)
    assert isinstance(second, UnknownKeyError)


@pytest.mark.parametrize("size", [0, 4096])
def test_a_hit_ends_with_its_token(issuer, size):
    """
    A token is refused from `exp` and the leeway on, to the second, remembered or not.
    """
    rig = Rig(issuer, token_cache=size)
    start = rig.clock.now
    text = fresh("a", exp=int(start) + 100)
    outcomes = []

    for at in (0, 99, 129.9, 130, 131):
        rig.clock.now = int(start) + at
        outcomes.append(type(rig.outcome(text)))

    assert [Principal, Principal, Principal, ExpiredTokenError, ExpiredTokenError] == outcomes


def test_a_hit_ends_with_the_longest_outage(issuer):
    """
    A remembered token is worth no more than the keys: past the longest outage it is answered with 503.
    """
    rig = Rig(issuer, max_stale=1200)
    text = fresh("a", exp=int(rig.clock.now) + 9999)
    rig.check(text)
    issuer.refuse()
    outcomes = []

    for pause in (1000, 199, 1, 100):
        rig.clock.skip(pause)
        outcomes.append(type(rig.outcome(text)))

    assert [Principal, Principal, KeysUnavailableError, KeysUnavailableError] == outcomes


def _principals() -> int:
    gc.collect()
    return sum(issubclass(type(one), Principal) for one in gc.get_objects())


@pytest.mark.parametrize(("size", "kept"), [(100, 100), (1, 1), (0, 0)])
def test_the_size_is_kept(issuer, size, kept):
    """
    Of 2,000 tokens no more are remembered than there is room for.
    """
    rig = Rig(issuer, token_cache=size)
    before = _principals()

    for number in range(2000):
        rig.check(signed("a", number))

    assert kept == _principals() - before


def test_ten_thousand_tokens(issuer, verified):
    """
    With room for 100, ten thousand tokens pass; the latest are remembered, the first are verified again.
    """
    rig = Rig(issuer, token_cache=100)
    texts = [fresh("a", sub=str(number)) for number in range(10_000)]
    before = _principals()

    for text in texts:
        rig.check(text)

    assert 10_000 == len(verified)
    assert 100 == _principals() - before
    assert "9999" == rig.check(texts[-1]).subject
    assert 10_000 == len(verified)
    assert "0" == rig.check(texts[0]).subject
    assert 10_001 == len(verified)


def test_nothing_is_remembered_where_nothing_shall_be(issuer, verified):
    """
    `token_cache=0` has every token verified every time.
    """
    rig = Rig(issuer, token_cache=0)

    for _ in range(5):
        rig.check(signed("a"))

    assert 5 == len(verified)


def test_junk_is_not_remembered(issuer):
    """
    Tokens that are refused take no room from the good ones.
    """
    rig = Rig(issuer, token_cache=2)
    good = [rig.check(signed("a", number)) for number in (1, 2)]

    for number in range(200):
        rig.outcome(signed("a", 3)[:-8] + f"{number:08d}")

    assert good == [rig.check(signed("a", number)) for number in (1, 2)]
    assert [True, True] == [one is rig.check(signed("a", number)) for number, one in enumerate(good, 1)]


def test_eight_threads_on_a_small_cache(issuer):
    """
    Eight threads that add, push out and read in a cache of eight always get the principal of their own token.
    """
    issuer.behave = publish("a", "b")
    rig = Rig(issuer, token_cache=8)
    rig.guard.warm_up()
    tokens = {f"user-{number}": signed("ab"[number % 2], number) for number in range(32)}
    over = threading.Event()

    def caller(seed):
        chance = random.Random(seed)
        while not over.is_set():
            subject, text = chance.choice(list(tokens.items()))
            assert subject == rig.check(text).subject

    def refresher():
        try:
            for names in [("b", "a"), ("a", "b")] * 10:
                issuer.behave = publish(*names)
                rig.refresh()
        finally:
            over.set()

    at_once(refresher, *[lambda seed=seed: caller(seed) for seed in range(8)])

    assert rig.keys.health().fetches > 20
