"""The form of a token: segments, base64url, size, and what is no compact JWS at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from tests.attacks.entries import GARBAGE, MALFORMED, OK, REQUEST, SIGNATURE, Entry, good, header_text, unsigned
from tests.contract.cases_tokens import sized
from tests.support.tokens import b64

GOOD: Final = good()
_HEADER, _CLAIMS, _SIGNATURE = GOOD.split(".")
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _segments() -> Iterator[Entry]:
    for name, text in {
        "one": _HEADER,
        "two": f"{_HEADER}.{_CLAIMS}",
        "four": f"{GOOD}.{_SIGNATURE}",
        "five": f"{GOOD}.AAAA.AAAA",
        "six": f"{GOOD}.AAAA.AAAA.AAAA",
        "no header": f".{_CLAIMS}.{_SIGNATURE}",
        "no claims": f"{_HEADER}..{_SIGNATURE}",
        "no signature": f"{_HEADER}.{_CLAIMS}.",
        "dot in front": f".{GOOD}",
        "dot behind": f"{GOOD}.",
        "two dots": "..",
        "three dots": "...",
        "one dot": ".",
        "only dots, as many as allowed": "." * 16_384,
        "two tokens, joined by a dot": f"{GOOD}.{GOOD}",
        "claims first": f"{_CLAIMS}.{_HEADER}.{_SIGNATURE}",
        "signature first": f"{_SIGNATURE}.{_CLAIMS}.{_HEADER}",
    }.items():
        yield Entry(f"segments: {name}", MALFORMED, text)


def _base64() -> Iterator[Entry]:
    for place, name in enumerate(("header", "claims", "signature")):
        for what, code, alter in (
            ("a plus", MALFORMED, lambda text: f"+{text[1:]}"),
            ("a slash", MALFORMED, lambda text: f"/{text[1:]}"),
            ("a tilde", MALFORMED, lambda text: f"{text[:9]}~{text[10:]}"),
            ("a length that cannot be", MALFORMED, lambda text: text + "A" * ((5 - len(text)) % 4)),
            ("a blank", REQUEST, lambda text: f"{text[:9]} {text[9:]}"),
            ("a line break", REQUEST, lambda text: f"{text[:9]}\n{text[9:]}"),
            ("a carriage return", REQUEST, lambda text: f"{text[:9]}\r\n{text[9:]}"),
            ("a NUL", REQUEST, lambda text: f"{text[:9]}\x00{text[9:]}"),
            ("a percent sign", REQUEST, lambda text: f"{text[:9]}%41{text[9:]}"),
            ("a letter beyond ASCII", REQUEST, lambda text: f"{text[:9]}\xe9{text[9:]}"),
            ("a letter beyond latin-1", REQUEST, lambda text: f"{text[:9]}\u0410{text[9:]}"),
            ("a full-width letter", REQUEST, lambda text: f"{text[:9]}\uff21{text[9:]}"),
            ("padding inside", REQUEST, lambda text: f"{text[:9]}={text[9:]}"),
        ):
            segments = [_HEADER, _CLAIMS, _SIGNATURE]
            segments[place] = alter(segments[place])
            yield Entry(f"{name}: {what}", code, ".".join(segments))
    for size in ("=", "==", "==="):
        yield Entry(f"padded at its end: {size}", MALFORMED, GOOD + size)
        yield Entry(f"padded after the header: {size}", REQUEST, f"{_HEADER}{size}.{_CLAIMS}.{_SIGNATURE}")
        yield Entry(f"padded after the claims: {size}", REQUEST, f"{_HEADER}.{_CLAIMS}{size}.{_SIGNATURE}")


def _unused_bits() -> Iterator[Entry]:
    """Yield other ways to write the same bytes: lenient decoders drop the bits that are left over."""
    yield Entry("unused bits in the signature", MALFORMED, f"{_HEADER}.{_CLAIMS}.{_noncanonical(_SIGNATURE)}")
    for blanks in range(3):
        header = b64(header_text() + " " * blanks)
        if len(header) % 4:
            yield Entry(f"unused bits in the header, {blanks}", MALFORMED, f"{_noncanonical(header)}.e30.{GARBAGE}")
            yield Entry(
                f"unused bits in the claims, {blanks}", MALFORMED, f"{_HEADER}.{_noncanonical(header)}.{GARBAGE}"
            )


def _noncanonical(segment: str) -> str:
    assert len(segment) % 4
    return segment[:-1] + _ALPHABET[_ALPHABET.index(segment[-1]) + 1]


def _sizes() -> Iterator[Entry]:
    yield Entry("as long as allowed", OK, sized(16 * 1024))
    yield Entry("a character too long", MALFORMED, sized(16 * 1024 + 1))
    yield Entry("1 MiB of claims, signed", MALFORMED, good(x="x" * 2**20))
    yield Entry("1 MiB of one letter", MALFORMED, "A" * 2**20)
    yield Entry("1 MiB of dots", MALFORMED, "." * 2**20)
    yield Entry("1 MiB of three segments", MALFORMED, f"{_HEADER}.{'A' * 2**20}.{GARBAGE}")
    yield Entry("1 MiB beyond latin-1", MALFORMED, "\u0410" * 2**20)
    yield Entry("a signature of 12,000 characters", SIGNATURE, f"{_HEADER}.{_CLAIMS}.{'A' * 12_000}")


def _other_formats() -> Iterator[Entry]:
    flat = {"payload": _CLAIMS, "protected": _HEADER, "signature": _SIGNATURE}
    general = {"payload": _CLAIMS, "signatures": [{"protected": _HEADER, "signature": _SIGNATURE}]}
    mixed = f'{{"{GOOD}":"", "payload":"{_CLAIMS}"}}'
    for name, text in {
        "flattened JSON": json.dumps(flat),
        "general JSON": json.dumps(general),
        "JSON and compact in one": mixed,
        "JSON without blanks": json.dumps(flat, separators=(",", ":")),
        "two tokens, joined by a comma": f"{GOOD},{GOOD}",
        "a token in angle brackets": f"<{GOOD}>",
        "a URL": f"https://attacker.example/?t={GOOD}",
        "XML": '<?xml version="1.0"?><a/>',
    }.items():
        yield Entry(f"format: {name}", REQUEST, text)
    jwe = b64('{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}')
    pbes = b64('{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2c":2147483647}')
    for name, text in {
        "encrypted": f"{jwe}.{'A' * 342}.AAAAAAAAAAAAAAAA.{'A' * 400}.AAAAAAAAAAAAAAAAAAAAAA",
        "encrypted with a password, costly": f"{pbes}.{'A' * 54}.AAAAAAAAAAAAAAAA.{'A' * 400}.AAAAAAAAAAAAAAAAAAAAAA",
        "encrypted directly": f"{jwe}..AAAAAAAAAAAAAAAA.{'A' * 400}.AAAAAAAAAAAAAAAAAAAAAA",
        "JSON in base64url": b64(json.dumps(general)),
        "SD-JWT": f"{GOOD}~WyJzYWx0IiwiYSIsMV0~",
        "PASETO": f"v4.public.{'A' * 86}",
        "opaque": "mF_9.B5f-4.1JqM",
        "a UUID": "0e2f2f6e-6b7d-4b59-9c44-1f6ae9b0d1a3",
        "Basic's user and password": "dXNlcjpwYXNzd29yZA",
        "a macaroon": "MDAxY2xvY2F0aW9uIGh0dHBzOi8v",
    }.items():
        yield Entry(f"format: {name}", MALFORMED, text)


_CONTROL: Final = (
    Entry("a good token", OK, GOOD),
    Entry("a good header and claims, and a worthless signature", SIGNATURE, f"{_HEADER}.{_CLAIMS}.{GARBAGE}"),
    Entry("a header that is no JSON, claims that are none", MALFORMED, unsigned("header", "claims")),
)

ENTRIES: Final = (*_CONTROL, *_segments(), *_base64(), *_unused_bits(), *_sizes(), *_other_formats())
