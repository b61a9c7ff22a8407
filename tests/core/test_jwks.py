"""JSON Web Keys: which are usable, and for which algorithms."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tokens import b64, private_key, public_jwk, sign

from mindpeeker_guard import UnsupportedAlgorithmError
from mindpeeker_guard._jwks import ALGORITHMS, parse_jwks

RSA = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
KINDS = {"ES256": {"ES256"}, "ES384": {"ES384"}, "ES512": {"ES512"}, "EdDSA": {"EdDSA", "Ed25519"}, "RS256": RSA}
EC = public_jwk("ec", "ES256")
OKP = public_jwk("ed", "EdDSA")


def only(jwk, **options):
    """Return the one usable key of a set with `jwk` alone."""
    (key,) = parse_jwks({"keys": [jwk]}, **options).keys
    return key


def reasons(*entries, **options):
    found = parse_jwks({"keys": list(entries)}, **options)
    assert found.keys == ()
    return dict(found.skipped)


def test_the_algorithms_are_asymmetric():
    """
    No algorithm of a key set is `none` or HMAC.
    """
    assert frozenset(RSA | {"ES256", "ES384", "ES512", "EdDSA", "Ed25519"}) == ALGORITHMS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_key_without_alg_has_the_algorithms_of_its_type(kind):
    """
    Without an `alg`, type and curve decide.
    """
    key = only(public_jwk("a", kind, alg=None, use=None, kid=None))

    assert KINDS[kind] == key.algorithms
    assert key.kid is None


@pytest.mark.parametrize("alg", sorted(RSA))
def test_a_key_with_alg_has_that_one_only(alg):
    """
    A key's own `alg` narrows it to one algorithm.
    """
    assert {alg} == only(public_jwk(alg=alg)).algorithms


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
def test_a_signature_is_checked(alg):
    """
    A good signature fits; a changed one, another message, a short, empty or endless one do not.
    """
    kind = alg if alg.startswith("ES") else "EdDSA" if alg.startswith("Ed") else "RS256"
    key = only(public_jwk("s", kind, alg=None))
    signature = sign(b"message", private_key("s", kind), alg)
    changed = bytes([signature[0] ^ 1]) + signature[1:]

    assert key.verify(alg, b"message", signature) is True
    for wrong in (changed, signature[:-1], signature + b"\0", b"", bytes(len(signature)), b"\xff" * 5000):
        assert key.verify(alg, b"message", wrong) is False
    assert key.verify(alg, b"massage", signature) is False


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param("key", "not an object", id="string"),
        pytest.param(None, "not an object", id="null"),
        pytest.param([], "not an object", id="list"),
        pytest.param({}, "unknown type", id="empty"),
        pytest.param(EC | {"kid": 5}, "kid is not a string", id="kid number"),
        pytest.param(EC | {"kid": ["ec"]}, "kid is not a string", id="kid list"),
        pytest.param(EC | {"use": "enc"}, "not for signatures", id="use enc"),
        pytest.param(EC | {"use": None}, "not for signatures", id="use null"),
        pytest.param(EC | {"use": ["sig"]}, "not for signatures", id="use list"),
        pytest.param(EC | {"key_ops": ["encrypt"]}, "not for verification", id="key_ops"),
        pytest.param(EC | {"key_ops": []}, "not for verification", id="key_ops empty"),
        pytest.param(EC | {"key_ops": "verify"}, "not for verification", id="key_ops string"),
        pytest.param(EC | {"key_ops": [{}, []]}, "not for verification", id="key_ops of objects"),
        pytest.param(EC | {"alg": "none"}, "unknown type", id="alg none"),
        pytest.param(EC | {"alg": "HS256"}, "unknown type", id="alg HS256"),
        pytest.param(EC | {"alg": "RS256"}, "unknown type", id="alg of another type"),
        pytest.param(EC | {"alg": "ES384"}, "unknown type", id="alg of another curve"),
        pytest.param(EC | {"alg": None}, "unknown type", id="alg null"),
        pytest.param(EC | {"alg": ["ES256"]}, "unknown type", id="alg list"),
        pytest.param(EC | {"kty": "oct", "k": "c2VjcmV0"}, "unknown type", id="oct"),
        pytest.param(EC | {"kty": ["EC"]}, "unknown type", id="kty list"),
        pytest.param(EC | {"crv": "secp256k1", "alg": "ES256K"}, "unknown type", id="another curve"),
        pytest.param(OKP | {"crv": "Ed448"}, "unknown type", id="Ed448"),
        pytest.param(OKP | {"crv": "X25519"}, "unknown type", id="X25519"),
        pytest.param(EC | {"d": "AAAA"}, "private key published", id="private EC"),
        pytest.param(public_jwk() | {"p": "AAAA"}, "private key published", id="private RSA"),
        pytest.param(OKP | {"k": "AAAA"}, "private key published", id="symmetric member"),
        pytest.param(EC | {"x": "AA"}, "malformed", id="not on the curve"),
        pytest.param(EC | {"x": 5}, "malformed", id="coordinate number"),
        pytest.param(EC | {"y": None}, "malformed", id="coordinate null"),
        pytest.param(EC | {"x": "\ud800"}, "malformed", id="half a character"),
        pytest.param({name: value for name, value in EC.items() if name != "y"}, "malformed", id="no y"),
        pytest.param(OKP | {"x": "AA"}, "malformed", id="short Ed25519"),
        pytest.param(OKP | {"x": []}, "malformed", id="Ed25519 list"),
        pytest.param(public_jwk(n=None), "malformed", id="no modulus"),
        pytest.param(public_jwk(e=None), "malformed", id="no exponent"),
        pytest.param(public_jwk(e="AQ"), "malformed", id="exponent 1"),
        pytest.param(public_jwk(e="Ag"), "malformed", id="even exponent"),
        pytest.param(public_jwk(n="!"), "malformed", id="no base64"),
        pytest.param(public_jwk("small", bits=1024), "unacceptable size", id="1024 bits"),
        pytest.param(public_jwk(n="_" * 4000), "unacceptable size", id="24000 bits"),
    ],
)
def test_keys_that_are_skipped(entry, reason):
    """
    A key that cannot be used is skipped with a reason, and never takes the usable ones down.
    """
    found = parse_jwks({"keys": [OKP, entry, EC]})

    assert [key.kid for key in found.keys] == ["ed", "ec"]
    ((text, count),) = found.skipped.items()
    assert reason in text
    assert count == 1


def test_reasons_are_counted():
    """
    Each reason has its number.
    """
    assert reasons(None, 5, EC | {"use": "enc"}) == {"not an object": 2, "not for signatures": 1}


def test_reasons_hold_nothing_of_the_key():
    """
    A reason is a fixed text: nothing of a broken key can reach a log.
    """
    assert "SECRET" not in str(reasons(EC | {"x": "SECRET"}, EC | {"d": "SECRET"}, EC | {"alg": "SECRET"}))


@pytest.mark.parametrize("bits", [2047, 8193])
def test_rsa_sizes_have_limits(bits):
    """
    RSA keys have 2048 to 8192 bits.
    """
    number = (1 << (bits - 1)) + 1
    jwk = public_jwk(n=b64(number.to_bytes((bits + 7) // 8, "big")))

    assert reasons(jwk) == {"RSA key of an unacceptable size": 1}


@pytest.mark.parametrize("bits", [2048, 8192])
def test_rsa_sizes_at_the_limits(bits):
    """
    Both limits are still usable.
    """
    number = (1 << (bits - 1)) + 1

    assert only(public_jwk(n=b64(number.to_bytes(bits // 8, "big"))))


def test_members_that_do_not_matter():
    """
    Certificates and unknown members beside a key change nothing.
    """
    assert only(EC | {"x5c": ["!"], "x5t": 5, "x5u": None, "key_ops": ["verify", "sign"], "new": {}}).kid == "ec"


def test_private_members_are_dropped_where_they_are_expected():
    """
    A private key given in code is reduced to its public part, whatever its private members hold.
    """
    key = only(public_jwk() | {"d": "!", "p": 5, "k": "x"}, private=True)

    assert isinstance(key.material, rsa.RSAPublicKey)


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}, {"Keys": []}], ids=repr)
def test_documents_that_are_no_sets(document):
    """
    Without a list of keys it is no JWK set.
    """
    with pytest.raises(ValueError, match="not a JWK set"):
        parse_jwks(document)


def test_a_set_has_at_most_128_keys():
    """
    128 keys are read; with one more the whole set is refused.
    """
    assert len(parse_jwks({"keys": [EC] * 128}).keys) == 128
    with pytest.raises(ValueError, match="128"):
        parse_jwks({"keys": [EC] * 129})


def test_a_kid_names_its_keys():
    """
    A `kid` picks the keys that have it, and nothing else; keys for encryption with the same name do not matter.
    """
    found = parse_jwks({"keys": [EC, EC | {"use": "enc"}, OKP, public_jwk("ec")]})

    assert [key.kid for key in found.candidates("ec", "ES256")] == ["ec"]
    assert found.candidates("EC", "ES256") == ()
    assert found.candidates("", "ES256") == ()


def test_a_named_key_must_be_for_the_algorithm():
    """
    The key that `kid` names is never used for an algorithm that is not its own.
    """
    found = parse_jwks({"keys": [EC, public_jwk("k1")]})

    with pytest.raises(UnsupportedAlgorithmError):
        found.candidates("ec", "RS256")
    with pytest.raises(UnsupportedAlgorithmError):
        found.candidates("k1", "RS512")


def test_no_kid_works_for_three_keys():
    """
    A token without `kid` is tried with at most three keys that fit its algorithm; with more it is refused.
    """
    three = [public_jwk(name, "ES256") for name in ("a", "b", "c")]

    found = parse_jwks({"keys": [*three, OKP]})

    assert len(found.candidates(None, "ES256")) == 3
    assert [key.kid for key in found.candidates(None, "EdDSA")] == ["ed"]
    assert found.candidates(None, "RS256") == ()
    with pytest.raises(UnsupportedAlgorithmError):
        parse_jwks({"keys": [*three, EC]}).candidates(None, "ES256")


def test_one_kid_for_many_keys_costs_three_tries():
    """
    However many keys share a `kid`, three are tried at most.
    """
    assert len(parse_jwks({"keys": [EC] * 50}).candidates("ec", "ES256")) == 3


def test_a_key_that_has_not_changed_stays_the_same():
    """
    Read again, a key that has not changed is the same object, and so is a whole set; a changed key is a new one.
    """
    old = parse_jwks({"keys": [EC, OKP]})

    again = parse_jwks({"keys": [dict(reversed(EC.items())), OKP]}, previous=old)
    other = parse_jwks({"keys": [EC | {"alg": None}, OKP, EC | {"kid": "new"}]}, previous=old)
    fewer = parse_jwks({"keys": [OKP]}, previous=old)

    assert again is old
    assert [key in old.keys for key in other.keys] == [True, False]
    assert fewer.keys == old.keys[1:]


def test_keys_given_in_code_keep_no_private_members():
    """
    Of a private key nothing but its public part is kept.
    """
    key = only(public_jwk() | {"d": "SECRET"}, private=True)

    assert "SECRET" not in f"{key!r}{key.source}"


def test_a_key_shows_no_material():
    """
    The representation of a key has its name and algorithms, and no key material.
    """
    assert repr(only(EC)) == "Key(kid='ec', algorithms=frozenset({'ES256'}))"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.just("A" * 43),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
encoded = st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
members = st.dictionaries(
    st.sampled_from(["kty", "crv", "alg", "use", "key_ops", "kid", "n", "e", "x", "y", "d", "k", "x5c"]),
    json_values | encoded,
    max_size=3,
)


@given(st.sampled_from([public_jwk(), EC, OKP, {}]), members)
def test_any_key_is_used_or_skipped(base, changes):
    """
    Whatever JSON stands in a key, it is used or skipped; nothing else happens to the set.
    """
    found = parse_jwks({"keys": [base | changes, EC]})

    assert len(found.keys) + sum(found.skipped.values()) == 2
    assert found.keys[-1].kid == "ec"
    assert all(key.algorithms <= ALGORITHMS and key.algorithms for key in found.keys)
