"""Keys for tests, made once in a process, and tokens written by hand (RFC 7515 section 7.1)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from mindpeeker_guard.errors import ConfigurationError

Algorithm = Literal["RS256", "ES256", "EdDSA"]
Signer = Callable[[bytes], bytes]

_SHA256: Final = hashes.SHA256()
_HALF: Final = 32  # bytes of r and of s (RFC 7518 section 3.4)
_PRIVATE: Final[Mapping[str, Callable[[], Any]]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
_JWK: Final[Mapping[str, Callable[[Any], Any]]] = {
    "RS256": lambda public: RSAAlgorithm.to_jwk(public, as_dict=True),
    "ES256": lambda public: ECAlgorithm.to_jwk(public, as_dict=True),
    "EdDSA": lambda public: OKPAlgorithm.to_jwk(public, as_dict=True),
}


@dataclass(frozen=True)
class SigningKey:
    """A private key with its name.

    Attributes:
        kid: The key identifier.
        algorithm: What it signs with.
        private: The key.
    """

    kid: str
    algorithm: Algorithm
    private: Any

    def jwk(self) -> dict[str, Any]:
        """Return the public half as a JWK (RFC 7517)."""
        members = _JWK[self.algorithm](self.private.public_key())
        members.pop("key_ops", None)
        return {**members, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def public(self, encoding: Encoding = Encoding.PEM) -> bytes:
        """Return the public half, as PEM by default."""
        found: bytes = self.private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        return found

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`, in the form that a JWS has."""
        if self.algorithm == "RS256":
            return bytes(self.private.sign(data, padding.PKCS1v15(), _SHA256))
        if self.algorithm == "EdDSA":
            return bytes(self.private.sign(data))
        r, s = utils.decode_dss_signature(self.sign_der(data))
        return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")

    def sign_der(self, data: bytes) -> bytes:
        """Return an ECDSA signature in DER, as no JWS may have it."""
        return bytes(self.private.sign(data, ec.ECDSA(_SHA256)))


def signing_key(algorithm: Algorithm, number: int | str = 1) -> SigningKey:
    """Return a key, the same one for the same arguments in the whole process: making RSA keys is slow.

    Raises:
        ConfigurationError: No key is made for this algorithm.
    """
    if algorithm not in _PRIVATE:
        raise ConfigurationError(f"algorithm must be one of {', '.join(_PRIVATE)}: {algorithm!r}.")
    return _signing_key(algorithm, number)


@cache
def _signing_key(algorithm: Algorithm, number: int | str) -> SigningKey:
    return SigningKey(f"{algorithm.lower()}-{number}", algorithm, _PRIVATE[algorithm]())


def b64(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def compact(header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes, sign: Signer) -> str:
    """Return a token with this header and these claims, each a mapping or bytes as they are, whatever they say."""
    signing_input = f"{b64(_raw(header))}.{b64(_raw(claims))}"
    return f"{signing_input}.{b64(sign(signing_input.encode('ascii')))}"


def _raw(part: Mapping[str, Any] | bytes) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode("utf-8")
