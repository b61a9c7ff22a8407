"""Where the credential stands and how it is written: one well-formed ``Authorization`` header, or none."""

from __future__ import annotations

from typing import Final

from tests.contract.casework import Case, Headers, authorization, bearer
from tests.contract.expected import ANONYMOUS, allowed, refused
from tests.contract.guards import METADATA, NOW
from tests.support.tokens import token

GOOD: Final = token(now=NOW)
BAD: Final = token(now=NOW, exp=NOW - 3600)
READ: Final = allowed("remote-viewing:read")
MISSING: Final = refused("credentials_missing")
TWO_OR_MALFORMED: Final = refused("request_invalid")
MALFORMED: Final = refused("token_malformed")
BASIC: Final = "Basic dXNlcjpwYXNzd29yZA=="
ODD: Final = '"the \\"v1\\" \\\\ API"'
FORM: Final = (("Content-Type", "application/x-www-form-urlencoded"),)
PREFLIGHT: Final[Headers] = (("Origin", "https://app.example"), ("Access-Control-Request-Method", "GET"))

_NO_CREDENTIAL = (
    Case("no credential", MISSING),
    Case("no credential, any principal", MISSING, path="/principal"),
    Case("no credential, step-up", MISSING, path="/stepup"),
    Case("no credential, optional", ANONYMOUS, path="/optional"),
    Case("no credential, open", ANONYMOUS, path="/open"),
    Case("bad credential, open: it is not looked at", ANONYMOUS, authorization("Bearer x"), path="/open"),
    Case(
        "bad credential, optional: it is refused", refused("token_expired"), authorization(f"Bearer {BAD}"), "/optional"
    ),
    Case("two credentials, optional", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD}", BASIC), path="/optional"),
    Case("another scheme, optional", ANONYMOUS, authorization(BASIC), path="/optional"),
    Case("another scheme", MISSING, authorization(BASIC)),
    Case("another scheme, twice", MISSING, authorization(BASIC, BASIC)),
    Case("an unknown scheme", MISSING, authorization(f"MAC {GOOD}")),
    Case("a scheme that begins like ours", MISSING, authorization(f"BearerToken {GOOD}")),
    Case("a scheme that ends like ours", MISSING, authorization(f"NotBearer {GOOD}")),
    Case("a token without a scheme", MISSING, authorization(GOOD)),
    Case("an empty header", MISSING, authorization("")),
    Case("API key for a guard that has none", MISSING, (("X-API-Key", "mp_live_1234567890"),)),
    Case("API key beside a token, for a guard that has none", READ, (*bearer(), ("X-API-Key", "mp_live_1"))),
    Case("token in X-API-Key", MISSING, (("X-API-Key", GOOD),)),
    Case("token in Proxy-Authorization", MISSING, (("Proxy-Authorization", f"Bearer {GOOD}"),)),
    Case("token in the query", MISSING, path=f"/read?access_token={GOOD}"),
    Case("token in the query beside a header", READ, bearer(), path=f"/read?access_token={BAD}"),
    Case("token in the form", MISSING, FORM, method="POST", body=f"access_token={GOOD}".encode("ascii")),
    Case("token in a cookie", MISSING, (("Cookie", f"access_token={GOOD}"),)),
    Case("cookie beside a header", READ, (*bearer(), ("Cookie", f"access_token={BAD}"))),
)

