"""Signatures that sloppy arithmetic takes for good ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils
from tests.attacks.entries import HEADER, OK, SIGNATURE, Entry, claims_text, good, signing_input, with_signature
from tests.contract.guards import signing_key
from tests.support.tokens import b64, private_key, sign

# The orders of the curves' groups (FIPS 186-4 D.1.2), and of Ed25519's (RFC 8032 section 5.1).
_P256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ED25519: Final = 2**252 + 27742317777372353535851937790883648493
_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")
_SHA256_WITHOUT_NULL: Final = bytes.fromhex("302f300b0609608648016503040201" + "0420")


def _ecdsa() -> Iterator[Entry]:
    raw = sign(signing_input("ES256", "es256").encode("ascii"), signing_key("es256"), "ES256")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    for name, pair in {
        "r = s = 0": (0, 0),
        "r = 0": (0, s),
        "s = 0": (r, 0),
        "r = n": (_P256, s),
        "s = n": (r, _P256),
        "r = s = n": (_P256, _P256),
        "r = s = 1": (1, 1),
        "r = s = n - 1": (_P256 - 1, _P256 - 1),
        "r and s exchanged": (s, r),
        "r = s = all ones": (2**256 - 1, 2**256 - 1),
    }.items():
        yield _es256(f"ES256: {name}", SIGNATURE, pair[0].to_bytes(32, "big") + pair[1].to_bytes(32, "big"))
    der = utils.encode_dss_signature(r, s)
    for name, wrong in {
        "DER": der,
        "DER, filled up to 64 bytes": der[:64],
        "a byte behind": raw + b"\x00",
        "a byte in front": b"\x00" + raw,
        "a byte less": raw[:-1],
        "r alone": raw[:32],
        "one byte": b"\x00",
        "twice": raw + raw,
        "65 bytes each": bytes(33) + raw[:32] + bytes(33) + raw[32:],
        "as long as for P-384": bytes(16) + raw[:32] + bytes(16) + raw[32:],
    }.items():
        yield _es256(f"ES256: {name}", SIGNATURE, wrong)
    # ECDSA is malleable: whoever has (r, s) has (r, n - s). It is the same signer and the same text, so nothing is
    # gained; whatever identifies a token must not be its signature.
    yield _es256(
        "ES256: (r, n - s) is another signature of the same text", OK, raw[:32] + (_P256 - s).to_bytes(32, "big")
    )
    yield _es256("ES256: (r, s)", OK, raw)
    for alg, kid, size in (("ES384", "es384", 96), ("ES512", "es512", 132)):
        yield Entry(f"{alg}: zeros", SIGNATURE, with_signature(bytes(size), alg, kid))
        yield Entry(f"{alg}: all ones", SIGNATURE, with_signature(b"\xff" * size, alg, kid))
        yield Entry(f"{alg}: too short", SIGNATURE, with_signature(bytes(64), alg, kid))
        yield Entry(f"{alg}: too long", SIGNATURE, with_signature(bytes(size + 2), alg, kid))


def _es256(name: str, code: str | None, raw: bytes) -> Entry:
    return Entry(name, code, with_signature(raw, "ES256", "es256"))


def _ed25519() -> Iterator[Entry]:
    raw = sign(signing_input("EdDSA", "ed").encode("ascii"), signing_key("ed"), "EdDSA")
    s = int.from_bytes(raw[32:], "little")
    identity = b"\x01" + bytes(31)
    for name, code, wrong in (
        ("right", OK, raw),
        ("zeros", SIGNATURE, bytes(64)),
        ("all ones", SIGNATURE, b"\xff" * 64),
        ("a byte less", SIGNATURE, raw[:-1]),
        ("a byte behind", SIGNATURE, raw + b"\x00"),
        ("one byte", SIGNATURE, b"\x00"),
        ("R alone", SIGNATURE, raw[:32]),
        ("R and S exchanged", SIGNATURE, raw[32:] + raw[:32]),
        ("S + L", SIGNATURE, raw[:32] + (s + _ED25519).to_bytes(32, "little")),
        ("S = 0, R of small order", SIGNATURE, identity + bytes(32)),
        ("S of the largest value", SIGNATURE, raw[:32] + b"\xff" * 32),
        ("of another text", SIGNATURE, signing_key("ed").sign(b"another text")),
    ):
        yield Entry(f"EdDSA: {name}", code, with_signature(wrong, "EdDSA", "ed"))


def _rsa() -> Iterator[Entry]:
    text = signing_input().encode("ascii")
    key = signing_key("k1")
    raw = sign(text, key)
    n = key.public_key().public_numbers().n
    for name, wrong in {
        "a zero in front": b"\x00" + raw,
        "many zeros in front": bytes(100) + raw,
        "a byte behind": raw + b"\x00",
        "a byte less": raw[:-1],
        "the first byte missing": raw[1:],
        "zero": bytes(256),
        "one": bytes(255) + b"\x01",
        "n - 1": (n - 1).to_bytes(256, "big"),
        "n": n.to_bytes(256, "big"),
        "all ones": b"\xff" * 256,
        "n - s": (n - int.from_bytes(raw, "big")).to_bytes(256, "big"),
        "s + n": (int.from_bytes(raw, "big") + n).to_bytes(257, "big"),
        "SHA-1": key.sign(text, padding.PKCS1v15(), hashes.SHA1()),
        "SHA-512": sign(text, key, "RS512"),
        "PSS": sign(text, key, "PS256"),
        "of another text": sign(b"another text", key),
        "of a longer key": private_key("long", bits=3072).sign(text, padding.PKCS1v15(), hashes.SHA256()),
        **{f"padding: {name}": _forged(key, block) for name, block in _paddings(text).items()},
    }.items():
        yield Entry(f"RS256: {name}", SIGNATURE, with_signature(wrong))
    yield Entry("RS256: padded by hand, and right", OK, with_signature(_forged(key, _block(_SHA256, text))))
    yield from _pss()


def _paddings(text: bytes) -> dict[str, bytes]:
    """Return blocks that a lenient reader of PKCS 1 takes for right (Bleichenbacher 2006 and its kin)."""
    right = _block(_SHA256, text)
    digest = _SHA256 + hashlib.sha256(text).digest()
    return {
        "type 2": b"\x00\x02" + right[2:],
        "type 0": b"\x00\x00" + right[2:],
        "short, and garbage behind": (b"\x00\x01" + b"\xff" * 8 + b"\x00" + digest).ljust(256, b"\x55"),
        "a hole in the ones": right[:50] + b"\x00" + right[51:],
        "no separator": right.replace(b"\xff\x00\x30", b"\xff\xff\x30"),
        "no algorithm": b"\x00\x01" + b"\xff" * (253 - 32) + b"\x00" + hashlib.sha256(text).digest(),
        "another algorithm's name": right.replace(_SHA256[:15], _SHA256[:14] + b"\x03"),
    }


def _block(prefix: bytes, text: bytes) -> bytes:
    digest = prefix + hashlib.sha256(text).digest()
    return b"\x00\x01" + b"\xff" * (253 - len(digest)) + b"\x00" + digest


def _forged(key: Any, block: bytes) -> bytes:
    """Apply the private key to a block that no library would sign."""
    numbers = key.private_numbers()
    return pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")


def _pss() -> Iterator[Entry]:
    key, text = signing_key("open"), signing_input("PS256", "open").encode("ascii")
    mgf = padding.MGF1(hashes.SHA256())
    for name, code, wrong in (
        ("right", OK, sign(text, key, "PS256")),
        ("PKCS 1", SIGNATURE, sign(text, key, "RS256")),
        ("no salt", SIGNATURE, key.sign(text, padding.PSS(mgf, 0), hashes.SHA256())),
        ("the longest salt", SIGNATURE, key.sign(text, padding.PSS(mgf, padding.PSS.MAX_LENGTH), hashes.SHA256())),
        ("SHA-512", SIGNATURE, sign(text, key, "PS512")),
        ("MGF1 with SHA-1", SIGNATURE, key.sign(text, padding.PSS(padding.MGF1(hashes.SHA1()), 32), hashes.SHA256())),
        ("zeros", SIGNATURE, bytes(256)),
    ):
        yield Entry(f"PS256: {name}", code, with_signature(wrong, "PS256", "open"))


def _moved() -> Iterator[Entry]:
    """Yield good signatures of other texts."""
    first, second = good().split("."), good(sub="user-2").split(".")
    yield Entry("the claims of one token, the signature of another", SIGNATURE, ".".join([*first[:2], second[2]]))
    other = b64(json.dumps(HEADER | {"typ": "at+jwt"}))
    yield Entry("another header before signed claims", SIGNATURE, ".".join([other, *first[1:]]))
    detached = sign(claims_text().encode("ascii"), signing_key("k1"))
    yield Entry("signed claims, not the token", SIGNATURE, with_signature(detached))
    unencoded = sign(f"{b64(json.dumps(HEADER))}.{claims_text()}".encode("ascii"), signing_key("k1"))
    yield Entry("signed as if b64 were false", SIGNATURE, with_signature(unencoded))


ENTRIES: Final = (*_ecdsa(), *_ed25519(), *_rsa(), *_moved())
