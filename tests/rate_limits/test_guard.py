"""A guard with rate limits: who is counted, when, and what the caller is told."""

from __future__ import annotations

import asyncio
import threading

import pytest
from tests.rate_limits.rig import NEEDED, answer, awaited, blocking, guard, request, statuses, told
from tests.support.tokens import jwks, private_key, token

from mindpeeker_guard import (
    APIKey,
    ConfigurationError,
    Guard,
    JWTBearer,
    Principal,
    RateLimit,
    RateLimitedError,
    RateLimits,
    Request,
    requirement,
)
from mindpeeker_guard.api_keys import APIKeys, MemoryStore

OTHER = "198.51.100.1"


@pytest.mark.parametrize("check", [blocking, awaited])
def test_a_caller_is_refused_past_the_rate(check, timer):
    """
    The request past the rate gets 429 with the three headers, and the policy's name in the body.
    """
    one = guard(RateLimits("2/minute", timer=timer))

    first, second = (answer(one, request(), check=check) for _ in range(2))
    timer.now += 20.5
    status, headers = answer(one, request(), check=check)

    policy = '"principal";q=2;w=60'
    assert (200, ('"principal";r=1;t=60', policy, None)) == (first[0], told(first[1]))
    assert (200, ('"principal";r=0;t=60', policy, None)) == (second[0], told(second[1]))
    assert (429, ('"principal";r=0;t=40', policy, "40")) == (status, told(headers))
    timer.now += 40
    assert 200 == answer(one, request(), check=check)[0]


def test_the_body_of_a_refusal(timer):
    """
    429 has problem details with the names of the policies, no challenge, and is not cached.
    """
    one = guard(RateLimits("1/minute", timer=timer))
    one.check(request())

    with pytest.raises(RateLimitedError) as caught:
        one.check(request())
    refusal = one.refusal(caught.value)

    assert (
        b'{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"Too many requests.",'
        b'"violated-policies":["principal"]}'
    ) == refusal.body
    assert [
        ("Content-Type", "application/problem+json"),
        ("Cache-Control", "no-store"),
        ("Retry-After", "60"),
        ("RateLimit-Policy", '"principal";q=1;w=60'),
        ("RateLimit", '"principal";r=0;t=60'),
    ] == list(refusal.headers)


def test_retry_after_is_one_second_or_more():
    """
    However soon the next request may come, the caller is told to wait a whole second.
    """
    one = guard("1/second")
    one.check(request())

    assert "1" == answer(one, request())[1]["Retry-After"]


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("", NEEDED),
        ("x.y.z", NEEDED),
        (token(key=private_key("stranger")), NEEDED),
        (token(exp=1), NEEDED),
        (token(), requirement("dowsing:admin")),
        (token(), requirement(acr="urn:mfa")),
    ],
)
@pytest.mark.parametrize("check", [blocking, awaited])
def test_who_is_refused_for_another_reason_uses_nothing_up(text, needed, check):
    """
    401 and 403 take nothing from any budget, not even from the one that all share, and tell nothing of them.
    """
    one = guard(
        RateLimits("1/hour", *(RateLimit("1/hour", per=per) for per in ("ip", "global", "route", "client"))),
        shield=False,
    )

    for _ in range(5):
        status, headers = answer(one, request(text, route="/a"), needed, check)
        assert status in {401, 403}
        assert (None, None, None) == told(headers)
    assert 200 == answer(one, request(route="/a"), check=check)[0]


def tokens(**changes):
    return {"text": token(**changes)}


@pytest.mark.parametrize(
    ("per", "same", "another"),
    [
        ("principal", tokens(client_id="c9", jti="j9"), tokens(sub="u2")),
        ("principal", {"peer": OTHER}, tokens(sub=None)),
        ("client", tokens(sub="u2"), tokens(client_id="c9")),
        ("ip", tokens(sub="u2", client_id="c9"), {"peer": OTHER}),
        ("route", tokens(sub="u2"), {"route": "/b"}),
        ("global", {**tokens(sub="u2"), "peer": OTHER, "route": "/b"}, None),
    ],
)
def test_whom_a_limit_is_counted_for(per, same, another):
    """
    Who shares the budget is refused with the first caller; who has one of its own is not.
    """
    one = guard(RateLimit("1/hour", per=per))
    usual = {"route": "/a"}

    assert [200] == statuses(one, 1, **usual)
    assert [429] == statuses(one, 1, **(usual | same))
    if another is not None:
        assert [200, 429] == statuses(one, 2, **(usual | another))


