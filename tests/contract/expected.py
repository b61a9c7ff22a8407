"""What a caller sees, spelled out: nothing here is taken from the package under test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

COMPARED: Final = (
    "www-authenticate",
    "content-type",
    "cache-control",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
)
TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    429: "Too Many Requests",
    503: "Service Unavailable",
}

# Code: status, error of RFC 6750 or RFC 9470, and the sentence for the client.
SENTENCES: Final[Mapping[str, tuple[int, str | None, str]]] = {
    "credentials_missing": (401, None, "This resource needs a credential."),
    "request_invalid": (400, "invalid_request", "The request must carry exactly one well-formed credential."),
    "token_malformed": (401, "invalid_token", "The access token is malformed."),
    "algorithm_not_allowed": (
        401,
        "invalid_token",
        "The access token is signed with an algorithm that is not accepted.",
    ),
    "token_type_wrong": (401, "invalid_token", "This kind of token is not accepted here."),
    "signature_invalid": (401, "invalid_token", "The access token's signature is not valid."),
    "key_unknown": (
        401,
        "invalid_token",
        "The access token is signed with a key that the issuer does not publish.",
    ),
    "token_expired": (401, "invalid_token", "The access token has expired."),
    "token_immature": (401, "invalid_token", "The access token is not valid yet."),
    "issuer_mismatch": (401, "invalid_token", "The access token comes from another issuer."),
    "audience_mismatch": (401, "invalid_token", "The access token is not meant for this API."),
    "claim_missing": (401, "invalid_token", "The access token lacks a required claim."),
    "claim_invalid": (401, "invalid_token", "The access token has a claim of the wrong type."),
    "sender_constrained": (
        401,
        "invalid_token",
        "The access token is bound to a key and cannot be used as a bearer token.",
    ),
    "token_revoked": (401, "invalid_token", "The access token has been revoked."),
    "step_up_required": (
        401,
        "insufficient_user_authentication",
        "A more recent or stronger sign-in is needed.",
    ),
    "scope_insufficient": (403, "insufficient_scope", "The credential lacks a scope that this resource needs."),
    "scheme_not_accepted": (401, None, "This resource does not accept this kind of credential."),
    "api_key_invalid": (401, "invalid_token", "The API key is not valid."),
    "api_key_expired": (401, "invalid_token", "The API key has expired."),
    "api_key_revoked": (401, "invalid_token", "The API key was revoked."),
    "store_unavailable": (503, None, "Access cannot be checked at the moment."),
    "keys_unavailable": (503, None, "Access cannot be checked at the moment."),
}


@dataclass(frozen=True)
class Expected:
    """The answer that every carrier must give.

    Attributes:
        status: The HTTP status.
        headers: The headers that are compared, with small letters; one that is not named must be absent.
        body: All of it.
        runs: Whether the view runs.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    runs: bool


BEARER: Final = ("Bearer",)


def refused(
    code: str, *needed: str, realm: str = '"mindpeeker"', schemes: Iterable[str] = BEARER, **parameters: str
) -> Expected:
    """Return the refusal with this code; `needed` are the scopes that a 403 names, `parameters` come last."""
    status, error, sentence = SENTENCES[code]
    body: dict[str, Any] = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": sentence}
    challenge = f" realm={realm}"
    if error is not None:
        body |= {"error": error, "error_description": sentence}
        challenge += f', error="{error}", error_description="{sentence}"'
    if needed:
        body["required_scopes"] = list(needed)
        challenge += f', scope="{" ".join(needed)}"'
    challenge += "".join(f', {name}="{value}"' for name, value in parameters.items())
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    challenges = ", ".join(f"{scheme}{challenge}" for scheme in schemes)
    headers |= {"retry-after": "7"} if status == 503 else {"www-authenticate": challenges}
    return Expected(status, headers, json.dumps(body, separators=(",", ":")).encode("ascii"), runs=False)


def allowed(
    *scopes: str,
    sub: str | None = "user-1",
    client_id: str | None = "client-1",
    also: Iterable[str] = (),
    scheme: str = "Bearer",
) -> Expected:
    """Return the answer of the view to a caller with `scopes`, and `also` those that these imply."""
    facts = {"client_id": client_id, "scheme": scheme, "scopes": sorted({*scopes, *also}), "sub": sub}
    body = json.dumps(facts, sort_keys=True, separators=(",", ":")).encode("ascii")
    return Expected(200, {"content-type": "application/json"}, body, runs=True)


def too_fast(name: str, amount: int, window: int, wait: int) -> Expected:
    """Return the refusal of a request whose budget `name` is used up for `wait` seconds."""
    detail = "Too many requests."
    body = {"type": "about:blank", "title": TITLES[429], "status": 429, "detail": detail, "violated-policies": [name]}
    headers = {
        "content-type": "application/problem+json",
        "cache-control": "no-store",
        "retry-after": str(wait),
        "ratelimit-policy": f'"{name}";q={amount};w={window}',
        "ratelimit": f'"{name}";r=0;t={wait}',
    }
    return Expected(429, headers, json.dumps(body, separators=(",", ":")).encode("ascii"), runs=False)


def counted(expected: Expected, name: str, amount: int, window: int, remaining: int) -> Expected:
    """Return `expected` with the headers that tell what is left of the budget `name`."""
    state = {
        "ratelimit-policy": f'"{name}";q={amount};w={window}',
        "ratelimit": f'"{name}";r={remaining};t={window}',
    }
    return Expected(expected.status, {**expected.headers, **state}, expected.body, expected.runs)


ANONYMOUS: Final = Expected(200, {"content-type": "application/json"}, b"null", runs=True)
