"""Keys that are fetched: against a real server, with a clock that the test sets."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from subprocess import PIPE

import pytest
from tests.support.server import Reply, hang_up, reset
from tests.support.tokens import jwks, public_jwk

from mindpeeker_guard import (
    ConfigurationError,
    KeysUnavailableError,
    RemoteKeySet,
    UnknownKeyError,
    UnsupportedAlgorithmError,
    Wait,
)
from mindpeeker_guard._flow import arun, run
from mindpeeker_guard._http import Answer, FetchError, http_library

ALG = "ES256"
A, B, C = (public_jwk(name, ALG) for name in "abc")
DOWN = Reply(status=404)
PATIENT = {"jitter": lambda: 1.0, "timeout": 30, "connect_timeout": 30}
CLIENT = http_library().Client(trust_env=False)  # making one takes longer than most tests
BAD_REPLIES = [
    pytest.param(Reply(status=500), id="500"),
    pytest.param(Reply(status=404), id="404"),
    pytest.param(Reply(status=302, headers={"Location": "/elsewhere"}), id="redirect"),
    pytest.param(Reply(jwks(B), status=203), id="203"),
    pytest.param(Reply(b"<html>maintenance</html>"), id="HTML"),
    pytest.param(Reply(b""), id="nothing"),
    pytest.param(Reply([]), id="a list"),
    pytest.param(Reply({}), id="no keys member"),
    pytest.param(Reply({"keys": None}), id="keys null"),
    pytest.param(Reply({"keys": []}), id="no key"),
    pytest.param(Reply({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}), id="only unusable keys"),
    pytest.param(Reply({"keys": [B] * 129}), id="too many keys"),
    pytest.param(Reply({"keys": [B], "x": "x" * 300_000}), id="oversize"),
    pytest.param(Reply(act=reset), id="reset"),
    pytest.param(Reply(act=hang_up), id="hung up"),
]


@pytest.fixture(scope="module", autouse=True)
def _close_the_client():
    yield
    CLIENT.close()


def remote(server, clock, **options):
    """Return a key set with no chance in it: pauses are the longest that the rules allow, and no fetch is too slow."""
    return RemoteKeySet(server.url(), clock=clock, **({"client": CLIENT} | PATIENT | options))


def find(keys, kid="a", alg=ALG):
    """Return the names of the keys found, when all fetches are over."""
    try:
        return [key.kid for key in run(keys.find(kid, alg))]
    finally:
        settle(keys)


def settle(keys):
    running = keys._worker.running()
    if running is not None:
        running.result(60)


def lock_is_free(keys):
    with keys._worker.lock:
        return True


def in_threads(number, work):
    """Return what `work` comes to in so many threads that start as one."""
    barrier = threading.Barrier(number)
    results = []

    def one():
        barrier.wait(60)
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
            results.append(type(error))

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def interrupt(keys, step, turn):
    """Let another thread's whole turn pass just before the next `step`, as a scheduler may."""
    original = getattr(keys, step)

    def late(*arguments):
        setattr(keys, step, original)
        turn()
        return original(*arguments)

    setattr(keys, step, late)


# --- The first fetch ---


def test_nothing_is_fetched_before_it_is_needed(server, clock):
    """
    Making a key set needs no issuer; the first look-up fetches, and the next ones do not.
    """
    server.answer(Reply(jwks(A, B)))
    keys = remote(server, clock)

    before = server.count()
    found = find(keys), find(keys, "b"), find(keys)

    assert (0, 1) == (before, server.count())
    assert (["a"], ["b"], ["a"]) == found


def test_a_warm_look_up_asks_for_nothing(server, clock):
    """
    With fresh keys a flow ends without an effect, and without the lock.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock)
    run(keys.warm_up())

    with keys._worker.lock, pytest.raises(StopIteration) as end:
        next(keys.find("a", ALG))

    assert [key.kid for key in end.value.value] == ["a"]


def test_a_cold_look_up_waits_for_the_fetch(server, clock):
    """
    A cold flow asks to wait for the one fetch, no longer than the time limit, and holds no lock meanwhile.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock, timeout=60)
    flow = keys.find("a", ALG)

    effect = next(flow)
    free = in_threads(1, lambda: lock_is_free(keys))
    effect.future.result(60)
    with pytest.raises(StopIteration) as end:
        flow.send(None)

    assert isinstance(effect, Wait)
    assert 0 < effect.timeout <= 60.5
    assert free == [True]
    assert [key.kid for key in end.value.value] == ["a"]


