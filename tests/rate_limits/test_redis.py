"""Counting in a Redis: exact across processes, one round trip, and a stated outcome for each way in which it fails."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import STRATEGIES
from tests.rate_limits.rig import Timer, answer, awaited, blocking, guard, request, statuses, told
from tests.state.servers import RedisServer
from tests.support.ports import free_port

from mindpeeker_guard import AnswerError, ConfigurationError, RateLimit, RateLimits, StoreUnavailableError, requirement
from mindpeeker_guard.rate_limits._memory import MemoryWindows
from mindpeeker_guard.rate_limits._redis import RedisWindows
from mindpeeker_guard.rate_limits._store import Budget
from mindpeeker_guard.state._redis_clients import RedisClients

both = pytest.mark.parametrize("check", [blocking, awaited])
BUDGETS = [Budget("a", 3, 60), Budget("b", 2, 60)]


def windows(server, prefix, strategy="moving-window", **options):
    known = {"connect_timeout": 5, "timeout": 5, "cluster": False, "options": {}}
    return RedisWindows(RedisClients(server.url, **known | options), prefix, strategy)


def shared(server, prefix, *rates, **options):
    known = {"prefix": prefix, "connect_timeout": 5, "timeout": 5}
    return RateLimits(*(rates or ("2/hour",)), store=server.url, **known | options)


@both
def test_a_caller_is_refused_past_the_rate(calm, prefix, check):
    """
    Two guards that share a Redis share the budgets, and say the same as one that counts in memory.
    """
    guards = [guard(shared(calm, prefix)) for _ in range(2)]
    memory = guard(RateLimits("2/hour"))

    for number in range(4):
        status, headers = answer(guards[number % 2], request(), check=check)
        expected, same = answer(memory, request(), check=check)
        assert (expected, told(same)) == (status, told(headers))


@pytest.mark.parametrize("strategy", ["moving-window", "fixed-window"])
def test_redis_and_memory_agree(calm, prefix, strategy):
    """
    Request by request, both stores say the same: who passes, what is left, and that a refused one takes nothing.
    """
    redis, memory = windows(calm, prefix, strategy), MemoryWindows(strategy, timer=Timer())

    for budgets in (BUDGETS, BUDGETS, BUDGETS, BUDGETS[:1], BUDGETS, BUDGETS[:1]):
        ours, theirs = redis.take(budgets), memory.take(budgets)
        assert [(one.is_open, one.remaining) for one in theirs] == [(one.is_open, one.remaining) for one in ours]
        assert [one.reset for one in theirs] == pytest.approx([one.reset for one in ours], abs=30)


@pytest.mark.parametrize("strategy", ["moving-window", "fixed-window"])
def test_the_library_reads_our_keys(calm, prefix, strategy):
    """
    A key holds what `limits` keeps in it: its own strategy sees what is used, and goes on from there.
    """
    for _ in range(3):
        windows(calm, prefix, strategy).take([Budget("LIMITER/a/5/1/minute", 5, 60)])

    storage = RedisStorage(calm.url, key_prefix=f"{{{prefix}}}:limits")
    strategy_of_limits, item = STRATEGIES[strategy](storage), RateLimitItemPerMinute(5)
    assert 2 == strategy_of_limits.get_window_stats(item, "a").remaining
    assert [True, True, False] == [strategy_of_limits.hit(item, "a") for _ in range(3)]
    storage.storage.close()


def test_budgets_end_by_themselves(calm, prefix):
    """
    Every key that is written has an end: Redis forgets callers that do not come again.
    """
    for strategy in ("moving-window", "fixed-window"):
        windows(calm, prefix, strategy).take([Budget(f"{strategy}/a", 3, 50)])
        windows(calm, prefix, strategy).take([Budget(f"{strategy}/a", 1, 50)])

    with calm.client() as client:
        ends = [client.ttl(key) for key in client.scan_iter(f"*{prefix}*")]
    assert 2 == len(ends)
    assert all(0 < end <= 50 for end in ends)


def test_a_short_window_passes(calm, prefix):
    """
    What is older than a moving window does not count any more, by the clock of Redis.
    """
    redis, budget = windows(calm, prefix), Budget("a", 2, 1)
    assert [True, True] == [redis.take([budget])[0].is_open for _ in range(2)]

    with calm.client() as client:
        (key,) = client.scan_iter(f"*{prefix}*")
        old = [float(mark) - 1.5 for mark in client.lrange(key, 0, -1)]
        client.delete(key)
        client.rpush(key, *old)
    assert (True, 1) == redis.take([budget])[0][:2]


@pytest.mark.parametrize("strategy", ["moving-window", "fixed-window"])
def test_threads_and_loops_at_once(calm, prefix, strategy):
    """
    Of hundreds of requests at once, from threads and from event loops, exactly so many pass as the rate says.
    """
    stores = [windows(calm, prefix, strategy) for _ in range(3)]
    budget = Budget("a", 77, 600)

    async def many(store):
        return [levels[0].is_open for levels in await asyncio.gather(*(store.atake([budget]) for _ in range(40)))]

    with ThreadPoolExecutor(8) as pool:
        loops = [pool.submit(asyncio.run, many(store)) for store in stores]
        threads = list(pool.map(lambda n: stores[n % 3].take([budget])[0].is_open, range(120)))

    assert 77 == sum(threads) + sum(sum(loop.result()) for loop in loops)


@both
def test_one_round_trip(calm, prefix, check):
    """
    However many budgets a request is taken from, Redis hears one command.
    """
    one = guard(shared(calm, prefix, "9/hour", RateLimit("9/hour", per="ip"), RateLimit("9/hour", per="global")))
    needed = requirement(rate="9/hour; 5/second")
    check(one, request(), needed)

    def commands():
        with calm.client() as client:
            told = client.info("commandstats")
            return {name: told[name]["calls"] for name in told if "eval" in name}

    before = commands()
    if check is blocking:
        for _ in range(3):
            one.check(request(), needed)
    else:
        asyncio.run(_three(one, needed))
    after = commands()

    assert 3 == sum(after.values()) - sum(before.values())
    assert "cmdstat_eval" not in after or before["cmdstat_eval"] == after["cmdstat_eval"]


async def _three(one, needed):
    for _ in range(3):
        await one.acheck(request(), needed)


@both
@pytest.mark.parametrize(("cluster", "kind"), [(False, "ConnectionError"), (True, "RedisClusterException")])
def test_redis_is_not_there(prefix, check, caplog, cluster, kind):
    """
    Refused connections, fail_open: each process counts for itself, every caller is served, the log says so once.
    """
    limits = RateLimits("2/hour", store=f"redis://127.0.0.1:{free_port()}", prefix=prefix, cluster=cluster)
    one = guard(limits)

    assert [200, 200, 429] == [answer(one, request(), check=check)[0] for _ in range(3)]
    health = one.health()["limits"]
    assert ("redis", False, True) == (health.store, health.connected, health.failures >= 1)
    assert 1 == sum("each process counts for itself" in record.message for record in caplog.records)
    assert kind in health.last_error


@both
@pytest.mark.parametrize("cluster", [False, True])
def test_redis_is_not_there_and_must_be(prefix, check, cluster):
    """
    Refused connections, fail_closed: 503 with Retry-After, never 500, never a free pass; 401 and 403 stay as they are.
    """
    store = f"redis://127.0.0.1:{free_port()}"
    one = guard(RateLimits("2/hour", store=store, prefix=prefix, policy="fail_closed", cluster=cluster))

    for _ in range(3):
        status, headers = answer(one, request(), check=check)
        assert (503, True) == (status, int(headers["Retry-After"]) >= 1)
    assert 401 == answer(one, request(""), check=check)[0]
    assert 403 == answer(one, request(), requirement("dowsing:admin"), check=check)[0]


@both
def test_redis_is_killed_and_comes_back(server, prefix, check):
    """
    Killed: the next request is served all the same. Restarted empty: budgets begin anew, scripts are loaded again.
    """
    timer = Timer()
    one = guard(shared(server, prefix, timer=timer))
    assert [200, 200, 429] == [answer(one, request(), check=check)[0] for _ in range(3)]

    server.kill()
    assert [200, 200, 429] == [answer(one, request(), check=check)[0] for _ in range(3)]
    assert one.health()["limits"].connected is False
    server.start()
    assert 429 == answer(one, request(), check=check)[0]  # not tried again yet
    timer.now += 6
    assert [200, 200, 429] == [answer(one, request(), check=check)[0] for _ in range(3)]
    assert (True, 0, None) == (one.health()["limits"].connected, *one.health()["limits"][2::2])


def test_connections_can_be_closed(calm, prefix):
    """
    Connections can be closed, of the process and of an event loop, and are made anew when they are needed.
    """
    limits = shared(calm, prefix)
    one = guard(limits)

    async def twice():
        await one.acheck(request())
        await limits.aclose()
        await one.acheck(request())

    asyncio.run(twice())
    limits.close()
    assert [429] == statuses(one, 1)
    for other in (RateLimits("1/hour"), RateLimits("1/hour", store=MemoryStorage())):
        other.close()
        asyncio.run(other.aclose())


def test_restarted_between_two_requests(server, prefix):
    """
    A restart that no request has seen goes unnoticed: the connection is made anew, and nobody is lost.
    """
    one = guard(shared(server, prefix))
    one.check(request())
    server.kill()
    server.start()

    assert [200, 200, 429] == statuses(one, 3)
    assert 0 == one.health()["limits"].failures


@both
def test_redis_hangs(server, prefix, check):
    """
    A server that says nothing costs one request the time limit, and the next ones nothing: they do not ask.
    """
    timer = Timer()
    one = guard(shared(server, prefix, "50/hour", timeout=0.25, timer=timer))
    assert 200 == answer(one, request(), check=check)[0]

    server.pause()
    assert 200 == answer(one, request(), check=check)[0]
    assert "TimeoutError" in one.health()["limits"].last_error
    asked = one._limits._shared._store
    one._limits._shared._store = None
    assert [200] * 30 == [answer(one, request(), check=check)[0] for _ in range(30)]
    one._limits._shared._store = asked
    timer.now += 6
    assert 200 == answer(one, request(), check=check)[0]
    assert 2 == one.health()["limits"].failures
    server.resume()
    timer.now += 6
    assert 200 == answer(one, request(), check=check)[0]
    assert one.health()["limits"].connected


@both
def test_one_request_tries_while_the_others_go_on(server, prefix, check):
    """
    After the pause one request asks Redis again; others that come meanwhile do not wait with it.
    """
    timer = Timer()
    one = guard(shared(server, prefix, "50/hour", timer=timer))
    server.kill()
    check(one, request())
    timer.now += 6

    assert one._limits._shared._is_my_turn()
    assert not one._limits._shared._is_my_turn()
    assert 200 == answer(one, request(), check=check)[0]


@both
def test_a_replica_is_read_only(server, prefix, tmp_path, check):
    """
    A replica refuses to count: each process counts for itself until there is a primary again.
    """
    timer = Timer()
    folder = tmp_path / "replica"
    folder.mkdir()
    with RedisServer(folder, "--replicaof", "127.0.0.1", str(server.port)) as replica:
        one = guard(shared(replica, prefix, timer=timer))
        assert [200, 200, 429] == [answer(one, request(), check=check)[0] for _ in range(3)]
        assert "ReadOnlyError" in one.health()["limits"].last_error

        with replica.client() as client:
            client.replicaof("NO", "ONE")
        timer.now += 6
        assert [200, 200, 429] == [answer(one, request(), check=check)[0] for _ in range(3)]
        assert one.health()["limits"].connected


@contextmanager
def proxy(port, cut):
    """Yield the port of a proxy that breaks the connection when the request number `cut` has reached the server."""
    listener = socket.create_server(("127.0.0.1", 0))
    count = iter(range(1, 1_000))

    def serve(client):
        with client, socket.create_connection(("127.0.0.1", port)) as upstream:
            while data := client.recv(65_536):
                upstream.sendall(data)
                answered = upstream.recv(65_536)
                if b"EVAL" in data and next(count) == cut:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    return
                client.sendall(answered)

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(20)


@both
def test_a_failover_amid_a_request(calm, prefix, check):
    """
    A connection that breaks between count and answer: the request is served, perhaps counted twice, never lost.
    """
    windows(calm, f"{prefix}-warm").take(BUDGETS)
    with proxy(calm.port, cut=2) as port:
        limits = RateLimits("4/hour", store=f"redis://127.0.0.1:{port}/0", prefix=prefix, connect_timeout=5, timeout=5)
        one = guard(limits)
        found = [answer(one, request(), check=check)[0] for _ in range(5)]

        assert [200, 200, 200, 429, 429] == found
        assert 0 == one.health()["limits"].failures
        limits.close()


def test_something_else_answers(prefix):
    """
    A server that is no Redis, or a script's answer of another form, is an outage and no error of ours.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak():
            for _ in range(4):
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        one = guard(RateLimits("2/hour", store=f"redis://127.0.0.1:{listener.getsockname()[1]}", prefix=prefix))
        assert [200, 200, 429] == statuses(one, 3)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)


