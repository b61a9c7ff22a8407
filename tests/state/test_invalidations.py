"""Word of API keys that have changed."""

from __future__ import annotations

import asyncio

import pytest
from tests.state.rig import eventually

from mindpeeker_guard import ConfigurationError


def test_the_one_who_tells_hears_it_at_once(state):
    """
    A process that changes a key forgets it before `publish` returns.
    """
    heard = []
    state.invalidations.on_invalidate(heard.append)

    state.invalidations.publish("key-1")
    asyncio.run(state.invalidations.apublish("key-2"))

    assert ["key-1", "key-2"] == heard


@pytest.mark.parametrize("key_id", ["", "x" * 257, None, 7])
def test_what_is_no_key_id(state, key_id):
    """
    What cannot be the id of a key is refused, and nobody hears of it.
    """
    heard = []
    state.invalidations.on_invalidate(heard.append)

    with pytest.raises(ConfigurationError):
        state.invalidations.publish(key_id)
    with pytest.raises(ConfigurationError):
        asyncio.run(state.invalidations.apublish(key_id))

    assert [] == heard


def test_other_processes_hear_it(make, calm):
    """
    Every process that listens hears of every key, in order, after it was told once to forget what it had.
    """
    teller, listeners = make(calm), [make(calm) for _ in range(3)]
    heard = [[] for _ in listeners]
    for state, notes in zip(listeners, heard, strict=True):
        state.invalidations.on_invalidate(notes.append)
        state.invalidations.start()
        state.invalidations.start()
    eventually(lambda: all(heard))

    for number in range(5):
        teller.invalidations.publish(f"key-{number}")

    expected = [None, *(f"key-{number}" for number in range(5))]
    eventually(lambda: all(len(notes) >= len(expected) for notes in heard))
    assert [expected] * 3 == heard


def test_who_was_cut_off_forgets_everything(make, server):
    """
    After an interruption, in which a change may have been missed, all that is remembered is to be forgotten.
    """
    state, heard = make(server), []
    state.invalidations.on_invalidate(heard.append)
    state.start()
    eventually(lambda: [None] == heard)

    server.kill()
    server.start()

    eventually(lambda: [None, None] == heard)


def test_a_callback_that_raises(make, calm, caplog):
    """
    A callback that breaks the rule and raises is logged, without what it says, and costs nobody a revocation.
    """
    state, other = make(calm), make(calm)

    def broken(key_id):
        raise RuntimeError("secret")

    state.invalidations.on_invalidate(broken)
    state.start()
    other.invalidations.publish("key-1")
    other.revocations.revoke(token_id="token-1")

    eventually(lambda: state.revocations.health().entries == 1)
    eventually(lambda: "RuntimeError" in caplog.text)  # after the list was read, or with what comes after it
    health = state.revocations.health()
    assert (True, None) == (health.connected, health.last_error)
    assert health.reloads <= 2  # the first to write begins an epoch, which may come before or after the first look
    assert "secret" not in caplog.text
