"""What the caller may do: scopes, what they imply, step-up."""

from __future__ import annotations

from typing import Any, Final

from tests.contract.casework import Case, bearer
from tests.contract.expected import Expected, allowed, refused
from tests.contract.guards import NOW
from tests.contract.resources import ACR

LACKS_READ: Final = refused("scope_insufficient", "remote-viewing:read")
LACKS_BOTH: Final = refused("scope_insufficient", "remote-viewing:read", "profile")
LACKS_ANY: Final = refused("scope_insufficient", "analytics:read")
LACKS_NESTED: Final = refused("scope_insufficient", "profile", "dowsing:read")
LACKS_ORGANIZATIONS: Final = refused("scope_insufficient", "organizations:read")
WRONG_CLAIM: Final = refused("claim_invalid")
STEP_UP: Final = refused("step_up_required", acr_values=ACR, max_age="300")
TOO_OLD: Final = refused("step_up_required", max_age="300")
REMOTE_VIEWING: Final = [f"remote-viewing:{action}" for action in ("read", "write", "delete", "admin")]
DOWSING: Final = [f"dowsing:{action}" for action in ("read", "write", "delete", "admin")]
READ: Final = "remote-viewing:read"
WRITE: Final = "remote-viewing:write"


def _scope(name: str, expected: Expected, scope: Any, path: str = "/read") -> Case:
    return Case(f"scope: {name}", expected, bearer(scope=scope), path)


def _scp(name: str, expected: Expected, scp: Any, **more: Any) -> Case:
    return Case(f"scp: {name}", expected, bearer(**({"scope": None} | more), scp=scp))


def _step_up(name: str, expected: Expected, path: str = "/stepup", **claims: Any) -> Case:
    return Case(f"step-up: {name}", expected, bearer(**claims), path)


_IMPLICATION = (
    _scope("the one that is needed", allowed(READ), READ),
    _scope("more than is needed", allowed(READ, "email", "own:thing"), f"{READ} email own:thing"),
    _scope("admin of the service", allowed(*REMOTE_VIEWING), "remote-viewing:admin"),
    _scope("admin of another service", LACKS_READ, "dowsing:admin"),
    _scope("admin of every other service", LACKS_READ, "dowsing:admin analytics:admin organizations:write"),
    _scope("admin alone", LACKS_READ, "admin"),
    _scope("admin with nothing in front", LACKS_READ, ":admin"),
    _scope("admin of an unlisted service", LACKS_READ, "remote:admin"),
    _scope("admin of a longer name", LACKS_READ, "remote-viewing:read:admin"),
    _scope("wildcards", LACKS_READ, "remote-viewing:* * remote-viewing"),
    _scope("write is not read", LACKS_READ, WRITE),
    _scope("write of organizations is not read", LACKS_ORGANIZATIONS, "organizations:write", "/sensitive"),
    _scope("no admin for organizations", LACKS_ORGANIZATIONS, "organizations:admin", "/sensitive"),
    _scope("another case", LACKS_READ, "Remote-Viewing:Read"),
    _scope("the needed one with more behind", LACKS_READ, "remote-viewing:reader"),
    _scope("both of two", allowed(READ, "profile"), f"profile {READ}", "/both"),
    _scope(
        "both of two, one by implication", allowed(*REMOTE_VIEWING, "profile"), "remote-viewing:admin profile", "/both"
    ),
    _scope("first of two is missing", LACKS_BOTH, "profile", "/both"),
    _scope("second of two is missing", LACKS_BOTH, READ, "/both"),
    _scope("one of two", allowed("analytics:export"), "analytics:export", "/any"),
    _scope(
        "one of two, by implication",
        allowed("analytics:admin", "analytics:read", "analytics:export"),
        "analytics:admin",
        "/any",
    ),
    _scope("none of two", LACKS_ANY, READ, "/any"),
    _scope("nested, first branch", allowed("profile", "dowsing:read"), "profile dowsing:read", "/nested"),
    _scope("nested, second branch", allowed("profile", "dowsing:write"), "dowsing:write profile", "/nested"),
    _scope("nested, by implication", allowed("profile", *DOWSING), "profile dowsing:admin", "/nested"),
    _scope("nested, outer part is missing", LACKS_NESTED, "dowsing:read dowsing:write", "/nested"),
    _scope("nested, inner part is missing", LACKS_NESTED, "profile dowsing:delete", "/nested"),
    _scope("optional, and it is missing", LACKS_READ, "email", "/optional"),
    _scope("optional, and it is there", allowed(READ), READ, "/optional"),
    _scope("any principal needs none", allowed(), "", "/principal"),
)

