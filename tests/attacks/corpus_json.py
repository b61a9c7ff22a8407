"""JSON that two readers could read differently, or that is no object: in the header and in the claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.attacks.entries import (
    ALGORITHM,
    CLAIM,
    MALFORMED,
    MISSING_CLAIM,
    OK,
    Entry,
    claims_text,
    header_text,
    signed,
    unsigned,
    with_claims,
    with_header,
)
from tests.support.tokens import b64

# Texts that are no JSON object, or not in UTF-8, or only for lenient readers.
_NO_OBJECT: Final[dict[str, bytes]] = {
    "blank": b" ",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a string": b'"x"',
    "an array": b"[]",
    "an array of an object": b"[{}]",
    "two objects": b"{}{}",
    "an object cut short": b'{"alg":"RS256"',
    "words behind": b"{} x",
    "a NUL behind": b"{}\x00",
    "a comma too many": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "a name without quotes": b"{a:1}",
    "a comment": b"{/* */}",
    "a raw line break in a string": b'{"a":"\n"}',
    "a name that is a number": b"{1:1}",
    "not UTF-8": b'{"a":"\xff"}',
    "latin-1": b'{"a":"\xe9"}',
    "UTF-8 in a form too long": b'{"a":"\xc0\xaf"}',
    "UTF-8 cut short": b'{"a":"\xe2\x82"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "gzip": b"\x1f\x8b\x08\x00",
    "3,000 deep": b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}",
    # As a header it fits into 16 KiB; claims of this size make the token too long, which is refused as well.
    "12,000 deep, not closed": b"[" * 12_000,
    "11,800 deep, not closed": b"[" * 11_800,
    "1,000 objects deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
}
# JSON values that no claim and no header member may hold.
_BAD_VALUES: Final[dict[str, str]] = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "1e400": "1e400",
    "-1e400": "-1e400",
    "1e400 in a list": "[1e400]",
    "an integer of 5,000 digits": "1" * 5000,
    "a number with a zero in front": "01",
    "a hexadecimal number": "0x1",
    "a lone high surrogate": '"\\ud800"',
    "a lone low surrogate": '"\\udc00"',
    "surrogates in the wrong order": '"\\udc00\\ud800"',
    "a name with a lone surrogate": '{"\\ud800": 1}',
    "a name twice in an object": '{"a": 1, "a": 2}',
    "a name twice in an object in a list": '[{"a": 1, "a": 1}]',
    "nested one too deep": "[" * 32 + "]" * 32,
}
_FINE_VALUES: Final[dict[str, str]] = {
    "10^400": "1" + "0" * 400,
    "1e-400": "1e-400",
    "a pair of surrogates": '"\\ud83d\\ude00"',
    "nested as deep as allowed": "[" * 31 + "]" * 31,
    "a backslash before u": '"\\\\ud800"',
    "one name in two objects": '[{"a": 1}, {"a": 1}]',
}


def _texts() -> Iterator[Entry]:
    for name, text in _NO_OBJECT.items():
        yield Entry(f"header: {name}", MALFORMED, unsigned(text, "{}"))
        yield Entry(f"claims: {name}", MALFORMED, unsigned(header_text(), text))
        if len(text) < 8000:
            yield Entry(f"header, signed: {name}", MALFORMED, signed(text, claims_text()))
            yield Entry(f"claims, signed: {name}", MALFORMED, with_claims(text))


def _encodings() -> Iterator[Entry]:
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp037"):
        header, payload = (text.encode(encoding) for text in (header_text(), claims_text()))
        yield Entry(f"header in {encoding}", MALFORMED, signed(header, claims_text()))
        yield Entry(f"claims in {encoding}", MALFORMED, signed(header_text(), payload))


def _values() -> Iterator[Entry]:
    for name, value in _BAD_VALUES.items():
        yield Entry(f"header member: {name}", MALFORMED, with_header(header_text(x=value)))
        yield Entry(f"unused claim: {name}", MALFORMED, with_claims(claims_text(x=value)))
        yield Entry(f"unused claim, not signed: {name}", MALFORMED, unsigned(header_text(), claims_text(x=value)))
    for name, value in _FINE_VALUES.items():
        yield Entry(f"header member: {name}", OK, with_header(header_text(x=value)))
        yield Entry(f"unused claim: {name}", OK, with_claims(claims_text(x=value)))


def _twice() -> Iterator[Entry]:
    for name, member in {
        "alg": '"alg": "RS256"',
        "alg, another": '"alg": "none"',
        "alg, written otherwise": '"\\u0061lg": "RS256"',
        "kid": '"kid": "k1"',
        "typ": '"typ": "at+jwt"',
    }.items():
        yield Entry(f"header twice: {name}", MALFORMED, with_header(f"{{{member}, {header_text()[1:]}"))
    for name, member in {
        "exp": '"exp": 1',
        "exp, equal": '"exp": 1700003600',
        "iss": '"iss": "https://attacker.example"',
        "aud": '"aud": "https://attacker.example"',
        "sub": '"sub": "admin"',
        "sub, written otherwise": '"\\u0073ub": "admin"',
        "scope": '"scope": "remote-viewing:admin"',
    }.items():
        yield Entry(f"claims twice: {name}", MALFORMED, with_claims(f"{{{member}, {claims_text()[1:]}"))
        yield Entry(f"claims twice, last: {name}", MALFORMED, with_claims(f"{claims_text()[:-1]}, {member}}}"))


# JSON values of every type but the one that is right.
_NUMBER: Final = {"1": "1", "1.5": "1.5"}
_OTHERS: Final = {"true": "true", "null": "null", "a list": "[]", "an object": "{}"}


def _types() -> Iterator[Entry]:
    for member, right in {"alg": "RS256", "kid": "k1", "typ": "JWT"}.items():
        values = _NUMBER | _OTHERS | {"a list of it": f'["{right}"]', "an object with it": f'{{"{member}": "{right}"}}'}
        for name, value in values.items():
            yield Entry(f"header: {member} is {name}", MALFORMED, with_header(header_text(**{member: value})))
            text = header_text(**{member: value})
            yield Entry(f"header, not signed: {member} is {name}", MALFORMED, unsigned(text, claims_text()))
    strings = {"a string": '"exp"', "a list of exp": '["exp"]', "a list of b64": '["b64"]', "false": "false"}
    for member in ("crit", "b64"):
        for name, value in (_NUMBER | _OTHERS | strings).items():
            yield Entry(f"header: {member} is {name}", MALFORMED, with_header(header_text(**{member: value})))
    for member in ("jku", "jwk", "x5u", "x5c", "x5t", "cty", "zip", "epk", "p2c", "enc"):
        for name, value in (_NUMBER | _OTHERS).items():
            yield Entry(f"header: {member} is {name}, and ignored", OK, with_header(header_text(**{member: value})))


_SINGLE: Final = (
    Entry("header without members", MALFORMED, signed("{}", claims_text())),
    Entry("header without alg", MALFORMED, with_header(header_text(alg=""))),
    Entry("header with an empty alg", ALGORITHM, with_header(header_text(alg='""'))),
    Entry("claims without members", MISSING_CLAIM, with_claims("{}")),
    Entry("exp of 401 digits", CLAIM, with_claims(claims_text(exp="1" + "0" * 400))),
    Entry("exp of minus 401 digits", CLAIM, with_claims(claims_text(exp="-1" + "0" * 400))),
    Entry("exp of 5,000 digits", MALFORMED, with_claims(claims_text(exp="1" * 5000))),
    Entry("claims with white space", OK, with_claims("\r\n\t " + claims_text() + "\n")),
    Entry("header with white space", OK, with_header("\r\n\t " + header_text() + "\n")),
    Entry("claims in raw UTF-8", OK, with_claims(claims_text(name='"Žižek 😀"').encode("utf-8"))),
    Entry("claims as base64url of base64url", MALFORMED, with_claims(b64(claims_text()))),
    Entry("claims as a JSON string of JSON", MALFORMED, with_claims('"{}"')),
)

ENTRIES: Final = (*_texts(), *_encodings(), *_values(), *_twice(), *_types(), *_SINGLE)
