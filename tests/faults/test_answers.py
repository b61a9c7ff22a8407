"""An issuer that does not give its keys: cold, nobody is blamed; warm, nobody notices."""

from __future__ import annotations

from itertools import cycle

import pytest
from tests.faults.issuer import publish
from tests.faults.misbehaviour import FAULTS, Fault
from tests.faults.rig import GRACE, PATIENCE, Rig, eventually, fresh, nobody_fetches, signed

from mindpeeker_guard import KeysUnavailableError

faults = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


@faults
def test_cold(issuer, fault: Fault):
    """
    Without keys a good token is answered with 503 within the time limit, after one fetch for all who ask.
    """
    fault.begin(issuer)
    rig = Rig(issuer, timeout=fault.limit)

    outcomes = rig.everybody(signed("a"))

    assert rig.longest_wait() <= fault.limit + GRACE
    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    for error in outcomes:
        refusal = rig.guard.refusal(error)
        assert 503 == refusal.status
        assert int(dict(refusal.headers)["Retry-After"]) >= 1
    assert issuer.requests <= fault.tries
    assert nobody_fetches()
    health = rig.keys.health()
    assert (1, 1, False) == (health.fetches, health.failures, health.usable)
    assert health.last_error


@faults
def test_warm(issuer, fault: Fault):
    """
    With keys at hand good tokens pass without a pause, and the first token of a new key does when all is well again.
    """
    rig = Rig(issuer)
    rig.guard.warm_up()
    fault.begin(issuer)
    rig.limit(fault.limit)
    rig.clock.skip(301)
    rig.waits.clear()
    numbers = cycle(range(50))

    eventually(lambda: rig.check(signed("a", next(numbers))) and rig.keys.health().failures)
    waits = list(rig.waits)
    rig.everybody(fresh("a"), threads=2, tasks=2)
    new = rig.outcome(signed("b"))
    health = rig.keys.health()

    assert [] == waits
    assert (1, True, ["a"]) == (health.failures, health.usable, list(health.keys))
    assert health.last_error
    assert isinstance(new, KeysUnavailableError)
    assert nobody_fetches()

    fault.end(issuer, publish("a", "b"))
    rig.limit(PATIENCE)
    rig.clock.skip(10)

    assert "user-0" == rig.check(signed("b")).subject
    assert "user-0" == rig.check(signed("a")).subject
    health = rig.keys.health()
    assert (0, None, ["a", "b"]) == (health.failures, health.last_error, list(health.keys))


@pytest.mark.parametrize("name", ["refused", "never answers", "drips a header", "500"])
def test_stale(issuer, name):
    """
    Keys past their time wait for one try, no longer than the limit; once that has failed nobody waits any more.
    """
    fault = next(fault for fault in FAULTS if fault.name == name)
    rig = Rig(issuer)
    rig.guard.warm_up()
    fault.begin(issuer)
    rig.limit(fault.limit)
    rig.waits.clear()
    rig.clock.skip(3600)

    outcomes = rig.everybody(signed("a"))
    longest = rig.longest_wait()
    rig.waits.clear()
    rig.clock.skip(10)
    later = [rig.check(signed("a", number)).subject for number in range(20)]

    assert {"user-0"} == {outcome.subject for outcome in outcomes}
    assert 0 < longest <= fault.limit + GRACE
    assert [f"user-{number}" for number in range(20)] == later
    assert [] == rig.waits
    assert nobody_fetches()


@pytest.mark.parametrize("name", ["refused", "never answers", "drips the body", "HTML", "no key"])
def test_dead(issuer, name):
    """
    Past the longest outage keys are believed no more: 503, and the token is not blamed.
    """
    fault = next(fault for fault in FAULTS if fault.name == name)
    rig = Rig(issuer, max_stale=3600)
    rig.check(signed("a"))
    fault.begin(issuer)
    rig.limit(fault.limit)
    rig.clock.skip(3599)

    good = rig.outcome(fresh("a", now=rig.clock.now))
    rig.clock.skip(1)
    outcomes = rig.everybody(fresh("a", now=rig.clock.now))
    fault.end(issuer, publish("a"))
    rig.limit(PATIENCE)
    rig.clock.skip(300)

    assert "user-1" == good.subject
    assert {KeysUnavailableError} == {type(outcome) for outcome in outcomes}
    assert "user-1" == rig.check(fresh("a", now=rig.clock.now)).subject


def test_the_pause_between_tries_is_kept(issuer):
    """
    However many ask, a failing issuer is asked again only when its pause is over, and Retry-After says when that is.
    """
    FAULTS_BY_NAME["404"].begin(issuer)
    rig = Rig(issuer)
    retry_after = []

    for _ in range(4):
        errors = rig.everybody(signed("a"))
        retry_after.append({dict(rig.guard.refusal(error).headers)["Retry-After"] for error in errors})
        rig.clock.skip(rig.keys.health().retry_in)

    assert [{"1"}, {"2"}, {"4"}, {"8"}] == retry_after
    assert 4 == issuer.requests


def test_what_the_issuer_asks_for_is_passed_on(issuer):
    """
    Where the issuer says how long to wait, callers are told so.
    """
    FAULTS_BY_NAME["503 with Retry-After"].begin(issuer)
    rig = Rig(issuer)

    refusals = [rig.guard.refusal(error) for error in rig.everybody(signed("a"))]

    assert {"7"} == {dict(refusal.headers)["Retry-After"] for refusal in refusals}


FAULTS_BY_NAME = {fault.name: fault for fault in FAULTS}
