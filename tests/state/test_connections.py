"""TLS, users with few rights, a cluster, a socket: ways to a Redis, and what must not be wrong on them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.faults.certificates import Authority
from tests.state.rig import eventually, principal, ready
from tests.state.servers import RedisServer
from tests.support.ports import free_port

from mindpeeker_guard import StoreUnavailableError
from mindpeeker_guard.state import _redis_clients

SECRET = "s" * 32
CLUSTERED = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf")


def everything_works(state: Any) -> bool:
    """Use every feature once, by thread and by event loop."""
    heard: list[str | None] = []
    state.invalidations.on_invalidate(heard.append)
    ready(state.revocations)
    state.revocations.revoke(token_id="a")
    asyncio.run(state.revocations.arevoke(subject="b"))
    state.invalidations.publish("key-1")
    token = state.keys.acquire("name", 5)
    assert token is not None
    assert state.keys.acquire("name", 5) is None
    state.keys.release("name", token)
    assert state.keys.read("name") is None
    assert state.replay.add("proof", 60)
    assert not asyncio.run(state.replay.aadd("proof", 60))
    eventually(lambda: heard.count("key-1") == 2)
    return (
        state.revocations.health().connected
        and state.revocations.health().entries == 2
        and state.revocations.is_revoked(principal(token_id="a"))
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def secured(authority: Authority, tmp_path: Path) -> Any:
    """A server that speaks TLS only, and the file that its authority is in."""
    authority.server("server")
    both = str(tmp_path / "authority-server.pem")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    port = free_port()
    files = ("--tls-cert-file", both, "--tls-key-file", both, "--tls-ca-cert-file", str(trusted))
    with RedisServer(tmp_path, "--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no", *files, port=port):
        yield f"rediss://127.0.0.1:{port}/0", str(trusted)


def test_tls(make, secured):
    """
    ``rediss://`` speaks TLS with a server whose certificate is good.
    """
    url, trusted = secured

    assert everything_works(make(url, ssl_ca_certs=trusted, secret=SECRET))


def test_tls_with_a_stranger(make, secured):
    """
    A server whose certificate nobody vouches for is not talked to.
    """
    url, _ = secured
    state = make(url)

    with pytest.raises(StoreUnavailableError):
        state.revocations.revoke(token_id="a")
    ready(state.revocations)
    assert not state.revocations.health().connected


def test_a_user_with_few_rights(make, server):
    """
    A user (ACL) needs the commands that the documents name, on names with the prefix, and no more.
    """
    documents = (Path(__file__).parents[2] / "docs" / "shared-state.md").read_text(encoding="utf-8")
    [rule] = [line for line in documents.splitlines() if line.startswith("ACL SETUSER guard ")]
    with server.client() as client:
        client.execute_command(*rule.replace("PASSWORD", "pass").replace("{mindpeeker}", "{few}").split())
        state = make(f"redis://guard:pass@127.0.0.1:{server.port}/0", prefix="few", secret=SECRET)

        assert everything_works(state)
        assert {key.split(b":")[0] for key in client.scan_iter()} == {b"{few}"}
    other = make(f"redis://guard:pass@127.0.0.1:{server.port}/0", prefix="other")
    with pytest.raises(StoreUnavailableError, match="NoPermission"):
        other.revocations.revoke(token_id="a")


@pytest.mark.parametrize("cluster", [False, True])
def test_a_cluster(make, tmp_path, cluster):
    """
    All names of one prefix are in one slot of a cluster, so that scripts may touch them together.
    """
    with RedisServer(tmp_path, *CLUSTERED) as server:
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
            eventually(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"))

        assert everything_works(make(server, cluster=cluster, secret=SECRET))


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    """A cluster of two nodes: one that has nothing, and one that has everything."""
    folders = [tmp_path / "door", tmp_path / "owner"]
    for folder in folders:
        folder.mkdir()
    with RedisServer(folders[0], *CLUSTERED) as door, RedisServer(folders[1], *CLUSTERED) as owner:
        with door.client() as at_door, owner.client() as at_owner:
            at_owner.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
            at_door.execute_command("CLUSTER", "MEET", "127.0.0.1", owner.port)
            for client in (at_door, at_owner):
                eventually(lambda client=client: _is_whole(client), longest=60)
        yield door, owner


def _is_whole(client: Any) -> bool:
    told = client.execute_command("CLUSTER", "INFO")
    return all(one in told for one in (b"cluster_state:ok", b"cluster_known_nodes:2", b"cluster_slots_ok:16384"))


def _could(work: Callable[[], Any]) -> bool:
    try:
        work()
    except StoreUnavailableError:
        return False
    return True


def test_a_cluster_without_the_node_that_the_url_names(make, nodes):
    """
    Where the node of the URL has gone for good, and connections break, processes find the nodes that they saw before.
    """
    door, owner = nodes
    one, other = (make(door, cluster=True, secret=SECRET) for _ in range(2))
    ready(one.revocations)
    ready(other.revocations)
    one.revocations.revoke(token_id="before")

    door.kill()
    owner.kill()
    owner.start()

    eventually(lambda: _could(lambda: one.revocations.revoke(token_id="thread")), longest=60)
    eventually(lambda: _could(lambda: asyncio.run(one.revocations.arevoke(token_id="loop"))), longest=60)
    for token_id in ("before", "thread", "loop"):
        eventually(lambda known=token_id: other.revocations.is_revoked(principal(token_id=known)), longest=60)
    assert other.revocations.health().connected


def test_a_cluster_whose_first_node_is_down_at_the_start(make, nodes):
    """
    A process that starts while the node of the URL is down finds the cluster through ``startup_nodes``.
    """
    from redis.cluster import ClusterNode

    door, owner = nodes
    door.kill()

    state = make(door, cluster=True, secret=SECRET, startup_nodes=[ClusterNode("127.0.0.1", owner.port)])

    assert everything_works(state)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("lost", ["all nodes", "the node with everything"])
def test_a_cluster_that_is_gone(make, nodes, known, lost):
    """
    Where no node answers, or none that is in charge, that is an outage, whether the cluster was seen before or not.
    """
    door, owner = nodes
    state = make(door, cluster=True)
    if known:
        state.revocations.revoke(token_id="before")
    owner.kill()
    if lost == "all nodes":
        door.kill()

    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            state.revocations.revoke(token_id="thread")
        with pytest.raises(StoreUnavailableError):
            asyncio.run(state.revocations.arevoke(token_id="loop"))


def test_a_unix_socket(make, tmp_path):
    """
    ``unix://`` is a way as good as any.
    """
    path = tmp_path / "r.sock"
    with RedisServer(tmp_path, "--unixsocket", str(path)):
        assert everything_works(make(f"unix://{path}", secret=SECRET))


def at_once(state: Any, number: int, name: str) -> set[Any]:
    """Return what becomes of many who ask within a moment: tasks of one event loop, then as many threads."""

    async def task(one: int) -> Any:
        await asyncio.sleep(random.Random(one).random() / 300)  # not in step: they meet in all stages of asking
        return await state.replay.aadd(f"{name}-task-{one}", 60)

    async def main() -> list[Any]:
        return await asyncio.gather(*(task(one) for one in range(number)), return_exceptions=True)

    def thread(one: int) -> Any:
        try:
            return state.replay.add(f"{name}-thread-{one}", 60)
        except StoreUnavailableError as error:
            return error

    found = asyncio.run(main())
    with ThreadPoolExecutor(number) as pool:
        found += pool.map(thread, range(number))
    return {one.reason if isinstance(one, StoreUnavailableError) else one for one in found}


def test_more_callers_than_connections(make, server):
    """
    Where more ask than there may be connections, they take turns, and none is told that Redis is out of reach.
    """
    state = make(server)

    assert {True} == at_once(state, 200, "a")

    with server.client() as client:
        assert client.info("stats")["total_connections_received"] <= 2 * _redis_clients._POOL + 10


def test_a_turn_that_does_not_come(make, server, monkeypatch):
    """
    Waiting for a turn is bounded too: with a Redis that hangs, those who wait are told so as those who have asked are.
    """
    monkeypatch.setattr(_redis_clients, "_POOL", 1)
    state = make(server, timeout=0.3)
    server.pause()

    assert {"Redis: TimeoutError"} == at_once(state, 3, "a")

    server.resume()
    assert {True} == at_once(make(server), 3, "b")


def test_nobody_is_cut_off_by_another(make, tmp_path):
    """
    Whose connection leads to a replica tries a new one; that never closes one on which somebody else is asking.
    """
    with RedisServer(tmp_path, "--replicaof", "127.0.0.1", "1") as replica:
        state = make(replica)
        for turn in range(20):
            assert {"Redis: ReadOnlyError"} == at_once(state, 20, f"{turn}")


def test_everybody_goes_on_after_a_restart(make, server):
    """
    Connections from before a restart are dead, all at once; nobody who asks after it notices.
    """
    state = make(server)

    async def main() -> None:
        for turn in range(5):
            names = [f"{turn}-{number}" for number in range(30)]
            assert [True] * 30 == await asyncio.gather(*(state.replay.aadd(name, 60) for name in names))
            with ThreadPoolExecutor(30) as pool:
                assert [False] * 30 == list(pool.map(state.replay.add, names, [60] * 30))
            server.kill()
            server.start()

    asyncio.run(main())