def test_an_answer_of_another_form():
    """
    What the script cannot have said is an outage.
    """

    class Clients:
        def ask(self, work):
            return b"OK"

    with pytest.raises(StoreUnavailableError):
        RedisWindows(Clients(), "p", "moving-window").take(BUDGETS)


def test_another_storage_of_limits(calm, prefix):
    """
    Any storage of the library can be used, plain or async, by object or URL; an async one must be awaited.
    """
    from limits.aio.storage import MemoryStorage as AsyncMemoryStorage

    plain = guard(RateLimits("2/hour", store=MemoryStorage()))
    assert [200, 200, 429] == statuses(plain, 3)
    plain = guard(RateLimits("2/hour", store=MemoryStorage(), strategy="fixed-window"))
    assert [200, 200, 429] == asyncio.run(_ask_thrice(plain))
    by_url = guard(RateLimits("2/hour", store=f"redis+unix://localhost:{calm.port}", policy="fail_open"))
    assert [200, 200, 429] == statuses(by_url, 3)
    assert by_url.health()["limits"].connected is False
    storage = AsyncMemoryStorage()
    loop = guard(RateLimits("2/hour", store=storage))
    assert [200, 200, 429] == asyncio.run(_ask_thrice(loop))
    with pytest.raises(ConfigurationError, match="async"):
        loop.check(request())


