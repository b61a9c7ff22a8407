"""Hostile JWK sets: whatever stands in one, the good keys in it go on working."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.attacks.entries import signing_input
from tests.contract.guards import KINDS, signing_key
from tests.support.tokens import b64, private_key, public_jwk, sign

from mindpeeker_guard._jwks import ALGORITHMS, KeySet, parse_jwks

GOOD: Final = public_jwk("good", kid="good")
BASES: Final = {"RSA": public_jwk()} | {kind: public_jwk(name, kind) for name, kind in KINDS.items()}
_RSA, _EC, _ED = BASES["RSA"], BASES["ES256"], BASES["EdDSA"]

JUNK: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1.5, 10**400, float("inf")),
    *("", " ", "\x00", "=", "A", "AA", "AAAA", "AQAB", "é", "\ud800", "\u0661", "-", "x" * 100_000, "A" * 100_000),
    *([], [[]], ["sig"], ["verify", []], [None], {}, {"verify": 1}, {"x": [{}]}),
    *("enc", "none", "HS256", "RS256", "ES256", "EdDSA", "Ed448", "oct", "EC", "RSA", "OKP", "P-256", "P-521"),
)


def usable(*keys: Any) -> KeySet:
    """Return what is left of a JWK set with `keys` and, at its end, a good one."""
    return parse_jwks({"keys": [*keys, GOOD]})


def private(kind: str = "RS256") -> dict[str, Any]:
    """Return a JWK with a private member."""
    return public_jwk("good", kind) | {"d": "AAAA"}


def number(value: int) -> str:
    """Return a number as a JWK holds it."""
    return b64(value.to_bytes((value.bit_length() + 7) // 8 or 1, "big"))


UNUSABLE: Final[dict[str, Any]] = {
    **{f"no object {number}": value for number, value in enumerate((None, True, 1, 1.5, "x", [], [GOOD]))},
    "no members": {},
    "no type": _RSA | {"kty": None},
    "a type in small letters": _RSA | {"kty": "rsa"},
    "an unknown type": {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
    "alg none": _RSA | {"alg": "none"},
    "alg HS256 for an RSA key": _RSA | {"alg": "HS256"},
    "alg of encryption": _RSA | {"alg": "RSA-OAEP"},
    **{f"alg is {value!r}": _RSA | {"alg": value} for value in (None, 1, True, [], ["RS256"], {})},
    "a secret": {"kty": "oct", "k": b64("secret" * 8), "alg": "HS256"},
    "a secret without alg": {"kty": "oct", "k": b64("secret" * 8)},
    "a secret that says RS256": {"kty": "oct", "k": b64("secret" * 8), "alg": "RS256"},
    "a secret in an RSA key": _RSA | {"k": b64("secret" * 8)},
    **{f"a private key: {kind}": private(kind) for kind in BASES if kind != "RSA"},
    "a private RSA key": private(),
    **{f"an RSA key with {name}": _RSA | {name: "AAAA"} for name in ("p", "q", "dp", "dq", "qi", "oth")},
    "use enc": _RSA | {"use": "enc"},
    **{f"use is {value!r}": _RSA | {"use": value} for value in (None, "", "SIG", 1, ["sig"], {})},
    "key_ops without verify": _RSA | {"key_ops": ["sign"]},
    "key_ops empty": _RSA | {"key_ops": []},
    "key_ops a string": _RSA | {"key_ops": "verify"},
    "key_ops an object": _RSA | {"key_ops": {"verify": True}},
    **{f"kid is {value!r}": _RSA | {"kid": value} for value in (1, True, ["k1"], {})},
    "1,024 bits": public_jwk("small", bits=1024),
    "9,000 bits": _RSA | {"n": number(2**8999 + 1)},
    "100,000 bits": _RSA | {"n": number(2**99_999 + 1)},
    "n zero": _RSA | {"n": "AA"},
    "n empty": _RSA | {"n": ""},
    "n missing": _RSA | {"n": None} | {"e": "AQAB"},
    "n a number": _RSA | {"n": 2**2047 + 1},
    "n a list": _RSA | {"n": [_RSA["n"]]},
    "n in decimal": _RSA | {"n": "0" * 617 + "é"},
    "e one": _RSA | {"e": "AQ"},
    "e zero": _RSA | {"e": "AA"},
    "e even": _RSA | {"e": "AQAA"},
    "e empty": _RSA | {"e": ""},
    "e a number": _RSA | {"e": 65537},
    "a point off the curve": _EC | {"y": _EC["x"]},
    "the point at zero": _EC | {"x": b64(bytes(32)), "y": b64(bytes(32))},
    "a coordinate beyond the field": _EC | {"x": b64(b"\xff" * 32)},
    "a coordinate too short": _EC | {"x": b64(bytes(31))},
    "a coordinate too long": _EC | {"x": b64(bytes(33))},
    "a coordinate missing": {name: value for name, value in _EC.items() if name != "y"},
    "the wrong curve": _EC | {"crv": "P-384", "alg": "ES384"},
    "alg of another curve": _EC | {"alg": "ES512"},
    "a curve of Bitcoin": _EC | {"crv": "secp256k1", "alg": "ES256K"},
    **{f"a curve that is {value!r}": _EC | {"crv": value} for value in (None, "", 1, [], ["P-256"], "p-256")},
    "a curve of the other type": _EC | {"crv": "Ed25519"},
    "an Ed25519 key too short": _ED | {"x": b64(bytes(31))},
    "an Ed25519 key too long": _ED | {"x": b64(bytes(33))},
    "an Ed25519 key that is a number": _ED | {"x": 1},
    "X25519": _ED | {"crv": "X25519"},
    "Ed448": _ED | {"crv": "Ed448", "alg": "EdDSA"},
}


@pytest.mark.parametrize("entry", [pytest.param(entry, id=name) for name, entry in UNUSABLE.items()])
def test_an_unusable_key_is_skipped_and_counted(entry):
    """
    A key that cannot or must not be used is left out, with a reason that tells nothing of it; the good one stays.
    """
    found = usable(entry)

    assert ["good"] == [key.kid for key in found.keys]
    assert 1 == sum(found.skipped.values())
    assert [] == [reason for reason in found.skipped if len(reason) > 60]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"use": ...}, id="no use"),
        pytest.param({"alg": ...}, id="no alg"),
        pytest.param({"kid": ...}, id="no kid"),
        pytest.param({"kid": None}, id="kid null"),
        pytest.param({"kid": "\ud800"}, id="half a character as kid"),
        pytest.param({"key_ops": ["sign", "verify"]}, id="more key_ops"),
        pytest.param({"x5c": [1, {}], "x5t": [], "x5u": 1, "oct": {}}, id="members that nobody reads"),
        pytest.param({"e": "AAAAAQAB"}, id="zeros before e"),
        pytest.param(
            {"n": b64(b"\x00" + int.to_bytes(private_key().public_key().public_numbers().n, 256, "big"))},
            id="a zero before n",
        ),
    ],
)
def test_an_odd_key_is_used(changes):
    """
    What real providers leave out or write in their own way is no reason to drop a key.
    """
    odd = {name: value for name, value in (_RSA | changes).items() if value is not ...}

    assert 2 == len(usable(odd).keys)


@pytest.mark.parametrize("keys", [None, True, 0, "x", {}, {"0": GOOD}, 1.5])
def test_what_is_no_list_of_keys_is_a_value_error(keys):
    """
    A document without a list of keys is refused as a whole, so that it never replaces a good one.
    """
    with pytest.raises(ValueError, match="no list of keys"):
        parse_jwks({"keys": keys})
    with pytest.raises(ValueError, match="no list of keys"):
        parse_jwks({"Keys": [GOOD]})


def test_128_keys_are_read_and_not_one_more():
    """
    A set may hold 128 keys, usable or not.
    """
    assert 128 == len(parse_jwks({"keys": [GOOD] * 128}).keys)
    with pytest.raises(ValueError, match="128"):
        parse_jwks({"keys": [GOOD] * 129})
    with pytest.raises(ValueError, match="128"):
        parse_jwks({"keys": [None] * 129})


def test_a_key_for_encryption_does_not_hide_one_for_signatures():
    """
    Two keys may have one kid: the one for signatures is found, wherever it stands.
    """
    encryption = public_jwk("encryption", kid="good", use="enc")

    for keys in ([encryption, GOOD], [GOOD, encryption]):
        (key,) = parse_jwks({"keys": keys}).candidates("good", "RS256")
        text = signing_input().encode("ascii")
        assert key.verify("RS256", text, sign(text, private_key("good")))


def test_keys_with_one_kid_are_all_tried_up_to_three():
    """
    A kid that stands at many keys costs three signature checks, not 128.
    """
    found = parse_jwks({"keys": [GOOD] * 100})

    assert 3 == len(found.candidates("good", "RS256"))


def mutations() -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    """Yield every key with every member replaced by every kind of junk."""
    for kind, base in BASES.items():
        for member in (*base, "key_ops"):
            for junk in JUNK:
                yield kind, member, junk, base | {member: copy.deepcopy(junk)}


def test_no_junk_in_any_member_raises_or_takes_the_good_key_down():
    """
    Any value in any member of a key leaves the good key, and the junk in no key but as its kid.
    """
    wrong = []

    for kind, member, junk, entry in mutations():
        found = usable(entry)
        kept = len(found.keys) == 2
        # Any string is a kid, and any odd number an exponent, even if it was written to be a word.
        fine = member in {"kid", "e"} or junk in (BASES[kind].get(member), ["verify", []])
        if found.keys[-1].kid != "good" or (kept and not fine):
            wrong.append((kind, member, repr(junk)[:40]))

    assert [] == wrong


@pytest.mark.parametrize("n", [2**2047, 2**2048 - 2, 2**2047 + 2**1024], ids=["2^2047", "2^2048 - 2", "an even sum"])
def test_an_even_modulus_never_verifies_and_never_raises(n):
    """
    A modulus that no pair of primes has is useless, and no reason for a 500.
    """
    found = usable(_RSA | {"n": number(n)})

    for key in found.keys[:-1]:
        for alg in sorted(key.algorithms):
            assert not any(key.verify(alg, b"x", bytes(255) + bytes([last])) for last in range(3))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(JUNK[8:22]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(["kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y", "d", "k", "x5c"])
entries = st.one_of(
    json_values,
    st.dictionaries(members, json_values),
    st.builds(
        lambda base, changes: base | changes,
        st.sampled_from(list(BASES.values())),
        st.dictionaries(members, json_values),
    ),
)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["keys", "Keys", "x"]), st.lists(entries, max_size=4) | json_values))
def test_any_document_is_a_key_set_or_a_value_error(document):
    """
    Nothing but ValueError comes out of a JWK set, and the keys that come out are bound to algorithms that we know.
    """
    try:
        found = parse_jwks(document)
    except ValueError:
        return

    assert all(key.algorithms and key.algorithms <= ALGORITHMS for key in found.keys)
    assert len(document["keys"]) == len(found.keys) + sum(found.skipped.values())


def test_the_bases_are_usable():
    """
    The keys that the other tests spoil are good before.
    """
    assert len(BASES) + 1 == len(usable(*BASES.values()).keys)
    assert json.dumps(BASES)
    for name, kind in KINDS.items():
        text = b"text"
        (key,) = usable(BASES[kind]).candidates(name, kind)
        assert key.verify(kind, text, sign(text, signing_key(name), kind))