def test_ipv6_callers_share_a_budget_by_network():
    """
    Who has a /64 network has one budget, not 2⁶⁴ of them.
    """
    one = guard(RateLimit("2/hour", per="ip"))

    assert [200, 200, 429] == [statuses(one, 1, peer=f"2001:db8:0:1::{number}")[0] for number in (1, 2, 3)]
    assert [200] == statuses(one, 1, peer="2001:db8:0:2::1")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP"])
def test_no_header_gives_a_caller_another_address(header):
    """
    A caller that makes up an address for each request has one budget all the same.
    """
    one = guard(RateLimit("2/hour", per="ip"), trusted_proxies=["10.0.0.1"])

    found = [statuses(one, 1, headers=[(header, f"for=192.0.2.{n}")])[0] for n in range(4)]

    assert [200, 200, 429, 429] == found


def test_callers_behind_a_proxy_are_told_apart():
    """
    Behind a proxy on the list each caller has a budget, and what it writes in front of its address changes nothing.
    """
    one = guard(RateLimit("1/hour", per="ip"), trusted_proxies=["10.0.0.1"])

    def through_proxy(value):
        return statuses(one, 1, peer="10.0.0.1", headers=[("X-Forwarded-For", value)])[0]

    assert [200, 429] == [through_proxy("203.0.113.1"), through_proxy("203.0.113.1")]
    assert 429 == through_proxy("192.0.2.99, 203.0.113.1")
    assert 200 == through_proxy("203.0.113.2")


def test_api_keys_have_budgets_of_their_own():
    """
    Each API key is counted by its id; tokens are not counted for it at all.
    """
    keys = APIKeys(MemoryStore(), pepper="a pepper for this test, and for no other use")
    texts = [keys.issue(name, ["profile"], owner="service-1").key for name in "ab"]
    one = Guard(JWTBearer(keys=jwks()), APIKey(keys), limits=RateLimits(RateLimit("1/hour", per="api_key")))

    def ask(key):
        return answer(one, Request(headers={"X-API-Key": key}))[0]

    assert [200, 429, 200, 429] == [ask(texts[0]), ask(texts[0]), ask(texts[1]), ask(texts[1])]
    assert [200, 200, 200] == statuses(one, 3)


def test_callers_without_a_credential_are_counted_by_address():
    """
    On an optional route nobody in particular has the budget of its address.
    """
    one, optional = guard("1/hour"), requirement(optional=True)

    assert [200, 429, 200] == [answer(one, request("", peer=peer), optional)[0] for peer in ("8.8.8.8",) * 2 + (OTHER,)]
    assert 200 == answer(one, request(peer="8.8.8.8"), optional)[0]


def test_routes_have_budgets_of_their_own():
    """
    The limit of a route is counted for each caller and each route, besides the limits of the guard.
    """
    one, needed = guard("5/hour"), requirement(rate="2/hour")

    assert [200, 200, 429] == [answer(one, request(route="/a"), needed)[0] for _ in range(3)]
    assert [200, 200] == [answer(one, request(route="/b"), needed)[0] for _ in range(2)]
    status, headers = answer(one, request(route="/c"), needed)
    assert 200 == status
    assert '"principal";q=5;w=3600, "route-principal";q=2;w=3600' == headers["RateLimit-Policy"]
    assert '"principal";r=0;t=3600, "route-principal";r=1;t=3600' == headers["RateLimit"]
    assert 429 == answer(one, request(route="/d"), needed)[0]


def test_views_are_told_apart_by_what_the_framework_calls_them():
    """
    Two URLs of one view share a budget; two views behind one URL do not.
    """
    one, needed = guard(shield=False), requirement(rate="1/hour")

    assert [200, 429] == [answer(one, request(route=path, view="v"), needed)[0] for path in ("/a", "/b")]
    assert [200, 200] == [answer(one, request(route="/c", view=view), needed)[0] for view in ("v1", "v2")]


def test_a_limit_that_all_share_is_told_only_where_it_refuses():
    """
    What is left of a common budget would tell callers how much others use: only that it is used up is told.
    """
    one = guard(RateLimit("1/hour", per="global"), RateLimit("5/hour"))

    assert '"principal";r=4;t=3600' == answer(one, request())[1]["RateLimit"]
    status, headers = answer(one, request())
    assert (429, '"global";q=1;w=3600, "principal";q=5;w=3600') == (status, headers["RateLimit-Policy"])
    assert headers["RateLimit"].startswith('"global";r=0;t=3600, "principal";r=4;')


