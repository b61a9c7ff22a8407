"""What comes as an API key: nearly keys, keys of others, and what other fields of the trade are attacked with."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from tests.attacks.entries import OK, REQUEST, Entry, good
from tests.contract.keyring import keyring, sealed

KEYS: Final = keyring()
GOOD: Final = KEYS["good"]
INVALID: Final = "api_key_invalid"
EXPIRED: Final = "api_key_expired"
REVOKED: Final = "api_key_revoked"
_BODY: Final = GOOD[:-6]
_ID: Final = GOOD.split("_")[2]
_SECRET: Final = GOOD[-38:-6]


def _accepted() -> Iterator[Entry]:
    for name, text in {
        "good": GOOD,
        "blank in front": f" {GOOD}",
        "tab behind": f"{GOOD}\t",
        "rotated, in the overlap": KEYS["overlapping"],
        "the successor": KEYS["successor"],
        "a moment before its end": KEYS["reader"],
    }.items():
        yield Entry(f"key: {name}", OK, text)


def _states() -> Iterator[Entry]:
    yield Entry("key: revoked", REVOKED, KEYS["revoked"])
    yield Entry("key: rotated, after the overlap", EXPIRED, KEYS["rotated"])
    for state in ("revoked", "rotated", "overlapping", "down"):
        other = sealed(KEYS[state][:-38] + _SECRET)
        # Where the store cannot be asked about an id, nothing can be said about its secret.
        code = "store_unavailable" if state == "down" else INVALID
        yield Entry(f"key: {state}, with the secret of a good one", code, other)


def _forged() -> Iterator[Entry]:
    for name, body in {
        "secret of zeros": f"mp_live_{_ID}_{'0' * 32}",
        "first character of the secret": f"mp_live_{_ID}_{'0' if _SECRET[0] != '0' else '1'}{_SECRET[1:]}",
        "last character of the secret": f"mp_live_{_ID}_{_SECRET[:-1]}{'0' if _SECRET[-1] != '0' else '1'}",
        "secret reversed": f"mp_live_{_ID}_{_SECRET[::-1]}",
        "secret in another case": f"mp_live_{_ID}_{_SECRET.swapcase()}",
        "id in another case": f"mp_live_{_ID.swapcase()}_{_SECRET}",
        "id as the secret": f"mp_live_{_ID}_{_ID * 2}",
        "an id that does not exist": f"mp_live_{'Z' * 16}_{_SECRET}",
        "the environment of others": f"mp_test_{_ID}_{_SECRET}",
        "an environment that does not exist": f"mp_prod_{_ID}_{_SECRET}",
        "the environment in capitals": f"mp_LIVE_{_ID}_{_SECRET}",
        "no environment": f"mp__{_ID}_{_SECRET}",
        "another prefix": f"sk_live_{_ID}_{_SECRET}",
        "an id too short": f"mp_live_{_ID[:-1]}_{_SECRET}",
        "an id too long": f"mp_live_{_ID}0_{_SECRET}",
        "a secret too short": f"mp_live_{_ID}_{_SECRET[:-1]}",
        "a secret too long": f"mp_live_{_ID}_{_SECRET}0",
        "no secret": f"mp_live_{_ID}_",
        "no id": f"mp_live__{_SECRET}",
        "parts in another order": f"mp_live_{_SECRET}_{_ID}",
        "one part more": f"mp_live_{_ID}_{_SECRET}_0",
        "a wildcard for an id": f"mp_live_{'%' * 16}_{_SECRET}",
        "underscores for an id": f"mp_live_{'_' * 16}_{_SECRET}",
        "SQL for an id": f"mp_live_' OR 'a'='a' _{_SECRET}",
        "a path for an id": f"mp_live_../../../../etc/_{_SECRET}",
    }.items():
        yield Entry(f"forged, with its checksum: {name}", INVALID, sealed(body))


def _checksums() -> Iterator[Entry]:
    other = sealed(_BODY[:-1] + ("0" if _BODY[-1] != "0" else "1"))[-6:]
    for name, text in {
        "none": _BODY,
        "zeros": f"{_BODY}000000",
        "of another key": _BODY + other,
        "reversed": _BODY + GOOD[-6:][::-1],
        "in another case": _BODY + GOOD[-6:].swapcase(),
        "too short": GOOD[:-1],
        "too long": f"{GOOD}0",
        "twice": GOOD + GOOD[-6:],
        "as a number": f"{_BODY}-00001",
        "beyond base62": f"{_BODY}+/+/+/",
    }.items():
        if text != GOOD:
            yield Entry(f"checksum: {name}", INVALID, text)


def _written() -> Iterator[Entry]:
    for name, text in {
        "in capitals": GOOD.upper(),
        "in small letters": GOOD.lower(),
        "percent-encoded": quote(GOOD, safe="").replace("_", "%5F"),
        "in base64": base64.b64encode(GOOD.encode()).decode(),
        "in quotes": f'"{GOOD}"',
        "in brackets": f"[{GOOD}]",
        "as JSON": '{"key":"' + GOOD + '"}',
        "as an assignment": f"key={GOOD}",
        "with a scheme": f"Bearer {GOOD}",
        "twice": GOOD + GOOD,
        "with a blank inside": f"{_BODY[:20]} {GOOD[20:]}",
        "with a NUL behind": f"{GOOD}\x00",
        "with a NUL inside": f"{GOOD[:30]}\x00{GOOD[30:]}",
        "with a semicolon": f"{GOOD};{GOOD}",
        "with a no-break space in front": f"\xa0{GOOD}",
        "with a soft hyphen inside": f"{GOOD[:30]}\xad{GOOD[30:]}",
        "with a next-line character": f"{GOOD}\x85",
        "as a formula": f"={GOOD}",
        "as a template": "{{" + GOOD + "}}",
        "as a token": good(),
        "as a look-up": "${jndi:ldap://mp_live_example.invalid/x}",
        "as markup": f"<script>{GOOD}</script>",
        "as a number": "0",
        "as null": "null",
        "as the prefix alone": "mp_live_",
        "underscores": "_" * 67,
        "as long as a key": "x" * len(GOOD),
        "ten thousand letters": "k" * 10_240,
        "ten thousand underscores": "_" * 10_240,
        "a key and ten thousand zeros": GOOD + "0" * 10_240,
    }.items():
        yield Entry(f"written: {name}", INVALID, text)


def _requests() -> Iterator[Entry]:
    for name, text in {
        "empty": "",
        "blank": " \t ",
        "two": f"{GOOD}, {GOOD}",
        "two, without a blank": f"{GOOD},{KEYS['successor']}",
        "a comma behind": f"{GOOD},",
        "a comma in front": f",{GOOD}",
        "a comma alone": ",",
    }.items():
        yield Entry(f"header: {name}", REQUEST, text)


def _beyond_latin_1() -> Iterator[Entry]:
    for name, text in {
        "full width": "".join(chr(ord(c) + 0xFEE0) for c in GOOD),
        "Cyrillic look-alike": GOOD.replace("e", "\u0435", 1),
        "Arabic digits": "mp_live_" + "\u0660" * 16 + "_" + "\u0661" * 38,
        "a lone surrogate": f"{GOOD[:-1]}\ud800",
        "a zero-width space": f"{GOOD}\u200b",
        "a line separator": f"{GOOD}\u2028",
        "the long s": GOOD.replace("s", "\u017f") + "\u017f",
        "the Kelvin sign": GOOD[:-1] + "\u212a",
    }.items():
        yield Entry(f"beyond latin-1: {name}", INVALID, text)


ENTRIES: Final = (
    *_accepted(),
    *_states(),
    *_forged(),
    *_checksums(),
    *_written(),
    *_requests(),
    *_beyond_latin_1(),
)
