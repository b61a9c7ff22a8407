"""Keys and tokens: one shape for everybody, made anew in each run.

The token is the kind that the platform issues: RS256, a ``kid``, ``at+jwt``, eight claims, four scopes; some 785
characters. A peer that insists on more gets a variant with those claims added.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from jwt.algorithms import get_default_algorithms

from benchmarks.harness import Subject, loop

ISSUER: Final = "https://auth.mindpeeker.com"
AUDIENCE: Final = "https://api.mindpeeker.com"
SCOPE: Final = "remote-viewing:read"
SCOPES: Final = "remote-viewing:read remote-viewing:write dowsing:read profile"
LIFETIME: Final = 3600

_SUBJECT = "01JD8Z3W7K5N9QX2R4T6V8YB0C"


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A private key with its public JWK."""

    kid: str
    alg: str
    private: Any

    @property
    def jwk(self) -> dict[str, Any]:
        """The public part as a JWK."""
        algorithm: Any = get_default_algorithms()[self.alg]
        members = json.loads(algorithm.to_jwk(self.private.public_key()))
        members.pop("key_ops", None)
        return {**members, "kid": self.kid, "use": "sig", "alg": self.alg}

    @property
    def jwks(self) -> dict[str, Any]:
        """A JWK set with this key alone."""
        return {"keys": [self.jwk]}

    def token(self, changes: Mapping[str, Any] | None = None, *, kid: str | None = None) -> str:
        """Return a good token but for `changes`."""
        headers = {"typ": "at+jwt", "kid": kid or self.kid}
        return jwt.encode(claims(changes), self.private, algorithm=self.alg, headers=headers)


@cache
def signing_key(alg: str = "RS256", kid: str = "2026-11-a") -> SigningKey:
    """Return the key of that name; made when first asked for."""
    if alg == "ES256":
        return SigningKey(kid, alg, ec.generate_private_key(ec.SECP256R1()))
    if alg == "EdDSA":
        return SigningKey(kid, alg, ed25519.Ed25519PrivateKey.generate())
    return SigningKey(kid, alg, rsa.generate_private_key(65537, 2048))


def claims(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the claims of a good token but for `changes`."""
    now = int(time.time())
    return {
        "iss": ISSUER,
        "sub": _SUBJECT,
        "aud": AUDIENCE,
        "exp": now + LIFETIME,
        "iat": now,
        "jti": str(uuid.uuid4()),
        "client_id": "web-client",
        "scope": SCOPES,
        **(changes or {}),
    }


def bad_tokens(key: SigningKey, changes: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return tokens that everybody must refuse, by what is wrong with them; `changes` as in the good one."""
    good = key.token(changes)
    head, _, signature = good.rpartition(".")
    forged = f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    other = dict(changes or {})
    return {
        "forged": forged,
        "expired": key.token({**other, "exp": int(time.time()) - LIFETIME}),
        "for another audience": key.token({**other, "aud": "https://elsewhere.example"}),
        "of another issuer": key.token({**other, "iss": "https://elsewhere.example"}),
    }


def raw_verify(key: SigningKey, name: str = "raw signature verification") -> Subject:
    """Return the reference: nothing but the signature check of ``cryptography``, with everything prepared."""
    return Subject(name, loop(signature_check(key)))


def signature_check(key: SigningKey) -> Callable[[], object]:
    """Return what checks the signature of one good token, and nothing else."""
    signing_input, _, encoded = key.token().encode("ascii").rpartition(b".")
    signature = jwt.utils.base64url_decode(encoded)
    public = key.private.public_key()
    if key.alg == "EdDSA":
        return lambda: public.verify(signature, signing_input)
    if key.alg == "ES256":
        half = len(signature) // 2
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        der, scheme = utils.encode_dss_signature(r, s), ec.ECDSA(hashes.SHA256())
        return lambda: public.verify(der, signing_input, scheme)
    pad, digest = padding.PKCS1v15(), hashes.SHA256()
    return lambda: public.verify(signature, signing_input, pad, digest)
