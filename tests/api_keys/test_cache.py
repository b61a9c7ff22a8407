"""What is remembered of keys: bounded, short, never past a change, and no help to who floods it."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from tests.api_keys.keywork import NOW, AsyncStore, Clock, Store, service, with_secret

from mindpeeker_guard import InvalidAPIKeyError, RevokedAPIKeyError
from mindpeeker_guard._flow import arun, run
from mindpeeker_guard.api_keys import APIKeys, IssuedKey
from mindpeeker_guard.api_keys._format import make_key


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(store: Store, clock: Clock) -> APIKeys:
    return service(store, clock=clock)


def issued(keys: APIKeys) -> IssuedKey:
    return keys.issue("n", ["profile"], owner="u")


def refused(keys: APIKeys, text: str) -> bool:
    try:
        run(keys.verify(text))
    except InvalidAPIKeyError:
        return True
    return False


def test_a_key_is_read_once_and_then_at_hand(keys: APIKeys, store: Store, clock: Clock):
    """
    One read for half a minute of requests, and the next one after that.
    """
    key = issued(keys).key
    assert None is keys.at_hand(key)

    principal = run(keys.verify(key))

    assert principal is keys.at_hand(key)
    assert principal == run(keys.verify(key))
    clock.now += 29.5
    assert principal == keys.at_hand(key)
    clock.now += 0.5
    assert None is keys.at_hand(key)
    assert 1 == store.asked["get"]
    run(keys.verify(key))
    assert 2 == store.asked["get"]


def test_a_cold_look_up_is_one_query(keys: APIKeys, store: Store):
    """
    One read, and one write in a minute that notes the use.
    """
    key = issued(keys).key
    store.asked.clear()

    run(keys.verify(key))

    assert {"get": 1, "touch": 1} == store.asked


def test_only_the_very_key_is_at_hand(keys: APIKeys):
    """
    What differs in secret, checksum, environment or by a character behind it is not the key that was verified.
    """
    key = issued(keys).key
    run(keys.verify(key))
    others = [
        with_secret(key),
        key[:-1] + ("0" if key[-1] != "0" else "1"),
        key + "0",
        key[:-1],
        key.replace("mp_live", "mp_test"),
        key.replace("mp_live", "XX_live"),
        key[:24],
        "",
        key.replace("mp_live_", "\ud800" * 8),
    ]

    assert [None] * len(others) == [keys.at_hand(text) for text in others]
    assert all(refused(keys, text) for text in others)
    assert keys.at_hand(key)


def test_wrong_secrets_cost_one_read_and_push_nothing_out(keys: APIKeys, store: Store):
    """
    Who guesses the secret of a known id does not load the store, and does not disturb its owner.
    """
    key = issued(keys).key
    run(keys.verify(key))

    assert all(refused(keys, with_secret(key, letter * 32)) for letter in "ABCDEFGHIJ")
    assert 1 == store.asked["get"]
    assert keys.at_hand(key)


def test_a_record_read_for_a_wrong_secret_serves_the_right_one(keys: APIKeys, store: Store):
    """
    The record is what was read; the secret is checked against it.
    """
    key = issued(keys).key

    assert refused(keys, with_secret(key))
    assert None is keys.at_hand(key)
    run(keys.verify(key))

    assert keys.at_hand(key)
    assert 1 == store.asked["get"]


def test_an_unknown_id_is_asked_for_once(keys: APIKeys, store: Store, clock: Clock):
    """
    That there is no such key is remembered as long as a key is.
    """
    text = make_key("live").text

    assert [True] * 5 == [refused(keys, text) for _ in range(5)]
    assert 1 == store.asked["get"]
    clock.now += 30
    assert refused(keys, text)
    assert 2 == store.asked["get"]


def test_a_flood_of_unknown_ids_pushes_no_key_out(store: Store, clock: Clock):
    """
    Ids that do not exist are kept apart from keys, and are bounded.
    """
    keys = service(store, clock=clock, cache_size=2)
    good = [issued(keys).key for _ in range(2)]
    for key in good:
        run(keys.verify(key))

    for _ in range(3000):
        refused(keys, make_key("live").text)

    assert all(keys.at_hand(key) for key in good)
    assert (2, 1024) == (len(keys._cache), len(keys._cache._absent))


def test_the_cache_is_bounded(store: Store, clock: Clock):
    """
    What was read first makes room.
    """
    keys = service(store, clock=clock, cache_size=3)
    texts = [issued(keys).key for _ in range(5)]
    for text in texts:
        run(keys.verify(text))

    assert [False, False, True, True, True] == [keys.at_hand(text) is not None for text in texts]
    assert 3 == len(keys._cache) == len(keys._cache._uses)


def test_no_plain_key_is_kept(keys: APIKeys):
    """
    Nothing that is reachable from the service has the secret in it.
    """
    key = issued(keys).key
    run(keys.verify(key))
    refused(keys, with_secret(key))
    state = [keys._cache._entries, dict(keys._cache._absent), dict(keys._cache._uses)]

    assert key.split("_")[3] not in repr(state)
    assert key.split("_")[3].encode() not in b"".join(entry.proof for entry in keys._cache._entries.values())


def test_a_change_during_a_read_is_not_forgotten(keys: APIKeys, store: Store):
    """
    A record that was read before a revocation and arrives after it is not remembered.
    """
    made = issued(keys)
    store.after["get"] = lambda: (store.after.clear(), keys.revoke(made.record.id))

    run(keys.verify(made.key))  # it was read before the revocation: this request may pass, the next may not

    assert None is keys.at_hand(made.key)
    with pytest.raises(RevokedAPIKeyError):
        run(keys.verify(made.key))


def test_a_change_from_outside_is_seen_when_the_cache_is_told(keys: APIKeys, store: Store, clock: Clock):
    """
    Without word of it, within half a minute.
    """
    one, two = issued(keys), issued(keys)
    for made in (one, two):
        run(keys.verify(made.key))
        store.inner.revoke(made.record.id, clock.moment)

    keys.forget(one.record.id)

    assert refused(keys, one.key)
    assert keys.at_hand(two.key)
    clock.now += 30
    assert refused(keys, two.key)


def test_a_clock_that_goes_back_makes_nothing_last_longer(keys: APIKeys, clock: Clock):
    """
    What was read in the future is not believed.
    """
    key = issued(keys).key
    run(keys.verify(key))

    clock.now -= 3600

    assert None is keys.at_hand(key)


def test_many_cold_requests_at_once_are_all_right(store: Store):
    """
    Threads that meet at a cold key all get its principal, and note its use once.
    """
    keys = service(store)
    key = issued(keys).key
    together = threading.Barrier(8)
    store.before["get"] = together.wait

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: run(keys.verify(key)).subject, range(8)))

    assert ["u"] * 8 == found
    assert 1 == store.asked["touch"]


def test_many_cold_requests_on_one_event_loop_are_all_right():
    """
    The same with an async store.
    """
    store = AsyncStore()
    keys = service(store)

    async def live() -> list[str | None]:
        key = (await keys.aissue("n", ["profile"], owner="u")).key
        return [one.subject for one in await asyncio.gather(*(arun(keys.verify(key)) for _ in range(50)))]

    assert ["u"] * 50 == asyncio.run(live())
    assert 1 == store.asked["touch"]


def test_readers_and_changes_go_on_side_by_side(keys: APIKeys):
    """
    While keys come, go and are forgotten in one thread, others read without an error, and no revoked key is at hand.
    """
    made = [issued(keys) for _ in range(50)]
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            for one in made:
                try:
                    run(keys.verify(one.key))
                    keys.at_hand(one.key)
                except RevokedAPIKeyError:
                    pass
                except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
                    wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for one in made:
        keys.revoke(one.record.id)
        if keys.at_hand(one.key) is not None:
            wrong.append(one.record.id)
    stop.set()
    for reader in readers:
        reader.join()

    assert [] == wrong
    assert [None] * 50 == [keys.at_hand(one.key) for one in made]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_can_change_keys_though_a_lock_was_held(keys: APIKeys, store: Store):
    """
    The thread that held a lock at the fork does not exist in the child; nobody waits for it there.
    """
    made = issued(keys)
    run(keys.verify(made.key))
    reading, writing = os.pipe()
    with keys._cache._lock, store.inner._lock:
        child = os.fork()
        if child == 0:
            try:
                os.write(writing, pickle.dumps((keys.revoke(made.record.id), refused(keys, made.key))))
            finally:
                os._exit(0)
    os.close(writing)
    answer = os.read(reading, 1000)
    os.close(reading)
    os.waitpid(child, 0)

    assert (True, True) == pickle.loads(answer)
    assert not refused(keys, made.key)


def test_use_is_noted_by_the_time_of_the_request(keys: APIKeys, store: Store):
    """
    The store gets the moment, and that nothing newer than a minute before is to be replaced.
    """
    made = issued(keys)
    seen: list[tuple[object, ...]] = []
    store.inner.touch = lambda *args: seen.append(args)  # type: ignore[method-assign]

    run(keys.verify(made.key))

    moment = datetime.fromtimestamp(NOW, UTC)
    assert [(made.record.id, moment, datetime.fromtimestamp(NOW - 60, UTC))] == seen
