"""API keys: alone, beside tokens, and on routes that do not accept them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from tests.contract.casework import Case, Headers, authorization, bearer
from tests.contract.expected import ANONYMOUS, Expected, allowed, refused
from tests.contract.guards import NOW
from tests.contract.keyring import OWNER, keyring, sealed
from tests.contract.resources import ACR
from tests.support.tokens import token

KEYS: Final = keyring()
GOOD: Final = KEYS["good"]
TOKEN: Final = token(now=NOW, scope="profile")
DOWSING: Final = [f"dowsing:{action}" for action in ("read", "write", "delete")]

_refused = partial(refused, schemes=("Bearer", "ApiKey"))
_welcome = partial(allowed, sub=OWNER, client_id=None, scheme="ApiKey")

SERVED: Final = _welcome("dowsing:admin", "profile", also=DOWSING)
BY_TOKEN: Final = allowed("profile")
INVALID: Final = _refused("api_key_invalid")
TWO_OR_MALFORMED: Final = _refused("request_invalid")
MISSING: Final = _refused("credentials_missing")


def key(*values: str) -> Headers:
    """Return that many ``X-API-Key`` headers."""
    return tuple(("X-API-Key", value) for value in values)


def _case(name: str, expected: Expected, headers: Headers = (), path: str = "/principal", **options: Any) -> Case:
    return Case(f"key: {name}", expected, headers, path, **({"guard": "keys"} | options))


def _typos() -> Iterator[Case]:
    body, checksum = GOOD[:-6], GOOD[-6:]
    last = "0" if GOOD[-1] != "0" else "1"
    for name, text in {
        "a letter": "x",
        "a wrong checksum": body + checksum[:-1] + last,
        "no checksum": body,
        "another case": GOOD.swapcase(),
        "a character more": f"{GOOD}0",
        "a character less": GOOD[:-1],
        "a line break in it": f"{GOOD[:20]}\x0b{GOOD[21:]}",
        "another environment in its place": sealed(body.replace("mp_live_", "mp_test_")),
        "a key of another environment": KEYS["test"],
        "that key, as one of ours": sealed(KEYS["test"][:-6].replace("mp_test_", "mp_live_")),
        "an id that does not exist": sealed(f"mp_live_{'0' * 16}_{'0' * 32}"),
        "a wrong secret": sealed(GOOD[:-38] + "0" * 32),
        "the secret of another key": sealed(GOOD[:-38] + KEYS["reader"][-38:-6]),
        "ten thousand characters": "k" * 10_240,
        "a good one, ten thousand times": GOOD * 150,
        "letters beyond ASCII": "mp_live_" + "\xe9" * 55,
        "a quoted one": f'"{GOOD}"',
        "one with a scheme": f"ApiKey {GOOD}",
        "a token": TOKEN,
        "an injection": "mp_live_' OR 1=1 --",
    }.items():
        yield _case(f"not valid: {name}", INVALID, key(text))


_ALONE = (
    _case("good", SERVED, key(GOOD)),
    _case("good, with blanks around it", SERVED, key(f" {GOOD}\t")),
    _case("good, nothing remembered", SERVED, key(GOOD), guard="keys-cold"),
    _case("good, a moment before its end", _welcome("remote-viewing:read"), key(KEYS["reader"]), "/read"),
    _case("rotated, in the overlap", _welcome("profile"), key(KEYS["overlapping"])),
    _case("the new one", _welcome("profile"), key(KEYS["successor"])),
    _case("rotated, after the overlap", _refused("api_key_expired"), key(KEYS["rotated"])),
    _case("revoked", _refused("api_key_revoked"), key(KEYS["revoked"])),
    _case("revoked, and a wrong secret", INVALID, key(sealed(KEYS["revoked"][:-38] + "0" * 32))),
    _case("the store is down", _refused("store_unavailable"), key(KEYS["down"])),
    _case("the store is down for another", SERVED, key(GOOD), guard="keys-cold"),
    _case("scopes are implied", SERVED, key(GOOD), "/nested"),
    _case("a scope is missing", _refused("scope_insufficient", "remote-viewing:read"), key(GOOD), "/read"),
    _case(
        "no scope of several",
        _refused("scope_insufficient", "analytics:read"),
        key(GOOD),
        "/any",
    ),
    _case("a key cannot step up", _refused("step_up_required", acr_values=ACR, max_age="300"), key(GOOD), "/stepup"),
    _case("open: it is not looked at", ANONYMOUS, key("x"), "/open"),
    _case("optional: it is refused where it is bad", INVALID, key("x"), "/optional"),
    _case("optional, none", ANONYMOUS, (), "/optional"),
)

_WHERE = (
    _case("none", MISSING),
    _case("none, the last moment of a token", BY_TOKEN, authorization(f"Bearer {TOKEN}")),
    _case("an empty header", TWO_OR_MALFORMED, key("")),
    _case("a blank header", TWO_OR_MALFORMED, key(" \t")),
    _case("two headers, equal", TWO_OR_MALFORMED, key(GOOD, GOOD)),
    _case("two headers, good and bad", TWO_OR_MALFORMED, key(GOOD, "x")),
    _case("two headers, bad and good", TWO_OR_MALFORMED, key("x", GOOD)),
    _case("two in one header", TWO_OR_MALFORMED, key(f"{GOOD}, {GOOD}")),
    _case("in the query", MISSING, path=f"/principal?X-API-Key={GOOD}&api_key={GOOD}"),
    _case("in a cookie", MISSING, (("Cookie", f"X-API-Key={GOOD}"),)),
    _case("in the Authorization header", MISSING, authorization(f"ApiKey {GOOD}")),
    _case("as a bearer token", _refused("token_malformed"), authorization(f"Bearer {GOOD}")),
    _case("in the form", MISSING, method="POST", body=f"X-API-Key={GOOD}".encode("ascii")),
)

_BOTH = (
    _case("both, good", TWO_OR_MALFORMED, (*key(GOOD), *bearer())),
    _case("both, bad key", TWO_OR_MALFORMED, (*key("x"), *bearer())),
    _case("both, bad token", TWO_OR_MALFORMED, (*key(GOOD), *authorization("Bearer x"))),
    _case("both, optional", TWO_OR_MALFORMED, (*key(GOOD), *bearer()), "/optional"),
    _case("Basic beside it", SERVED, (*key(GOOD), *authorization("Basic dXNlcjpwYXNzd29yZA=="))),
    _case("a bad token where keys are accepted", _refused("token_malformed"), authorization("Bearer x.y.z")),
)

_only_tokens = partial(refused, schemes=("Bearer",))
_only_keys = partial(refused, schemes=("ApiKey",))
_SCHEMES = (
    _case("either, a key", SERVED, key(GOOD), "/either"),
    _case("either, a token", BY_TOKEN, bearer(scope="profile"), "/either"),
    _case("either, none", MISSING, (), "/either"),
    _case("tokens only, a key", _only_tokens("scheme_not_accepted"), key(GOOD), "/tokens"),
    _case("tokens only, a bad key: not looked at", _only_tokens("scheme_not_accepted"), key("x"), "/tokens"),
    _case("tokens only, the store is down", _only_tokens("scheme_not_accepted"), key(KEYS["down"]), "/tokens"),
    _case("tokens only, a token", BY_TOKEN, bearer(scope="profile"), "/tokens"),
    _case("tokens only, none", _only_tokens("credentials_missing"), (), "/tokens"),
    _case("tokens only, a bad token", _only_tokens("token_malformed"), authorization("Bearer x.y.z"), "/tokens"),
    _case("tokens only, no scope", _only_tokens("scope_insufficient", "profile"), bearer(scope="email"), "/tokens"),
    _case("tokens only, both", _only_tokens("request_invalid"), (*key(GOOD), *bearer()), "/tokens"),
    _case("tokens only, two keys", _only_tokens("request_invalid"), key(GOOD, GOOD), "/tokens"),
    _case("keys only, a token", _only_keys("scheme_not_accepted"), bearer(scope="profile"), "/keys"),
    _case("keys only, a key", SERVED, key(GOOD), "/keys"),
    _case("keys only, a bad key", _only_keys("api_key_invalid"), key("x"), "/keys"),
    _case("keys only, no scope", _only_keys("scope_insufficient", "profile"), key(KEYS["reader"]), "/keys"),
    _case("optional tokens, none", ANONYMOUS, (), "/optional-tokens"),
    _case("optional tokens, a key", _only_tokens("scheme_not_accepted"), key(GOOD), "/optional-tokens"),
    _case("optional tokens, a token", BY_TOKEN, bearer(scope="profile"), "/optional-tokens"),
)

_ONLY = (
    _case("a guard with keys only, a key", SERVED, key(GOOD), guard="keys-only"),
    _case("a guard with keys only, none", _only_keys("credentials_missing"), guard="keys-only"),
    _case("a guard with keys only, a token", _only_keys("credentials_missing"), bearer(), guard="keys-only"),
    _case("a guard with keys only, both", SERVED, (*key(GOOD), *bearer()), guard="keys-only"),
    _case("a guard with keys only, a bad key", _only_keys("api_key_invalid"), key("x"), guard="keys-only"),
    _case(
        "a guard with keys only, a scope is missing",
        _only_keys("scope_insufficient", "remote-viewing:read"),
        key(GOOD),
        "/read",
        guard="keys-only",
    ),
)

_told = partial(_case, guard="keys-told")
_TOLD = (
    _told("a guard that tells, a key", SERVED, key(GOOD)),
    _told("a guard that tells, a token", BY_TOKEN, bearer(scope="profile"), "/tokens"),
    _told("a guard that tells, none", MISSING),
    _told("a guard that tells, a bad key", INVALID, key("x")),
    _told("a guard that tells, both", TWO_OR_MALFORMED, (*key(GOOD), *bearer())),
    _told("a guard that tells, the store is down", _refused("store_unavailable"), key(KEYS["down"])),
    _told("a guard that tells, tokens only, a key", _only_tokens("scheme_not_accepted"), key(GOOD), "/tokens"),
    _told("a guard that tells, tokens only, none", _only_tokens("credentials_missing"), (), "/tokens"),
    _told(
        "a guard that tells, keys only, no scope",
        _only_keys("scope_insufficient", "profile"),
        key(KEYS["reader"]),
        "/keys",
    ),
)

CASES: Final = (*_ALONE, *_typos(), *_WHERE, *_BOTH, *_SCHEMES, *_ONLY, *_TOLD)
