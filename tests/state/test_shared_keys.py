"""One process fetches the keys for a fleet; nobody is worse off for it, and nobody can slip a key in."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest
from tests.state.rig import NOW, Clock
from tests.state.servers import RedisServer
from tests.support.server import Reply, ScriptedServer
from tests.support.tokens import ISSUER, jwks, public_jwk

from mindpeeker_guard import ConfigurationError, KeysUnavailableError, RemoteKeySet, UnknownKeyError
from mindpeeker_guard._flow import run
from mindpeeker_guard.state import SharedDocument

SECRET = "a secret that a whole fleet shares"
ALG = "ES256"


def published(*kids: str) -> dict[str, Any]:
    return jwks(*(public_jwk(kid, ALG) for kid in kids))


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    with ScriptedServer() as server:
        server.answer(Reply(published("a"), headers={"ETag": '"1"'}))
        yield server


@pytest.fixture
def member(make: Callable[..., Any], calm: RedisServer, issuer: ScriptedServer, clock: Clock) -> Callable[..., Any]:
    """Make the key set of one process of the fleet."""

    def member(server: RedisServer | str = calm, *, secret: str = SECRET, **options: Any) -> RemoteKeySet:
        shared = make(server, secret=secret, clock=clock, **options.pop("redis", {})).keys
        known: dict[str, Any] = {"timeout": 20, "connect_timeout": 10, "clock": clock, "jitter": lambda: 0.5}
        return RemoteKeySet(options.pop("jwks_uri", issuer.url()), shared=shared, **known | options)

    return member


def kids(keys: RemoteKeySet) -> list[str]:
    return [*keys.health().keys]


def at_once(*work: Callable[[], Any]) -> list[Any]:
    barrier, results = threading.Barrier(len(work)), [None] * len(work)

    def one(place: int) -> None:
        barrier.wait(30)
        results[place] = work[place]()

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def warm(keys: RemoteKeySet) -> Callable[[], list[str]]:
    def work() -> list[str]:
        run(keys.warm_up())
        return kids(keys)

    return work


def test_a_fleet_that_starts(member, issuer):
    """
    Eight processes that start at the same moment fetch once.
    """
    fleet = [member() for _ in range(8)]

    assert [["a"]] * 8 == at_once(*map(warm, fleet))
    assert 1 == issuer.count()


def test_a_fleet_that_asks_the_issuer_where_its_keys_are(member, issuer):
    """
    Where the issuer is asked for its metadata too, that is done once.
    """
    base = issuer.url("")
    issuer.answer(
        Reply({"issuer": base, "jwks_uri": issuer.url("/jwks")}), path="/.well-known/oauth-authorization-server"
    )
    fleet = [member(jwks_uri=None, issuer=base) for _ in range(4)]

    assert [["a"]] * 4 == at_once(*map(warm, fleet))
    assert 2 == issuer.count()
    assert {issuer.url("/jwks")} == {keys.health().jwks_uri for keys in fleet}


def test_one_refresh_for_all(member, issuer, clock):
    """
    When keys come to their time, the first that notices refreshes them, and the others take it over as new as it is.
    """
    fleet = [member() for _ in range(4)]
    at_once(*map(warm, fleet))
    key = fleet[0].at_hand().keys[0]
    issuer.answer(Reply(status=304), Reply(published("b")))

    clock.now += 601  # past their time altogether, so that all wait for it
    assert [["a"]] * 4 == at_once(*map(warm, fleet))
    assert 2 == issuer.count()
    assert '"1"' == issuer.hits[1].headers["if-none-match"]
    # What did not change is the same object: tokens that were verified with it stay known.
    assert key is fleet[0].at_hand().keys[0]

    clock.now += 601
    assert [["b"]] * 4 == at_once(*map(warm, fleet))
    assert 3 == issuer.count()
    assert {0.0} == {keys.health().age for keys in fleet}


def test_a_rotation(member, issuer, clock):
    """
    The first token of a new key, seen by all at once, is accepted by all after one fetch.
    """
    fleet = [member() for _ in range(6)]
    at_once(*map(warm, fleet))
    issuer.answer(Reply(published("a", "b")))
    clock.now += 1

    found = at_once(*[lambda keys=keys: [key.kid for key in run(keys.find("b", ALG))] for keys in fleet])

    assert [["b"]] * 6 == found
    assert 2 == issuer.count()


def test_a_key_that_nobody_has(member, issuer):
    """
    What others fetched does not answer for a key that it lacks: it may have been added since.
    """
    one, other = member(), member()
    run(one.warm_up())
    run(other.warm_up())
    assert 1 == issuer.count()

    with pytest.raises(UnknownKeyError):
        run(one.find("junk", ALG))
    issuer.answer(Reply(published("a", "junk")))

    assert run(other.find("junk", ALG))
    assert 3 == issuer.count()


def test_without_redis(member, issuer, server):
    """
    Where Redis is down each process fetches for itself, at once, and nothing of it is seen.
    """
    fleet = [member(server) for _ in range(3)]
    server.kill()

    assert [["a"]] * 3 == at_once(*map(warm, fleet))
    assert 3 == issuer.count()
    assert {None} == {keys.health().last_error for keys in fleet}


def test_with_a_redis_that_hangs(member, issuer, server):
    """
    A Redis that hangs costs its time limit once, not at every question.
    """
    keys = member(server, redis={"timeout": 0.2, "connect_timeout": 0.2})
    server.pause()

    assert ["a"] == warm(keys)()
    assert 1 == issuer.count()


def test_one_who_died_with_the_lease(member, issuer, make, calm):
    """
    Nobody waits for long for one who took the lease and died: it fetches for itself.
    """
    keys = member(timeout=1)
    assert make(calm, secret=SECRET).keys.acquire(keys._fleet._name, 60)

    assert ["a"] == warm(keys)()
    assert 1 == issuer.count()


def test_the_lease_is_given_back(member, issuer, clock):
    """
    After a fetch, good or bad, the next one need not wait.
    """
    one, other = member(), member()
    issuer.answer(Reply(status=404), Reply(published("a")))
    with pytest.raises(KeysUnavailableError):
        run(one.warm_up())

    assert ["a"] == warm(other)()
    assert 2 == issuer.count()
    lease = one._fleet._shared.acquire(one._fleet._name, 1)
    assert lease is not None
    # A lease that is another one's now is left to him.
    other._fleet._shared.release(one._fleet._name, "not mine")
    assert other._fleet._shared.acquire(one._fleet._name, 1) is None


def test_a_process_born_in_an_outage(member, issuer, clock):
    """
    A process that starts while the issuer is down works with what the fleet fetched last, as old as that is, until the
    outage window of that set is over.
    """
    run(member().warm_up())
    issuer.answer(Reply(status=404))

    clock.now += 20_000
    born = member()
    assert ["a"] == warm(born)()
    health = born.health()
    assert (20_000, False, True) == (health.age, health.fresh, health.usable)
    assert "HTTP status 404" == health.last_error

    clock.now += 70_000
    with pytest.raises(KeysUnavailableError):
        run(member().warm_up())


def document(**changes: Any) -> SharedDocument:
    known = {"url": "", "members": published("evil"), "fetched_at": NOW, "max_age": None, "validators": {}}
    return SharedDocument(**known | changes)


def signed(name: str, text: bytes, secret: str = SECRET) -> bytes:
    key = hmac.digest(secret.encode(), b"mindpeeker-guard: shared keys", sha256)
    return hmac.digest(key, f"{name}\n".encode() + text, sha256) + text


PLANTED: dict[str, Callable[[str, bytes], bytes]] = {
    "nothing": lambda name, text: b"",
    "not signed": lambda name, text: text,
    "a signature of nothing": lambda name, text: bytes(32) + text,
    "another secret": lambda name, text: signed(name, text, "another secret of the proper length"),
    "another name": lambda name, text: signed("f" * 32, text),
    "changed after signing": lambda name, text: signed(name, text.replace(b"evil", b"live")).replace(b"live", b"evil"),
    "cut short": lambda name, text: signed(name, text)[:-1],
    "too large": lambda name, text: signed(name, text + b" " * 1_048_577),
    "signed rubbish": lambda name, text: signed(name, b"rubbish"),
    "signed, of another form": lambda name, text: signed(name, b'{"keys": []}'),
    "signed, with a member more": lambda name, text: signed(name, text[:-1] + b', "more": 1}'),
}


@pytest.mark.parametrize("how", PLANTED)
def test_keys_that_somebody_planted(member, issuer, calm, how):
    """
    Who can write to Redis, and does not have the secret, can neither add a key nor stop one from being fetched.
    """
    keys = member()
    text = json.dumps(document(url=issuer.url())._asdict()).encode()
    with calm.client() as client:
        client.set(keys._fleet._shared._names.keys(keys._fleet._name), PLANTED[how](keys._fleet._name, text))

    assert ["a"] == warm(keys)()
    assert 1 == issuer.count()


def test_a_value_of_another_type(member, issuer, calm):
    """
    A name in Redis that holds something else stops nobody from fetching.
    """
    keys = member()
    with calm.client() as client:
        client.lpush(keys._fleet._shared._names.keys(keys._fleet._name), "x")
        client.lpush(keys._fleet._shared._names.lease(keys._fleet._name), "x")

    assert ["a"] == warm(keys)()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["evil"]),  # good: a member of the fleet wrote it
        ({"url": "https://other.example/jwks"}, ["a"]),
        ({"url": "file:///etc/passwd"}, ["a"]),
        ({"url": 7}, ["a"]),
        ({"members": {}}, ["a"]),
        ({"members": []}, ["a"]),
        ({"members": {"keys": [{"kty": "oct", "k": "AAAA", "kid": "evil"}]}}, ["a"]),
        ({"members": {"keys": [public_jwk("weak", bits=1024)]}}, ["a"]),
        ({"members": {"keys": [{}] * 129}}, ["a"]),
        ({"fetched_at": "now"}, ["a"]),
        ({"fetched_at": NOW + 31}, ["a"]),
        ({"fetched_at": NOW + 29}, ["evil"]),
        ({"fetched_at": NOW - 209}, ["evil"]),
        ({"fetched_at": NOW - 211}, ["a"]),
        ({"max_age": 10_000, "fetched_at": NOW - 2500}, ["evil"]),
        ({"max_age": 10_000, "fetched_at": NOW - 2600}, ["a"]),
        ({"max_age": "long"}, ["a"]),
        ({"validators": {"if-none-match": 7}}, ["a"]),
        ({"validators": []}, ["a"]),
    ],
)
def test_the_same_rules_hold_for_what_others_fetched(member, issuer, changes, expected):
    """
    A set that another process fetched is believed by the rules of an answer: place, form, usable keys, freshness.
    """
    keys = member()
    known = document(url=issuer.url())._asdict()
    keys._fleet._shared.write(keys._fleet._name, SharedDocument(**known | changes), 60)

    assert expected == warm(keys)()
    assert issuer.count() == (expected == ["a"])
    assert 0 <= keys.health().age <= 2500


def test_a_clock_that_is_ahead_does_not_stop_the_next_refresh(member, issuer, clock):
    """
    A set from a process whose clock is ahead counts as fetched now, not later: it ages as any other.
    """
    keys = member()
    keys._fleet._shared.write(keys._fleet._name, document(url=issuer.url(), fetched_at=NOW + 29), 3600)
    assert ["evil"] == warm(keys)()

    clock.now += 700

    assert ["a"] == warm(keys)()


@pytest.mark.parametrize("secret", [None, "", "short", b"x" * 31, 7])
def test_keys_are_shared_with_a_secret_only(make, calm, secret):
    """
    Without a secret of 32 bytes keys are not shared: who can write to Redis could add his own.
    """
    state = make(calm, secret=secret)

    with pytest.raises(ConfigurationError, match=r"signed|32 bytes"):
        _ = state.keys


def test_issuers_are_apart(member, issuer):
    """
    Two issuers on one Redis have names of their own; what one publishes is nothing to the other.
    """
    issuer.answer(Reply(published("b")), path="/other")

    assert [["a"], ["b"]] == [warm(keys)() for keys in (member(), member(jwks_uri=issuer.url("/other")))]
    assert ISSUER not in repr(member())