def test_warming_up_fetches_once(server, clock):
    """
    Warming up fetches where there are no keys, and does nothing where there are.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock)

    run(keys.warm_up())
    run(keys.warm_up())

    assert find(keys) == ["a"]
    assert server.count() == 1


def test_warming_up_says_what_is_wrong(server, clock):
    """
    Warming up without an issuer raises, and the key set works once the issuer does.
    """
    keys = remote(server, clock)

    with pytest.raises(KeysUnavailableError, match="404"):
        run(keys.warm_up())
    server.answer(Reply(jwks(A)))
    clock.now += 1

    assert find(keys) == ["a"]


def test_a_known_key_for_another_algorithm_causes_no_fetch(server, clock):
    """
    A key that is there but not for the token's algorithm refuses the token at once.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock)
    run(keys.warm_up())

    with pytest.raises(UnsupportedAlgorithmError):
        find(keys, "a", "RS256")

    assert server.count() == 1


def test_one_bad_key_does_not_take_the_others_down(server, clock):
    """
    An unusable key in a set is skipped.
    """
    server.answer(Reply({"keys": [{"kty": "RSA", "kid": "x", "alg": ["none"]}, None, A]}))

    assert find(remote(server, clock)) == ["a"]


# --- Fresh, ahead, stale ---


@pytest.mark.parametrize(("jitter", "ahead"), [(0.0, 210), (0.5, 225), (1.0, 240)])
def test_a_refresh_runs_ahead(server, clock, jitter, ahead):
    """
    At 70 to 80 % of the fresh time the next look-up starts a refresh, and does not wait for it.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A)), Reply(jwks(A, B), gate=gate))
    keys = remote(server, clock, jitter=lambda: jitter)
    run(keys.warm_up())

    clock.now += ahead - 0.01
    assert find(keys) == ["a"]
    assert server.count() == 1
    clock.now += 0.01
    with pytest.raises(StopIteration):
        next(keys.find("a", ALG))
    gate.set()
    settle(keys)

    assert server.count() == 2
    assert find(keys, "b") == ["b"]


def test_stale_keys_are_used_while_a_refresh_runs(server, clock):
    """
    Past the fresh time keys work for 300 seconds more without waiting; then a look-up waits for the fetch.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A)), Reply(jwks(A), gate=gate))
    keys = remote(server, clock)
    run(keys.warm_up())

    clock.now += 599.9
    with pytest.raises(StopIteration):
        next(keys.find("a", ALG))
    clock.now += 0.1
    effect = next(keys.find("a", ALG))

    assert isinstance(effect, Wait)
    gate.set()


