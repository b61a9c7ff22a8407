"""What the token says and who signed it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.contract.casework import Case, authorization, bearer
from tests.contract.expected import Expected, allowed, refused
from tests.contract.guards import DOWN, NOW, REVOKED, signing_key
from tests.support.tokens import AUDIENCE, ISSUER, b64, claims, private_key, token

READ: Final = allowed("remote-viewing:read")
MALFORMED: Final = refused("token_malformed")
ALGORITHM: Final = refused("algorithm_not_allowed")
SIGNATURE: Final = refused("signature_invalid")
UNKNOWN: Final = refused("key_unknown")
EXPIRED: Final = refused("token_expired")
IMMATURE: Final = refused("token_immature")
ISSUER_MISMATCH: Final = refused("issuer_mismatch")
AUDIENCE_MISMATCH: Final = refused("audience_mismatch")
MISSING_CLAIM: Final = refused("claim_missing")
WRONG_CLAIM: Final = refused("claim_invalid")
WRONG_TYPE: Final = refused("token_type_wrong")
BOUND: Final = refused("sender_constrained")
REVOKED_TOKEN: Final = refused("token_revoked")
GOOD: Final = token(now=NOW)


def _token(name: str, expected: Expected, path: str = "/read", guard: str = "plain", **changes: Any) -> Case:
    return Case(name, expected, bearer(**changes), path, guard=guard)


def _raw(name: str, expected: Expected, text: str) -> Case:
    return Case(name, expected, authorization(f"Bearer {text}"))


def _confused() -> str:
    """Return a token whose HMAC key is the issuer's public key, as anybody can make one."""
    pem = private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = json.dumps({"alg": "HS256", "typ": "JWT", "kid": "k1"})
    signing_input = f"{b64(header)}.{b64(json.dumps(claims(NOW)))}"
    return f"{signing_input}.{b64(hmac.new(pem, signing_input.encode('ascii'), hashlib.sha256).digest())}"


def _altered(segment: int) -> str:
    segments = GOOD.split(".")
    raw = bytearray(base64.urlsafe_b64decode(segments[segment] + "=="))
    where = raw.index(b"user-1") + 5 if segment == 1 else 10
    raw[where] ^= 1
    segments[segment] = b64(bytes(raw))
    return ".".join(segments)