def test_two_windows_of_one_rate_have_two_names():
    """
    Every policy of an answer has a name of its own.
    """
    headers = answer(guard("5/second; 100/hour"), request())[1]

    assert '"principal-1s";q=5;w=1, "principal-3600s";q=100;w=3600' == headers["RateLimit-Policy"]


def test_the_rate_of_a_plan():
    """
    A claim decides how much a caller may.
    """
    plans = {"gold": "3/hour"}
    one = guard(RateLimits("1/hour", rates=lambda principal: plans.get(principal.claims.get("plan"))))

    assert [200, 200, 200, 429] == statuses(one, 4, text=token(sub="rich", plan="gold"))
    assert [200, 429] == statuses(one, 2, text=token(sub="poor", plan="free"))


def test_a_route_with_a_rate_needs_no_limits_of_the_guard(caplog):
    """
    A rate of a route holds without any other configuration; the log says once where it is counted.
    """
    one, needed = guard(), requirement(rate="1/hour")
    one.validate(needed)

    assert [200, 429] == [answer(one, request(route="/a"), needed)[0] for _ in range(2)]
    assert 1 == sum("this process only" in record.message for record in caplog.records)
    assert "memory" == one.health()["limits"].store


def test_a_rate_that_was_never_validated_holds():
    """
    A requirement with a rate is counted although nobody has told the guard about it at start.
    """
    one, needed = guard(), requirement(rate="1/hour")

    assert [200, 429] == [answer(one, request(), needed)[0] for _ in range(2)]


def test_wrong_arguments_of_the_guard():
    """
    What are no limits, and no shield, is refused at start; so is a route's rate that the strategy cannot keep.
    """
    for options, text in (({"limits": "1/minute"}, "RateLimits"), ({"shield": 5}, "Shield")):
        with pytest.raises(ConfigurationError, match=text):
            Guard(JWTBearer(keys=jwks()), **options)
    with pytest.raises(ConfigurationError, match="too much for a moving window"):
        guard().validate(requirement(rate="1000000/day"))


def test_counting_in_memory_changes_no_thread():
    """
    Under an event loop, counting in memory starts no thread and awaits nothing.
    """
    one = guard("5/hour")

    async def check() -> bool:
        task = asyncio.ensure_future(one.acheck(request()))
        await asyncio.sleep(0)
        return task.done()

    before = threading.active_count()
    one.check(request())  # the keys are at hand from here on
    assert asyncio.run(check())
    assert threading.active_count() <= before


def test_limits_apart_from_a_decision(timer):
    """
    A public route is counted without looking at any credential, in the route's budget and no other.
    """
    one = guard(RateLimits(RateLimit("1/hour", per="ip"), timer=timer))
    limits = (RateLimit("2/hour", per="ip"),)

    async def alimit(seen):
        await one.alimit(seen, limits)

    one.limit(request("", route="/a"), limits)
    asyncio.run(alimit(request("", route="/a")))
    with pytest.raises(RateLimitedError):
        one.limit(request("", route="/a"), limits)
    one.limit(request("", route="/b"), limits)
    assert 200 == answer(one, request())[0]


def test_a_known_principal_has_a_budget_on_public_routes():
    """
    Where a principal is known, it is counted for the principal.
    """
    one, limits = guard(), (RateLimit("1/hour"),)

    one.limit(request(""), limits, Principal(subject="a"))
    one.limit(request(""), limits, Principal(subject="b"))
    with pytest.raises(RateLimitedError):
        one.limit(request("", peer=OTHER), limits, Principal(subject="a"))


def test_refusals_are_told():
    """
    A hook hears of what is refused for its pace, with the caller who was, and the policy.
    """
    heard = []
    one = guard("1/hour", on_decision=heard.append, decision_claims=["sub"])
    one.check(request())
    answer(one, request())
    answer(one, request("", route="/p"))
    one.limit(request(""), (RateLimit("1/hour"),))
    with pytest.raises(RateLimitedError):
        one.limit(request(""), (RateLimit("1/hour"),))

    assert ["allowed", "rate_limited", "credentials_missing", "rate_limited"] == [one.outcome for one in heard]
    assert (429, "user-1", "principal") == (heard[1].status, heard[1].claims["sub"], heard[1].reason)


def test_names_of_callers_stay_out_of_the_store():
    """
    Keys have a fixed length, and nothing of a subject, however long and odd it is.
    """
    limits = RateLimits("5/hour")
    one = guard(limits)

    one.check(request(token(sub="u/" + "x" * 5_000 + "\ud83d\ude00")))

    (key,) = limits._memory._windows
    assert len(key) < 80
    assert "xxx" not in key