def test_an_issuer_that_nobody_asks_for_is_left_alone(server, clock):
    """
    Without look-ups nothing is refreshed, however much time passes.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock)
    run(keys.warm_up())

    clock.now += 100_000

    assert server.count() == 1


@pytest.mark.parametrize(
    ("cache_control", "fresh_for"),
    [
        (None, 300),
        ("no-store", 300),
        ("no-cache, private", 300),
        ("max-age=0", 60),
        ("max-age=59", 60),
        ("max-age=1000", 1000),
        ("max-age=3601", 3600),
        ("max-age=31536000, immutable", 3600),
        ("max-age=-1", 300),
    ],
    ids=str,
)
def test_the_server_cannot_choose_any_time(server, clock, cache_control, fresh_for):
    """
    A server's `max-age` counts from 60 to 3600 seconds; `no-store` is no reason to fetch for each request.
    """
    headers = {} if cache_control is None else {"Cache-Control": cache_control}
    server.answer(Reply(jwks(A), headers=headers))
    keys = remote(server, clock)
    run(keys.warm_up())

    clock.now += fresh_for * 0.8 - 0.01
    find(keys)
    assert server.count() == 1
    clock.now += 0.02
    find(keys)

    assert server.count() == 2


def test_validators_are_sent(server, clock):
    """
    The validators of the last answer are sent, and 304 renews the keys.
    """
    first = {"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    server.answer(Reply(jwks(A), headers=first), Reply(status=304), Reply(status=304, headers={"ETag": '"2"'}))
    keys = remote(server, clock)

    for _ in range(4):
        assert find(keys) == ["a"]
        clock.now += 250

    sent = [hit.headers["If-None-Match"] for hit in server.hits]
    assert [None, '"1"', '"1"', '"2"'] == sent
    assert server.hits[1].headers["If-Modified-Since"] == first["Last-Modified"]


def test_validators_of_an_older_answer_are_dropped(server, clock):
    """
    An answer without validators leaves none to send.
    """
    server.answer(Reply(jwks(A), headers={"ETag": '"1"'}), Reply(jwks(A)))
    keys = remote(server, clock)

    for _ in range(3):
        find(keys)
        clock.now += 250

    assert [None, '"1"', None] == [hit.headers["If-None-Match"] for hit in server.hits]


def test_304_without_keys_is_a_failure(server, clock):
    """
    304 to the first request gives no keys, and is no success.
    """
    server.answer(Reply(status=304))

    with pytest.raises(KeysUnavailableError, match="304"):
        find(remote(server, clock))


# --- Rotation and withdrawal ---


def test_a_new_key_works_on_its_first_token(server, clock):
    """
    A key that was added after the last fetch is found by the first token that names it.
    """
    server.answer(Reply(jwks(A)), Reply(jwks(A, B)))
    keys = remote(server, clock)
    run(keys.warm_up())

    assert find(keys, "b") == ["b"]
    assert server.count() == 2


def test_a_new_key_without_a_name_works_too(server, clock):
    """
    A token without `kid`, for an algorithm that no key fits, causes one look for a new key.
    """
    server.answer(Reply(jwks(A)), Reply(jwks(A, public_jwk("ed", "EdDSA"))))
    keys = remote(server, clock)
    run(keys.warm_up())

    assert find(keys, None, "EdDSA") == ["ed"]


def test_a_withdrawn_key_is_refused_after_the_refresh(server, clock):
    """
    A successful fetch that omits a key drops it at once.
    """
    server.answer(Reply(jwks(A, B)), Reply(jwks(B)))
    keys = remote(server, clock)
    run(keys.warm_up())

    clock.now += 240
    find(keys, "b")

    with pytest.raises(UnknownKeyError):
        find(keys, "a")


def test_a_key_that_keeps_its_name_is_replaced(server, clock):
    """
    A new key under an old name takes the place of the old one.
    """
    server.answer(Reply(jwks(A)), Reply(jwks(B | {"kid": "a"})))
    keys = remote(server, clock)
    (old,) = run(keys.find("a", ALG))

    clock.now += 240
    find(keys)
    (new,) = run(keys.find("a", ALG))

    assert old.material.public_numbers() != new.material.public_numbers()


# --- Unknown key ids ---


def test_a_flood_of_unknown_key_ids_costs_two_fetches(server, clock):
    """
    1,000 unknown key ids at once cause no more than 2 fetches, and each is refused, never a crash.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock)
    run(keys.warm_up())

    for number in range(1000):
        with pytest.raises(UnknownKeyError):
            find(keys, f"junk-{number}")

    assert server.count() == 1 + 2
    assert find(keys) == ["a"]


def test_unknown_key_ids_get_one_more_fetch_in_15_seconds(server, clock):
    """
    The budget for unknown key ids fills by one in 15 seconds, to no more than 2.
    """
    server.answer(Reply(jwks(A), headers={"Cache-Control": "max-age=3600"}))
    keys = remote(server, clock)
    run(keys.warm_up())
    counts = []

    for pause in (0, 0, 0, 14.9, 0.1, 0, 1000, 0, 0):
        clock.now += pause
        with pytest.raises(UnknownKeyError):
            find(keys, f"junk-{len(counts)}")
        counts.append(server.count() - 1)

    assert [1, 2, 2, 2, 3, 3, 4, 5, 5] == counts


def test_attempts_count_not_successes(server, clock):
    """
    A fetch for an unknown key id that fails is paid for too.
    """
    server.answer(Reply(jwks(A)), DOWN)
    keys = remote(server, clock)
    run(keys.warm_up())

    for number in range(20):
        with pytest.raises(KeysUnavailableError):
            find(keys, f"junk-{number}")
        clock.now += 0.7

    assert server.count() <= 1 + 2


def test_the_budget_is_not_shared_with_refreshes(server, clock):
    """
    Junk that has used up its budget neither stops a scheduled refresh nor costs it anything.
    """
    server.answer(Reply(jwks(A)), Reply(jwks(A)), Reply(jwks(A)), Reply(jwks(B)))
    keys = remote(server, clock)
    run(keys.warm_up())
    clock.now += 239
    for number in range(50):
        with pytest.raises(UnknownKeyError):
            find(keys, f"junk-{number}")
    used = server.count()

    clock.now += 241
    find(keys)

    assert (3, 4) == (used, server.count())
    assert find(keys, "b") == ["b"]


