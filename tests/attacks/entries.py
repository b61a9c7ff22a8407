"""What an entry of the corpus is, and how tokens are written that no library would write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.contract.guards import NOW, signing_key
from tests.support.tokens import b64, claims, compact, private_key, token

HEADER: Final = {"alg": "RS256", "typ": "JWT", "kid": "k1"}
GARBAGE: Final = "A" * 342
"""A signature of the right length for RSA with 2,048 bits, and of no value."""

OK: Final = None
MALFORMED: Final = "token_malformed"
REQUEST: Final = "request_invalid"
ALGORITHM: Final = "algorithm_not_allowed"
SIGNATURE: Final = "signature_invalid"
UNKNOWN: Final = "key_unknown"
CLAIM: Final = "claim_invalid"
MISSING_CLAIM: Final = "claim_missing"
TYPE: Final = "token_type_wrong"
ISSUER: Final = "issuer_mismatch"
AUDIENCE: Final = "audience_mismatch"
EXPIRED: Final = "token_expired"
IMMATURE: Final = "token_immature"
SCOPE: Final = "scope_insufficient"
BOUND: Final = "sender_constrained"


@dataclass(frozen=True)
class Entry:
    """One hostile or odd credential.

    Attributes:
        name: What is wrong with it.
        code: The code of the error that it must cause; None where it must be accepted.
        token: What follows ``Bearer``.
    """

    name: str
    code: str | None
    token: str


def good(**changes: Any) -> str:
    """Return a good token, but for the changes named."""
    return token(now=NOW, **changes)


def signed(header: bytes | str, payload: bytes | str) -> str:
    """Sign any header and payload with the issuer's key, as RS256."""
    return compact(header, payload, signing_key("k1"))


def unsigned(header: bytes | str, payload: bytes | str) -> str:
    """Put a worthless signature behind any header and payload."""
    return f"{b64(header)}.{b64(payload)}.{GARBAGE}"


def header_text(**raw: str) -> str:
    """Return a good header as JSON, with members given as JSON text; one given as an empty text is left out."""
    return _text(HEADER, raw)


def claims_text(**raw: str) -> str:
    """Return good claims as JSON, with members given as JSON text; one given as an empty text is left out."""
    return _text(claims(NOW), raw)


def _text(members: dict[str, Any], raw: dict[str, str]) -> str:
    texts = {name: json.dumps(value) for name, value in members.items()} | raw
    return "{" + ", ".join(f'"{name}": {text}' for name, text in texts.items() if text) + "}"


def with_header(text: str) -> str:
    """Return a signed token with this header."""
    return signed(text, claims_text())


def with_claims(text: str | bytes) -> str:
    """Return a signed token with these claims."""
    return signed(header_text(), text)


def with_signature(raw: bytes, alg: str = "RS256", kid: str = "k1") -> str:
    """Return good claims with a signature given as bytes."""
    return f"{signing_input(alg, kid)}.{b64(raw)}"


def signing_input(alg: str = "RS256", kid: str = "k1") -> str:
    """Return what is signed for good claims."""
    return f"{b64(json.dumps(HEADER | {'alg': alg, 'kid': kid}))}.{b64(claims_text())}"


def attacker_key(kind: str = "RS256") -> Any:
    """Return a key that the issuer does not publish."""
    return private_key("attacker", kind)