async def _ask_thrice(one):
    found = []
    for _ in range(3):
        try:
            await one.acheck(request())
        except AnswerError as error:
            found.append(error.status)
        else:
            found.append(200)
    return found


def test_a_store_that_fails_in_its_own_way():
    """
    Whatever a storage raises is an outage, answered as the policy says.
    """

    class Broken(MemoryStorage):
        def acquire_entry(self, *args, **options):
            raise RuntimeError("out of order")

    open_, closed = (guard(RateLimits("2/hour", store=Broken(), policy=p)) for p in ("fail_open", "fail_closed"))

    assert [200, 200, 429] == statuses(open_, 3)
    assert [503] * 2 == statuses(closed, 2)


@both
def test_load_while_redis_is_killed_and_restarted(server, prefix, check):
    """
    Under load Redis dies and comes back, twice: every valid request is served, and none is answered with 5xx.
    """
    one = guard(shared(server, prefix, "90000/hour", connect_timeout=0.25, timeout=0.25))
    found, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            found.append(answer(one, request(), check=check)[0])

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(load) for _ in range(3)]
        for _ in range(2):
            _until(lambda: one.health()["limits"].connected)
            server.kill()
            _until(lambda: one.health()["limits"].connected is False)
            server.start()
        _until(lambda: one.health()["limits"].connected)
        stop.set()
        for worker in workers:
            worker.result(60)

    assert {200} == set(found)


def _until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def test_credentials_of_the_store_are_never_shown():
    """
    Neither the limits nor an error of theirs shows the URL of the store.
    """
    limits = RateLimits("2/hour", store="redis://user:secret@127.0.0.1:1/0")

    assert "secret" not in repr(limits)
    one = guard(limits)
    one.check(request())
    assert "secret" not in repr(one.health())
    for url in ("redis://user:secret@host:port/0", "redis+sentinel://user:secret@"):
        with pytest.raises(ConfigurationError) as caught:
            RateLimits("2/hour", store=url)
        assert "secret" not in str(caught.value)