def test_refreshes_cost_unknown_key_ids_nothing(server, clock):
    """
    After a refresh the budget for unknown key ids is still whole.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock)
    for _ in range(3):
        find(keys)
        clock.now += 250
    find(keys)
    before = server.count()

    for number in range(10):
        with pytest.raises(UnknownKeyError):
            find(keys, f"junk-{number}")

    assert before + 2 == server.count()


def test_an_absent_key_id_is_remembered_for_30_seconds(server, clock):
    """
    The same absent key id causes one fetch in 30 seconds, however full the budget is.
    """
    server.answer(Reply(jwks(A), headers={"ETag": '"1"'}), Reply(status=304))
    keys = remote(server, clock, unknown_kid_burst=100)
    run(keys.warm_up())
    counts = []

    for pause in (0, 0, 29.9, 0.2):
        clock.now += pause
        with pytest.raises(UnknownKeyError):
            find(keys, "junk")
        counts.append(server.count() - 1)

    assert [1, 1, 1, 2] == counts


def test_absent_key_ids_are_remembered_while_the_set_stays_the_same(server, clock):
    """
    An answer with the very same keys is no change: what was absent is still known to be.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock, unknown_kid_burst=100)
    run(keys.warm_up())

    for kid in ("one", "two", "one", "two", "one"):
        with pytest.raises(UnknownKeyError):
            find(keys, kid)

    assert server.count() == 1 + 2


def test_absent_key_ids_are_forgotten_when_the_set_changes(server, clock):
    """
    Once the set has changed, an absent key id may be looked for again.
    """
    server.answer(Reply(jwks(A)), Reply(jwks(A)), Reply(jwks(A, B)), Reply(jwks(A, B, C)))
    keys = remote(server, clock)
    run(keys.warm_up())
    with pytest.raises(UnknownKeyError):
        find(keys, "c")

    assert find(keys, "b") == ["b"]
    clock.now += 15

    assert find(keys, "c") == ["c"]


def test_a_thousand_absent_key_ids_are_remembered(server, clock):
    """
    The memory for absent key ids is bounded: 1,024, whatever comes.
    """
    keys = remote(server, clock)
    for number in range(3000):
        keys._absent[f"junk-{number}", ""] = True

    assert len(keys._absent) == 1024


def test_an_unknown_key_id_while_the_issuer_is_down_is_nobodys_fault(server, clock):
    """
    Where the fetch for an unknown key id fails, the answer is 503 with the time to wait; known keys go on working.
    """
    server.answer(Reply(jwks(A)), Reply(status=503, headers={"Retry-After": "40"}))
    keys = remote(server, clock)
    run(keys.warm_up())

    for waited, left in ((0, 40), (10, 30), (20, 10)):
        clock.now += waited
        with pytest.raises(KeysUnavailableError) as caught:
            find(keys, "new")
        assert left == caught.value.retry_after

    assert find(keys) == ["a"]
    assert server.count() == 2


def test_an_unknown_key_id_joins_a_fetch_that_runs(server, clock):
    """
    While a fetch runs an unknown key id waits for that one, and the budget stays whole.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A)), Reply(jwks(A, B), gate=gate), Reply(jwks(A, B)))
    keys = remote(server, clock)
    run(keys.warm_up())
    clock.now += 240
    next(keys.find("a", ALG), None)

    flow = keys.find("b", ALG)
    effect = next(flow)
    gate.set()
    effect.future.result(60)
    with pytest.raises(StopIteration) as end:
        flow.send(None)

    assert [key.kid for key in end.value.value] == ["b"]
    assert server.count() == 2
    for number in range(5):
        with pytest.raises(UnknownKeyError):
            find(keys, f"junk-{number}")
    assert server.count() == 4


def test_an_unknown_key_id_waits_no_longer_than_the_limit(server, clock):
    """
    Where the fetch for an unknown key id takes too long, the answer is 503.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A)), Reply(jwks(A), gate=gate))
    keys = remote(server, clock)
    run(keys.warm_up())
    flow = keys.find("new", ALG)
    next(flow)

    with pytest.raises(KeysUnavailableError, match="in time"):
        flow.throw(TimeoutError())
    gate.set()


# --- Failure ---


@pytest.mark.parametrize("reply", BAD_REPLIES)
def test_a_bad_answer_never_replaces_good_keys(server, clock, reply):
    """
    Anything but 200 or 304 with a usable key is a failure, and changes nothing.
    """
    server.answer(Reply(jwks(A)), reply)
    keys = remote(server, clock)
    run(keys.warm_up())

    for _ in range(3):
        clock.now += 250
        assert find(keys) == ["a"]

    assert server.count() > 1
    assert keys._failure is not None


@pytest.mark.parametrize("reply", BAD_REPLIES)
def test_a_bad_answer_on_a_cold_start_is_503(server, clock, reply):
    """
    Without keys a bad answer is our failure: 503 with a time to wait, never a crash.
    """
    server.answer(reply)

    with pytest.raises(KeysUnavailableError) as caught:
        find(remote(server, clock))

    assert caught.value.status == 503
    assert caught.value.retry_after == 1


