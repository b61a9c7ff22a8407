"""The service: the life of a key, what is told of it, and what a store in trouble does to it."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from tests.api_keys.keywork import NOW, OPERATIONS, AsyncStore, Clock, Store, sealed, service, with_secret

from mindpeeker_guard import (
    ConfigurationError,
    ExpiredAPIKeyError,
    Guard,
    InvalidAPIKeyError,
    JWTBearer,
    RevokedAPIKeyError,
    ScopeCatalogue,
)
from mindpeeker_guard._flow import arun, run
from mindpeeker_guard.api_keys import (
    APIKeys,
    AuditEvent,
    DuplicateKeyError,
    KeyConflictError,
    KeyNotFoundError,
    MemoryStore,
    StoreUnavailableError,
)
from mindpeeker_guard.api_keys._format import make_key

UNKNOWN = "x" * 16


def verdict(keys: APIKeys, text: str) -> str:
    """Return the owner of a key, or the code of the error."""
    try:
        return str(run(keys.verify(text)).subject)
    except InvalidAPIKeyError as error:
        return error.code


def issued(keys: APIKeys, **changes):
    return keys.issue(**({"name": "n", "scopes": ["dowsing:admin"], "owner": "u"} | changes))


def test_a_key_stands_for_its_owner_with_its_scopes():
    """
    The principal is like that of a token: scopes imply what the catalogue says, and no claim is made up.
    """
    clock = Clock()
    keys = service(clock=clock)
    made = issued(keys, expires_at=clock.after(60))

    principal = run(keys.verify(made.key))

    assert ("u", None, None, "ApiKey") == (
        principal.subject,
        principal.client_id,
        principal.issuer,
        principal.scheme,
    )
    assert (made.record.id, NOW + 60, {}) == (principal.token_id, principal.expires_at, dict(principal.claims))
    assert {"dowsing:admin"} == principal.granted_scopes
    assert {"dowsing:admin", "dowsing:read", "dowsing:write", "dowsing:delete"} == principal.scopes
    assert not principal.has("profile")


def test_what_is_stored_is_the_record_and_nothing_of_the_key():
    """
    A record has id, digest and what the owner said; the secret is in none of its fields.
    """
    clock = Clock()
    made = issued(service(clock=clock))
    secret = made.key.split("_")[3]

    assert secret not in repr([getattr(made.record, name) for name in made.record.__slots__])
    assert (clock.moment, None, None, None, None) == (
        made.record.created_at,
        made.record.expires_at,
        made.record.revoked_at,
        made.record.last_used_at,
        made.record.rotated_to,
    )


def test_keys_that_are_none_get_one_answer_and_no_look_up():
    """
    Wrong form, wrong checksum and another environment are refused without the store; unknown ids look the same.
    """
    store = Store()
    keys = service(store)
    made = issued(keys)
    other = issued(service(store, environment="test"))
    typo = made.key[:-1] + ("0" if made.key[-1] != "0" else "1")
    store.asked.clear()

    answers = [verdict(keys, text) for text in ("", "x", "mp_live_", typo, other.key, "k" * 10_000, "\ud800", "é")]
    looked_up_before = store.asked["get"]
    answers += [verdict(keys, make_key("live").text), verdict(keys, with_secret(made.key))]

    assert {"api_key_invalid"} == set(answers)
    assert (0, 2) == (looked_up_before, store.asked["get"])


def test_the_environment_cannot_be_changed_in_a_key():
    """
    It is part of what the digest is made of.
    """
    store = MemoryStore()
    test = issued(service(store, environment="test"))

    forged = sealed(test.key[:-6].replace("mp_test_", "mp_live_"))
    assert "api_key_invalid" == verdict(service(store), forged)


def test_the_id_of_another_key_does_not_fit():
    """
    A good secret opens one key only.
    """
    keys = service()
    one, two = issued(keys), issued(keys)

    forged = sealed(one.key[:-6].replace(one.record.id, two.record.id))
    assert "api_key_invalid" == verdict(keys, forged)


def test_a_key_ends_at_its_end():
    """
    It is good until the moment before, whether it was verified before or not.
    """
    clock = Clock()
    keys = service(clock=clock)
    made = issued(keys, expires_at=clock.after(10))
    assert "u" == verdict(keys, made.key)
    assert keys.at_hand(made.key)

    clock.now += 9.999
    assert keys.at_hand(made.key)
    clock.now = NOW + 10

    assert None is keys.at_hand(made.key)
    assert "api_key_expired" == verdict(keys, made.key)
    assert "api_key_invalid" == verdict(keys, with_secret(made.key))


def test_a_revoked_key_is_refused_at_once():
    """
    In this process nothing remembered keeps it alive; only who has the secret learns that it was revoked.
    """
    keys = service()
    made = issued(keys)
    assert "u" == verdict(keys, made.key)

    assert (True, False, False) == (keys.revoke(made.record.id), keys.revoke(made.record.id), keys.revoke(UNKNOWN))
    assert None is keys.at_hand(made.key)
    assert "api_key_revoked" == verdict(keys, made.key)
    assert "api_key_invalid" == verdict(keys, with_secret(made.key))


def test_a_rotated_key_and_its_successor_both_work_in_the_overlap():
    """
    The successor has name, owner, scopes and end of the old key, and a life of its own.
    """
    clock = Clock()
    keys = service(clock=clock)
    old = issued(keys, expires_at=clock.after(1000))
    new = keys.rotate(old.record.id, overlap=60)

    assert ("u", "u") == (verdict(keys, old.key), verdict(keys, new.key))
    assert new.record.id == keys.get(old.record.id).rotated_to
    for name in ("name", "owner", "scopes", "expires_at"):
        assert getattr(old.record, name) == getattr(new.record, name)
    clock.now += 60
    assert ("api_key_expired", "u") == (verdict(keys, old.key), verdict(keys, new.key))


def test_without_an_overlap_the_old_key_ends_at_once():
    """
    Also where it was verified a moment ago.
    """
    keys = service()
    old = issued(keys)
    assert "u" == verdict(keys, old.key)

    keys.rotate(old.record.id)

    assert None is keys.at_hand(old.key)
    assert "api_key_expired" == verdict(keys, old.key)


def test_an_overlap_does_not_prolong_a_key():
    """
    A key ends at its own end at the latest.
    """
    clock = Clock()
    keys = service(clock=clock)
    old = issued(keys, expires_at=clock.after(10))

    keys.rotate(old.record.id, overlap=3600)

    assert clock.after(10) == keys.get(old.record.id).expires_at


def test_what_has_ended_cannot_be_rotated():
    """
    Unknown keys are not found; revoked, expired and rotated ones are in conflict, and no successor is stored.
    """
    clock = Clock()
    store = Store()
    keys = service(store, clock=clock)
    revoked, rotated, expired = issued(keys), issued(keys), issued(keys, expires_at=clock.after(5))
    keys.revoke(revoked.record.id)
    keys.rotate(rotated.record.id, overlap=60)
    clock.now += 5
    before = len(keys.list())

    for record in (revoked.record, rotated.record, expired.record):
        with pytest.raises(KeyConflictError):
            keys.rotate(record.id)
    for unknown in (UNKNOWN, "", "x", "'; drop table", None, 5):
        with pytest.raises(KeyNotFoundError):
            keys.rotate(unknown)
    assert before == len(keys.list())


def test_who_loses_a_race_of_rotations_gets_a_conflict():
    """
    The store decides: of two that saw the same key, one wins.
    """
    store = Store()
    keys = service(store)
    made = issued(keys)
    store.before["rotate"] = lambda: store.inner.revoke(made.record.id, datetime.fromtimestamp(NOW, UTC))

    with pytest.raises(KeyConflictError):
        keys.rotate(made.record.id)


def test_a_hundred_rotations_at_once_have_one_winner():
    """
    From threads, in one process.
    """
    keys = service()
    made = issued(keys)

    def rotate(_: int) -> bool:
        try:
            keys.rotate(made.record.id, overlap=60)
        except KeyConflictError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = sum(pool.map(rotate, range(100)))

    assert (1, 2) == (won, len(keys.list()))


def test_a_list_is_paged_by_owner():
    """
    Oldest first, from the key after the last one seen; who could own nothing has nothing.
    """
    clock = Clock()
    keys = service(clock=clock)
    made = []
    for owner in ("a", "b", "a", "a"):
        made.append(issued(keys, owner=owner).record)
        clock.now += 1

    assert made == keys.list()
    assert [made[0], made[2]] == keys.list("a", limit=2)
    assert [made[3]] == keys.list("a", after=made[2].id)
    assert [] == list(keys.list("c")) == list(keys.list("")) == list(keys.list("\x00")) == list(keys.list("x" * 256))
    assert [] == list(keys.list(after=UNKNOWN)) == list(keys.list(after="")) == list(keys.list(after="\x00" * 16))


def test_get_does_not_ask_for_what_is_no_id():
    """
    No driver sees a NUL, a path or a number.
    """
    store = Store()
    keys = service(store)

    assert [None] * 5 == [keys.get(text) for text in ("", "\x00" * 16, "../etc/passwd....", 5, None)]
    assert [False] * 2 == [keys.revoke(text) for text in ("", "x' or 1=1")]
    assert 0 == store.asked.total()


def test_use_is_noted_once_a_minute():
    """
    However many requests come, the store is written to once; the time noted is that of the first.
    """
    clock = Clock()
    store = Store()
    keys = service(store, clock=clock)
    made = issued(keys)

    for _ in range(240):
        if keys.at_hand(made.key) is None:
            assert "u" == verdict(keys, made.key)
        clock.now += 0.5

    assert 2 == store.asked["touch"]
    assert NOW + 60 == keys.get(made.record.id).last_used_at.timestamp()


def test_use_is_noted_once_a_minute_without_a_cache_too():
    """
    The store is read for every request, and written to once.
    """
    clock = Clock()
    store = Store()
    keys = service(store, clock=clock, cache_for=0)
    made = issued(keys)

    for _ in range(240):
        assert None is keys.at_hand(made.key)
        assert "u" == verdict(keys, made.key)
        clock.now += 0.5

    assert (240, 2) == (store.asked["get"], store.asked["touch"])


def test_another_process_that_noted_the_use_spares_this_one():
    """
    What the record says counts, whoever wrote it.
    """
    clock = Clock()
    store = Store()
    made = issued(service(store, clock=clock))
    verdict(service(store, clock=clock), made.key)

    verdict(service(store, clock=clock), made.key)

    assert 1 == store.asked["touch"]


def test_touch_by_hand_keeps_to_the_minute():
    """
    The public operation writes as rarely as the check does, and knows no unknown key.
    """
    clock = Clock()
    store = Store()
    keys = service(store, clock=clock)
    made = issued(keys)

    keys.touch(made.record.id)
    keys.touch(made.record.id)
    keys.touch(UNKNOWN)

    assert 1 == store.asked["touch"]
    assert clock.moment == keys.get(made.record.id).last_used_at


@pytest.mark.parametrize(
    "error", [OSError("secret in here"), RuntimeError(), StoreUnavailableError("down"), KeyError()]
)
def test_a_use_that_cannot_be_noted_harms_no_request(error: Exception, caplog):
    """
    It is logged, without the text of the error, and not tried again within the minute.
    """
    store = Store()
    keys = service(store)
    made = issued(keys)
    store.fail(error, "touch")

    assert ("u", "u") == (verdict(keys, made.key), verdict(keys, made.key))
    assert 1 == store.asked["touch"] == len(caplog.records)
    assert "secret in here" not in caplog.text


@pytest.mark.parametrize("error", [OSError("dsn"), TimeoutError(), ValueError(), StopIteration(), RecursionError()])
@pytest.mark.parametrize("operation", ["add", "get", "list", "revoke", "rotate"])
def test_whatever_a_store_raises_is_a_503(operation: str, error: Exception):
    """
    Its error is the cause; the answer and the log have its type only.
    """
    store = Store()
    keys = service(store)
    made = issued(keys)
    store.fail(error, operation)
    calls = {
        "add": lambda: issued(keys),
        "get": lambda: verdict(keys, made.key),
        "list": keys.list,
        "revoke": lambda: keys.revoke(made.record.id),
        "rotate": lambda: keys.rotate(made.record.id),
    }

    with pytest.raises(StoreUnavailableError) as caught:
        calls[operation]()

    refusal = Guard(JWTBearer()).refusal(caught.value)
    assert (503, "1", "store_unavailable") == (refusal.status, dict(refusal.headers)["Retry-After"], caught.value.code)
    assert "dsn" not in str(caught.value)
    assert isinstance(caught.value.__cause__, type(error) | RuntimeError)


def test_an_id_that_is_taken_is_a_503():
    """
    It means that the store, or the randomness, is broken: nothing is overwritten, and another try may help.
    """
    store = Store()
    keys = service(store)
    made = issued(keys)
    store.fail(DuplicateKeyError("taken"), "add", "rotate")

    with pytest.raises(StoreUnavailableError):
        issued(keys)
    with pytest.raises(StoreUnavailableError):
        keys.rotate(made.record.id)
    assert "u" == verdict(keys, made.key)


def test_a_store_that_fails_after_a_revocation_leaves_nothing_remembered():
    """
    Nobody knows whether it has happened, so the next request asks.
    """
    store = Store()
    keys = service(store)
    made = issued(keys)
    verdict(keys, made.key)

    def fail() -> None:
        raise OSError

    store.after["revoke"] = fail
    with pytest.raises(StoreUnavailableError):
        keys.revoke(made.record.id)

    assert "api_key_revoked" == verdict(keys, made.key)


def test_every_change_is_told_to_the_audit_hook():
    """
    What happened to which key, and who did it; not what was refused.
    """
    clock = Clock()
    told: list[AuditEvent] = []
    keys = service(clock=clock, audit=told.append)
    made = issued(keys, actor="boss")
    new = keys.rotate(made.record.id, actor="boss")
    keys.revoke(new.record.id)
    keys.revoke(new.record.id)
    with pytest.raises(KeyConflictError):
        keys.rotate(new.record.id)

    common = {"owner": "u", "name": "n", "scopes": frozenset({"dowsing:admin"}), "at": clock.moment}
    assert [
        AuditEvent(action="issued", key_id=made.record.id, actor="boss", **common),
        AuditEvent(action="rotated", key_id=made.record.id, actor="boss", successor_id=new.record.id, **common),
        AuditEvent(action="revoked", key_id=new.record.id, actor=None, **common),
    ] == told
    assert made.key not in repr(told)


def test_a_failing_audit_hook_undoes_and_hides_nothing(caplog):
    """
    The key is there and is returned; the failure is in the log.
    """

    def fail(event: AuditEvent) -> None:
        raise RuntimeError("no disk")

    keys = service(audit=fail)
    made = issued(keys)
    new = keys.rotate(made.record.id, overlap=60)

    assert ("u", "u", True) == (verdict(keys, made.key), verdict(keys, new.key), keys.revoke(new.record.id))
    assert 3 == len([record for record in caplog.records if record.levelno == logging.ERROR])
    assert new.key not in caplog.text


@pytest.mark.parametrize("kind", [AsyncStore, Store])
def test_the_awaited_names_do_the_same(kind: type[Store]):
    """
    An async store is awaited, a plain one runs in a thread; each name does what the plain one does.
    """

    async def live() -> None:
        told: list[AuditEvent] = []
        keys = service(kind(), audit=told.append)
        made = await keys.aissue("n", ["profile"], owner="u", expires_at=None)
        assert made.record == await keys.aget(made.record.id)
        assert [made.record] == list(await keys.alist("u"))
        assert "u" == (await arun(keys.verify(made.key))).subject
        assert "u" == keys.at_hand(made.key).subject
        new = await keys.arotate(made.record.id, overlap=5)
        await keys.atouch(new.record.id)
        assert (await keys.aget(new.record.id)).last_used_at is not None
        assert await keys.arevoke(new.record.id)
        with pytest.raises(RevokedAPIKeyError):
            await arun(keys.verify(new.key))
        assert ["issued", "rotated", "revoked"] == [event.action for event in told]

    asyncio.run(live())


def test_an_async_store_needs_the_awaited_names():
    """
    The plain names say so, instead of answering 503 for ever.
    """
    keys = service(AsyncStore())

    with pytest.raises(ConfigurationError, match="async"):
        issued(keys)


@pytest.mark.parametrize("store", [None, MemoryStore, object(), "sqlite:///x"])
def test_what_is_no_store_is_refused_at_the_start(store: object):
    """
    A class instead of an object, or a URL, is said at once.
    """
    with pytest.raises(ConfigurationError, match="store"):
        APIKeys(store, pepper="x" * 32)


@pytest.mark.parametrize("options", [{"cache_for": value} for value in (-1, 30.1, True, "5", float("nan"), None)])
def test_nothing_is_believed_for_longer_than_half_a_minute(options: dict):
    """
    30 seconds is the most that a revocation may take to reach other processes.
    """
    with pytest.raises(ConfigurationError, match="cache_for"):
        service(**options)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "5"])
def test_the_cache_holds_at_least_one_key(size: object):
    """
    A cache that is switched off is ``cache_for=0``.
    """
    with pytest.raises(ConfigurationError, match="cache_size"):
        service(cache_size=size)


def test_scopes_are_those_of_the_catalogue():
    """
    An application's own catalogue says what keys can have, and what that implies.
    """
    catalogue = ScopeCatalogue({"billing:admin": "", "billing:read": ""})
    keys = service(catalogue=catalogue)
    made = issued(keys, scopes=["billing:admin"])

    assert {"billing:admin", "billing:read"} == run(keys.verify(made.key)).scopes
    assert catalogue is keys.catalogue
    assert "live" == keys.environment


def test_errors_of_keys_are_apart():
    """
    A handler can tell an ended key from a wrong one, and all of them are bad credentials.
    """
    assert issubclass(ExpiredAPIKeyError, InvalidAPIKeyError)
    assert issubclass(RevokedAPIKeyError, InvalidAPIKeyError)


def test_a_plain_store_never_runs_on_the_event_loop():
    """
    Reads, changes and the note of a use happen in threads of their own, whatever a driver does meanwhile.
    """
    store = Store()
    threads: dict[str, int] = {}
    for name in OPERATIONS:
        store.before[name] = lambda name=name: threads.setdefault(name, threading.get_ident())

    async def live() -> int:
        keys = service(store, audit=lambda event: threads.setdefault("audit", threading.get_ident()))
        made = await keys.aissue("n", ["profile"], owner="u")
        await arun(keys.verify(made.key))
        await keys.alist()
        await keys.arevoke((await keys.arotate(made.record.id, overlap=1)).record.id)
        return threading.get_ident()

    loop = asyncio.run(live())

    assert {*OPERATIONS, "audit"} == set(threads)
    assert loop not in threads.values()


def test_an_audit_hook_may_be_async_where_somebody_awaits():
    """
    It is awaited by the names with an ``a``.
    """
    told: list[str] = []

    async def hook(event: AuditEvent) -> None:
        await asyncio.sleep(0)
        told.append(event.action)

    asyncio.run(service(audit=hook).aissue("n", ["profile"], owner="u"))

    assert ["issued"] == told