_SHAPES = (
    _scope("an empty string", LACKS_READ, ""),
    _scope("blanks", LACKS_READ, "   "),
    _scope("more than one blank between", allowed(READ, "email"), f"  {READ}   email "),
    _scope("twice the same", allowed(READ), f"{READ} {READ}"),
    _scope("a tab between", LACKS_READ, f"{READ}\temail"),
    _scope("a line break between", LACKS_READ, f"{READ}\nemail"),
    _scope("a no-break space between", LACKS_READ, f"{READ}\u00a0email"),
    _scope("a comma between", LACKS_READ, f"{READ},email"),
    _scope("a list", allowed(READ, "email"), [READ, "email"]),
    _scope("an empty list", LACKS_READ, []),
    _scope("a list with a string of two", LACKS_READ, [f"{READ} email"]),
    _scope("a list with a number", WRONG_CLAIM, [READ, 1]),
    _scope("a nested list", WRONG_CLAIM, [[READ]]),
    _scope("a number", WRONG_CLAIM, 1),
    _scope("true", WRONG_CLAIM, True),
    _scope("an object", WRONG_CLAIM, {READ: True}),
    _scp("a string", allowed(READ, "email"), f"{READ} email"),
    _scp("a list", allowed(READ), [READ]),
    _scp("an object", WRONG_CLAIM, {"read": READ}),
    _scp("scope comes first", LACKS_READ, READ, scope="email"),
    _scp("an empty scope comes first", LACKS_READ, READ, scope=""),
    Case("scope: none, none needed", allowed(), bearer(scope=None), "/principal"),
    Case("scope: none, one needed", LACKS_READ, bearer(scope=None)),
    Case("scope: permissions are none", LACKS_READ, bearer(scope=None, permissions=[READ])),
    Case("scope: roles are none", LACKS_READ, bearer(scope=None, roles=[READ], realm_access={"roles": [READ]})),
    Case("scope: signature comes first", refused("signature_invalid"), bearer(scope="email", key=None, kid="open")),
)

_STEP_UP = (
    _step_up("good", allowed(READ), acr=ACR, auth_time=NOW - 10),
    _step_up("just in time", allowed(READ), acr=ACR, auth_time=NOW - 300),
    _step_up("a second too old", STEP_UP, acr=ACR, auth_time=NOW - 301),
    _step_up("nothing", STEP_UP),
    _step_up("no acr", STEP_UP, auth_time=NOW),
    _step_up("another acr", STEP_UP, acr="urn:mindpeeker:pwd", auth_time=NOW),
    _step_up("acr in a list", STEP_UP, acr=[ACR], auth_time=NOW),
    _step_up("acr as an object", STEP_UP, acr={ACR: 1}, auth_time=NOW),
    _step_up("no auth_time", STEP_UP, acr=ACR),
    _step_up("iat is no auth_time", STEP_UP, acr=ACR, iat=NOW),
    _step_up("auth_time as a string", STEP_UP, acr=ACR, auth_time=str(NOW)),
    _step_up("auth_time true", STEP_UP, acr=ACR, auth_time=True),
    _step_up("auth_time null in a list", STEP_UP, acr=ACR, auth_time=[NOW]),
    _step_up("good sign-in, recent", allowed(READ), "/recent", auth_time=NOW),
    _step_up("old sign-in, recent", TOO_OLD, "/recent", auth_time=NOW - 3600),
    _step_up("scope comes first", LACKS_READ, "/recent", scope="email", auth_time=NOW - 3600),
    _step_up("expiry comes first", refused("token_expired"), exp=NOW - 60, acr="none"),
)

CASES: Final = (*_IMPLICATION, *_SHAPES, *_STEP_UP)