def test_keys_work_through_an_outage(server, clock):
    """
    While the issuer cannot be reached keys work for 24 hours since the last success, and then no more.
    """
    server.answer(Reply(jwks(A)), DOWN)
    keys = remote(server, clock)
    run(keys.warm_up())
    start = clock.now

    for after in (300, 600, 3600, 43_200, 86_399):
        clock.now = start + after
        assert find(keys) == ["a"]
    clock.now = start + 86_400

    with pytest.raises(KeysUnavailableError):
        find(keys)


def test_the_end_of_an_outage_is_noticed(server, clock):
    """
    When the issuer is back, so are its keys, new ones included.
    """
    server.answer(Reply(jwks(A)), DOWN, DOWN, Reply(jwks(B)))
    keys = remote(server, clock)
    run(keys.warm_up())
    clock.now += 100_000

    for _ in range(2):
        with pytest.raises(KeysUnavailableError):
            find(keys, "b")
        clock.now += 60

    assert find(keys, "b") == ["b"]


def test_failures_back_off(server, clock):
    """
    After a failure nothing is fetched for a second, then two, four, up to 60; a success starts afresh.
    """
    keys = remote(server, clock)
    pauses = []

    for _ in range(9):
        with pytest.raises(KeysUnavailableError) as caught:
            find(keys)
        pauses.append(caught.value.retry_after)
        clock.now += caught.value.retry_after
    server.answer(Reply(jwks(A)), DOWN)
    find(keys)
    clock.now += 100_000
    with pytest.raises(KeysUnavailableError) as caught:
        find(keys)

    assert [1, 2, 4, 8, 16, 32, 60, 60, 60] == pauses
    assert caught.value.retry_after == 1


def test_the_back_off_is_at_random(server, clock):
    """
    The pause is a random part of its longest, so that a fleet does not come back as one.
    """
    keys = remote(server, clock, jitter=lambda: 0.25)

    with pytest.raises(KeysUnavailableError) as caught:
        find(keys)

    assert caught.value.retry_after == 0.25


def test_a_cold_start_is_gated_too(server, clock):
    """
    While backing off requests without keys are refused at once, with no fetch: an outage costs no request per call.
    """
    keys = remote(server, clock)

    for _ in range(100):
        with pytest.raises(KeysUnavailableError):
            find(keys)
    before = server.count()
    with pytest.raises(KeysUnavailableError):
        next(keys.find("a", ALG))
    clock.now += 1
    with pytest.raises(KeysUnavailableError):
        find(keys)

    assert (1, 2) == (before, server.count())


@pytest.mark.parametrize(("asked", "expected"), [("7", 7), ("300", 300), ("86400", 300), ("0", 1), ("junk", 1)])
def test_retry_after_is_honoured(server, clock, asked, expected):
    """
    An issuer that asks to be left alone is, for up to 300 seconds.
    """
    server.answer(Reply(status=503, headers={"Retry-After": asked}))
    keys = remote(server, clock)

    with pytest.raises(KeysUnavailableError) as caught:
        find(keys)

    assert expected == caught.value.retry_after


def test_a_slow_issuer_holds_nobody_longer_than_the_limit(server, clock):
    """
    Past the time limit a waiter is told 503, without keys; with keys that may still be used it gets them.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A)), Reply(jwks(A), gate=gate))
    cold, warm = remote(server, clock), remote(server, clock)
    run(warm.warm_up())
    flow = cold.find("a", ALG)
    next(flow)

    with pytest.raises(KeysUnavailableError, match="in time"):
        flow.throw(TimeoutError())
    clock.now += 1000
    flow = warm.find("a", ALG)
    next(flow)
    with pytest.raises(StopIteration) as end:
        flow.throw(TimeoutError())

    assert [key.kid for key in end.value.value] == ["a"]
    gate.set()


def test_whatever_breaks_waiters_get_an_answer(server, clock):
    """
    An error that nobody foresaw is a failure like any other: good keys stay, waiters are told, the next try comes.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock)
    run(keys.warm_up())
    keys._fetcher = None
    clock.now += 1000

    assert find(keys) == ["a"]
    with pytest.raises(KeysUnavailableError, match="AttributeError"):
        find(keys, "b")


