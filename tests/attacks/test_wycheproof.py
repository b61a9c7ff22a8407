"""Project Wycheproof's JWS and JWK vectors, read from where they are: they are that project's data.

``MINDPEEKER_WYCHEPROOF`` names the directory; without it, ``../shared/vectors/wycheproof`` beside the repository is
tried.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from mindpeeker_guard import GuardError
from mindpeeker_guard._jose import decode_segment, parse
from mindpeeker_guard._json import InvalidJSONError, load_object
from mindpeeker_guard._jwks import ALGORITHMS, parse_jwks

ROOT: Final = Path(__file__).parents[2]
DIRECTORY: Final = Path(os.environ.get("MINDPEEKER_WYCHEPROOF") or ROOT.parent / "shared" / "vectors" / "wycheproof")
SIGNATURES: Final = DIRECTORY / "json_web_signature_test.json"
KEYS: Final = DIRECTORY / "json_web_key_test.json"

# Valid for Wycheproof, and refused by us, because a key is bound to its own alg: in these vectors the keys say "ES521",
# which does not exist (RFC 7518 section 3.1 has ES512), or PS256 where the token says PS384.
REFUSED: Final = {346, 347, 350, 351}
# Invalid for Wycheproof, and not to be told from a good key without a test for the weakness of 2017 (ROCA).
ROCA: Final = 7
# 372 and 373 are called valid, and have a "?" in a segment: mislabelled. 367 and 370 are called invalid for a padding
# that is not there: they are equal to 357, which is valid.
MISLABELLED: Final = {372: "invalid", 373: "invalid", 367: "valid", 370: "valid"}

pytestmark = pytest.mark.skipif(
    not (SIGNATURES.is_file() and KEYS.is_file()),
    reason="Project Wycheproof's vectors are not here: name their directory in MINDPEEKER_WYCHEPROOF",
)


def vectors(path: Path) -> list[Any]:
    """Return group and test of each vector in `path`; nothing where the file is missing."""
    groups = json.loads(path.read_text("utf-8"))["testGroups"] if path.is_file() else []
    return [
        pytest.param(group, test, id=f"{test['tcId']}: {test['comment']}")
        for group in groups
        for test in group["tests"]
    ]


def key_set(group: dict[str, Any]) -> dict[str, Any]:
    """Return the JWK set of a group."""
    given = group.get("public") or group["private"]
    return given if "keys" in given else {"keys": [given]}


def verified(text: str, document: dict[str, Any]) -> bool:
    """Tell whether `text` is a JWS by a key of `document`. Its payload may be anything, unlike that of a token."""
    try:
        raw = text.encode("utf-8")
        segments = raw.split(b".")
        header = load_object(decode_segment(segments[0]))
        if len(segments) != 3 or header.get("alg") not in ALGORITHMS:
            return False
        # The payload is put in place of a token's claims, so that `parse` has its say about the header.
        parsed = parse(b".".join((segments[0], b"e30", segments[2])))
        _ = segments[1] and decode_segment(segments[1])
        keys = parse_jwks(document, private=True).candidates(parsed.header.kid, parsed.header.alg)
        signing_input = raw[: raw.rindex(b".")]
        return any(key.verify(parsed.header.alg, signing_input, parsed.signature) for key in keys)
    except (GuardError, InvalidJSONError):
        return False


def ours(document: dict[str, Any]) -> bool:
    """Tell whether a key set has keys of a kind that this package uses."""
    return any(key.get("kty") in {"RSA", "EC", "OKP"} for key in document["keys"])


@pytest.mark.parametrize(("group", "test"), vectors(SIGNATURES))
def test_signatures(group, test):
    """
    Every valid signature in our algorithms is good, every invalid one is not, and no HMAC ever is.
    """
    document = key_set(group)
    good = test["result"] == "valid" and ours(document)

    assert (good and test["tcId"] not in REFUSED) == verified(test["jws"], document)
    if test["tcId"] in REFUSED:
        (key,) = document["keys"]
        assert verified(test["jws"], {"keys": [{name: value for name, value in key.items() if name != "alg"}]})


@pytest.mark.parametrize(("group", "test"), [v for v in vectors(SIGNATURES) if v.values[0]["comment"] == "base64"])
def test_base64(group, test):
    """
    Base64url is read in its one canonical form. (The vectors are HMACs, which are checked by hand here.)
    """
    result = MISLABELLED.get(test["tcId"], test["result"])
    secret = decode_segment(key_set(group)["keys"][0]["k"].encode("ascii"))
    try:
        *signed, signature = (decode_segment(segment) for segment in test["jws"].encode("ascii").split(b"."))
        digest = hmac.new(secret, test["jws"].rpartition(".")[0].encode("ascii"), hashlib.sha256).digest()
        good = len(signed) == 2 and hmac.compare_digest(digest, signature)
    except GuardError:
        good = False

    assert (result == "valid") == good


@pytest.mark.parametrize(("group", "test"), vectors(KEYS))
def test_keys(group, test):
    """
    Valid keys of our kinds verify; invalid ones do not, and secrets are no keys at all.
    """
    document = key_set(group)
    mixed = test["comment"] == "rejectsValid"
    good = test["tcId"] == ROCA or (test["result"] == "valid" and ours(document))

    assert good == verified(test["jws"], document)
    assert mixed or ours(document) or not parse_jwks(document).keys


def test_both_results_occur():
    """
    The vectors are no empty exercise: hundreds are refused, dozens are accepted.
    """
    results = [verified(param.values[1]["jws"], key_set(param.values[0])) for param in vectors(SIGNATURES)]

    assert 300 < results.count(False)
    assert 30 < results.count(True)
