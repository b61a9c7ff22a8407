"""API keys that change in one process are forgotten in all."""

from __future__ import annotations

import asyncio

import pytest
from tests.state.rig import eventually

from mindpeeker_guard import APIKey, AuthError, Guard, Request, StoreUnavailableError
from mindpeeker_guard.api_keys import APIKeys, MemoryStore

PEPPER = "p" * 32


class Broken:
    """A channel on which nothing gets through."""

    def on_invalidate(self, callback):
        """Note nobody."""

    def start(self):
        """Do nothing."""

    def publish(self, key_id):
        raise StoreUnavailableError("the test says so")

    async def apublish(self, key_id):
        raise StoreUnavailableError("the test says so")


def outcome(guard, key):
    """Return the code of the refusal; None where the key is accepted."""
    try:
        guard.check(Request(headers={"X-API-Key": key}))
    except AuthError as error:
        return error.code
    return None


@pytest.mark.parametrize("change", ["revoke", "rotate", "arevoke", "arotate"])
def test_a_change_reaches_other_processes(make, calm, change):
    """
    A key that is revoked or rotated by one process is looked up anew by another that had it in memory.
    """
    store = MemoryStore()
    here, there = (APIKeys(store, pepper=PEPPER, invalidations=make(calm).invalidations) for _ in range(2))
    guard = Guard(APIKey(there))
    made = here.issue("robot", ["profile"], owner="user-1")
    eventually(lambda: outcome(guard, made.key) is None and there.at_hand(made.key) is not None)

    done = getattr(here, change)(made.record.id)
    if asyncio.iscoroutine(done):
        asyncio.run(done)

    eventually(lambda: outcome(guard, made.key) is not None)
    assert there.at_hand(made.key) is None


@pytest.mark.parametrize("change", ["revoke", "arevoke"])
def test_a_channel_that_is_down(change, caplog):
    """
    A change happens all the same where nobody can be told, and the log says so, without the key.
    """
    keys = APIKeys(MemoryStore(), pepper=PEPPER, invalidations=Broken())
    guard = Guard(APIKey(keys))
    made = keys.issue("robot", ["profile"], owner="user-1")
    before = outcome(guard, made.key)

    done = getattr(keys, change)(made.record.id)
    done = asyncio.run(done) if asyncio.iscoroutine(done) else done

    assert (None, True) == (before, done)
    assert outcome(guard, made.key) == "api_key_revoked"
    assert "could not be told" in caplog.text
    assert made.key not in caplog.text


def test_forgetting_everything():
    """
    Who may have missed a change forgets all keys.
    """
    keys = APIKeys(MemoryStore(), pepper=PEPPER)
    guard = Guard(APIKey(keys))
    made = [keys.issue(f"robot {number}", ["profile"], owner="user-1").key for number in range(3)]
    assert [None] * 3 == [outcome(guard, key) for key in made]

    keys.forget(None)

    assert [None] * 3 == [keys.at_hand(key) for key in made]
    assert [None] * 3 == [outcome(guard, key) for key in made]