def test_an_answer_that_comes_too_late_does_not_count(server, clock):
    """
    What a fetch brings after it was given up changes nothing.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A)), Reply(jwks(B), gate=gate))
    keys = remote(server, clock)
    run(keys.warm_up())
    clock.now += 1000
    future = next(keys.find("a", ALG)).future

    keys._worker._forget()
    gate.set()
    future.result(60)

    assert list(keys.health().keys) == ["a"]


def test_no_thread_is_no_crash(server, clock, monkeypatch):
    """
    Where the system gives no thread the answer is 503, and the next try works.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock)
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "mindpeeker-guard":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(KeysUnavailableError):
            run(keys.find("a", ALG))
    clock.now += 60
    flow = keys.find("a", ALG)
    next(flow).future.result(60)
    with pytest.raises(StopIteration) as end:
        flow.send(None)

    assert [key.kid for key in end.value.value] == ["a"]


def test_a_clock_that_is_set_back_does_not_stop_the_fetching(server, clock):
    """
    A pause never lasts longer than it was meant to, though the clock be set back by a day meanwhile.
    """
    keys = remote(server, clock)
    with pytest.raises(KeysUnavailableError):
        find(keys)
    server.answer(Reply(jwks(A)))

    clock.now -= 86_400

    assert find(keys) == ["a"]


def test_a_clock_that_is_set_back_makes_keys_no_younger(server, clock):
    """
    Keys from the future are fetched again.
    """
    server.answer(Reply(jwks(A)), Reply(jwks(B)))
    keys = remote(server, clock)
    run(keys.warm_up())

    clock.now -= 86_400

    assert find(keys, "b") == ["b"]


# --- Many at once ---


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(Reply(jwks(A)), ["a"], id="good"),
        pytest.param(DOWN, KeysUnavailableError, id="bad"),
        pytest.param(Reply(act=hang_up), KeysUnavailableError, id="broken"),
    ],
)
def test_fifty_cold_threads_share_one_fetch(server, clock, reply, expected):
    """
    All waiters share the leader's result, good or bad: no convoy, no second fetch.
    """
    server.answer(reply)
    keys = remote(server, clock)

    results = in_threads(50, lambda: [key.kid for key in run(keys.find("a", ALG))])

    assert [expected] * 50 == results
    assert server.count() == 1


@pytest.mark.parametrize("reply", [Reply(jwks(A)), DOWN], ids=["good", "bad"])
def test_two_hundred_cold_tasks_share_one_fetch(server, clock, reply):
    """
    Tasks of an event loop share one fetch as threads do.
    """
    server.answer(reply)
    keys = remote(server, clock)

    async def main():
        return await asyncio.gather(*(arun(keys.find("a", ALG)) for _ in range(200)), return_exceptions=True)

    results = asyncio.run(main())

    assert len({type(result) for result in results}) == 1
    assert server.count() == 1


def test_threads_and_loops_share_one_fetch(server, clock):
    """
    One fetch serves threads and event loops together.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A), gate=gate))
    keys = remote(server, clock)

    async def main():
        tasks = [asyncio.ensure_future(arun(keys.find("a", ALG))) for _ in range(5)]
        threads = [asyncio.to_thread(run, keys.find("a", ALG)) for _ in range(5)]
        asyncio.get_running_loop().call_later(0.05, gate.set)
        return await asyncio.gather(*tasks, *threads)

    results = asyncio.run(main())

    assert [["a"]] * 10 == [[key.kid for key in found] for found in results]
    assert server.count() == 1


def test_a_fetch_does_not_block_the_loop(server, clock):
    """
    While a fetch runs the event loop does other things.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A), gate=gate))
    keys = remote(server, clock)

    async def main():
        task = asyncio.ensure_future(arun(keys.find("a", ALG)))
        for _ in range(100):
            await asyncio.sleep(0)
        waiting = not task.done()
        gate.set()
        await task
        return waiting

    assert asyncio.run(main())


