"""The states of a fetched key set, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tokens import public_jwk

from mindpeeker_guard._jwks import parse_jwks
from mindpeeker_guard._key_state import Bucket, Failure, Lifetimes, Snapshot

NOW = 1000.0
jitters = st.floats(0, 1)


def snapshot(keys=("a",), now=NOW, max_age=None, jitter=1.0, old=None, **lifetimes):
    known = {"fresh_for": 300, "stale_for": 300, "max_stale": 86_400} | lifetimes
    found = parse_jwks({"keys": [public_jwk("shared", "ES256", kid=kid) for kid in keys]})
    return Snapshot.of(
        found,
        now=now,
        lifetimes=Lifetimes(**known),
        max_age=max_age,
        jitter=jitter,
        url="https://a.com/jwks",
        validators={},
        old=old,
    )


@pytest.mark.parametrize(
    ("age", "states"),
    [
        pytest.param(-1, "stale", id="from the future"),
        pytest.param(0, "fresh", id="new"),
        pytest.param(239.9, "fresh", id="nearly ahead"),
        pytest.param(240, "ageing", id="ahead"),
        pytest.param(599.9, "ageing", id="nearly stale"),
        pytest.param(600, "stale", id="stale"),
        pytest.param(86_399.9, "stale", id="nearly dead"),
        pytest.param(86_400, "dead", id="dead"),
    ],
)
def test_the_ages_of_a_set(age, states):
    """
    A set is fresh, then ageing, then stale, then dead; one from the future is stale.
    """
    found = snapshot()
    now = NOW + age

    expected = {
        "fresh": (True, True, False),
        "ageing": (False, True, False),
        "stale": (False, False, False),
        "dead": (False, False, True),
    }[states]
    assert expected == (found.is_fresh(now), found.is_usable(now), found.is_dead(now))


@given(st.floats(0, 1e9), jitters, st.integers(1, 1000), st.integers(0, 1000), st.integers(0, 100_000))
def test_whatever_the_server_says_the_order_is_kept(max_age, jitter, fresh_for, stale_for, max_stale):
    """
    Whatever a server's max-age, a set is asked for anew within 60 to 3600 seconds, and dies no sooner than it is stale.
    """
    found = snapshot(max_age=max_age, jitter=jitter, fresh_for=fresh_for, stale_for=stale_for, max_stale=max_stale)

    assert 0.7 * 60 <= found.refresh_at - NOW <= 0.8 * 3600 + 1e-6
    assert found.refresh_at < found.stale_at <= found.dead_at
    assert found.stale_at - NOW <= 3600 + stale_for


def test_when_keys_were_seen():
    """
    For each key id it is known when it was first and last published, vanished ones included.
    """
    first = snapshot(("a", "b"))
    second = snapshot(("b", "c", None), now=NOW + 10, old=first)

    assert {kid: (seen.first, seen.last) for kid, seen in second.seen.items()} == {
        "a": (NOW, NOW),
        "b": (NOW, NOW + 10),
        "c": (NOW + 10, NOW + 10),
    }


def test_what_was_seen_is_bounded():
    """
    64 key ids are remembered, the latest ones.
    """
    old = snapshot([f"old-{number}" for number in range(64)])
    new = snapshot([f"new-{number}" for number in range(10)], now=NOW + 10, old=old)

    assert len(new.seen) == 64
    assert sum(kid.startswith("new") for kid in new.seen) == 10


def failures(number, jitter=1.0, retry_after=0.0):
    failure = None
    for _ in range(number):
        failure = Failure.after(failure, "down", now=NOW, retry_after=retry_after, jitter=jitter)
    return failure


def test_pauses_double():
    """
    The longest pause is a second after the first failure, and doubles up to a minute.
    """
    pauses = [failures(number).retry_at - NOW for number in (1, 2, 3, 4, 5, 6, 7, 8, 5000)]

    assert [1, 2, 4, 8, 16, 32, 60, 60, 60] == pauses


@given(st.integers(1, 30), jitters, st.floats(0, 1e6))
def test_a_pause_is_never_nothing_and_never_too_long(number, jitter, retry_after):
    """
    Whatever chance and server say, a pause is a quarter of a second to five minutes, and forbids a try that long.
    """
    failure = failures(number, jitter, retry_after)

    pause = failure.retry_at - NOW

    assert 0.25 <= pause <= 300
    assert failure.forbids(NOW)
    assert failure.forbids(failure.retry_at - 0.01)
    assert not failure.forbids(failure.retry_at)


def test_a_pause_ends_when_the_clock_is_set_back():
    """
    A pause that seems longer than any is over: the clock was set back.
    """
    assert not failures(3).forbids(NOW - 86_400)


def test_a_bucket_empties_and_fills():
    """
    A bucket of 2 gives two at once, then one every 15 seconds, and never holds more than 2.
    """
    bucket = Bucket(2, 15, 100)

    taken = [bucket.take(now) for now in (100, 100, 100, 114.9, 115, 115, 1000, 1000, 1000)]

    assert [True, True, False, False, True, False, True, True, False] == taken


def test_a_clock_that_is_set_back_fills_nothing():
    """
    A clock that jumps back neither fills the bucket nor stops it from filling.
    """
    bucket = Bucket(1, 15, 1000)

    assert bucket.take(1000)
    assert not bucket.take(0)
    assert not bucket.take(14)
    assert bucket.take(15)


@given(st.integers(1, 5), st.integers(1, 60), st.lists(st.floats(0, 100), max_size=60))
def test_a_bucket_never_gives_more_than_its_rate(burst, refill, pauses):
    """
    Over any time a bucket gives at most its burst, plus one for each refill time that has passed.
    """
    bucket = Bucket(burst, refill, 0)
    now, given_out = 0.0, 0

    for pause in pauses:
        now += pause
        given_out += bucket.take(now)
        assert given_out <= burst + now / refill + 1e-6
