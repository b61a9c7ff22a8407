"""API keys out of settings: a store, a pepper, an environment."""

from __future__ import annotations

import json

import pytest
from tests.api_keys.keywork import PEPPER, Clock

from mindpeeker_guard import APIKey, ConfigurationError, Guard, Request, ScopeCatalogue
from mindpeeker_guard.api_keys import APIKeys, MemoryStore
from mindpeeker_guard.settings import SETTINGS, guard_from_environ, guard_from_settings

OLD = "a pepper of the year before, and long"
GOOD = {"API_KEY_STORE": "memory:", "API_KEY_PEPPER": PEPPER}


def keys_of(guard: Guard) -> APIKeys:
    """Return the service behind a guard."""
    return next(one.keys for one in guard.authenticators if isinstance(one, APIKey))


def test_a_store_and_a_pepper_switch_api_keys_on():
    """
    Tokens are offered first, keys second; the service can be had from the guard.
    """
    guard = guard_from_environ({f"MINDPEEKER_{name}": value for name, value in GOOD.items()})
    key = keys_of(guard).issue("n", ["profile"], owner="u").key

    assert ["Bearer", "ApiKey"] == [one.scheme for one in guard.authenticators]
    assert "live" == keys_of(guard).environment
    assert "u" == guard.check(Request(headers={"X-API-Key": key})).subject


def test_without_them_there_are_none():
    """
    The platform's variable for clients has nothing to do with it.
    """
    guard = guard_from_environ({"MINDPEEKER_API_KEY": "mp_live_x"})

    assert ["Bearer"] == [one.scheme for one in guard.authenticators]


def test_the_environment_of_keys_is_a_setting():
    """
    A test system takes no live key.
    """
    guard = guard_from_settings(GOOD | {"API_KEY_ENVIRONMENT": "test"}, {})

    assert "test" == keys_of(guard).environment


def test_the_mapping_beats_the_environment():
    """
    As for all settings.
    """
    guard = guard_from_settings({"API_KEY_ENVIRONMENT": "own"}, {f"MINDPEEKER_{n}": v for n, v in GOOD.items()})

    assert "own" == keys_of(guard).environment


@pytest.mark.parametrize("form", [dict, json.dumps])
def test_several_peppers_are_a_mapping_or_json(form):
    """
    The first is for new keys.
    """
    store = MemoryStore()
    made = keys_of(guard_from_settings({"API_KEY_STORE": store, "API_KEY_PEPPER": OLD}, {})).issue(
        "n", ["profile"], owner="u"
    )
    guard = guard_from_settings({"API_KEY_STORE": store, "API_KEY_PEPPER": form({"2": PEPPER, "1": OLD})}, {})

    assert "u" == guard.check(Request(headers={"X-API-Key": made.key})).subject
    assert "2" == keys_of(guard).issue("n", ["profile"], owner="u").record.pepper_id


def test_catalogue_and_clock_of_the_guard_are_those_of_the_keys():
    """
    One catalogue says what scopes there are, for tokens and keys.
    """
    catalogue, clock = ScopeCatalogue({"billing:read": ""}), Clock()
    guard = guard_from_settings(GOOD, {}, catalogue=catalogue, clock=clock)

    assert catalogue is keys_of(guard).catalogue
    assert clock.moment == keys_of(guard).issue("n", ["billing:read"], owner="u").record.created_at


def test_an_authenticator_made_in_code_takes_their_place():
    """
    There is one service for API keys.
    """
    own = APIKey(APIKeys(MemoryStore(), pepper=PEPPER))

    guard = guard_from_settings(GOOD, {}, authenticators=[own])

    assert (2, own) == (len(guard.authenticators), guard.authenticators[1])


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"API_KEY_STORE": "memory:"}, "MY_API_KEY_PEPPER"),
        ({"API_KEY_PEPPER": PEPPER}, "MY_API_KEY_STORE"),
        ({"API_KEY_ENVIRONMENT": "live"}, "MY_API_KEY_STORE"),
    ],
)
def test_half_of_the_settings_are_an_error(settings: dict, missing: str):
    """
    Keys that are silently not accepted would be a surprise; the text names what is missing.
    """
    with pytest.raises(ConfigurationError, match=f"needs {missing} beside it"):
        guard_from_settings(settings, {}, prefix="MY_")


SECRET = "correct-horse"
WRONG = [
    {"API_KEY_STORE": ""},
    {"API_KEY_STORE": 5},
    {"API_KEY_STORE": MemoryStore},
    {"API_KEY_STORE": f"mysql://user:{SECRET}@host/db"},
    {"API_KEY_STORE": f"{SECRET}"},
    {"API_KEY_STORE": "sqlite://"},
    {"API_KEY_PEPPER": ""},
    {"API_KEY_PEPPER": SECRET},
    {"API_KEY_PEPPER": {"1": SECRET}},
    {"API_KEY_PEPPER": '{"1": "' + SECRET},
    {"API_KEY_PEPPER": [SECRET]},
    {"API_KEY_PEPPER": 5},
    {"API_KEY_ENVIRONMENT": "LIVE"},
    {"API_KEY_ENVIRONMENT": 5},
]


@pytest.mark.parametrize("settings", WRONG, ids=range(len(WRONG)))
def test_a_wrong_value_is_an_error_that_shows_no_secret(settings: dict):
    """
    URLs have passwords in them, and a pepper that is too short is one nevertheless.
    """
    with pytest.raises(ConfigurationError) as caught:
        guard_from_settings(GOOD | settings, {})
    assert SECRET not in str(caught.value)


def test_their_names_are_settings():
    """
    A misspelt one is found.
    """
    assert {"API_KEY_STORE", "API_KEY_PEPPER", "API_KEY_ENVIRONMENT"} <= set(SETTINGS)
    with pytest.raises(ConfigurationError, match="Did you mean MINDPEEKER_API_KEY_PEPPER"):
        guard_from_environ({"MINDPEEKER_API_KEYS_PEPPER": PEPPER})
