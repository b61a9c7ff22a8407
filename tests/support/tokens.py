"""Tokens signed by hand, so that a test can write what no library would."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt.algorithms
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

ISSUER = "https://auth.mindpeeker.com"
AUDIENCE = "https://api.mindpeeker.com"
_HASH = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
_CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def b64(data: bytes | str) -> str:
    """Return base64url without padding."""
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def private_key(name: str = "k1", kind: str = "RS256", bits: int = 2048) -> Any:
    """Return a private key, the same one for the same name."""
    return _private_key(name, kind, bits)


@cache
def _private_key(name: str, kind: str, bits: int) -> Any:
    del name
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind]())
    if kind in {"EdDSA", "Ed25519"}:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, bits)


@cache
def _public_members(name: str, kind: str, bits: int) -> str:
    public = private_key(name, kind, bits).public_key()
    if kind in _CURVES:
        return json.dumps(jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True))
    if kind in {"EdDSA", "Ed25519"}:
        return json.dumps(jwt.algorithms.OKPAlgorithm.to_jwk(public, as_dict=True))
    return json.dumps(jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True))


def public_jwk(name: str = "k1", kind: str = "RS256", bits: int = 2048, **members: Any) -> dict[str, Any]:
    """Return the public JWK of `private_key(name, kind, bits)`; a member given as None is left out."""
    key = json.loads(_public_members(name, kind, bits)) | {"kid": name, "use": "sig", "alg": kind}
    key.pop("key_ops", None)
    return {member: value for member, value in (key | members).items() if value is not None}


def jwks(*keys: dict[str, Any]) -> dict[str, Any]:
    """Return a JWK set; of the key "k1" where none is given."""
    return {"keys": list(keys) or [public_jwk()]}


def sign(signing_input: bytes, key: Any, alg: str = "RS256") -> bytes:
    """Return the signature of any bytes, in the form that a JWS has."""
    digest = _HASH.get(alg[-3:], hashes.SHA256)()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(signing_input)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = utils.decode_dss_signature(key.sign(signing_input, ec.ECDSA(digest)))
        size = (key.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if alg.startswith("PS"):
        return key.sign(signing_input, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    return key.sign(signing_input, padding.PKCS1v15(), digest)


def compact(header: bytes | str, payload: bytes | str, key: Any = None, alg: str = "RS256") -> str:
    """Sign a header and a payload given as raw bytes, whatever they hold."""
    signing_input = f"{b64(header)}.{b64(payload)}"
    signature = sign(signing_input.encode("ascii"), key if key is not None else private_key(), alg)
    return f"{signing_input}.{b64(signature)}"


def claims(now: float | None = None, **changes: Any) -> dict[str, Any]:
    """Return the claims of a good token; a claim given as None is left out."""
    at = int(time.time() if now is None else now)
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "user-1",
        "client_id": "client-1",
        "scope": "remote-viewing:read",
        "iat": at,
        "exp": at + 3600,
        "jti": "token-1",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(
    *,
    header: Mapping[str, Any] | None = None,
    key: Any = None,
    alg: str = "RS256",
    kid: str | None = "k1",
    now: float | None = None,
    **changes: Any,
) -> str:
    """Return a token: a good one but for the changes named."""
    members = {"alg": alg, "typ": "JWT", "kid": kid} | dict(header or {})
    members = {name: value for name, value in members.items() if value is not None}
    return compact(json.dumps(members), json.dumps(claims(now, **changes)), key, alg)