_TWO = (
    Case("two headers, good and bad", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD}", f"Bearer {BAD}")),
    Case("two headers, bad and good", TWO_OR_MALFORMED, authorization(f"Bearer {BAD}", f"Bearer {GOOD}")),
    Case("two headers, equal", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD}", f"Bearer {GOOD}")),
    Case("two headers, Basic and Bearer", TWO_OR_MALFORMED, authorization(BASIC, f"Bearer {GOOD}")),
    Case("two headers, Bearer and Basic", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD}", BASIC)),
    Case("two headers, empty and Bearer", TWO_OR_MALFORMED, authorization("", f"Bearer {GOOD}")),
    Case("two headers, Bearer and empty", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD}", "")),
    Case("two headers, Bearer alone and Basic", TWO_OR_MALFORMED, authorization("Bearer", BASIC)),
    Case("two headers, a slash after Bearer, and Basic", TWO_OR_MALFORMED, authorization(f"Bearer/{GOOD}", BASIC)),
    Case("two headers, Basic, and a slash after Bearer", TWO_OR_MALFORMED, authorization(BASIC, f"Bearer/{GOOD}")),
    Case("three headers", TWO_OR_MALFORMED, authorization(*[f"Bearer {GOOD}"] * 3)),
    Case("two in one header", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD}, Bearer {GOOD}")),
    Case("two in one header, Basic first", TWO_OR_MALFORMED, authorization(f"{BASIC}, Bearer {GOOD}")),
    Case("two in one header, no blank", TWO_OR_MALFORMED, authorization(f"{BASIC},Bearer {GOOD}")),
)

_MALFORMED = (
    Case("Bearer alone", TWO_OR_MALFORMED, authorization("Bearer")),
    Case("Bearer and a blank", TWO_OR_MALFORMED, authorization("Bearer ")),
    Case("Bearer and many blanks", TWO_OR_MALFORMED, authorization("Bearer      ")),
    Case("a tab after Bearer", TWO_OR_MALFORMED, authorization(f"Bearer\t{GOOD}")),
    Case("a tab after the blank", TWO_OR_MALFORMED, authorization(f"Bearer \t{GOOD}")),
    Case("a comma after Bearer", TWO_OR_MALFORMED, authorization(f"Bearer,{GOOD}")),
    Case("a colon after Bearer", TWO_OR_MALFORMED, authorization(f"Bearer: {GOOD}")),
    Case("a slash after Bearer", TWO_OR_MALFORMED, authorization(f"Bearer/{GOOD}")),
    Case("a comma after the token", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD},")),
    Case("a blank in the token", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD[:80]} {GOOD[80:]}")),
    Case("a second word", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD} x")),
    Case("Bearer twice in one value", TWO_OR_MALFORMED, authorization(f"Bearer Bearer {GOOD}")),
    Case("a token in quotes", TWO_OR_MALFORMED, authorization(f'Bearer "{GOOD}"')),
    Case("a parameter in place of a token", TWO_OR_MALFORMED, authorization(f'Bearer token="{GOOD}"')),
    Case("a letter beyond ASCII", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD}\xe9")),
    Case("a no-break space after Bearer", TWO_OR_MALFORMED, authorization(f"Bearer\xa0{GOOD}")),
    Case("a no-break space in front", MISSING, authorization(f"\xa0Bearer {GOOD}")),
    Case("a control character in the token", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD}\x01")),
    Case("a NUL in the token", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD}\x00")),
    Case("a form feed after Bearer", TWO_OR_MALFORMED, authorization(f"Bearer\x0c{GOOD}")),
    Case("a line break in the token", TWO_OR_MALFORMED, authorization(f"Bearer {GOOD[:80]}\r\n {GOOD[80:]}")),
    Case("padding alone", TWO_OR_MALFORMED, authorization("Bearer ==")),
    Case("padding inside", TWO_OR_MALFORMED, authorization("Bearer ab==cd")),
    Case("an opaque token", MALFORMED, authorization("Bearer mF_9.B5f-4.1JqM")),
    Case("an opaque token with padding", MALFORMED, authorization("Bearer mF9B5f41JqM=")),
    Case("scheme in small letters", READ, authorization(f"bearer {GOOD}")),
    Case("scheme in capitals", READ, authorization(f"BEARER {GOOD}")),
    Case("scheme in mixed case", READ, authorization(f"bEaReR {GOOD}")),
    Case("several blanks after the scheme", READ, authorization(f"Bearer    {GOOD}")),
    Case("blanks around the value", READ, authorization(f"  Bearer {GOOD} \t ")),
)

