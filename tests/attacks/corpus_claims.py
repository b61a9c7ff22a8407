"""Claims of the wrong type or value, all of them correctly signed by the issuer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from tests.attacks.entries import (
    AUDIENCE,
    BOUND,
    CLAIM,
    EXPIRED,
    IMMATURE,
    ISSUER,
    MALFORMED,
    MISSING_CLAIM,
    OK,
    SCOPE,
    TYPE,
    Entry,
    claims_text,
    good,
    header_text,
    unsigned,
    with_claims,
)
from tests.contract.guards import NOW
from tests.support.tokens import AUDIENCE as API
from tests.support.tokens import ISSUER as AUTH

_ANY: Final = {"true": "true", "false": "false", "null": "null", "a list": "[]", "an object": "{}"}
_NUMBERS: Final = {"zero": "0", "one": "1", "a float": "1.5"}
_TIMES: Final = {
    "a string": f'"{NOW + 3600}"',
    "a string with underscores": '"9_999_999_999"',
    "a string with a blank": f'" {NOW + 3600}"',
    "Arabic digits": '"\u0661\u0667\u0660\u0660\u0660\u0660\u0663\u0666\u0660\u0660"',
    "an ISO date": '"2033-05-18T03:33:20Z"',
    "a list of it": f"[{NOW + 3600}]",
    "milliseconds": str((NOW + 3600) * 1000),
    "the year 10000": "253402300800",
    "1e300": "1e300",
    "an empty string": '""',
}


def _times() -> Iterator[Entry]:
    for claim in ("exp", "nbf", "iat"):
        for name, value in (_ANY | _TIMES).items():
            yield Entry(f"{claim} is {name}", CLAIM, with_claims(claims_text(**{claim: value})))
        for name in ("NaN", "Infinity", "-Infinity", "1e400"):
            yield Entry(f"{claim} is {name}", MALFORMED, with_claims(claims_text(**{claim: name})))
    for name, value in {
        "-1": "-1",
        "0": "0",
        "-0.0": "-0.0",
        "long ago": "-99999999999",
        "just now": str(NOW - 30),
    }.items():
        yield Entry(f"exp is {name}", EXPIRED, with_claims(claims_text(exp=value)))
        yield Entry(f"nbf is {name}", OK, with_claims(claims_text(nbf=value)))
        yield Entry(f"iat is {name}", OK, with_claims(claims_text(iat=value)))
    for name, value in {
        "a float": f"{NOW}.25",
        "with an exponent": "1.7000036e9",
        "the year 9999": "253402300799",
    }.items():
        yield Entry(f"exp is {name}, and good", OK, with_claims(claims_text(exp=value)))
    yield Entry("exp of another case", MISSING_CLAIM, with_claims(claims_text(exp="", EXP="9999999999")))
    yield Entry(
        "exp with a blank in its name", MISSING_CLAIM, with_claims(claims_text(exp="", **{"exp ": "9999999999"}))
    )
    yield Entry("nbf is far away", IMMATURE, with_claims(claims_text(nbf="253402300799")))
    yield Entry("expired, not signed", EXPIRED, unsigned(header_text(), claims_text(exp="1")))


def _issuers() -> Iterator[Entry]:
    for name, value in (_ANY | _NUMBERS).items():
        yield Entry(f"iss is {name}", ISSUER, with_claims(claims_text(iss=value)))
    for name, text in _near(AUTH).items():
        yield Entry(f"iss is {name}", ISSUER, good(iss=text))
    yield Entry("iss is a list with it", ISSUER, good(iss=[AUTH]))
    yield Entry("iss is a list with it and another", ISSUER, good(iss=["https://attacker.example", AUTH]))
    yield Entry("iss is an object with it", ISSUER, good(iss={AUTH: AUTH}))


def _audiences() -> Iterator[Entry]:
    for name, value in (_ANY | _NUMBERS).items():
        code = AUDIENCE if name == "a list" else CLAIM
        yield Entry(f"aud is {name}", code, with_claims(claims_text(aud=value)))
    for name, text in _near(API).items():
        yield Entry(f"aud is {name}", AUDIENCE, good(aud=text))
        yield Entry(f"aud is a list of {name}", AUDIENCE, good(aud=[text]))
    yield Entry("aud is an object with it", CLAIM, good(aud={API: API}))
    yield Entry("aud is a list of a list of it", CLAIM, good(aud=[[API]]))
    yield Entry("aud is a list of it and null", CLAIM, good(aud=[API, None]))
    yield Entry("aud is a list of it and a number", CLAIM, good(aud=[API, 1]))
    yield Entry("aud is a list of its letters", AUDIENCE, good(aud=list(API)))
    yield Entry("aud is a list of it, twice", OK, good(aud=[API, API]))


def _near(text: str) -> dict[str, str]:
    """Return strings that a careless comparison takes for `text`."""
    return {
        "an empty string": "",
        "a slash too long": f"{text}/",
        "a letter too short": text[:-1],
        "continued": f"{text}.attacker.example",
        "the end of another": f"https://attacker.example?{text}",
        "one of several": f"{text} https://attacker.example",
        "one of several, with a comma": f"{text},https://attacker.example",
        "in capitals": text.upper(),
        "with a capital scheme": text.replace("https", "HTTPS"),
        "without TLS": text.replace("https", "http"),
        "with its port": f"{text}:443",
        "with a user": text.replace("//", "//user@"),
        "with a blank": f"{text} ",
        "with a line break": f"{text}\n",
        "with a NUL": f"{text}\x00",
        "with a Cyrillic letter": text.replace("p", "\u0440"),
        "full width": text.replace("h", "\uff48"),
        "a pattern": "https://*.mindpeeker.com",
        "a wildcard": "*",
    }


def _scopes() -> Iterator[Entry]:
    read = "remote-viewing:read"
    for claim in ("scope", "scp"):
        absent = {"scope": ""}
        for name, value in (_ANY | _NUMBERS).items():
            code = SCOPE if name == "a list" else CLAIM
            yield Entry(f"{claim} is {name}", code, with_claims(claims_text(**(absent | {claim: value}))))
        for name, shape in {
            "an object with it": {read: True},
            "a list of a list": [[read]],
            "a list with null": [read, None],
            "a list with a number": [read, 7],
            "a list with an object": [{"scope": read}],
        }.items():
            yield Entry(f"{claim} is {name}", CLAIM, with_claims(claims_text(**(absent | {claim: json.dumps(shape)}))))
    for name, text in {
        "in capitals": read.upper(),
        "in full width": read.replace("r", "\uff52"),
        "with a NUL": f"{read}\x00",
        "behind a tab": f"email\t{read}",
        "behind a line separator": f"email\u2028{read}",
        "behind an ideographic space": f"email\u3000{read}",
        "in quotes": f'"{read}"',
        "a wildcard": "remote-viewing:*",
        "admin": "admin",
    }.items():
        yield Entry(f"scope is {name}", SCOPE, good(scope=text))
    yield Entry("scope of 1,000 words", OK, good(scope=" ".join([read, *(f"s{n}" for n in range(1000))])))


def _others() -> Iterator[Entry]:
    strings = (_ANY | _NUMBERS) | {"a list of it": '["user-1"]', "an object with it": '{"sub": "user-1"}'}
    for claim in ("sub", "client_id", "jti"):
        for name, value in strings.items():
            yield Entry(f"{claim} is {name}", CLAIM, with_claims(claims_text(**{claim: value})))
    for claim in ("azp", "cid", "appid"):
        yield Entry(f"{claim} is a number", CLAIM, with_claims(claims_text(client_id="", **{claim: "1"})))
    for name, value in (_ANY | _NUMBERS | {"a string": '"x"', "a thumbprint": '{"jkt": "x"}'}).items():
        yield Entry(f"cnf is {name}", BOUND, with_claims(claims_text(cnf=value)))
    for claim in ("nonce", "at_hash", "c_hash"):
        for name, value in {"a string": '"x"', "null": "null", "false": "false"}.items():
            yield Entry(f"{claim} is {name}", TYPE, with_claims(claims_text(**{claim: value})))
    for typ in (
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "id_token",
        "at+jwt ",
        "application/jwt",
        "JWT\x00",
        "jwt,at+jwt",
    ):
        yield Entry(f"typ is {typ!r}", TYPE, good(header={"typ": typ}))
    yield Entry("sub is the longest there can be", OK, good(sub="x" * 8000))
    yield Entry("sub is empty", OK, good(sub=""))


ENTRIES: Final = (*_times(), *_issuers(), *_audiences(), *_scopes(), *_others())
