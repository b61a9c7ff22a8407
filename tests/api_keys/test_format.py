"""The form of a key: what can be told of it without asking anybody."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api_keys.keywork import DIGITS, sealed

from mindpeeker_guard import ConfigurationError
from mindpeeker_guard.api_keys import API_KEY_PATTERN
from mindpeeker_guard.api_keys._format import checked_environment, is_key_id, make_key, parse_key

ID = "0123456789ABCDEF"
BODY = f"mp_live_{ID}_{'z' * 32}"
KEY = sealed(BODY)


def test_a_key_has_its_parts_in_order():
    """
    Prefix, environment, id of 16, secret of 32 and checksum of 6 base62 characters.
    """
    key = make_key("live")

    assert re.fullmatch(r"mp_live_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}", key.text)
    assert key.text == sealed(key.body.decode())
    assert key.text.split("_")[2] == key.id


def test_keys_differ_in_id_and_secret():
    """
    Nothing of one key is in another, but the prefix; every base62 character turns up.
    """
    keys = [make_key("live") for _ in range(200)]

    assert len({key.id for key in keys}) == len({key.text.split("_")[3] for key in keys}) == 200
    assert set(DIGITS) == set("".join(key.id for key in keys))


@pytest.mark.parametrize("environment", ["live", "test", "a", "0", "a" * 16])
def test_what_is_made_can_be_parsed(environment: str):
    """
    A key says its environment and its id.
    """
    key = make_key(environment)

    assert (environment, key.id, key.body) == parse_key(key.text)


def test_every_single_typo_is_noticed():
    """
    CRC-32 catches every key with one character changed, wherever it is.
    """
    typos = [KEY[:place] + letter + KEY[place + 1 :] for place in range(len(KEY)) for letter in "0Zz_"]

    assert [] == [typo for typo in typos if typo != KEY and parse_key(typo)]


def test_swapped_neighbours_are_noticed():
    """
    CRC-32 catches two neighbours that have changed places.
    """
    key = make_key("live").text
    swapped = [key[:i] + key[i + 1] + key[i] + key[i + 2 :] for i in range(len(key) - 1) if key[i] != key[i + 1]]

    assert [] == [text for text in swapped if parse_key(text)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mp_",
        BODY,
        KEY + "0",
        KEY[:-1],
        f" {KEY}",
        f"{KEY}\n",
        f"{KEY}\x00",
        KEY.lower(),
        KEY.replace("mp_", "MP_"),
        sealed(f"mp__{ID}_{'z' * 32}"),
        sealed(f"mp_LIVE_{ID}_{'z' * 32}"),
        sealed(f"mp_{'a' * 17}_{ID}_{'z' * 32}"),
        sealed(f"mp_live_{ID}x_{'z' * 31}"),
        sealed(f"mp_live_{ID}_{'z' * 31}-"),
        sealed(f"mp_live_{ID}_{'z' * 31}é"),
        sealed("mp_live_" + "\u0660" * 16 + f"_{'z' * 32}"),
        "mp_live_" * 10_000,
        "\ud800" * 60,
    ],
)
def test_what_is_no_key_is_not_parsed(text: str):
    """
    Other lengths, letters and parts are no key, whatever their checksum.
    """
    assert parse_key(text) is None


@given(st.text(max_size=80) | st.text(alphabet=DIGITS + "_", max_size=80).map("mp_live_".__add__))
def test_parsing_never_fails(text: str):
    """
    Any text is a key or none.
    """
    found = parse_key(text)

    assert found is None or sealed(found.body.decode()) == text


def test_the_published_pattern_finds_keys_in_text():
    """
    A secret scanner finds keys of all environments in code and logs, and takes nothing that is longer for one.
    """
    other = make_key("test2").text
    text = f'API_KEY="{KEY}"\nX-API-Key: {other}; {KEY}x mp_live_short'

    assert [KEY, other] == re.findall(API_KEY_PATTERN, text)


@pytest.mark.parametrize("text", [ID, "z" * 16])
def test_an_id_is_sixteen_base62_characters(text: str):
    """
    What is of this form may be asked for.
    """
    assert is_key_id(text)


@pytest.mark.parametrize(
    "text", ["", "x" * 15, "x" * 17, "x" * 15 + "\n", "x" * 15 + "\x00", "../" + "x" * 13, None, 1]
)
def test_what_is_no_id_is_known_as_such(text: object):
    """
    What could be in no store is not looked for: no driver sees it.
    """
    assert not is_key_id(text)


@pytest.mark.parametrize("environment", ["", "Live", "a_b", "a" * 17, "é", "live\n", None, 1])
def test_an_environment_is_small_letters_and_digits(environment: object):
    """
    Anything else would make keys that nobody can parse.
    """
    with pytest.raises(ConfigurationError, match="environment must be"):
        checked_environment(environment)