def sized(size: int) -> str:
    """Return a good token of exactly `size` characters."""
    for extra in range(4):
        made = token(now=NOW, header={"x": "y" * extra}, pad="p")
        missing = size - len(made)
        made = token(now=NOW, header={"x": "y" * extra}, pad="p" * (1 + missing * 3 // 4))
        if len(made) == size:
            return made
    raise AssertionError(size)


_SIGNED = (
    _token("good", READ),
    _token("good, from a service without a user", allowed("remote-viewing:read", sub=None), sub=None),
    _token("good, client named by azp", allowed("remote-viewing:read", client_id="c-2"), client_id=None, azp="c-2"),
    _token("good, no client", allowed("remote-viewing:read", client_id=None), client_id=None),
    *(
        _token(f"good, signed with {alg}", READ, key=signing_key(name), kid=name, alg=alg)
        for name, alg in (
            ("es256", "ES256"),
            ("es384", "ES384"),
            ("es512", "ES512"),
            ("ed", "EdDSA"),
            ("open", "PS256"),
            ("open", "RS512"),
        )
    ),
    _token("good, no kid", READ, kid=None),
    _token("good, foreign members in the header", READ, header={"jku": "https://a.example/", "x": [1]}),
    _token("signed by somebody else", SIGNATURE, key=private_key("stranger")),
    _token("unknown kid", UNKNOWN, kid="k2"),
    _token("empty kid", UNKNOWN, kid=""),
    _token("kid of a key of another type", ALGORITHM, kid="es256"),
    _token("kid of a key for another alg", ALGORITHM, alg="RS512"),
    _token("keys unavailable", refused("keys_unavailable"), kid=DOWN),
    _token("keys unavailable, but expired anyway", EXPIRED, kid=DOWN, exp=NOW - 60),
    _raw("tampered header", MALFORMED, "f" + GOOD),
    _raw("tampered payload", SIGNATURE, _altered(1)),
    _raw("tampered signature", SIGNATURE, _altered(2)),
    _raw("no signature", MALFORMED, GOOD.rpartition(".")[0] + "."),
    _raw("two segments", MALFORMED, GOOD.rpartition(".")[0]),
    _raw("four segments", MALFORMED, f"{GOOD}.AAAA"),
    _raw("padded", MALFORMED, f"{GOOD}=="),
    _raw("alg none", MALFORMED, f"{b64(json.dumps({'alg': 'none'}))}.{GOOD.split('.')[1]}."),
    _token("alg none with a signature", ALGORITHM, header={"alg": "none"}),
    _raw("HS256 with the public key as secret", ALGORITHM, _confused()),
    _token("alg in small letters", ALGORITHM, header={"alg": "rs256"}),
    _token("crit", MALFORMED, header={"crit": ["exp"]}),
    _raw("as long as a token may be", READ, sized(16 * 1024)),
    _raw("one character too long", MALFORMED, sized(16 * 1024 + 1)),
)

_TIMES = (
    _token("expired", EXPIRED, exp=NOW - 3600),
    _token("exp at now", READ, exp=NOW),
    _token("exp within the leeway", READ, exp=NOW - 29),
    _token("exp at the end of the leeway", EXPIRED, exp=NOW - 30),
    _token("exp as a float within the leeway", READ, exp=NOW - 29.5),
    _token("exp as a string", WRONG_CLAIM, exp=str(NOW + 60)),
    _token("exp true", WRONG_CLAIM, exp=True),
    _token("exp in milliseconds", WRONG_CLAIM, exp=NOW * 1000),
    _token("exp missing", MISSING_CLAIM, exp=None),
    _token("nbf in the future", IMMATURE, nbf=NOW + 60),
    _token("nbf within the leeway", READ, nbf=NOW + 30),
    _token("nbf past the leeway", IMMATURE, nbf=NOW + 31),
    _token("iat in the future", IMMATURE, iat=NOW + 60),
    _token("iat within the leeway", READ, iat=NOW + 30),
    _token("iat missing", READ, iat=None),
)

_NAMES = (
    _token("iss missing", MISSING_CLAIM, iss=None),
    _token("iss of somebody else", ISSUER_MISMATCH, iss="https://auth.example"),
    _token("iss with a slash at its end", ISSUER_MISMATCH, iss=f"{ISSUER}/"),
    _token("iss in capitals", ISSUER_MISMATCH, iss=ISSUER.upper()),
    _token("iss in a list", ISSUER_MISMATCH, iss=[ISSUER]),
    _token("aud missing", MISSING_CLAIM, aud=None),
    _token("aud of another API", AUDIENCE_MISMATCH, aud="https://other.example"),
    _token("aud in a list", READ, aud=["https://other.example", AUDIENCE]),
    _token("aud in a list of others", AUDIENCE_MISMATCH, aud=["https://other.example", f"{AUDIENCE}/"]),
    _token("aud empty list", AUDIENCE_MISMATCH, aud=[]),
    _token("aud with another text around it", AUDIENCE_MISMATCH, aud=f"{AUDIENCE} https://other.example"),
    _token("aud a list with a number", WRONG_CLAIM, aud=[AUDIENCE, 1]),
    _token("sub a number", WRONG_CLAIM, sub=1),
    _token("client_id a list", WRONG_CLAIM, client_id=["client-1"]),
)

_KINDS = (
    _token("typ at+jwt", READ, header={"typ": "at+jwt"}),
    _token("typ at+jwt in odd case", READ, header={"typ": "aT+JwT"}),
    _token("typ application/at+jwt in odd case", READ, header={"typ": "Application/AT+jwt"}),
    _token("typ jwt in small letters", READ, header={"typ": "jwt"}),
    _token("typ missing", READ, header={"typ": None}),
    _token("typ of a log-out token", WRONG_TYPE, header={"typ": "logout+jwt"}),
    _token("typ of a DPoP proof", WRONG_TYPE, header={"typ": "dpop+jwt"}),
    _token("typ empty", WRONG_TYPE, header={"typ": ""}),
    _token("typ a number", MALFORMED, header={"typ": 1}),
    _token("an ID token by its nonce", WRONG_TYPE, nonce="n-0S6"),
    _token("an ID token by its at_hash", WRONG_TYPE, at_hash="77Qm"),
    _token("bound to a key", BOUND, cnf={"jkt": "0ZcOCORZNYy"}),
    _token("bound to a certificate", BOUND, cnf={"x5t#S256": "bwcK0esc3ACC"}),
    _token("bound to something unreadable", BOUND, cnf="x"),
    _token("strict: at+jwt", READ, guard="strict", header={"typ": "at+jwt"}),
    _token("strict: JWT", WRONG_TYPE, guard="strict"),
    _token("strict: typ missing", WRONG_TYPE, guard="strict", header={"typ": None}),
    _token("strict: sub missing", MISSING_CLAIM, guard="strict", header={"typ": "at+jwt"}, sub=None),
    _token("strict: jti missing", MISSING_CLAIM, guard="strict", header={"typ": "at+jwt"}, jti=None),
)

_REVOKED: Final = (
    _token("issued after its user was revoked", READ, guard="revoking"),
    _token("issued before its user was revoked", REVOKED_TOKEN, guard="revoking", iat=NOW - 1),
    _token("without a time, its user was revoked", REVOKED_TOKEN, guard="revoking", iat=None),
    _token("revoked by its id", REVOKED_TOKEN, guard="revoking", jti=REVOKED),
    _token("revoked by its id, and without the scope", REVOKED_TOKEN, "/sensitive", guard="revoking", jti=REVOKED),
    _token("revoked, and expired", EXPIRED, guard="revoking", jti=REVOKED, exp=NOW - 60),
)

CASES: Final = (*_SIGNED, *_TIMES, *_NAMES, *_KINDS, *_REVOKED)
