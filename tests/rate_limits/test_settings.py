"""Rate limits, proxies and the shield from settings."""

from __future__ import annotations

import pytest

from mindpeeker_guard import ConfigurationError, RateLimit
from mindpeeker_guard.settings import guard_from_settings


def test_nothing_is_limited_by_default():
    """
    Without a setting there are no rate limits, there is a shield, and nobody has said which proxies there are.
    """
    one = guard_from_settings({}, {})

    assert (False, True, False) == (one.is_limited, one._failures is not None, one._sources.declared)


@pytest.mark.parametrize("value", ["10/minute", RateLimit("10/minute"), ["10/minute"]])
def test_a_rate_limit(value):
    """
    A rate, a limit, or several: counted in memory where no Redis is named.
    """
    one = guard_from_settings({"RATE_LIMIT": value}, {})

    assert ["10/minute"] == [limit.rate for limit in one._limits.limits]
    assert "memory" == one.health()["limits"].store


def test_a_redis_for_the_rates_of_routes():
    """
    A Redis alone is where the rates of routes are counted; the prefix stands in front of its names.
    """
    pytest.importorskip("redis")
    one = guard_from_settings({"REDIS_URL": "redis://127.0.0.1:1/0", "REDIS_PREFIX": "shop"}, {})

    assert () == one._limits.limits
    assert "{shop}:limits:" == one._limits._shared._store._start


@pytest.mark.parametrize("value", ["", "none", [], ()])
def test_no_proxies(value):
    """
    An empty list says that there are none.
    """
    one = guard_from_settings({"TRUSTED_PROXIES": value}, {})

    assert one._sources.declared
    assert "TrustedProxies()" == repr(one._sources._trusted)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"RATE_LIMIT": "often"}, "RATE_LIMIT must be a rate such as 100/minute"),
        ({"TRUSTED_PROXIES": "proxy.example"}, "proxy.example"),
        ({"SHIELD": "perhaps"}, "SHIELD must be true or false"),
        ({"REDIS_URL": "http://user:secret@host"}, "Redis begins with"),
        ({"REDIS_URL": ["secret"]}, "REDIS_URL must be"),
        ({"REDIS_URL": "redis://127.0.0.1:1", "REDIS_PREFIX": "a b"}, "prefix"),
    ],
)
def test_wrong_settings(settings, text):
    """
    A wrong setting is an error at start that names it; one with a password in it is not shown.
    """
    pytest.importorskip("redis")
    with pytest.raises(ConfigurationError, match=text) as caught:
        guard_from_settings(settings, {})
    assert "secret" not in str(caught.value)


def test_an_argument_beats_the_settings():
    """
    What is given in code counts for more than the settings.
    """
    one = guard_from_settings({"RATE_LIMIT": "10/minute", "SHIELD": "on"}, {}, shield=None, limits=None)

    assert (False, None) == (one.is_limited, one._failures)
