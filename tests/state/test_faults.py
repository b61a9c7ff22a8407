"""A Redis that is not there, goes away, hangs, cannot be written to, or comes back empty: what becomes of each feature.

The table in docs/shared-state.md says the same in words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.state.rig import NOW, Clock, eventually, principal, ready
from tests.state.servers import RedisServer
from tests.support.ports import free_port

from mindpeeker_guard import ConfigurationError, StoreUnavailableError
from mindpeeker_guard.state.redis import RedisState

PASSWORD = "do-not-show-7391"
QUICK = {"timeout": 0.5, "connect_timeout": 0.5}


def outcome(state: Any, **caller: Any) -> bool | str:
    try:
        return ready(state.revocations).is_revoked(principal(**caller))
    except StoreUnavailableError as error:
        return "unavailable" if error.retry_after >= 1 else "unavailable, without a time to try again"


def refused_by_redis(state: Any) -> list[str]:
    """Return how everything fails that cannot be done without Redis."""
    plain: list[Callable[[], Any]] = [
        lambda: state.revocations.revoke(token_id="t"),
        lambda: state.replay.add("proof", 60),
        lambda: state.invalidations.publish("key-1"),
    ]
    awaited: list[Callable[[], Any]] = [
        lambda: state.revocations.arevoke(token_id="t"),
        lambda: state.replay.aadd("proof", 60),
        lambda: state.invalidations.apublish("key-1"),
    ]

    async def main() -> list[Any]:
        threads = [asyncio.to_thread(call) for call in plain]
        return await asyncio.gather(*threads, *(call() for call in awaited), return_exceptions=True)

    errors = asyncio.run(main())
    assert all(isinstance(error, StoreUnavailableError) for error in errors), errors
    return [error.reason for error in errors]


@pytest.fixture
def nowhere() -> str:
    """The URL of a Redis that is not there."""
    return f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0"


@pytest.mark.parametrize(("policy", "expected"), [("fail_open", False), ("fail_closed", "unavailable")])
def test_refused_from_the_start(make, nowhere, policy, expected):
    """
    A process that never reached Redis lets tokens pass by `fail_open`, and answers 503 by `fail_closed`.
    """
    state = make(nowhere, policy=policy)

    assert expected == outcome(state)

    assert {"Redis: ConnectionError"} == set(refused_by_redis(state))
    health = state.revocations.health()
    assert (False, None, "ConnectionError") == (health.connected, health.age, health.last_error)
    assert (policy == "fail_open") == health.usable
    # What was revoked here is in force here, whatever the policy.
    assert outcome(state, token_id="t") is True


def test_fail_open_has_a_bound(make, nowhere):
    """
    Without Redis `fail_open` ends: after 300 seconds nothing is decided any more but what is known to be revoked.
    """
    timer = Clock(1000.0)
    state = make(nowhere, timer=timer)
    assert outcome(state) is False
    with pytest.raises(StoreUnavailableError):
        state.revocations.revoke(token_id="known")

    timer.now += 300
    assert outcome(state) is False
    timer.now += 1
    assert "unavailable" == outcome(state)
    assert outcome(state, token_id="known") is True
    assert not state.revocations.health().usable


def test_fail_open_for_ever(make, nowhere):
    """
    Infinity takes the bound away.
    """
    timer = Clock(1000.0)
    state = make(nowhere, timer=timer, max_outage=float("inf"))
    assert outcome(state) is False

    timer.now += 10**9

    assert outcome(state) is False


def test_killed_and_back_empty(make, server):
    """
    While Redis is down the last known list is in force; what is revoked meanwhile raises, and holds in this process.
    When Redis comes back, empty, it is given all of it, for the processes that start then.
    """
    state = make(server)
    state.revocations.revoke(token_id="before")
    assert outcome(state, token_id="before") is True

    server.kill()
    eventually(lambda: not state.revocations.health().connected)
    with pytest.raises(StoreUnavailableError):
        state.revocations.revoke(token_id="meanwhile")
    assert [True, True, False] == [outcome(state, token_id=name) for name in ("before", "meanwhile", "good")]

    server.start()
    eventually(lambda: state.revocations.health().connected)
    with server.client() as client:
        eventually(lambda: client.zcard(state._names.ends) == 2)
    late = make(server)
    assert [True, True, False] == [outcome(late, token_id=name) for name in ("before", "meanwhile", "good")]
    assert state.revocations.health().last_error is None
    assert late.replay.add("proof", 60)
    assert asyncio.run(state.replay.aadd("other proof", 60))


def test_an_outage_past_the_bound_ends_with_redis(make, server):
    """
    Past the bound requests are refused; they are decided again as soon as Redis is back.
    """
    timer = Clock(1000.0)
    state = make(server, timer=timer)
    assert outcome(state) is False
    server.kill()
    eventually(lambda: not state.revocations.health().connected)

    timer.now += 301
    assert "unavailable" == outcome(state)
    assert 301 <= state.revocations.health().age
    server.start()

    eventually(lambda: outcome(state) is False)


def test_fail_closed_once_known(make, server):
    """
    By `fail_closed` an outage of a few seconds already answers 503.
    """
    timer = Clock(1000.0)
    state = make(server, timer=timer, policy="fail_closed")
    assert outcome(state) is False
    server.kill()
    eventually(lambda: not state.revocations.health().connected)

    timer.now += 6

    assert "unavailable" == outcome(state)


def test_a_redis_that_hangs(make, server):
    """
    A Redis that accepts and says nothing holds no request up: the list in memory decides. What needs Redis fails
    within its time limit; when Redis goes on, everything does.
    """
    state, other = make(server, timeout=1), make(server)
    state.revocations.revoke(token_id="before")
    assert outcome(state, token_id="before") is True

    server.pause()
    eventually(lambda: not state.revocations.health().connected)
    assert [True, False] == [outcome(state, token_id=name) for name in ("before", "good")]
    assert {"Redis: TimeoutError"} == set(refused_by_redis(state))
    server.resume()

    other.revocations.revoke(token_id="after")
    eventually(lambda: outcome(state, token_id="after") is True)
    assert state.replay.add("a new proof", 60)


@pytest.mark.parametrize(("policy", "expected"), [("fail_open", False), ("fail_closed", "unavailable")])
def test_a_redis_that_hangs_from_the_start(make, server, policy, expected):
    """
    The first requests wait for the list as long as patience lasts, all of them together; the next ones do not.
    """
    server.pause()
    state = make(server, policy=policy, **QUICK)

    async def first() -> None:
        from mindpeeker_guard._flow import arun

        await asyncio.gather(*(arun(state.revocations.prepare()) for _ in range(5)))

    asyncio.run(first())

    assert state.revocations.ready
    assert expected == outcome(state)
    server.resume()
    eventually(lambda: outcome(state) is False)


def test_connections_that_are_reset(make, server):
    """
    Connections that break, as at a proxy's restart, are made anew without anybody noticing.
    """
    state, other = make(server), make(server)
    assert outcome(state) is False
    assert state.replay.add("a", 60)

    with server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    assert not state.replay.add("a", 60)
    with server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    other.revocations.revoke(token_id="t")

    eventually(lambda: outcome(state, token_id="t") is True)
    eventually(lambda: state.revocations.health().connected)


def test_an_answer_that_is_lost(make, calm, monkeypatch):
    """
    Where Redis added a proof and its answer was lost with the connection, the second try is no replay; a proof that
    another one showed first still is.
    """
    import redis

    state, other = make(calm), make(calm)
    shared = other._clients._made(redis, 5)

    class Losing:
        def __init__(self):
            self.lost = False

        def set(self, *args, **options):
            done = shared.set(*args, **options)
            if not self.lost:
                self.lost = True
                raise redis.ConnectionError("Connection closed by server")
            return done

        def get(self, *args):
            return shared.get(*args)

        def close(self):
            pass

    losing = Losing()
    monkeypatch.setattr(state._clients, "_made", lambda *_: losing)
    assert state.replay.add("proof", 60)
    monkeypatch.undo()
    assert not state.replay.add("proof", 60)

    assert other.replay.add("shown", 60)
    losing = Losing()
    monkeypatch.setattr(state._clients, "_made", lambda *_: losing)
    assert not state.replay.add("shown", 60)
    monkeypatch.undo()
    shared.close()


def test_a_replica_that_takes_over(make, tmp_path):
    """
    A read-only replica is good to follow and cannot be written to, which raises; once it is made the master, in the
    middle of everything, it can, on the same connections.
    """
    with (
        RedisServer(tmp_path, "--repl-diskless-sync-delay", "0") as server,
        RedisServer(tmp_path, "--replicaof", "127.0.0.1", str(server.port), "--dbfilename", "replica.rdb") as replica,
    ):
        master, state = make(server), make(replica)
        with replica.client() as client:
            eventually(lambda: client.info("replication")["master_link_status"] == "up", 60)
            master.revocations.revoke(token_id="through the master")

            eventually(lambda: outcome(state, token_id="through the master") is True)
            # Clients of other versions have other names for an error that a script passes on.
            assert (
                {"Redis: ReadOnlyError"}
                <= set(refused_by_redis(state))
                <= {"Redis: ReadOnlyError", "Redis: RedisError"}
            )
            assert outcome(state) is False
            # What it has beyond the master's list cannot be written back, which is said, and stops nobody.
            client.client_kill_filter(_type="normal", skipme=True)
            eventually(lambda: state.revocations.health().last_error == "ReadOnlyError")
            assert state.revocations.health().connected

            server.kill()
            client.replicaof("NO", "ONE")

        state.revocations.revoke(token_id="after")
        assert state.replay.add("proof", 60)
        late = make(replica)
        assert [True, True] == [outcome(late, token_id=name) for name in ("through the master", "after")]
        # What was revoked while it was read-only is known here, and told at the next occasion.
        assert outcome(state, token_id="t") is True


def test_a_restart_under_asynchronous_callers(make, server):
    """
    Calls on an event loop fail while Redis is down, and succeed on the same loop as soon as it is back.
    """
    state = make(server)

    async def main() -> None:
        assert await state.replay.aadd("a", 60)
        server.kill()
        with pytest.raises(StoreUnavailableError):
            await state.replay.aadd("b", 60)
        server.start()
        assert await state.replay.aadd("b", 60)
        await state.aclose()

    asyncio.run(main())


def test_a_redis_without_memory(make, tmp_path):
    """
    A Redis that is out of memory takes no revocation, says so, and goes on being followed.
    """
    with RedisServer(tmp_path, "--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:
        state = make(server)

        assert outcome(state) is False
        assert all(reason.startswith("Redis: ") for reason in refused_by_redis(state))
        assert outcome(state, token_id="t") is True
        assert state.revocations.health().connected


def test_a_wrong_password(make, tmp_path, caplog):
    """
    A Redis that does not let us in is one that cannot be reached; neither logs, health, errors nor `repr` have the
    password, the user or the URL.
    """
    caplog.set_level(logging.DEBUG)
    with RedisServer(tmp_path, "--requirepass", "another") as server:
        url = f"redis://somebody:{PASSWORD}@127.0.0.1:{server.port}/0"
        state = make(url, secret="s" * 32)

        assert outcome(state) is False
        reasons = refused_by_redis(state)

        health = state.revocations.health()
        assert not health.connected
        shown = [repr(state), repr(state.revocations), repr(state.keys), repr(health), caplog.text, *reasons]
        assert not [text for text in shown if PASSWORD in text or "somebody" in text or "s" * 32 in text]


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("", {}),
        (None, {}),
        (f"http://:{PASSWORD}@127.0.0.1", {}),
        (f"redis://:{PASSWORD}@127.0.0.1:port/0", {}),
        (f"redis://:{PASSWORD}@127.0.0.1/0?socket_timeout=7", {}),
        (f"redis://:{PASSWORD}@127.0.0.1/0?protocol=3", {}),
        ("redis://127.0.0.1", {"decode_responses": True}),
        ("redis://127.0.0.1", {"prefix": ""}),
        ("redis://127.0.0.1", {"prefix": "a b"}),
        ("redis://127.0.0.1", {"prefix": "a}b"}),
        ("redis://127.0.0.1", {"prefix": "x" * 65}),
        ("redis://127.0.0.1", {"policy": "fail-open"}),
        ("redis://127.0.0.1", {"max_outage": 0}),
        ("redis://127.0.0.1", {"max_outage": True}),
        ("redis://127.0.0.1", {"max_outage": float("nan")}),
        ("redis://127.0.0.1", {"max_token_age": 0}),
        ("redis://127.0.0.1", {"max_token_age": float("inf")}),
        ("redis://127.0.0.1", {"max_entries": 0}),
        ("redis://127.0.0.1", {"max_entries": 1.5}),
        ("redis://127.0.0.1", {"skew": -1}),
        ("redis://127.0.0.1", {"timeout": 0}),
        ("redis://127.0.0.1", {"connect_timeout": "1"}),
    ],
)
def test_settings_that_are_wrong(url, options):
    """
    What is wrong is said when the state is made, and never with the URL.
    """
    pytest.importorskip("redis")

    with pytest.raises(ConfigurationError) as caught:
        RedisState(url, **options)

    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_redis_py(monkeypatch):
    """
    Where the extra is missing, one sentence names it.
    """
    import sys

    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(ConfigurationError, match=r"mindpeeker-guard\[redis\]"):
        RedisState("redis://127.0.0.1")


def test_the_time_of_redis_decides_what_is_over(make, calm):
    """
    A writer whose clock is a year ahead takes nothing out of the list that others still need.
    """
    right, ahead = make(calm, clock=Clock(NOW)), make(calm, clock=Clock(NOW + 31_536_000))
    right.revocations.revoke(token_id="a")

    ahead.revocations.revoke(token_id="b")

    late = make(calm, clock=Clock(NOW))
    assert [True, True] == [outcome(late, token_id=name) for name in "ab"]
