"""The shortcut for usual tokens is no judge: what it reads, the careful way reads as well, and the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.attacks.corpus import CORPUS
from tests.attacks.entries import claims_text, good, unsigned
from tests.attacks.test_differential import characters, edits, make, thorough
from tests.contract.guards import NOW, signing_key
from tests.support.tokens import AUDIENCE, b64, claims, public_jwk

from mindpeeker_guard import AnswerError, JWTBearer, Request
from mindpeeker_guard._usual import Known
from mindpeeker_guard.authenticators.jwt_bearer import Checked

REQUEST = Request()
HEADER = b'{"alg": "RS256", "typ": "JWT", "kid": "k1"}'


def bearer(**options: Any) -> JWTBearer:
    """Return an authenticator that stands at `NOW` and has nothing but its headers to remember."""
    signing_key("k1")
    return JWTBearer(keys=[public_jwk("k1")], clock=lambda: NOW, token_cache=0, **options)


def careful(authenticator: JWTBearer, raw: bytes) -> Any:
    """Return what the careful way reads; None where it refuses."""
    try:
        return authenticator._read(raw, NOW)
    except AnswerError:
        return None


def knows(authenticator: JWTBearer, header: bytes) -> None:
    """Have the header remembered, if a token with it could ever be good."""
    read = careful(authenticator, header + b"." + b64(claims_text()).encode() + b".AAAA")
    if read is not None:
        keys = authenticator._keys_at_hand()
        authenticator._usual.remember(read.signing_input, Known(read.header, keys, keys.keys))


def shortcut(authenticator: JWTBearer, token: str) -> Checked | None:
    """Return what the shortcut reads, as the careful way would say it."""
    usual = authenticator._usual.read(token, token.encode("ascii", "replace"), NOW)
    if usual is None:
        return None
    known, claims, *others, is_text = usual
    assert not is_text or all(type(claims[name]) is str for name in claims.keys() - {"exp", "iat"})
    return Checked(known.header, claims, *others)


def agrees(authenticator: JWTBearer, token: str) -> bool:
    """Fail where the shortcut reads what the careful way does not; tell whether it reads the token."""
    raw = token.encode("ascii", "replace")
    knows(authenticator, raw.partition(b".")[0])
    usual = shortcut(authenticator, token)
    assert usual is None or usual == careful(authenticator, raw)
    return usual is not None


@pytest.mark.parametrize("profile", ["auto", "rfc9068"])
def test_the_corpus(profile):
    """
    No entry of the hostile corpus is read otherwise, whatever header is known; some hundred are usual.
    """
    usual = [entry for entry in CORPUS if agrees(bearer(profile=profile), entry.token)]

    # A usual token may still be signed badly or lack a scope.
    assert (100 if profile == "auto" else 0) < len(usual) < len(CORPUS) / 2


def test_the_second_token_of_a_key_is_usual():
    """
    Once a token is good, those with its header are read the short way; before, none is.
    """
    authenticator = bearer()
    first, second = good(), good(sub="user-2")
    before = shortcut(authenticator, first)

    authenticator.attempt(first, REQUEST)

    assert before is None
    assert shortcut(authenticator, second) == careful(authenticator, second.encode())


def test_a_bad_signature_makes_no_header_known():
    """
    What an attacker writes into a header is not remembered.
    """
    authenticator = bearer()
    token = unsigned(HEADER, claims_text())
    with pytest.raises(AnswerError):
        authenticator.attempt(token, REQUEST)

    assert shortcut(authenticator, token) is None


@pytest.mark.parametrize(
    "payload",
    [
        claims_text(x="{}"),
        claims_text(x="[]"),
        claims_text(aud=json.dumps([AUDIENCE])),
        claims_text(sub='"\\u0061"'),
        claims_text(exp="1e10"),
        claims_text(iat="null"),
        claims_text(iat="-1"),
        claims_text(exp="true"),
        claims_text(exp=""),
        claims_text(iss=""),
        claims_text(aud=""),
        claims_text()[:-1] + ', "sub": "user-2"}',
        " " + claims_text(),
        claims_text() + " ",
        claims_text() + "x",
        json.dumps([[name, value] for name, value in claims(NOW).items()]),
        "[]",
        "{}",
        '"text"',
        "1",
        "",
        "{",
        '{"exp": NaN}',
        '{"exp": 1e999}',
        '{"exp": ' + "9" * 5000 + "}",
        '{"a":' * 2000,
        "[" * 2000,
        b"\xff",
        b"\xef\xbb\xbf{}",
    ],
)
def test_odd_claims_are_left_to_care(payload):
    """
    Lists, objects, escapes, fractions, repeated names and the like are for the careful way to judge.
    """
    authenticator = bearer()
    knows(authenticator, b64(HEADER).encode())

    assert not agrees(authenticator, unsigned(HEADER, payload))


@pytest.mark.parametrize("name", ["nonce", "at_hash", "c_hash"])
def test_marks_of_other_tokens_are_left_to_care(name):
    """
    A claim that only ID tokens have is for the careful way to refuse.
    """
    assert not agrees(bearer(), good(**{name: "x"}))


@pytest.mark.parametrize("claim", ["sub", "client_id", "iat", "jti"])
def test_the_strict_profile_demands_its_claims(claim):
    """
    Under RFC 9068 a token without one of its claims is for the careful way to refuse.
    """
    strict = bearer(profile="rfc9068")
    header = {"typ": "at+jwt"}

    assert agrees(strict, good(header=header))
    assert not agrees(strict, good(header=header, **{claim: None}))


@thorough
@given(changes=edits)
@example(changes={"exp": 10**400})
@example(changes={"iat": True})
def test_edited_claims(changes):
    """
    No value of any claim is read otherwise.
    """
    edited = {name: value[0] + NOW if isinstance(value, tuple) else value for name, value in changes.items()}
    members = {name: value for name, value in (claims(NOW) | edited).items() if value is not ...}

    agrees(bearer(leeway=30.0), unsigned(HEADER, json.dumps(members)))


@thorough
@given(
    where=st.floats(0, 1, exclude_max=True),
    put=characters,
    how=st.sampled_from(["replace", "insert", "remove"]),
)
def test_changed_characters(where, put, how):
    """
    No character anywhere in a token makes the two differ.
    """
    token = make("RS256", {"iat": NOW, "exp": NOW + 60})
    place = int(where * len(token))
    middle = {"replace": put, "insert": put + token[place], "remove": ""}[how]

    agrees(bearer(), token[:place] + middle + token[place + 1 :])


@thorough
@given(position=st.integers(0, 300), bits=st.integers(1, 255))
def test_changed_bytes_of_the_claims(position, bits):
    """
    No byte of the JSON makes the two differ.
    """
    text = bytearray(claims_text().encode())
    text[position % len(text)] ^= bits

    agrees(bearer(), unsigned(HEADER, bytes(text)))


@thorough
@given(claim=st.sampled_from(["exp", "nbf", "iat"]), seconds=st.integers(-32, 32), leeway=st.sampled_from([0, 30]))
def test_the_edges_of_time(claim, seconds, leeway):
    """
    At no second do the two differ about whether a token is in force.
    """
    agrees(bearer(leeway=leeway), unsigned(HEADER, claims_text(**{claim: str(int(NOW) + seconds)})))
