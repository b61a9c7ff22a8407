"""What a revocation refuses and what it leaves alone: the same for a list in memory and one in Redis."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.state.rig import ISSUER, NOW, Clock, eventually, is_level, principal, ready

from mindpeeker_guard import ConfigurationError, StoreUnavailableError
from mindpeeker_guard.state import MemoryState
from mindpeeker_guard.state.redis import RedisState

OTHER = "https://other.example"


@pytest.fixture
def revocations(state: Any) -> Any:
    return ready(state.revocations)


def test_nothing_is_revoked_at_first(revocations):
    """
    An empty list refuses nobody.
    """
    assert not revocations.is_revoked(principal())
    assert 0 == revocations.health().entries


def test_a_token_by_its_id(revocations):
    """
    A revoked token id refuses that token, whenever it was issued, and no other.
    """
    revocations.revoke(token_id="token-1")

    assert revocations.is_revoked(principal())
    assert revocations.is_revoked(principal(iat=NOW + 100))
    assert not revocations.is_revoked(principal(token_id="token-2"))
    assert not revocations.is_revoked(principal(token_id=None))


def test_a_token_id_of_one_issuer(revocations):
    """
    Token ids are unique for each issuer only: with `issuer`, the same id of another one is not concerned.
    """
    revocations.revoke(token_id="token-1", issuer=ISSUER)

    assert revocations.is_revoked(principal())
    assert not revocations.is_revoked(principal(issuer=OTHER))
    assert not revocations.is_revoked(principal(issuer=None))


def test_names_of_one_kind_mean_nothing_to_another(revocations):
    """
    A token id is no subject, a subject no client, and an API key's id no token id.
    """
    revocations.revoke(token_id="a")
    revocations.revoke(subject="b")
    revocations.revoke(client_id="c")
    revocations.revoke(api_key="d")

    for name in "abcd":
        others = {"token_id", "subject", "client_id"} - {
            {"a": "token_id", "b": "subject", "c": "client_id", "d": ""}[name]
        }
        assert not any(revocations.is_revoked(principal(iat=1, **{other: name})) for other in others)
    assert not revocations.is_revoked(principal(scheme="ApiKey", token_id="a"))


@pytest.mark.parametrize(("argument", "value"), [("subject", "user-1"), ("client_id", "client-1")])
def test_a_subject_and_a_client(revocations, argument, value):
    """
    A revoked subject or client is refused with the tokens of before, and good with those that are issued later.
    """
    revocations.revoke(**{argument: value}, issued_before=NOW)

    assert revocations.is_revoked(principal(iat=NOW - 0.001))
    assert not revocations.is_revoked(principal(iat=NOW))
    assert not revocations.is_revoked(principal(iat=1, **{argument: "somebody else"}))
    assert not revocations.is_revoked(principal(iat=1, **{argument: None}))


def test_everything(revocations):
    """
    `issued_before` alone refuses every token of before, whoever issued it.
    """
    revocations.revoke(issued_before=NOW)

    assert revocations.is_revoked(principal(iat=NOW - 1))
    assert revocations.is_revoked(principal(iat=NOW - 1, issuer=OTHER, subject=None, client_id=None, token_id=None))
    assert not revocations.is_revoked(principal(iat=NOW))


def test_everything_of_one_issuer(revocations):
    """
    With `issuer`, the tokens of other issuers stay good.
    """
    revocations.revoke(issued_before=datetime.fromtimestamp(NOW, UTC), issuer=OTHER)

    assert revocations.is_revoked(principal(iat=NOW - 1, issuer=OTHER))
    assert not revocations.is_revoked(principal(iat=NOW - 1))


@pytest.mark.parametrize("iat", [None, True, "1700000100", [], {}])
def test_a_token_that_does_not_say_when_it_was_issued(revocations, iat):
    """
    A token without a usable `iat` counts as issued before: it is refused, rather than believed to be new.
    """
    revocations.revoke(subject="user-1")

    assert revocations.is_revoked(principal(iat=iat))


def test_an_issuer_whose_clock_is_ahead(revocations):
    """
    By default a token issued within the difference between clocks after the revocation is refused too: an attacker who
    renews every second always holds one that is "newer" by a clock that is ahead.
    """
    revocations.revoke(subject="user-1")

    assert revocations.is_revoked(principal(iat=NOW + 4))
    assert not revocations.is_revoked(principal(iat=NOW + 5))


def test_api_keys(revocations):
    """
    A revoked API key is refused, and stays so for good.
    """
    revocations.revoke(api_key="key-1")

    assert revocations.is_revoked(principal(scheme="ApiKey", token_id="key-1", issuer=None, iat=None))
    assert not revocations.is_revoked(principal(scheme="ApiKey", token_id="key-2", issuer=None, iat=None))
    assert not revocations.is_revoked(principal(token_id="key-1"))


def test_a_later_revocation_never_weakens_one(revocations):
    """
    Of two revocations of one name the stricter counts, in whatever order they come.
    """
    revocations.revoke(subject="user-1", issued_before=NOW)
    revocations.revoke(subject="user-1", issued_before=NOW - 500)

    assert revocations.is_revoked(principal(iat=NOW - 1))
    assert 1 == revocations.health().entries


def test_an_entry_ends_with_its_token(state, clock):
    """
    What a revocation concerns has ended some time; then it is forgotten, and not a moment sooner.
    """
    revocations = ready(state.revocations)
    revocations.revoke(token_id="token-1", expires_at=NOW + 3600)
    revocations.revoke(subject="user-9", issued_before=NOW)
    revocations.revoke(api_key="key-1")

    clock.now = NOW + 3600 + 299
    assert revocations.is_revoked(principal())
    clock.now = NOW + 3600 + 301
    revocations.revoke(token_id="another")
    assert not revocations.is_revoked(principal())
    clock.now = NOW + 86_400 + 301
    revocations.revoke(token_id="one more")
    assert not revocations.is_revoked(principal(subject="user-9", iat=NOW - 1))
    assert revocations.is_revoked(principal(scheme="ApiKey", token_id="key-1"))


def test_async_revocation(revocations):
    """
    `arevoke` does what `revoke` does.
    """
    asyncio.run(revocations.arevoke(token_id="token-1"))

    assert revocations.is_revoked(principal())


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"issuer": ISSUER},
        {"token_id": "a", "subject": "b"},
        {"token_id": ""},
        {"token_id": 7},
        {"subject": "x" * 2049},
        {"subject": "\ud800"},
        {"issuer": "", "token_id": "a"},
        {"token_id": "a", "issued_before": NOW},
        {"api_key": "a", "issued_before": NOW},
        {"subject": "a", "expires_at": NOW},
        {"issued_before": NOW, "expires_at": NOW},
        {"issued_before": datetime(2026, 1, 1)},  # noqa: DTZ001 - naive on purpose
        {"issued_before": "yesterday"},
        {"issued_before": float("nan")},
        {"issued_before": float("inf")},
        {"issued_before": -1},
        {"issued_before": True},
        {"token_id": "a", "expires_at": 10**18},
    ],
)
def test_what_cannot_be_revoked(state, what):
    """
    Arguments that are wrong, or contradict each other, are refused and change nothing.
    """
    with pytest.raises(ConfigurationError):
        state.revocations.revoke(**what)
    with pytest.raises(ConfigurationError):
        asyncio.run(state.revocations.arevoke(**what))

    assert 0 == state.revocations.health().entries


def test_a_full_list_drops_nothing(request, clock, state):
    """
    At its bound a list refuses the next revocation, loudly, and goes on refusing all that it has; room that ends by
    itself can be used again.
    """
    if isinstance(state, MemoryState):
        revocations = MemoryState(clock=clock, max_entries=2).revocations
    else:
        revocations = request.getfixturevalue("make")(
            request.getfixturevalue("calm"), clock=clock, max_entries=2
        ).revocations
    ready(revocations)
    revocations.revoke(api_key="key-1")
    revocations.revoke(api_key="key-2")

    with pytest.raises(StoreUnavailableError, match="full"):
        revocations.revoke(api_key="key-3")
    with pytest.raises(StoreUnavailableError, match="full"):
        asyncio.run(revocations.arevoke(subject="user-1"))
    revocations.revoke(api_key="key-1")

    assert [True, True, False] == [
        revocations.is_revoked(principal(scheme="ApiKey", token_id=f"key-{number}")) for number in (1, 2, 3)
    ]


names = st.sampled_from(["a", "b", "é", "@epoch", '["token",null,"a"]', "", None])
issuers = st.sampled_from([None, ISSUER, OTHER])
times = st.integers(0, 5).map(lambda step: NOW + step)


@st.composite
def orders(draw):
    kind = draw(st.sampled_from(["token_id", "subject", "client_id", "api_key", None]))
    what: dict[str, Any] = {"issuer": draw(issuers)}
    if kind is not None:
        what[kind] = draw(names.filter(bool))
    if kind not in {"token_id", "api_key"}:
        what["issued_before"] = draw(times)
    return {name: value for name, value in what.items() if value is not None}


callers = st.builds(
    principal,
    token_id=names,
    subject=names,
    client_id=names,
    issuer=issuers,
    scheme=st.sampled_from(["Bearer", "ApiKey"]),
    iat=st.one_of(st.none(), times),
)


def refused_by(order: dict[str, Any], caller: Any) -> bool:
    """Say, as the documents do, whether an order concerns a caller."""
    if "issuer" in order and order["issuer"] != caller.issuer:
        return False
    if "token_id" in order:
        return caller.scheme == "Bearer" and caller.token_id == order["token_id"]
    if "api_key" in order:
        return caller.scheme == "ApiKey" and caller.token_id == order["api_key"]
    if any(name in order and getattr(caller, name) != order[name] for name in ("subject", "client_id")):
        return False
    return "iat" not in caller.claims or caller.claims["iat"] < order["issued_before"]


@given(st.lists(orders(), max_size=8), st.lists(callers, min_size=1, max_size=8))
def test_the_table_says_what_the_orders_say(given_orders, some):
    """
    Whatever is revoked in whatever order, a caller is refused exactly where one of the orders concerns him.
    """
    revocations = MemoryState(clock=Clock()).revocations

    for order in given_orders:
        revocations.revoke(**order)

    for caller in some:
        assert any(refused_by(order, caller) for order in given_orders) == revocations.is_revoked(caller)


@settings(max_examples=15)
@given(given_orders=st.lists(orders(), max_size=8), some=st.lists(callers, min_size=1, max_size=8))
def test_two_processes_agree(calm, given_orders, some):
    """
    What one process revokes, another one that follows, and a third that comes late, judge as a list in memory does.
    """
    options = {"prefix": uuid.uuid4().hex, "clock": Clock(), "timeout": 5, "connect_timeout": 5}
    memory = MemoryState(clock=Clock()).revocations
    writer, reader, late = (RedisState(calm.url, **options) for _ in range(3))
    try:
        ready(reader.revocations)
        for order in given_orders:
            memory.revoke(**order)
            writer.revocations.revoke(**order)
        eventually(lambda: is_level(reader, calm))
        ready(late.revocations)

        for caller in some:
            expected = memory.is_revoked(caller)
            assert [expected] * 2 == [one.revocations.is_revoked(caller) for one in (reader, late)]
    finally:
        for one in (writer, reader, late):
            one.close()
