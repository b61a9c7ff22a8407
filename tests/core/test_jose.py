"""Compact JWS, parsed strictly."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.support.tokens import b64

from mindpeeker_guard import MalformedTokenError
from mindpeeker_guard._jose import MAX_KEY_ID, decode_segment, parse

HEADER = {"alg": "RS256", "typ": "JWT", "kid": "k1"}
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
segments = st.lists(st.sampled_from(ALPHABET), max_size=12).map(bytes)


def compact(header=HEADER, payload=b"{}", signature=b"s"):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return f"{b64(raw)}.{b64(payload)}.{b64(signature)}".encode()


def test_a_token_is_taken_apart():
    """
    Header, claims, signature and the bytes that were signed come out as they stand.
    """
    raw = compact(payload=b'{"sub":"user-1"}', signature=b"\x00\xff\xfe")

    token = parse(raw)

    assert (token.header.alg, token.header.typ, token.header.kid) == ("RS256", "JWT", "k1")
    assert token.claims == {"sub": "user-1"}
    assert token.signature == b"\x00\xff\xfe"
    assert token.signing_input == raw.rpartition(b".")[0]


def test_kid_and_typ_may_be_absent():
    """
    Only `alg` must stand in the header.
    """
    token = parse(compact({"alg": "ES256"}))

    assert (token.header.kid, token.header.typ) == (None, None)


def test_key_material_in_the_header_is_nothing():
    """
    `jku`, `jwk`, `x5u` and `x5c` are not read, whatever they hold.
    """
    token = parse(compact(HEADER | {"jku": 1, "jwk": {"kty": "oct"}, "x5u": [], "x5c": None}))

    assert token.header == parse(compact()).header


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({}, id="no alg"),
        pytest.param({"alg": None}, id="alg null"),
        pytest.param({"alg": 5}, id="alg number"),
        pytest.param({"alg": ["RS256"]}, id="alg list"),
        pytest.param(HEADER | {"crit": []}, id="crit empty"),
        pytest.param(HEADER | {"crit": ["exp"]}, id="crit"),
        pytest.param(HEADER | {"b64": True}, id="b64 true"),
        pytest.param(HEADER | {"b64": False}, id="b64 false"),
        pytest.param(HEADER | {"kid": None}, id="kid null"),
        pytest.param(HEADER | {"kid": 1}, id="kid number"),
        pytest.param(HEADER | {"kid": ["k1"]}, id="kid list"),
        pytest.param(HEADER | {"kid": "k" * (MAX_KEY_ID + 1)}, id="kid too long"),
        pytest.param(HEADER | {"typ": None}, id="typ null"),
        pytest.param(HEADER | {"typ": {}}, id="typ object"),
        pytest.param(b'{"alg":"RS256","alg":"none"}', id="alg twice"),
        pytest.param(b'{"alg":"RS256","kid":"\\ud800"}', id="half a character in kid"),
        pytest.param(b'["RS256"]', id="a list"),
        pytest.param(b"", id="empty"),
    ],
)
def test_headers_that_are_refused(header):
    """
    A header member of the wrong type, or an extension this guard does not know, refuses the token.
    """
    with pytest.raises(MalformedTokenError):
        parse(compact(header))


def test_a_kid_of_1024_characters_is_looked_up():
    """
    The limit on `kid` is 1,024 characters.
    """
    assert parse(compact(HEADER | {"kid": "k" * MAX_KEY_ID})).header.kid == "k" * MAX_KEY_ID


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"abc", id="one segment"),
        pytest.param(b"e30.e30", id="two segments"),
        pytest.param(compact() + b".", id="four segments"),
        pytest.param(compact() + b".AA.AA", id="JWE"),
        pytest.param(b"." * 16_000, id="only dots"),
        pytest.param(compact().rpartition(b".")[0] + b".", id="no signature"),
        pytest.param(b".e30.AA", id="no header"),
        pytest.param(b64(json.dumps(HEADER)).encode() + b"..AA", id="no payload"),
        pytest.param(compact(payload=b"[]"), id="claims are a list"),
        pytest.param(compact(payload=b"null"), id="claims are null"),
        pytest.param(compact(payload=b'{"sub":1,"sub":2}'), id="a claim twice"),
        pytest.param(compact(payload=b'{"a":NaN}'), id="NaN"),
        pytest.param(compact(payload='{"a":1}'.encode("utf-16")), id="UTF-16"),
        pytest.param(compact(payload=b"[" * 10_000), id="absurd depth"),
        pytest.param(compact() + b"=", id="padding"),
        pytest.param(compact(signature=b"ab") + b"\n", id="newline behind it"),
        pytest.param(b" " + compact(), id="blank before it"),
        pytest.param(b'{"payload":"e30","signatures":[]}', id="JSON serialisation"),
    ],
)
def test_tokens_that_are_refused(raw):
    """
    What is not exactly three canonical segments with two JSON objects is refused.
    """
    with pytest.raises(MalformedTokenError):
        parse(raw)


@pytest.mark.parametrize(
    "segment",
    [
        b"",
        b"A",
        b"AAAAA",
        b"AB",
        b"A_",
        b"AAB",
        b"AA==",
        b"AA=",
        b"A+A",
        b"A/A",
        b"AA A",
        b"A\nAA",
        b"AA\x00A",
        b"\xc3\xa9AA",
        b"AAA!",
    ],
    ids=repr,
)
def test_segments_that_are_refused(segment):
    """
    Padding, another alphabet, white space, an impossible length and unused bits that are set are refused.
    """
    with pytest.raises(MalformedTokenError):
        decode_segment(segment)


@given(st.binary(min_size=1))
def test_canonical_base64url_round_trips(data):
    """
    Any bytes in canonical base64url decode to themselves.
    """
    assert data == decode_segment(b64(data).encode())


@given(segments, segments)
@example(b"AA", b"AB")
@example(b"AAA", b"AAB")
def test_no_two_segments_mean_the_same(one, other):
    """
    Two different segments never decode to the same bytes.
    """
    assume(one != other)
    try:
        decoded = decode_segment(one), decode_segment(other)
    except MalformedTokenError:
        return

    assert decoded[0] != decoded[1]


@given(segments | st.binary(max_size=12))
def test_a_segment_decodes_to_what_encodes_to_it(segment):
    """
    What is accepted is the one form in which its bytes are written.
    """
    try:
        data = decode_segment(segment)
    except MalformedTokenError:
        return

    assert segment == base64.urlsafe_b64encode(data).rstrip(b"=")


@given(st.binary() | st.lists(segments | st.binary(max_size=8), max_size=5).map(b".".join))
def test_any_bytes_are_a_token_or_the_declared_error(raw):
    """
    Any bytes whatever are a token or MalformedTokenError.
    """
    try:
        token = parse(raw)
    except MalformedTokenError:
        return

    assert raw.startswith(token.signing_input)


@given(
    st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "x"]),
        st.none() | st.text() | st.integers() | st.lists(st.text()),
    )
)
def test_any_header_is_taken_or_the_declared_error(members):
    """
    Whatever JSON stands in the header, its three members are strings (or absent) afterwards, or the token is refused.
    """
    try:
        header = parse(compact(members)).header
    except MalformedTokenError:
        return

    assert isinstance(header.alg, str)
    assert (header.kid, header.typ) == (members.get("kid"), members.get("typ"))
