"""Strict JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindpeeker_guard._json import MAX_DEPTH, InvalidJSONError, load_object

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
objects = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=4,
    ),
)


def nested(depth, left="[", right="]"):
    return b'{"a":' + left.encode() * (depth - 1) + b"1" + right.encode() * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"{}", {}, id="empty"),
        pytest.param(b' \r\n\t{"a" : [1, 2.5, true, null]} ', {"a": [1, 2.5, True, None]}, id="white space"),
        pytest.param(b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}, id="surrogate pair"),
        pytest.param('{"ä":"é"}'.encode(), {"ä": "é"}, id="UTF-8"),
        pytest.param(b'{"a":{"b":1},"c":{"b":2}}', {"a": {"b": 1}, "c": {"b": 2}}, id="one name in two objects"),
        pytest.param(b'{"a":"\\\\ud800"}', {"a": "\\ud800"}, id="an escaped backslash"),
        pytest.param(b'{"a":[' + b"[]," * 40 + b"[]]}", {"a": [[]] * 41}, id="wide, not deep"),
    ],
)
def test_what_is_read(raw, expected):
    """
    A JSON object in UTF-8 is read as it stands.
    """
    assert expected == load_object(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="an array"),
        pytest.param(b'"a"', id="a string"),
        pytest.param(b"null", id="null"),
        pytest.param(b"1", id="a number"),
        pytest.param(b"{} {}", id="two objects"),
        pytest.param(b"{}x", id="something behind it"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":1,}', id="a comma too many"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param('{"a":1}'.encode("utf-16-le"), id="UTF-16 without a mark"),
        pytest.param('{"a":1}'.encode("utf-32"), id="UTF-32"),
        pytest.param(b'{"a":"\xe9"}', id="Latin-1"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param(b'{"a":"\x00"}', id="a raw control character"),
        pytest.param(b'{"a":1,"a":1}', id="a name twice"),
        pytest.param(b'{"a":1,"\\u0061":2}', id="a name twice, once escaped"),
        pytest.param(b'{"b":[{"a":1,"a":2}]}', id="a name twice, deep down"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":Infinity}', id="Infinity"),
        pytest.param(b'{"a":-Infinity}', id="-Infinity"),
        pytest.param(b'{"a":1e400}', id="a number beyond all floats"),
        pytest.param(b'{"a":[-1e400]}', id="the same, negative, deep down"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="an integer of 5,000 digits"),
        pytest.param(b'{"a":"\\ud800"}', id="half a character"),
        pytest.param(b'{"\\udfff":1}', id="half a character in a name"),
        pytest.param(b'{"a":["\\ude00\\ud83d"]}', id="halves in the wrong order"),
        pytest.param(nested(MAX_DEPTH + 1), id="33 deep"),
        pytest.param(nested(MAX_DEPTH + 1, '{"b":', "}"), id="33 objects deep"),
        pytest.param(b'{"a":' + b"[" * 200_000, id="absurdly deep, never closed"),
        pytest.param(nested(100_000), id="absurdly deep"),
    ],
)
def test_what_is_refused(raw):
    """
    Whatever two readers could read differently, or that is no JSON object of modest depth, is refused.
    """
    with pytest.raises(InvalidJSONError):
        load_object(raw)


@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"b":', "}")])
def test_32_levels_are_fine(left, right):
    """
    Depth is counted to 32, in arrays and objects alike.
    """
    assert "a" in load_object(nested(MAX_DEPTH, left, right))


@given(objects)
def test_objects_survive_the_round_trip(value):
    """
    What a JSON writer writes is read back equal, in ASCII or in UTF-8.
    """
    assert value == load_object(json.dumps(value).encode())
    assert value == load_object(json.dumps(value, ensure_ascii=False).encode())


@given(st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode))
def test_any_bytes_are_an_object_or_the_declared_error(raw):
    """
    Any bytes whatever are an object or InvalidJSONError.
    """
    try:
        value = load_object(raw)
    except InvalidJSONError:
        return

    assert type(value) is dict


@given(objects, st.data())
def test_a_damaged_object_is_an_object_or_the_declared_error(value, data):
    """
    An object with one byte changed is an object or InvalidJSONError.
    """
    raw = bytearray(json.dumps(value).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    try:
        loaded = load_object(bytes(raw))
    except InvalidJSONError:
        return

    assert type(loaded) is dict
