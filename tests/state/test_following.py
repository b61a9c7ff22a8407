"""How a process follows the list in Redis: what it must never miss, whatever happens between two of its steps."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from tests.state.rig import NOW, eventually, is_level, principal, ready

from mindpeeker_guard.state._follower import _GapError


def knows(state: Any, *token_ids: str) -> list[bool]:
    return [state.revocations.is_revoked(principal(token_id=name)) for name in token_ids]


def revoke(state: Any, *token_ids: str) -> None:
    for name in token_ids:
        state.revocations.revoke(token_id=name)


def test_a_process_that_comes_late(make, calm):
    """
    A process that starts after everything was revoked, and after the one that revoked it has gone, knows all of it
    before it decides about its first request.
    """
    writer = make(calm)
    revoke(writer, *(f"token-{number}" for number in range(1500)))
    writer.close()

    late = make(calm)
    ready(late.revocations)

    assert all(knows(late, *(f"token-{number}" for number in range(1500))))
    assert 1500 == late.revocations.health().entries


def test_a_process_that_follows(make, calm):
    """
    What one process revokes reaches the others by the log: the list is read once, at the start.
    """
    states = [make(calm) for _ in range(4)]
    for state in states:
        ready(state.revocations)

    for number, state in enumerate(states):
        revoke(state, f"token-{number}")

    eventually(lambda: all(all(knows(state, *(f"token-{number}" for number in range(4)))) for state in states))
    health = states[0].revocations.health()
    assert (True, True, 1, None, 0) == (
        health.usable,
        health.connected,
        health.reloads,
        health.last_error,
        health.skipped,
    )
    assert None not in {health.epoch, health.delay, health.age}


def test_a_revocation_between_list_and_log(make, calm):
    """
    What is revoked while a new process reads the list, after it has passed the place, comes to it by the log.
    """
    writer, reader = make(calm), make(calm)
    revoke(writer, "before")

    class Slow:
        def __init__(self, client):
            self.client = client

        def hscan_iter(self, *args, **options):
            yield from self.client.hscan_iter(*args, **options)
            revoke(writer, "meanwhile")

        def __getattr__(self, name):
            return getattr(self.client, name)

    follower = reader._follower
    with calm.client() as client:
        follower._load(Slow(client))
        assert [True, False] == knows(reader, "before", "meanwhile")
        follower._step(client)
        assert [True, True] == knows(reader, "before", "meanwhile")


def test_a_log_that_was_cut(make, calm):
    """
    Who was away for so long that the log was cut notices it by the numbers, and reads the list again.
    """
    writer, reader = make(calm), make(calm)
    follower = reader._follower
    with calm.client() as client:
        follower._load(client)
        revoke(writer, "a", "b", "c")
        client.xtrim(writer._names.log, maxlen=1, approximate=False)

        with pytest.raises(_GapError):
            follower._step(client)
        follower._load(client)

        assert [True] * 3 == knows(reader, "a", "b", "c")
        revoke(writer, "d")
        follower._step(client)
        assert [True] == knows(reader, "d")


def test_the_log_is_cut(make, calm):
    """
    The log does not grow without end; the list has what the log has not any more.
    """
    writer = make(calm)
    writer.invalidations._log._length = 100
    for number in range(500):
        writer.invalidations.publish(f"key-{number}")
    with calm.client() as client:
        assert client.xlen(writer._names.log) < 400


def test_a_redis_that_was_emptied(make, server):
    """
    Where Redis loses everything, even without an interruption, those who know write it back: the list is whole again,
    for those that come later too, and nobody forgets for a moment.
    """
    survivors = [make(server) for _ in range(3)]
    for state in survivors:
        ready(state.revocations)
    revoke(survivors[0], *(f"token-{number}" for number in range(250)))
    eventually(lambda: all(state.revocations.health().entries == 250 for state in survivors))
    epoch = survivors[0].revocations.health().epoch

    with server.client() as client:
        client.flushall()

    eventually(lambda: survivors[0].revocations.health().epoch not in {None, epoch})
    eventually(lambda: all(is_level(state, server) for state in survivors))
    late = make(server)
    ready(late.revocations)
    assert [250] * 4 == [state.revocations.health().entries for state in (*survivors, late)]
    revoke(late, "new")
    eventually(lambda: all(all(knows(state, "new", "token-249")) for state in survivors))


def test_a_failover_that_lost_the_last_writes(make, server):
    """
    A replica that became the master without the last writes is given them again by those who had heard of them.
    """
    state = make(server)
    ready(state.revocations)
    names = state._names
    keys = (names.list, names.ends, names.log)
    revoke(state, "kept")
    with server.client() as client:
        before = {key: client.dump(key) for key in keys}
        revoke(state, "lost")
        eventually(lambda: is_level(state, server))

        with client.pipeline(transaction=True) as pipe:
            for key, value in before.items():
                pipe.restore(key, 0, value, replace=True)
            pipe.execute()
        eventually(lambda: client.zcard(names.ends) == 2)

    assert [True, True] == knows(state, "kept", "lost")
    late = make(server)
    ready(late.revocations)
    assert [True, True] == knows(late, "kept", "lost")


def test_another_life_of_the_same_length(make, server):
    """
    A list that was lost and written anew by others, by chance to the same number, is told by its name.
    """
    state, other = make(server), make(server)
    ready(state.revocations)
    revoke(state, "a")
    eventually(lambda: is_level(state, server))

    with server.client() as client, client.pipeline(transaction=True) as pipe:
        pipe.flushall()
        pipe.eval(*other.revocations._log._revoke([other.revocations._terms.revocation(NOW, token_id="b")], 0))
        pipe.execute()

    eventually(lambda: knows(state, "a", "b") == [True, True])
    late = make(server)
    eventually(lambda: is_level(state, server))
    ready(late.revocations)
    assert [True, True] == knows(late, "a", "b")


def test_a_redis_whose_clock_was_set_back(make, server):
    """
    After a life with later times the log's new entries come before the ones that were read: they are found too.
    """
    state, writer = make(server), make(server)
    names = state._names
    with server.client() as client:
        client.hset(names.list, mapping={"@epoch": "e", "@seq": 1, "@id": "99999999999999-0"})
        client.xadd(names.log, {"e": "e", "n": 1, "k": "key"}, id="99999999999999-0")
        ready(state.revocations)
        assert "99999999999999-0" == state._follower.position.last_id

        client.flushall()
        revoke(writer, "a")

    eventually(lambda: knows(state, "a") == [True])


@pytest.mark.parametrize(
    "entry",
    [
        {"x": "y"},
        {"e": "", "n": "one"},
        {"n": "-5"},
        {"n": "1" * 5000},
        {"n": b"\xff"},
        {"e": "e", "n": ""},
        {"e": "e", "n": 2, "r": '["token",null,"innocent"]', "m": "1 9007199254740000"},
        {"e": "e", "n": 999, "k": "key"},
    ],
)
def test_foreign_entries_in_the_log(make, calm, entry):
    """
    What somebody else writes to the log stops nobody from hearing the next revocation.
    """
    state, writer = make(calm), make(calm)
    revoke(writer, "a")
    ready(state.revocations)
    with calm.client() as client:
        client.xadd(state._names.log, entry)
    eventually(lambda: state.revocations.health().skipped == 1)

    revoke(writer, "b")

    eventually(lambda: knows(state, "a", "b") == [True, True])
    eventually(lambda: is_level(state, calm) and state.revocations.health().connected)
    assert [False] == knows(state, "innocent")
    assert 3 >= state.revocations.health().reloads


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("x", "1 2"),
        ("[]", "1 2"),
        ('["token",null]', "1 2"),
        ('["token",null,7]', "1 2"),
        ('["token",{},"a"]', "1 2"),
        ('["spell",null,"a"]', "1 2"),
        ('[[],null,"a"]', "1 2"),
        ('["token",null,"a"]', ""),
        ('["token",null,"a"]', "1"),
        ('["token",null,"a"]', "1 x"),
        ('["token",null,"a"]', "-1 5"),
        ('["token",null,"a"]', "1 99999999999999999999"),
        ('["token",null,"a"]', "nan inf"),
        (b"\xff\xfe", b"\xff"),
        ("[" * 100_000, "1 2"),
        ('["token",null,"a"]', "1" * 5000 + " 1"),
    ],
)
def test_foreign_entries_in_the_list(make, calm, caplog, name, mark):
    """
    What cannot be read of the list is counted and said, and hides nothing of the rest.
    """
    state, writer = make(calm), make(calm)
    revoke(writer, "good")
    with calm.client() as client:
        client.hset(state._names.list, name, mark)

    ready(state.revocations)

    assert [True] == knows(state, "good")
    health = state.revocations.health()
    assert (1, 1, True, None) == (health.skipped, health.entries, health.connected, health.last_error)
    assert "cannot read" in caplog.text


def test_a_kind_that_this_version_does_not_know(make, calm):
    """
    A revocation of a kind that a newer version writes is counted, and the next one is heard.
    """
    state, writer = make(calm), make(calm)
    revoke(writer, "a")
    ready(state.revocations)
    names = writer._names
    script, *_ = writer.revocations._log._revoke([], 0)
    with calm.client() as client:
        name = '["spell",null,"a"]'
        client.eval(script, 3, names.list, names.ends, names.log, "epoch", 0, 100, name, "1 9007199254740000")
    revoke(writer, "b")

    eventually(lambda: knows(state, "b") == [True])
    health = state.revocations.health()
    assert (1, 1, None) == (health.skipped, health.reloads, health.last_error)


def test_a_mark_that_somebody_broke_is_mended(make, calm):
    """
    An entry whose mark was overwritten with rubbish is written anew by whoever revokes that name again, or knows it.
    """
    writer = make(calm)
    revoke(writer, "a")
    with calm.client() as client:
        [name] = [field for field in client.hkeys(writer._names.list) if field.startswith(b"[")]
        client.hset(writer._names.list, name, "rubbish")
        revoke(writer, "a")
        assert b"rubbish" != client.hget(writer._names.list, name)
        client.hset(writer._names.list, name, "0 1")
        ready(writer.revocations)
        assert b"0 1" != client.hget(writer._names.list, name)


def test_prefixes_are_apart(make, calm):
    """
    Two deployments on one Redis know nothing of each other.
    """
    one, other = make(calm, prefix="deployment-1"), make(calm, prefix="deployment-2")
    ready(one.revocations), ready(other.revocations)

    revoke(one, "a")
    assert one.replay.add("proof", 60)

    assert [False] == knows(other, "a")
    assert other.replay.add("proof", 60)
    assert 0 == other.revocations.health().entries


def test_redis_forgets_what_is_over(make, calm):
    """
    What has ended is taken out of the list when the next revocation comes, and is not taken into memory before.
    """
    state, reader = make(calm), make(calm)
    state.revocations.revoke(token_id="a", expires_at=1000)
    with calm.client() as client:
        assert 1 == client.zcard(state._names.ends)
        ready(reader.revocations)
        assert 0 == reader.revocations.health().entries

        revoke(state, "b")

        assert 1 == client.zcard(state._names.ends)
        assert 3 + 1 == client.hlen(state._names.list)


def test_what_is_revoked_again_is_not_told_again(make, calm):
    """
    A revocation that changes nothing is no news: neither list nor log grow by it.
    """
    state = make(calm)
    for _ in range(5):
        state.revocations.revoke(subject="user-1", issued_before=NOW)

    with calm.client() as client:
        assert 1 == client.xlen(state._names.log)
        assert b"1" == client.hget(state._names.list, "@seq")


def test_where_the_system_has_no_thread(make, calm, monkeypatch):
    """
    A process that cannot start a thread just now decides by its policy, and tries again at the next request.
    """
    state, writer = make(calm), make(calm)
    revoke(writer, "a")

    def fail(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        ready(state.revocations)
        assert not state.revocations.ready
        assert [False] == knows(state, "a")
        assert "RuntimeError" == state.revocations.health().last_error

    ready(state.revocations)
    assert [True] == knows(state, "a")


def test_closing_and_beginning_anew(make, calm):
    """
    A state that was closed ends its thread, and begins anew when it is used again.
    """
    state, writer = make(calm), make(calm)
    ready(state.revocations)
    thread = state._follower._thread
    state.close()
    state.close()
    assert not thread.is_alive()
    assert not state.revocations.ready

    revoke(writer, "a")
    ready(state.revocations)

    assert [True] == knows(state, "a")
