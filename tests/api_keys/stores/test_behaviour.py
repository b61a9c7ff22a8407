"""What every store does: the protocol, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.api_keys.stores.records import HOUR, NOW, SECOND, record

from mindpeeker_guard.api_keys import DuplicateKeyError

FULL = record(
    "K9",
    expires_at=NOW + HOUR,
    revoked_at=NOW + SECOND,
    last_used_at=NOW,
    rotated_to="K10",
    name="Bericht für Ωmega 🔑 'quoted' \"twice\" %s",
    owner="auth0|5f7c8ec7c33c6c004bbafe82",
    digest=bytes(range(32)),
)
UNSTORABLE = ["\x00", "K1\x00", "\ud800", "K1\udfff"]


@pytest.mark.parametrize("stored", [record(), FULL, record(scopes=frozenset())], ids=["plain", "full", "no scopes"])
def test_a_record_comes_back_as_it_was(store, stored):
    """
    Whatever is stored of a key comes back equal: bytes, characters, and times to the microsecond, in UTC.
    """
    store.add(stored)

    found = store.get(stored.id)

    assert stored == found
    assert stored.digest == found.digest
    assert isinstance(found.digest, bytes)
    assert isinstance(found.scopes, frozenset)
    assert UTC == found.created_at.tzinfo


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2027, 3, 28, 3, 30, tzinfo=timezone(timedelta(hours=2))),
        datetime(2027, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2027, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    ],
)
def test_a_time_is_the_same_moment(kind, store, moment):
    """
    A time in any zone comes back as the same moment, up to the last one there is, with a fraction or none. A database
    gives it in UTC, whatever the zone of its session; memory gives what it was given.
    """
    store.add(record(expires_at=moment))

    found = store.get("K1").expires_at

    assert moment == found
    assert kind.name == "memory" or found.tzinfo is UTC


def test_an_id_is_stored_once(store):
    """
    A second key of the same id is refused, and the first stays as it is. Another id is no duplicate, in any case.
    """
    store.add(record("K1"))

    with pytest.raises(DuplicateKeyError):
        store.add(record("K1", name="another"))

    store.add(record("k1", name="a third"))
    assert ["reports", "a third"] == [store.get("K1").name, store.get("k1").name]


@pytest.mark.parametrize("key_id", ["K2", "", "k1", "K1 ", "K%", "K_", "' OR '1'='1", "K" * 5000, *UNSTORABLE])
def test_what_is_not_there(store, key_id):
    """
    An unknown id, however odd, is no error: there is no key, nothing to revoke, rotate or touch, and no page after it.
    """
    store.add(record("K1"))

    assert store.get(key_id) is None
    assert store.revoke(key_id, NOW) is False
    assert store.rotate(key_id, record("K3"), NOW, NOW) is False
    assert store.touch(key_id, NOW, NOW) is None
    assert [] == list(store.list(None, after=key_id))
    assert [] == list(store.list("user-1", after=key_id))
    assert [record("K1")] == list(store.list(None))


@pytest.mark.parametrize("owner", ["user-2", "", "USER-1", "user-1 ", "user_1", "' OR '1'='1", *UNSTORABLE])
def test_an_owner_without_keys(store, owner):
    """
    An owner is compared to the letter: nobody sees the keys of somebody with a similar name.
    """
    store.add(record())

    assert [] == list(store.list(owner))


def test_pages(store):
    """
    Pages follow on each other, oldest first and equal times by the code points of their ids; none misses a key or has
    it twice.
    """
    moments = [NOW, NOW + SECOND, NOW.replace(microsecond=0)]
    added = [
        record(key_id, created_at=moments[number % 3], owner=f"user-{number % 2}")
        for number, key_id in enumerate(["b", "B", "a", "A", "Z", "z", "aa", "_", "0", "9", "aB", "Ab", "ä"])
    ]
    for one in added:
        store.add(one)
    expected = sorted(added, key=lambda one: (one.created_at, one.id))

    for owner in (None, "user-0", "user-1"):
        wanted = [one for one in expected if owner in {None, one.owner}]
        for limit in (1, 2, 5, 50):
            pages, after = [], None
            while page := store.list(owner, after=after, limit=limit):
                assert len(page) <= limit
                pages += page
                after = page[-1].id
            assert wanted == pages


def test_a_page_begins_after_a_key_of_anybody(store):
    """
    `after` is a place in the order of all keys: it may be the key of another owner.
    """
    for number in range(4):
        store.add(record(f"K{number}", created_at=NOW + number * SECOND, owner=f"user-{number % 2}"))

    assert ["K2"] == [one.id for one in store.list("user-0", after="K1")]


def test_revoking(store):
    """
    The first call revokes, and says so; later ones change nothing. Nothing but the time of it changes.
    """
    store.add(record())
    store.add(record("K2"))

    assert store.revoke("K1", NOW) is True
    assert store.revoke("K1", NOW + HOUR) is False

    assert replace(record(), revoked_at=NOW) == store.get("K1")
    assert record("K2") == store.get("K2")


@pytest.mark.parametrize(
    ("own_end", "ends_at", "expected"),
    [
        (None, NOW + HOUR, NOW + HOUR),
        (NOW + 2 * HOUR, NOW + HOUR, NOW + HOUR),
        (NOW + HOUR, NOW + 2 * HOUR, NOW + HOUR),
        (NOW + HOUR, NOW + HOUR, NOW + HOUR),
        (None, NOW, NOW),
        (NOW.replace(microsecond=0) + HOUR, NOW + HOUR, NOW.replace(microsecond=0) + HOUR),
    ],
)
def test_rotating(store, own_end, ends_at, expected):
    """
    The successor is stored, and the old key names it and ends with the overlap, or at its own end if that is sooner.
    """
    old, successor = record("K1", expires_at=own_end), record("K2", created_at=NOW + SECOND)
    store.add(old)

    assert store.rotate("K1", successor, ends_at, NOW) is True

    assert replace(old, expires_at=expected, rotated_to="K2") == store.get("K1")
    assert successor == store.get("K2")


@pytest.mark.parametrize(
    "stored",
    [
        record(revoked_at=NOW - HOUR),
        record(expires_at=NOW),
        record(expires_at=NOW - SECOND),
        record(rotated_to="K0"),
        record(rotated_to="K0", expires_at=NOW + HOUR),
        record(expires_at=NOW.replace(microsecond=0)),
    ],
)
def test_what_cannot_be_rotated(store, stored):
    """
    A key that is revoked, past its end (the end itself is past it), or rotated already stays as it is.
    """
    store.add(stored)

    assert store.rotate("K1", record("K2"), NOW + HOUR, NOW) is False

    assert [stored] == list(store.list(None))


def test_a_key_is_in_force_until_the_last_microsecond(store):
    """
    One microsecond before its end a key can be rotated; at a whole second too, where a time has no fraction.
    """
    whole = NOW.replace(microsecond=0)
    store.add(record("K1", expires_at=NOW + timedelta(microseconds=1)))
    store.add(record("K3", expires_at=whole))

    assert store.rotate("K1", record("K2"), NOW + HOUR, NOW) is True
    assert store.rotate("K3", record("K4"), NOW, whole) is False
    assert store.rotate("K3", record("K4"), NOW, whole - timedelta(microseconds=1)) is True


def test_a_successor_of_a_known_id(store):
    """
    Where the successor's id is taken, the old key stays as it is, and can still be rotated.
    """
    store.add(record("K1"))
    store.add(record("K2", name="another"))

    with pytest.raises(DuplicateKeyError):
        store.rotate("K1", record("K2"), NOW + HOUR, NOW)

    assert record("K1") == store.get("K1")
    assert "another" == store.get("K2").name
    assert store.rotate("K1", record("K3"), NOW + HOUR, NOW) is True


def test_a_key_cannot_succeed_itself(store):
    """
    A successor with the key's own id is a duplicate.
    """
    store.add(record("K1"))

    with pytest.raises(DuplicateKeyError):
        store.rotate("K1", record("K1"), NOW + HOUR, NOW)

    assert record("K1") == store.get("K1")


def test_touching(store):
    """
    A use is noted where none is noted after `unless_since`; at that very time is not after it.
    """
    store.add(record())
    minute = timedelta(minutes=1)

    store.touch("K1", NOW, NOW - minute)
    assert NOW == store.get("K1").last_used_at
    store.touch("K1", NOW + SECOND, NOW + SECOND - minute)
    assert NOW == store.get("K1").last_used_at
    store.touch("K1", NOW + minute, NOW)
    assert replace(record(), last_used_at=NOW + minute) == store.get("K1")


def test_a_store_names_no_secret(kind, store):
    """
    The `repr` of a store has neither digests nor a password.
    """
    store.add(record())

    shown = repr(getattr(store, "store", store))

    assert shown.startswith(("MemoryStore", "SQLAlchemyStore", "AsyncSQLAlchemyStore", "DjangoStore"))
    assert "postgres@" not in shown
    assert repr(record().digest) not in shown
