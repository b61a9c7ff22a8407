"""JSON Web Keys: which are usable, and for which algorithms (RFC 7517, RFC 7518, RFC 8037, RFC 9864).

A key is bound to the algorithms that fit its type, its curve and its own ``alg``. One bad key is skipped and counted;
it never takes the others down.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mindpeeker_guard.errors import UnsupportedAlgorithmError

try:
    from jwt import PyJWK
    from jwt.algorithms import get_default_algorithms
    from jwt.exceptions import PyJWTError
except ImportError as error:
    # PyJWT is installed with this package, so another one has put its own files over it.
    raise ImportError(
        "The module 'jwt' is not PyJWT's: pip uninstall jwt python-jwt, then pip install --force-reinstall pyjwt.",
        name="jwt",
    ) from error

MAX_KEYS: Final = 128
_RSA_BITS: Final = range(2048, 8193)
_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_BY_CURVE: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}
ALGORITHMS: Final = frozenset(_RSA).union(*_BY_CURVE.values())
"""Every algorithm that a key set can be asked for: asymmetric ones only."""

_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MAX_CANDIDATES: Final = 3


class _Unusable(Exception):  # noqa: N818 - a signal within this module
    """This JWK cannot be used; the text is a fixed reason to count."""


# PyJWT knows the Ed25519 signature under its older name only.
_IMPLEMENTATIONS: Final = {
    name: get_default_algorithms()["EdDSA" if name == "Ed25519" else name] for name in sorted(ALGORITHMS)
}


class Key:
    """A public key, with the algorithms it may be used for, and the JWK it was made of. Compared by identity."""

    __slots__ = ("algorithms", "kid", "material", "source")

    def __init__(self, kid: str | None, algorithms: frozenset[str], material: Any, source: str = "") -> None:
        self.kid = kid
        self.algorithms = algorithms
        self.material = material
        self.source = source

    def verify(self, alg: str, signing_input: bytes, signature: bytes) -> bool:
        """Tell whether `signature` fits `signing_input`; `alg` must be one of `algorithms`."""
        return _IMPLEMENTATIONS[alg].verify(signing_input, self.material, signature)

    def __repr__(self) -> str:
        return f"Key(kid={self.kid!r}, algorithms={self.algorithms!r})"


class KeySet:
    """The usable keys of a JWK set, and why the others are not (reason to number). Never changed once it is made."""

    __slots__ = ("_found", "_named", "keys", "skipped")

    def __init__(self, keys: tuple[Key, ...], skipped: Mapping[str, int]) -> None:
        self.keys = keys
        self.skipped = skipped
        self._named: dict[str | None, tuple[Key, ...]] = {}
        self._found: dict[tuple[str, str], tuple[Key, ...]] = {}
        for key in keys:
            self._named[key.kid] = (*self._named.get(key.kid, ()), key)

    def candidates(self, kid: str | None, alg: str) -> tuple[Key, ...]:
        """Return the keys that a token with this ``kid`` and ``alg`` may be signed with; none where none fits.

        Raises:
            UnsupportedAlgorithmError: The key that ``kid`` names is not for this algorithm, or the token names no key
                and more than three would have to be tried.
        """
        if kid is None:
            fitting = tuple(key for key in self.keys if alg in key.algorithms)
            if len(fitting) > _MAX_CANDIDATES:
                raise UnsupportedAlgorithmError("no kid, and too many keys to try")
            return fitting
        found = self._found.get((kid, alg))
        if found is None:
            named = self._named.get(kid, ())
            found = tuple([key for key in named if alg in key.algorithms][:_MAX_CANDIDATES])
            if named and not found:
                raise UnsupportedAlgorithmError("the key is not for this algorithm")
            if found:
                self._found[kid, alg] = found
        return found


def parse_jwks(document: Mapping[str, Any], *, private: bool = False, previous: KeySet | None = None) -> KeySet:
    """Return the usable keys of a JWK set.

    Args:
        document: The decoded JWK set.
        private: Whether keys with private members are reduced to their public part. A published private key is skipped:
            whoever can read it can sign.
        previous: The set before. A key that has not changed is the same object, and so is a set that has not.

    Raises:
        ValueError: It is no JWK set, or has more than 128 keys.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError("not a JWK set: no list of keys")
    if len(entries) > MAX_KEYS:
        raise ValueError(f"more than {MAX_KEYS} keys")
    made = {key.source: key for key in previous.keys} if previous is not None else {}
    keys = _usable(entries, made, private=private)
    return previous if previous is not None and previous.keys == keys.keys else keys


def _usable(entries: Iterable[Any], made: Mapping[str, Key], *, private: bool) -> KeySet:
    keys: list[Key] = []
    skipped: Counter[str] = Counter()
    for entry in entries:
        # Private members are not kept, and keys given in code are never compared.
        source = "" if private else json.dumps(entry, sort_keys=True)
        try:
            keys.append(made.get(source) or _key(entry, source, private=private))
        except _Unusable as reason:
            skipped[str(reason)] += 1
    return KeySet(tuple(keys), MappingProxyType(dict(skipped)))


def _key(entry: Any, source: str, *, private: bool) -> Key:
    if not isinstance(entry, Mapping):
        raise _Unusable("not an object")
    kid = entry.get("kid")
    if not isinstance(kid, str | None):
        raise _Unusable("kid is not a string")
    algorithms = _algorithms(entry)
    if not private and not _PRIVATE_MEMBERS.isdisjoint(entry):
        raise _Unusable("private key published")
    public = {name: value for name, value in entry.items() if name not in _PRIVATE_MEMBERS}
    return Key(kid, frozenset(algorithms), _material(public, algorithms[0]), source)


def _algorithms(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the algorithms that the key's type, curve, use and own ``alg`` leave."""
    if entry.get("use", "sig") != "sig":
        raise _Unusable("not for signatures")
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _Unusable("not for verification")
    kty, curve = entry.get("kty"), entry.get("crv")
    fitting = _RSA if kty == "RSA" else next((names for key, names in _BY_CURVE.items() if key == (kty, curve)), ())
    if "alg" in entry:
        fitting = tuple(name for name in fitting if name == entry["alg"])
    if not fitting:
        raise _Unusable("unknown type, curve or algorithm")
    return fitting


def _material(public: dict[str, Any], alg: str) -> Any:
    try:
        material = PyJWK(public, algorithm="EdDSA" if alg == "Ed25519" else alg).key
    except (PyJWTError, ValueError, TypeError, AttributeError, OverflowError):
        # PyJWT's own texts can hold the key's members, so none of them goes on.
        raise _Unusable("malformed") from None
    if alg in _RSA and material.key_size not in _RSA_BITS:
        raise _Unusable("RSA key of an unacceptable size")
    return material