def test_a_cancelled_caller_does_not_kill_the_shared_fetch(server, clock):
    """
    When the caller that began a fetch goes away, the others get their keys from it.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A), gate=gate))
    keys = remote(server, clock)

    async def main():
        leader, follower = (asyncio.ensure_future(arun(keys.find("a", ALG))) for _ in range(2))
        await asyncio.sleep(0)
        leader.cancel()
        await asyncio.gather(leader, return_exceptions=True)
        gate.set()
        return leader.cancelled(), await follower

    cancelled, found = asyncio.run(main())

    assert cancelled
    assert [key.kid for key in found] == ["a"]
    assert server.count() == 1


def test_fifty_threads_with_a_new_key_share_one_fetch(server, clock):
    """
    When a key has been added, the first tokens that name it cause one fetch together.
    """
    gate = threading.Event()
    server.answer(Reply(jwks(A)), Reply(jwks(A, B), gate=gate))
    keys = remote(server, clock)
    run(keys.warm_up())
    threading.Timer(0.1, gate.set).start()

    results = in_threads(50, lambda: [key.kid for key in run(keys.find("b", ALG))])

    assert [["b"]] * 50 == results
    assert server.count() == 2


def test_a_late_thread_does_not_fetch_again(server, clock):
    """
    A thread that looked before a fetch and acts after it takes what that fetch brought: one fetch, not two.
    """
    server.answer(Reply(jwks(A)))
    keys = remote(server, clock)
    interrupt(keys, "_start", lambda: find(keys))

    assert find(keys) == ["a"]
    assert server.count() == 1


def test_a_late_thread_does_not_repeat_a_failure(server, clock):
    """
    A thread that looked before a failed fetch and acts after it shares the failure: one fetch, not two.
    """
    keys = remote(server, clock)

    class Lock:
        """Lets another thread's whole fetch pass in front of the first one that asks for the lock."""

        def __init__(self, lock):
            self.lock, self.first = lock, True

        def __enter__(self):
            if self.first:
                self.first = False
                with pytest.raises(KeysUnavailableError):
                    find(keys)
            self.lock.acquire()

        def __exit__(self, *_):
            self.lock.release()

    keys._worker.lock = Lock(keys._worker.lock)

    with pytest.raises(KeysUnavailableError):
        find(keys)
    assert server.count() == 1


def test_a_late_thread_with_a_new_key_does_not_pay(server, clock):
    """
    A thread that missed a key before the fetch that brought it finds it, and leaves the budget alone.
    """
    server.answer(Reply(jwks(A)), Reply(jwks(A, B)))
    keys = remote(server, clock)
    run(keys.warm_up())
    interrupt(keys, "_start_for", lambda: find(keys, "b"))

    assert find(keys, "b") == ["b"]
    assert server.count() == 2


# --- After a fork ---

