"""How rates are written, and found to be wrong at start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mindpeeker_guard import ConfigurationError, Principal, RateLimit, RateLimits, requirement
from mindpeeker_guard._rates import parse, rate_limits

FREE = Principal(subject="a")
GOLD = Principal(subject="b", claims={"plan": "gold"})
PLANS = {"gold": "500/minute"}


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ("100/minute", [(100, 60)]),
        ("1 per 2 hours", [(1, 7200)]),
        ("10/second; 1000/day", [(10, 1), (1000, 86_400)]),
        ("5/10 seconds, 7/minute", [(5, 10), (7, 60)]),
    ],
)
def test_rates_are_read_as_limits_does(rate, expected):
    """
    A rate has a number and a time, which may have a number of its own; several hold together.
    """
    assert expected == [(window.amount, window.seconds) for window in parse(rate)]


@pytest.mark.parametrize(
    "rate",
    [
        *("", "100", "100/", "fast", "0/minute", "-1/minute", "10/fortnight", "1e3/minute", "10/minute!", "9" * 300),
        *(None, 5, "99999999999999/day", "1/999 years", b"1/minute", ["1/minute"]),
    ],
)
def test_a_wrong_rate_is_found_at_start(rate):
    """
    What is no rate is refused where it is written.
    """
    with pytest.raises(ConfigurationError, match="rate"):
        RateLimit(rate)


def test_a_requirement_has_the_rates_of_its_route():
    """
    `rate` takes a rate, a limit or several of them, and a wrong one is found at import.
    """
    own = RateLimit("5/second", per="ip")

    assert () == requirement().rates
    assert ["5/minute"] == [one.rate for one in requirement(rate="5/minute").rates]
    assert ("10/minute", own) == (requirement(rate=["10/minute", own]).rates[0].rate, requirement(rate=own).rates[0])
    assert hash(requirement(rate="5/minute")) == hash(requirement(rate="5/minute"))
    assert requirement(rate="5/minute") == requirement(rate="5/minute") != requirement(rate="6/minute")
    with pytest.raises(ConfigurationError, match="written like '100/minute'"):
        requirement(rate="often")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"per": "user"}, "per must be one of"),
        ({"name": "a b"}, "name must be"),
        ({"name": 'a"'}, "name must be"),
        ({"rates": "gold"}, "rates must be a function"),
    ],
)
def test_wrong_arguments_of_a_limit(options, text):
    """
    Each argument of a limit is checked where it is written.
    """
    with pytest.raises(ConfigurationError, match=text):
        RateLimit("1/minute", **options)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: RateLimits("1/minute", "2/minute"), "called 'principal'"),
        (lambda: RateLimits("1/minute", strategy="leaky"), "strategy must be one of"),
        (lambda: RateLimits("1000000/day"), "too much for a moving window"),
        (lambda: RateLimits("1/minute", policy="open"), "policy must be"),
        (lambda: RateLimits("1/minute", timeout=0), "timeout must be"),
        (lambda: RateLimits("1/minute", store="memory://", cluster=True), "no option 'cluster'"),
        (lambda: RateLimits("1/minute", store=5), "store must be a URL"),
        (lambda: RateLimits("1/minute", store="nosql://user:secret@host"), "cannot be used"),
        (lambda: RateLimits(rate_limits), "written like"),
        (lambda: rate_limits(5), "written like"),
    ],
)
def test_wrong_arguments_of_the_limits(make, text):
    """
    What cannot be kept is refused at start, and no text holds a URL with its password.
    """
    with pytest.raises(ConfigurationError, match=text) as caught:
        make()
    assert "secret" not in str(caught.value)


def test_large_rates_are_for_fixed_windows():
    """
    A fixed window has no use for the times of requests, so that it may be as large as one likes.
    """
    assert RateLimits("1000000/day", strategy="fixed-window").limits


def test_the_rate_of_a_plan(caplog):
    """
    A function tells the rate of a principal; None, an error or nonsense leaves the rate that is written.
    """
    limit = RateLimit("10/minute", rates=lambda principal: PLANS.get(principal.claims.get("plan")))

    assert 500 == limit.rules(False, GOLD, 1000)[0].amount
    assert 10 == limit.rules(False, FREE, 1000)[0].amount == limit.rules(True, None, 1000)[0].amount
    assert not caplog.records
    for wrong in ("plenty", 7, "2000/minute"):
        assert 10 == RateLimit("10/minute", rates=lambda _, wrong=wrong: wrong).rules(False, GOLD, 1000)[0].amount
    assert 10 == RateLimit("10/minute", rates=lambda _: {}["plan"]).rules(False, GOLD, 1000)[0].amount
    assert 4 == len(caplog.records)


def test_without_the_extra_the_text_names_it():
    """
    Without the library a rate cannot be read, and the text says what to install; all else works.
    """
    script = """
import sys
sys.modules["limits"] = None
from mindpeeker_guard import ConfigurationError, RateLimits, requirement
requirement("profile"); RateLimits()
for make in (lambda: requirement(rate="1/minute"), lambda: RateLimits("1/minute")):
    try:
        make()
    except ConfigurationError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)

    assert (
        2 * ["Rate limits need the extra 'limits': pip install 'mindpeeker-guard[limits]'."] == done.stdout.splitlines()
    )


def test_limits_show_what_they_are():
    """
    A limit's `repr` can be written again.
    """
    assert "RateLimits(RateLimit('5/minute', per='ip', name='burst'))" == repr(
        RateLimits(RateLimit("5/minute", per="ip", name="burst"))
    )
