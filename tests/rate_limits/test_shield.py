"""The shield: who makes credentials up is cut off, and nobody else."""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest
from tests.rate_limits.rig import NEEDED, PUBLIC, Timer, answer, awaited, blocking, guard, request, statuses
from tests.support.tokens import jwks, private_key, token

from mindpeeker_guard import (
    AnswerError,
    APIKey,
    ConfigurationError,
    Guard,
    JWTBearer,
    Request,
    Shield,
    TooManyFailuresError,
    requirement,
)
from mindpeeker_guard._shield import Failures
from mindpeeker_guard._sources import Sources
from mindpeeker_guard.api_keys import APIKeys, MemoryStore

SOURCE = "8.8.4.4"
JUNK = token(key=private_key("stranger"))
SMALL = Shield(burst=3, refill=0.001)


def shielded(**options):
    return guard(**({"shield": SMALL} | options))


def junk(one, count, *, text=JUNK, peer=SOURCE, check=blocking, **options):
    return [answer(one, request(text, peer=peer, **options), check=check)[0] for _ in range(count)]


@pytest.mark.parametrize("check", [blocking, awaited])
def test_a_flood_is_cut_off(check):
    """
    After so many failures further credentials are refused with 429, and no signature of theirs is checked.
    """
    one = shielded()

    assert [401, 401, 401, 429] == junk(one, 4, check=check)
    with mock.patch("mindpeeker_guard._jwks.Key.verify", side_effect=AssertionError):
        status, headers = answer(one, request(JUNK, peer=SOURCE), check=check)

    assert (429, True) == (status, int(headers["Retry-After"]) >= 1)


@pytest.mark.parametrize("check", [blocking, awaited])
def test_callers_that_are_known_pass(check):
    """
    A token that was verified before passes from an address that is cut off; a good one that is new has to wait.
    """
    one, known = shielded(), token()
    check(one, request(known, peer=SOURCE))
    junk(one, 4)

    assert 200 == answer(one, request(known, peer=SOURCE), check=check)[0]
    assert 429 == answer(one, request(token(jti="new"), peer=SOURCE), check=check)[0]
    assert 200 == answer(one, request(token(jti="new"), peer="8.8.8.8"), check=check)[0]


def test_requests_without_a_credential_are_none_of_its_business():
    """
    Who sends no credential is answered as ever, from an address that is cut off too.
    """
    one = shielded()
    junk(one, 4)

    assert [401] == junk(one, 1, text="")
    assert 200 == answer(one, request("", peer=SOURCE), requirement(optional=True))[0]


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        (token(exp=1), NEEDED),
        (token(nbf=9_999_999_999), NEEDED),
        (token(aud="https://other.example"), NEEDED),
        (token(iss="https://other.example"), NEEDED),
        (token(sub=5), NEEDED),
        (token(), requirement("dowsing:admin")),
        (token(), requirement(acr="urn:mfa")),
        ("", NEEDED),
        ("a token with blanks", NEEDED),
    ],
)
def test_what_honest_clients_do_wrong_does_not_count(text, needed):
    """
    Tokens that have ended or are for another API, missing scopes, and no credential at all cut nobody off.
    """
    one = shielded()

    for _ in range(10):
        assert answer(one, request(text, peer=SOURCE), needed)[0] in {400, 401, 403}
    assert 200 == answer(one, request(peer=SOURCE))[0]


@pytest.mark.parametrize("text", [JUNK, "x.y.z", token(alg="RS256", header={"alg": "none"}), token(kid="unknown")])
def test_what_one_gets_who_makes_tokens_up_counts(text):
    """
    Wrong signatures, malformed tokens, algorithms and keys that nobody uses: all of them count.
    """
    assert [401, 401, 401, 429] == junk(shielded(), 4, text=text)


def test_api_keys_are_shielded():
    """
    Guesses at API keys are cut off before the store is asked; a key that is known passes.
    """
    store = MemoryStore()
    keys = APIKeys(store, pepper="a pepper for this test, and for no other use")
    good, other = (keys.issue(name, ["profile"], owner="o").key for name in "ab")
    one = Guard(APIKey(keys), shield=SMALL)

    def ask(key):
        return answer(one, Request(headers={"X-API-Key": key}, peer=SOURCE))[0]

    assert 200 == ask(good)
    assert [401, 401, 401, 429] == [ask(f"mp_live_{number}") for number in range(4)]
    with mock.patch.object(store, "get", side_effect=AssertionError):
        assert [200, 429] == [ask(good), ask(other)]


def test_a_source_is_listened_to_again():
    """
    The budget refills: one try for each refill, and all of it after a while.
    """
    timer, reasons = Timer(), set()
    failures = Failures(Shield(burst=3, refill=0.5), Sources(()), reasons, timer)
    seen = request(JUNK, peer=SOURCE)
    for _ in range(3):
        assert failures.refusal(seen) is None
        failures.note(seen)

    refused = failures.refusal(seen)
    assert (TooManyFailuresError, 2.0, {"shield"}) == (type(refused), refused.retry_after, reasons)
    timer.now += 2
    assert failures.refusal(seen) is None
    failures.note(seen)
    assert failures.refusal(seen) is not None
    timer.now += 100
    assert failures.refusal(seen) is None
    assert (set(), 0) == (reasons, failures.cut_off)


