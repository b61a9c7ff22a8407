"""Keys given in code."""

from __future__ import annotations

import pytest
from tests.support.tokens import jwks, public_jwk

from mindpeeker_guard import ConfigurationError, StaticKeySet, UnknownKeyError, UnsupportedAlgorithmError
from mindpeeker_guard._flow import run

EC = public_jwk("ec", "ES256")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"keys": [EC]}, id="a set"),
        pytest.param(EC, id="one key"),
        pytest.param([EC], id="a list"),
        pytest.param((EC, {"kty": "oct"}), id="a tuple with an unusable one"),
        pytest.param(EC | {"d": "AAAA"}, id="a private key"),
    ],
)
def test_forms_of_keys(given):
    """
    A JWK set, a JWK or several are taken; private members are dropped.
    """
    (key,) = run(StaticKeySet(given).find("ec", "ES256"))

    assert key.kid == "ec"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({}, "unknown type", id="an empty object"),
        pytest.param([], "empty", id="nothing"),
        pytest.param({"keys": []}, "empty", id="an empty set"),
        pytest.param({"keys": "x"}, "not a JWK set", id="no list"),
        pytest.param({"keys": [EC] * 129}, "128", id="too many"),
        pytest.param(EC | {"use": "enc"}, "not for signatures", id="a key for encryption"),
        pytest.param({"kty": "oct", "k": "c2VjcmV0"}, "unknown type", id="a secret"),
        pytest.param("https://auth.mindpeeker.com/jwks", "not an object", id="a URL"),
        pytest.param(None, "not an object", id="None"),
        pytest.param(5, "not an object", id="a number"),
    ],
)
def test_keys_that_cannot_be_used(given, message):
    """
    Without one usable key it is a configuration error that says why.
    """
    with pytest.raises(ConfigurationError, match=message):
        StaticKeySet(given)


def test_find_asks_for_nothing():
    """
    Keys in memory are found without an effect, and warming up does nothing.
    """
    keys = StaticKeySet(jwks(EC))

    with pytest.raises(StopIteration) as found:
        next(keys.find("ec", "ES256"))
    with pytest.raises(StopIteration):
        next(keys.warm_up())

    assert [key.kid for key in found.value.value] == ["ec"]


@pytest.mark.parametrize(
    ("kid", "alg", "error"),
    [
        ("nobody", "ES256", UnknownKeyError),
        (None, "RS256", UnknownKeyError),
        ("ec", "RS256", UnsupportedAlgorithmError),
    ],
)
def test_keys_that_are_not_there(kid, alg, error):
    """
    An unknown key, or a known one for another algorithm, refuses the token.
    """
    with pytest.raises(error):
        run(StaticKeySet(EC).find(kid, alg))


def test_the_representation_holds_no_key():
    """
    A key set shows how many keys it has, and none of them.
    """
    assert repr(StaticKeySet([EC, EC])) == "StaticKeySet(2 keys)"