_METHODS = (
    Case("HEAD without a credential", MISSING, method="HEAD"),
    Case("OPTIONS without a credential", MISSING, method="OPTIONS"),
    Case("POST without a credential", MISSING, method="POST"),
    Case("HEAD with a bad token", refused("token_expired"), authorization(f"Bearer {BAD}"), method="HEAD"),
    Case("OPTIONS with a bad token", refused("token_expired"), authorization(f"Bearer {BAD}"), method="OPTIONS"),
    Case("HEAD, any principal", MISSING, method="HEAD", path="/principal"),
    Case("OPTIONS, any principal", MISSING, method="OPTIONS", path="/principal"),
    Case("HEAD with a good token", READ, bearer(), method="HEAD"),
    Case("OPTIONS with a good token", READ, bearer(), method="OPTIONS"),
    Case("POST with a good token", READ, bearer(), method="POST"),
    Case("a method override counts for nothing", MISSING, (("X-HTTP-Method-Override", "OPTIONS"), *PREFLIGHT)),
)

_PREFLIGHT = (
    Case("preflight, not allowed", MISSING, PREFLIGHT, method="OPTIONS"),
    Case("preflight, allowed", ANONYMOUS, PREFLIGHT, method="OPTIONS", guard="preflight"),
    Case("preflight, any principal", ANONYMOUS, PREFLIGHT, "/principal", method="OPTIONS", guard="preflight"),
    Case("preflight, step-up", ANONYMOUS, PREFLIGHT, "/stepup", method="OPTIONS", guard="preflight"),
    Case("preflight headers on GET", MISSING, PREFLIGHT, guard="preflight"),
    Case("preflight headers on POST", MISSING, PREFLIGHT, method="POST", guard="preflight"),
    Case("OPTIONS without Origin", MISSING, PREFLIGHT[1:], method="OPTIONS", guard="preflight"),
    Case("OPTIONS with Origin alone", MISSING, PREFLIGHT[:1], method="OPTIONS", guard="preflight"),
    Case("preflight with two origins", MISSING, PREFLIGHT + PREFLIGHT[:1], method="OPTIONS", guard="preflight"),
    Case(
        "preflight with a bad token",
        refused("token_expired"),
        (*authorization(f"Bearer {BAD}"), *PREFLIGHT),
        method="OPTIONS",
        guard="preflight",
    ),
    Case("preflight with a good token", READ, (*bearer(), *PREFLIGHT), method="OPTIONS", guard="preflight"),
    Case(
        "preflight with a token that lacks the scope",
        refused("scope_insufficient", "remote-viewing:read"),
        (*bearer(scope="email"), *PREFLIGHT),
        method="OPTIONS",
        guard="preflight",
    ),
)

_CHALLENGES = (
    Case(
        "realm is escaped, metadata is named",
        refused("credentials_missing", realm=ODD, resource_metadata=METADATA),
        guard="metadata",
    ),
    Case(
        "metadata beside an error",
        refused("token_expired", realm=ODD, resource_metadata=METADATA),
        authorization(f"Bearer {BAD}"),
        guard="metadata",
    ),
    Case(
        "metadata beside scopes",
        refused("scope_insufficient", "remote-viewing:read", realm=ODD, resource_metadata=METADATA),
        bearer(scope="email"),
        guard="metadata",
    ),
    Case(
        "metadata beside step-up",
        refused(
            "step_up_required",
            realm=ODD,
            acr_values="urn:mindpeeker:mfa",
            max_age="300",
            resource_metadata=METADATA,
        ),
        bearer(),
        path="/stepup",
        guard="metadata",
    ),
    Case(
        "metadata beside a malformed request",
        refused("request_invalid", realm=ODD, resource_metadata=METADATA),
        authorization("Bearer"),
        guard="metadata",
    ),
)

CASES: Final = (*_NO_CREDENTIAL, *_TWO, *_MALFORMED, *_METHODS, *_PREFLIGHT, *_CHALLENGES)
