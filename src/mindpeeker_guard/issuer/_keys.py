"""Signing keys, tokens signed with them, and the key set that is published (RFC 7515, RFC 7517, RFC 7638)."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from mindpeeker_guard.errors import ConfigurationError

ALGORITHM = "RS256"
_RSA_BITS = 2048
_RSA_EXPONENT = 65537
_ALGORITHMS = get_default_algorithms()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One RSA key: the private half signs, the public half is published.

    Attributes:
        kid: The key's RFC 7638 thumbprint.
        public_jwk: The public JWK, built from the public numbers alone: there is nothing private to leak.
        private: The private key; never shown.
    """

    kid: str
    public_jwk: Mapping[str, str]
    private: rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Make a new RSA key of 2048 bits."""
        private = rsa.generate_private_key(public_exponent=_RSA_EXPONENT, key_size=_RSA_BITS)
        numbers = private.public_key().public_numbers()
        members = {"e": _encode_int(numbers.e), "kty": "RSA", "n": _encode_int(numbers.n)}
        kid = _thumbprint(members)
        return cls(kid, {**members, "kid": kid, "use": "sig", "alg": ALGORITHM}, private)


class KeyRing:
    """The key that signs now, and the keys that are published.

    Readers take no lock: what they read is replaced, never changed.
    """

    def __init__(self) -> None:
        self._write = threading.Lock()
        self.current = SigningKey.generate()
        self._published: tuple[SigningKey, ...] = (self.current,)

    def rotate(self, *, keep_old: bool) -> str:
        """Sign with a new key from now on and return its kid; the one it replaces stays published if ``keep_old``."""
        new = SigningKey.generate()
        with self._write:
            kept = tuple(key for key in self._published if keep_old or key is not self.current)
            # Published first: nobody ever sees a token whose key is not there to be fetched.
            self._published = (new, *kept)
            self.current = new
        return new.kid

    def withdraw(self, kid: str) -> None:
        """Publish this key no longer.

        Raises:
            ConfigurationError: No published key has this kid.
        """
        with self._write:
            kept = tuple(key for key in self._published if key.kid != kid)
            if len(kept) == len(self._published):
                raise ConfigurationError(f"No published key has the kid {kid!r}.")
            self._published = kept

    def jwks(self) -> dict[str, Any]:
        """Return the JWK Set (RFC 7517 section 5) with the newest key first."""
        return {"keys": [dict(key.public_jwk) for key in self._published]}


def sign(header: Mapping[str, Any], claims: Mapping[str, Any], key: Any) -> str:
    """Sign claims as a compact JWS (RFC 7515 section 7.1), without asking whether they make sense.

    Args:
        header: The protected header; its ``alg`` says how to sign, RS256 where there is none.
        claims: The payload, as it is to appear.
        key: A private key object, a PEM, or the bytes of an HMAC secret; not used where ``alg`` is ``none``.

    Raises:
        ConfigurationError: The algorithm is not known, or the key does not fit it.
    """
    signing_input = f"{_encode_json(header)}.{_encode_json(claims)}"
    signature = _signature(header.get("alg", ALGORITHM), signing_input.encode(), key)
    return f"{signing_input}.{_encode(signature)}"


def _signature(alg: object, message: bytes, key: Any) -> bytes:
    """Sign a message; whatever PyJWT finds wrong with the key is one kind of error."""
    algorithm = _ALGORITHMS.get(alg) if isinstance(alg, str) else None
    if algorithm is None:
        raise ConfigurationError(f"Cannot sign with the algorithm {alg!r}.")
    try:
        return algorithm.sign(message, algorithm.prepare_key(None if alg == "none" else key))
    except (PyJWTError, TypeError, ValueError, AttributeError) as exc:
        raise ConfigurationError(f"The key does not fit the algorithm {alg!r}.") from exc


def _thumbprint(members: Mapping[str, str]) -> str:
    """Hash a key's required members in alphabetical order (RFC 7638 section 3)."""
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return _encode(hashlib.sha256(canonical.encode()).digest())


def _encode_json(value: Mapping[str, Any]) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode_int(number: int) -> str:
    """Encode as Base64urlUInt (RFC 7518 section 2)."""
    return _encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _encode(data: bytes) -> str:
    """Encode as base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