def test_the_guard_takes_its_short_way_again():
    """
    Without anybody cut off, a decision does not look at the shield; afterwards it does not again.
    """
    one = guard()
    assert not one._reasons
    one = shielded()
    one.check(request(peer="8.8.8.8"))
    junk(one, 3)
    assert one._reasons
    one._failures._timer = lambda: 1e9
    one.check(request(peer="8.8.8.8"))
    assert not one._reasons


@pytest.mark.parametrize("header", [(), [("X-Forwarded-For", "8.8.4.4")], [("Forwarded", "for=8.8.4.4")]])
@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.1", "fd00::1", "100.64.0.1", "172.17.0.1", None, "testclient"])
def test_behind_a_proxy_that_is_not_known_nobody_is_cut_off(peer, header, caplog):
    """
    An address that may be a proxy's is never cut off, for one attacker would lock all callers out; the log says what
    to do, once.
    """
    one = shielded()

    assert [401] * 10 == junk(one, 10, peer=peer, headers=header)
    assert 200 == answer(one, request(token(jti="new"), peer=peer, headers=header))[0]
    assert 1 == sum("trusted_proxies" in record.message for record in caplog.records)


def test_with_the_proxies_named_callers_are_told_apart():
    """
    Behind a proxy on the list the attacker is cut off, his neighbour is not, and neither is the proxy.
    """
    one = shielded(trusted_proxies=["10.0.0.0/8"])
    attacker, neighbour = ([("X-Forwarded-For", f"1.2.3.4, 8.8.{number}.8")] for number in (1, 2))

    assert [401, 401, 401, 429] == junk(one, 4, peer="10.0.0.1", headers=attacker)
    assert [200] == junk(one, 1, text=token(jti="new"), peer="10.0.0.1", headers=neighbour)
    assert [401] * 10 == junk(one, 10, peer="10.0.0.1")
    assert [401] * 10 == junk(one, 10, peer="10.0.0.1", headers=[("X-Forwarded-For", "10.0.0.9")])


def test_without_proxies_every_address_is_somebodys():
    """
    An empty list says that there are no proxies: private addresses are cut off, too.
    """
    assert [401, 401, 401, 429] == junk(shielded(trusted_proxies=[]), 4, peer="10.0.0.1")


def test_spoofing_does_not_get_round_it():
    """
    An attacker that makes up a new address for each request is cut off, and cuts nobody else off.
    """
    one = shielded()
    made_up = [[("X-Forwarded-For", f"9.9.9.{number}")] for number in range(6)]

    found = [junk(one, 1, headers=header)[0] for header in made_up]

    assert [401, 401, 401, 429, 429, 429] == found
    assert [200] == statuses(one, 1, peer="9.9.9.0")


@pytest.mark.parametrize("off", [None, False])
def test_it_can_be_switched_off(off):
    """
    Without a shield every credential is looked at.
    """
    assert [401] * 200 == junk(guard(shield=off), 200)


def test_it_is_on_with_generous_numbers():
    """
    By default a hundred failures at once are looked at, and ten a second after that.
    """
    one = guard()

    with mock.patch.object(one._failures, "_timer", return_value=one._failures._unattributed[1]):
        assert [401] * 100 + [429] * 2 == junk(one, 102)
    assert (100, 10.0, 4096) == (Shield().burst, Shield().refill, Shield().sources)


def test_the_table_has_a_bound_and_a_flood_of_addresses_frees_nobody():
    """
    From however many addresses failures come, so many are kept; one that is cut off is not forgotten for new ones.
    """
    failures = Failures(Shield(burst=2, refill=0.001, sources=50), Sources(()), set(), Timer())
    for _ in range(2):
        failures.note(request(JUNK, peer=SOURCE))

    for number in range(5_000):
        failures.note(request(JUNK, peer=f"9.9.{number // 250}.{number % 250}"))

    assert len(failures) <= 100
    assert failures.refusal(request(JUNK, peer=SOURCE)) is not None
    for number in range(5_000):
        for _ in range(2):
            failures.note(request(JUNK, peer=f"9.8.{number // 250}.{number % 250}"))
    assert (50, True) == (failures.cut_off, len(failures) <= 100)


def test_it_is_told():
    """
    A hook hears of credentials that are not looked at, with nothing of them.
    """
    heard = []
    one = shielded(on_decision=heard.append)
    junk(one, 4)

    assert ["signature_invalid"] * 3 + ["too_many_failures"] == [one.outcome for one in heard]
    assert (429, None, f"from {SOURCE}") == (heard[3].status, heard[3].issuer, heard[3].reason)


@pytest.mark.parametrize("options", [{"burst": 0}, {"burst": 1.5}, {"refill": 0}, {"refill": True}, {"sources": 0}])
def test_wrong_numbers(options):
    """
    Numbers that make no sense are refused at start.
    """
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Shield(**options)


def test_many_at_once():
    """
    On one event loop hundreds of bad credentials at the same time are looked at as often as the budget says.
    """
    one = shielded(shield=Shield(burst=20, refill=0.001))

    async def flood():
        async def ask():
            try:
                await one.acheck(request(JUNK, peer=SOURCE))
            except AnswerError as error:
                return error.status

        return await asyncio.gather(*(ask() for _ in range(300)))

    found = asyncio.run(flood())

    assert (20, 280) == (found.count(401), found.count(429))


def test_the_address_of_a_test_is_public():
    """
    The address that these tests use for callers is none that the shield leaves alone by mistake.
    """
    one = Guard(JWTBearer(keys=jwks()), shield=SMALL, trusted_proxies=())

    assert [401, 401, 401, 429] == junk(one, 4, peer=PUBLIC)