FORK = """
import faulthandler, os, sys
from mindpeeker_guard import RemoteKeySet
from mindpeeker_guard._http import http_library
from mindpeeker_guard._flow import run

url, when = sys.argv[1:]
now = [1000.0]
http_library()  # a module that another thread is amid importing cannot be had in a child
keys = RemoteKeySet(url, clock=lambda: now[0], timeout=30, connect_timeout=30)
future = next(keys.find("a", "ES256")).future
if when == "warm":
    future.result(60)
else:
    sys.stdin.readline()
    keys._worker.lock.acquire()
child = os.fork()
if child == 0:
    faulthandler.dump_traceback_later(60, exit=True)
    found = [key.kid for key in run(keys.find("a", "ES256"))]
    now[0] += 10_000
    again = [key.kid for key in run(keys.find("a", "ES256"))]
    os._exit(0 if found == again == ["a"] else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("when", "fetches"), [("warm", 2), ("in the middle of a fetch", 3)])
def test_a_forked_worker_works(server, when, fetches):
    """
    A process forked from one that has keys uses them and refreshes; forked amid a fetch, it does its own.
    """
    gate = threading.Event()
    first = Reply(jwks(A)) if when == "warm" else Reply(jwks(A), gate=gate)
    server.answer(first, Reply(jwks(A)))

    command = [sys.executable, "-W", "ignore", "-c", FORK, server.url(), when]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as process:
        while not server.count() and process.poll() is None:
            server.closing.wait(0.01)
        output, errors = process.communicate("go\n")

    assert (output.strip(), errors) == ("0", "")
    assert fetches == server.count()


# --- By discovery ---


def discovered(server, clock, **options):
    return RemoteKeySet(issuer=server.url(""), clock=clock, client=CLIENT, **PATIENT | options)


def point_to(server, path):
    server.answer(
        Reply({"issuer": server.url(""), "jwks_uri": server.url(path)}), path="/.well-known/oauth-authorization-server"
    )


def test_the_issuer_tells_where_its_keys_are(server, clock):
    """
    Without a `jwks_uri` the issuer's metadata is asked, once.
    """
    point_to(server, "/keys")
    server.answer(Reply(jwks(A)), path="/keys")
    keys = discovered(server, clock)

    for _ in range(3):
        assert find(keys) == ["a"]
        clock.now += 250

    assert server.count("/keys") == 3
    assert server.count() == 4


def test_keys_that_have_moved_are_found(server, clock):
    """
    After a failure the metadata is asked again: the keys may have moved.
    """
    point_to(server, "/old")
    server.answer(Reply(jwks(A)), DOWN, path="/old")
    server.answer(Reply(jwks(B)), path="/new")
    keys = discovered(server, clock)
    run(keys.warm_up())

    point_to(server, "/new")
    clock.now += 300
    find(keys)
    clock.now += 300

    assert find(keys, "b") == ["b"]


def test_metadata_that_is_gone_does_not_hide_the_keys(server, clock):
    """
    Where the metadata fails later, the `jwks_uri` that it named last is used.
    """
    point_to(server, "/keys")
    server.answer(Reply(jwks(A)), DOWN, Reply(jwks(B)), path="/keys")
    keys = discovered(server, clock)
    run(keys.warm_up())

    server.answer(DOWN, path="/.well-known/oauth-authorization-server")
    clock.now += 300
    find(keys)
    clock.now += 400

    assert find(keys, "b") == ["b"]


def test_validators_belong_to_their_url(server, clock):
    """
    Validators are not sent to another URL than the one that gave them: another server's ETag may look the same.
    """
    point_to(server, "/old")
    server.answer(Reply(jwks(A), headers={"ETag": '"1"'}), DOWN, path="/old")
    server.answer(Reply(jwks(B), headers={"ETag": '"1"'}), path="/new")
    keys = discovered(server, clock)
    run(keys.warm_up())

    point_to(server, "/new")
    clock.now += 300
    find(keys)
    clock.now += 300
    find(keys, "b")

    assert next(hit for hit in server.hits if hit.path == "/new").headers["If-None-Match"] is None


def test_no_metadata_is_a_failure(server, clock):
    """
    An issuer without metadata is a failure that says so.
    """
    with pytest.raises(KeysUnavailableError, match="discovery"):
        find(discovered(server, clock))


# --- Settings ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({}, "jwks_uri, or an issuer", id="nothing"),
        pytest.param({"jwks_uri": "http://a.com/jwks"}, "jwks_uri", id="not https"),
        pytest.param({"issuer": "http://a.com"}, "issuer", id="issuer not https"),
        pytest.param({"issuer": "a.com"}, "issuer", id="issuer no URL"),
        *(
            pytest.param({"jwks_uri": "https://a.com", name: value}, name, id=f"{name}={value}")
            for name, least in {
                "fresh_for": 0,
                "stale_for": -1,
                "max_stale": -1,
                "unknown_kid_burst": 0,
                "unknown_kid_refill": 0,
                "connect_timeout": 0,
                "timeout": 0,
                "max_bytes": 1023,
            }.items()
            for value in (least, "60", None, True, float("nan"), float("inf"))
        ),
    ],
)
def test_a_wrong_argument_is_found_at_birth(arguments, message):
    """
    An argument out of range is a configuration error that names it.
    """
    with pytest.raises(ConfigurationError, match=message):
        RemoteKeySet(**arguments)


def test_the_limits_are_ones_own(server, clock):
    """
    Fresh, stale and outage times can be turned.
    """
    server.answer(Reply(jwks(A)), DOWN)
    keys = remote(server, clock, fresh_for=10, stale_for=5, max_stale=20)
    run(keys.warm_up())

    clock.now += 7.9
    find(keys)
    assert server.count() == 1
    clock.now += 0.1
    find(keys)
    assert server.count() == 2
    clock.now += 11.9
    assert find(keys) == ["a"]
    clock.now += 0.2

    with pytest.raises(KeysUnavailableError):
        find(keys)


@pytest.mark.parametrize("reply", [Reply(jwks(A)), DOWN], ids=["good", "bad"])
def test_a_client_of_its_own(server, clock, reply):
    """
    Without a client given, each fetch makes one and closes it.
    """
    server.answer(reply)
    keys = remote(server, clock, client=None)

    outcomes = in_threads(20, lambda: [key.kid for key in run(keys.find("a", ALG))])

    assert outcomes in ([["a"]] * 20, [KeysUnavailableError] * 20)
    assert server.count() == 1


def test_the_representation_names_the_source():
    """
    A key set shows where its keys come from.
    """
    assert repr(RemoteKeySet("https://a.com/jwks")) == "RemoteKeySet('https://a.com/jwks')"
    assert repr(RemoteKeySet(issuer="https://a.com")) == "RemoteKeySet('https://a.com')"


def test_an_answer_without_a_network(clock):
    """
    What a fetch brings is taken as it is: the key set itself knows nothing of HTTP.
    """

    class Given:
        def session(self):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def get(self, url, headers):
            if not headers:
                return Answer(jwks(A), None, {"if-none-match": "x"})
            raise FetchError("down", retry_after=9)

    keys = RemoteKeySet("https://a.com/jwks", clock=clock)
    keys._fetcher = Given()

    assert find(keys) == ["a"]
    with pytest.raises(KeysUnavailableError) as caught:
        find(keys, "b")
    assert caught.value.retry_after == 9
