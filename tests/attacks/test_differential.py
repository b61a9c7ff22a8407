"""Differential: whatever our guard accepts, PyJWT and joserfc accept as well.

Good tokens are spoilt in many ways; most are refused. ``MINDPEEKER_FUZZ_EXAMPLES`` raises the number of examples.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from typing import Any, Final

import jwt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import KeySet as JoserfcKeySet
from joserfc.jws import JWSRegistry
from tests.contract.guards import KINDS
from tests.support.tokens import AUDIENCE, ISSUER, b64, claims, compact, private_key, public_jwk

from mindpeeker_guard import AuthError, Guard, JWTBearer, Request

LEEWAY: Final = 30
# PyJWT knows EdDSA's key type under this name only, and joserfc calls it insecure; both verify it alike.
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
JWKS: Final = {
    "keys": [public_jwk("open", alg=None), *(public_jwk(name, kind, alg=None) for name, kind in KINDS.items())]
}
OPTIONS: Final = {"require": ["exp", "iss", "aud"]}
EXAMPLES: Final = int(os.environ.get("MINDPEEKER_FUZZ_EXAMPLES", "300"))
thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)

guard = Guard(JWTBearer(keys=JWKS, algorithms=ALGORITHMS, leeway=LEEWAY))
pyjwt_keys = {jwk["kid"]: jwk for jwk in JWKS["keys"]}
joserfc_keys = JoserfcKeySet.import_key_set(JWKS)
# joserfc refuses members that it does not know; RFC 7515 section 4 says to ignore them.
registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
claims_registry = joserfc_jwt.JWTClaimsRegistry(
    leeway=LEEWAY,
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": AUDIENCE},
    exp={"essential": True},
)


def we_accept(token: str) -> bool:
    """Tell whether our guard lets the token through."""
    try:
        guard.check(Request("GET", "/", [("Authorization", f"Bearer {token}")]))
    except AuthError:
        return False
    return True


def pyjwt_accepts(token: str) -> bool:
    """Tell whether PyJWT takes the token, with the key that its kid names, or any where it names none."""
    header = jwt.get_unverified_header(token)
    jwks = [pyjwt_keys[header["kid"]]] if "kid" in header else JWKS["keys"]
    for jwk in jwks:
        try:
            key = jwt.PyJWK(jwk, algorithm=header["alg"])
            jwt.decode(token, key, ALGORITHMS, OPTIONS, audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY)
        except jwt.PyJWTError:
            continue
        return True
    return False


def joserfc_accepts(token: str) -> bool:
    """Tell whether joserfc takes the token."""
    header = jwt.get_unverified_header(token)
    keys = [key for key in joserfc_keys.keys if key.kid == header.get("kid", key.kid)]
    for key in keys:
        try:
            with warnings.catch_warnings(action="ignore", category=SecurityWarning):
                decoded = joserfc_jwt.decode(token, key, algorithms=ALGORITHMS, registry=registry)
            claims_registry.validate(decoded.claims)
        except Exception:  # noqa: BLE001 - what it raises is its own affair: only success counts here
            continue
        return True
    return False


def make(alg: str = "RS256", changes: dict[str, Any] | None = None, header: dict[str, Any] | None = None) -> str:
    """Return a token signed with `alg`, with claims and header changed; a value that is `...` removes the member."""
    name = next((name for name, kind in KINDS.items() if kind == alg), "open")
    # Offsets of time are given in seconds from now, as a tuple.
    edited = {
        claim: value[0] + time.time() if isinstance(value, tuple) else value
        for claim, value in (claims() | (changes or {})).items()
    }
    members = {"alg": alg, "typ": "JWT", "kid": name} | (header or {})
    texts = (json.dumps({k: v for k, v in part.items() if v is not ...}) for part in (members, edited))
    return compact(*texts, private_key(name, KINDS.get(name, "RS256")), alg)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
anything = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=5), scalars, max_size=3)
# None of them so near the leeway that the three could look at different seconds.
offsets = st.sampled_from([-(10**9), -3600, -60, -10, 0, 10, 60, 3600, 10**9]).map(lambda seconds: (seconds,))
names = st.sampled_from(
    ["exp", "nbf", "iat", "iss", "aud", "sub", "jti", "scope", "scp", "client_id", "azp", "cnf", "nonce", "x"]
)
values = {
    "exp": offsets,
    "nbf": offsets,
    "iat": offsets,
    "iss": st.sampled_from([ISSUER, f"{ISSUER}/", [ISSUER], ISSUER.upper()]),
    "aud": st.sampled_from([AUDIENCE, [AUDIENCE], [AUDIENCE, "x"], f"{AUDIENCE}/", [[AUDIENCE]], {AUDIENCE: 1}]),
}
edits = st.dictionaries(names, st.none(), max_size=3).flatmap(
    lambda chosen: st.fixed_dictionaries(
        {name: values.get(name, st.text(max_size=30)) | anything | st.just(...) for name in chosen}
    )
)
header_edits = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "b64", "x"]),
    st.sampled_from([*ALGORITHMS, *KINDS, "none", "HS256", "open", "at+jwt", "jwt", "JWS", ["exp"], ...]) | anything,
    max_size=2,
)
algorithms = st.sampled_from(ALGORITHMS)
characters = st.characters(min_codepoint=1, max_codepoint=255)


def agree(token: str) -> None:
    """Fail where our guard accepts what another library refuses."""
    if we_accept(token):
        assert pyjwt_accepts(token), "PyJWT refuses it"
        assert joserfc_accepts(token), "joserfc refuses it"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_all_three_accept_good_tokens(alg):
    """
    The tokens that the other tests spoil are good, for everybody.
    """
    for header in ({}, {"kid": ...}, {"typ": ...}, {"x": [1]}):
        token = make(alg, header=header)
        if alg[0] in "RP" or "kid" not in header:
            assert (True, True, True) == (we_accept(token), pyjwt_accepts(token), joserfc_accepts(token))


@thorough
@given(alg=algorithms, changes=edits)
@example(alg="RS256", changes={"exp": 10**400})
@example(alg="RS256", changes={"aud": [AUDIENCE], "nbf": (10,), "iat": (10,)})
def test_edited_claims_signed_again(alg, changes):
    """
    No value of any claim is let through that others refuse.
    """
    agree(make(alg, changes))


@thorough
@given(alg=algorithms, header=header_edits)
def test_edited_headers_signed_again(alg, header):
    """
    No header is let through that others refuse.
    """
    agree(make(alg, header=header))


@thorough
@given(
    alg=algorithms,
    where=st.floats(0, 1, exclude_max=True),
    put=characters,
    how=st.sampled_from(["replace", "insert", "remove"]),
)
def test_characters_changed_anywhere(alg, where, put, how):
    """
    No character of a token can be changed in a way that others notice and we do not.
    """
    token = make(alg)
    place = int(where * len(token))
    middle = {"replace": put, "insert": put + token[place], "remove": ""}[how]

    agree(token[:place] + middle + token[place + 1 :])


@thorough
@given(alg=algorithms, other=algorithms, order=st.lists(st.integers(0, 5), min_size=1, max_size=5))
@example(alg="RS256", other="ES256", order=[0, 1, 2])
def test_segments_of_two_tokens_mixed(alg, other, order):
    """
    No mixture of the segments of two good tokens is let through that others refuse.
    """
    segments = [*make(alg).split("."), *make(other, {"sub": "user-2"}).split(".")]

    agree(".".join(segments[number] for number in order))


@thorough
@given(alg=algorithms, position=st.integers(0, 200), bits=st.integers(1, 255), part=st.integers(0, 1))
def test_bytes_of_header_and_claims_changed_and_signed_again(alg, position, bits, part):
    """
    No JSON is read in a way that others do not read it.
    """
    name = next((name for name, kind in KINDS.items() if kind == alg), "open")
    texts = [bytearray(json.dumps({"alg": alg, "kid": name}).encode()), bytearray(json.dumps(claims()).encode())]
    texts[part][position % len(texts[part])] ^= bits

    agree(compact(bytes(texts[0]), bytes(texts[1]), private_key(name, KINDS.get(name, "RS256")), alg))


@thorough
@given(st.text(st.characters(max_codepoint=255), max_size=60) | st.lists(st.binary(max_size=40), max_size=6))
def test_anything_at_all(token):
    """
    Whatever is sent is refused in an orderly way.
    """
    text = token if isinstance(token, str) else ".".join(map(b64, token))

    assert not we_accept(text)
