"""Tokens that nobody but an attacker would write."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from mindpeeker_guard.testing._keys import Signer, b64, compact, signing_key
from mindpeeker_guard.testing._probes import Kit

Tokens = Iterator[tuple[str, str]]

_KID = "../../../../dev/null"
_NESTED = 3000  # deeper than any parser of Python goes by itself


def signatures(kit: Kit) -> Tokens:
    """Yield good claims that nobody vouches for."""
    good, other = kit.token(), kit.token(sub="somebody-else")
    header, claims, signature = good.split(".")
    zeros = b64(bytes(256))
    yield "A token with a worthless signature", f"{header}.{claims}.{zeros}"
    yield "A token whose claims were changed after it was signed", f"{header}.{other.split('.')[1]}.{signature}"
    yield "A token with the signature of another token", f"{header}.{claims}.{other.split('.')[2]}"
    yield "A token whose signature was changed in one place", f"{header}.{claims}.{_altered(signature)}"
    yield "A token whose signature was taken away", f"{header}.{claims}."
    yield "A token that somebody else signed, in the name of our key", kit.forged({}, kit.attacker.sign)


def algorithms(kit: Kit) -> Tokens:
    """Yield tokens whose header chooses how they are to be checked."""
    for alg in ("none", "None", "nOnE", ""):
        yield f"A token with alg {alg!r} and no signature", kit.forged({"alg": alg}, lambda _: b"")
    for name, secret in {
        "the public key as PEM": kit.key.public(),
        "the public key as DER": kit.key.public(Encoding.DER),
        "the public key as a JWK": json.dumps(kit.key.jwk()).encode(),
        "an empty secret": b"",
        "the secret 'secret'": b"secret",
    }.items():
        yield f"A token signed by HMAC with {name}", kit.forged({"alg": "HS256"}, _hmac(secret))
    yield from _ecdsa(kit)


def _ecdsa(kit: Kit) -> Tokens:
    """Yield signatures that sloppy arithmetic takes for good ones; of a published key, if there is one."""
    key = kit.published("ES256") or signing_key("ES256", "attacker")
    header = {"alg": "ES256", "kid": key.kid}
    yield "An ES256 token whose signature is zero", kit.forged(header, lambda _: bytes(64))
    yield "An ES256 token whose signature is DER", kit.forged(header, key.sign_der)


def keys(kit: Kit) -> Tokens:
    """Yield tokens that bring, or point at, the key of an attacker."""
    attacker = kit.attacker
    url = "https://attacker.example/keys.json"
    chain = [b64(attacker.public(Encoding.DER))]
    headers: dict[str, dict[str, Any]] = {
        "brings its own key (jwk)": {"jwk": attacker.jwk()},
        "brings its own key (jwk) and names it": {"jwk": attacker.jwk(), "kid": attacker.kid},
        "points at keys of its own (jku)": {"jku": url},
        "points at a certificate of its own (x5u)": {"x5u": url},
        "brings a certificate of its own (x5c)": {"x5c": chain},
        "names a key that nobody published": {"kid": attacker.kid},
        "names no key": {"kid": None},
        "names a key that is a number": {"kid": 7},
    }
    for what, header in headers.items():
        yield f"A forged token that {what}", kit.forged(header, attacker.sign)
    yield "A forged token whose kid is a path", kit.forged({"alg": "HS256", "kid": _KID}, _hmac(b""))


def forms(kit: Kit) -> Tokens:
    """Yield what the issuer signed, but no access token is written like."""
    good = kit.token()
    header, claims, signature = good.split(".")
    sign = kit.key.sign
    yield "Junk", "abc"
    yield "An opaque token", "mF_9.B5f-4.1JqM"
    yield "Three dots and nothing else", ".."
    yield "A token with a fourth part", f"{good}.AAAA"
    yield "An encrypted token", ".".join((b64(b'{"alg":"dir","enc":"A256GCM"}'), "", "AAAA", "AAAA", "AAAA"))
    yield "A token with padding inside", f"{header}=.{claims}.{signature}"
    yield "A token with padding at its end", f"{good}=="
    yield "A token in plain base64 (with +)", f"{header}.{claims}.+{signature[1:]}"
    yield "A token with a percent sign", f"{header}.{claims}.{signature[:-3]}%41"
    yield "A token in JSON", json.dumps({"payload": claims, "protected": header, "signature": signature})
    yield "A token that demands an extension (crit)", _signed(kit, {"crit": ["x-new"], "x-new": True})
    yield "A token whose payload is not encoded (b64)", _signed(kit, {"crit": ["b64"], "b64": False})
    yield "A token with alg twice", compact(_twice(kit.header(), "alg", "none"), kit.claims(), sign)
    yield "A token with sub twice", compact(kit.header(), _twice(kit.claims(), "sub", "admin"), sign)
    yield "A token whose claims are a list", compact(kit.header(), b"[]", sign)
    yield "A token whose claims are no JSON", compact(kit.header(), b"sub=admin", sign)
    yield "A token whose claims are UTF-16", compact(kit.header(), json.dumps(kit.claims()).encode("utf-16"), sign)
    yield "A token whose claims nest without end", compact(kit.header(), _nested(kit.claims()), sign)
    yield "A token of 20,000 characters", kit.token(padding="x" * 15_000)
    yield "A token whose scope is an object", kit.token(scope=dict.fromkeys(kit.scopes or ("profile",), True))


def _signed(kit: Kit, header: dict[str, Any]) -> str:
    return compact({**kit.header(), **header}, kit.claims(), kit.key.sign)


def _hmac(secret: bytes) -> Signer:
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


def _altered(signature: str) -> str:
    """Return another signature that is well-formed: the first character stands for whole bits."""
    return ("A" if signature[0] != "A" else "B") + signature[1:]


def _twice(members: dict[str, Any], name: str, first: str) -> bytes:
    """Return members as JSON, with one name a second time in front."""
    return f'{{"{name}":"{first}",{json.dumps(members)[1:]}'.encode()


def _nested(claims: dict[str, Any]) -> bytes:
    return (json.dumps(claims)[:-1] + ', "x":' + "[" * _NESTED + "]" * _NESTED + "}").encode()
