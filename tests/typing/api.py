"""Every public form of the core's API, for the type checkers. Nothing here is ever run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

from mindpeeker_guard import (
    MINDPEEKER_SCOPES,
    AnswerError,
    ASGIRequest,
    Authenticator,
    AuthError,
    Call,
    ConfigurationError,
    Flow,
    Guard,
    InsufficientScopeError,
    JWTBearer,
    Key,
    KeySource,
    Principal,
    RateLimit,
    RateLimitedError,
    RateLimits,
    Refusal,
    RemoteKeySet,
    Request,
    Requirement,
    ScopeCatalogue,
    ScopeExpression,
    Shield,
    StaticKeySet,
    StepUpRequiredError,
    TrustedProxies,
    UnavailableError,
    Wait,
    WSGIRequest,
    all_of,
    any_of,
    requirement,
)

# The core.

keys: Mapping[str, Any] = {}
catalogue = MINDPEEKER_SCOPES.extend({"notes:read": "Read notes"})
assert_type(catalogue, ScopeCatalogue)
assert_type(catalogue["notes:read"], str)
bearer = JWTBearer(
    "https://issuer.example", ["one", "two"], keys=keys, algorithms=["RS256"], leeway=10, profile="rfc9068"
)
JWTBearer(jwks_uri="https://issuer.example/jwks")
sources: list[KeySource] = [StaticKeySet(keys), StaticKeySet([keys]), RemoteKeySet("https://x.example", fresh_for=60)]
JWTBearer(keys=sources[0])
authenticator: Authenticator = bearer
guard = Guard(bearer, authenticator, realm="api", catalogue=catalogue, allow_preflight=True)
assert_type(Guard.from_env(), Guard)
assert_type(Guard.from_env({"MINDPEEKER_LEEWAY": "10"}), Guard)
assert_type(guard.authenticators, tuple[Authenticator, ...])

assert_type(requirement("profile", schemes=["Bearer", "ApiKey"]).schemes, tuple[str, ...])
assert_type(requirement(schemes="ApiKey"), Requirement)
requirement(schemes=5)  # type: ignore[arg-type]
needed = requirement("profile", all_of("email", any_of("notes:read", "dowsing:read")), acr=["gold"], max_age=60)
assert_type(needed, Requirement)
assert_type(all_of("profile"), ScopeExpression)
assert_type(all_of("profile").satisfied_by(frozenset()), bool)

request = Request("GET", "https://api.example", {"Authorization": "Bearer x"}, peer="127.0.0.1")
request = Request(headers=[("Authorization", "Bearer x")])
principal = guard.check(request, needed)
assert_type(principal, Principal | None)
assert_type(guard.check(WSGIRequest({})), Principal | None)
assert_type(request.values("authorization")[0], str)
guard.validate(needed)
guard.warm_up()


async def core_async() -> None:
    assert_type(await guard.acheck(ASGIRequest({}), needed), Principal | None)
    await guard.awarm_up()


if principal is not None:
    guard.authorize(principal, needed)
    assert_type(principal.subject, str | None)
    assert_type(principal.scopes, frozenset[str])
    assert_type(principal.claims, Mapping[str, Any])
    assert_type(principal.expires_at, float | None)
    assert_type(principal.has("profile"), bool)
    assert_type(principal.is_service, bool)

try:
    guard.check_anonymous(request, needed)
except InsufficientScopeError as error:
    assert_type(error.scopes, tuple[str, ...])
    assert_type(error.status, int)
except StepUpRequiredError as error:
    assert_type(error.max_age, int | None)
except (RateLimitedError, UnavailableError) as error:
    assert_type(error.retry_after, float)
except AuthError as error:
    assert_type(error.error, str | None)
except AnswerError as error:
    refusal = guard.refusal(error)
    assert_type(refusal, Refusal)
    assert_type(refusal.headers, tuple[tuple[str, str], ...])
except ConfigurationError as error:
    value_error: ValueError = error


def render(error: AnswerError, problem: Mapping[str, Any]) -> tuple[str, bytes]:
    return "text/plain", error.description.encode()


Guard(bearer, renderer=render, clock=lambda: 0.0, resource_metadata="https://api.example/.well-known")


class OwnAuthenticator:
    """An authenticator of an application's own."""

    scheme = "Own"

    def describe(self, catalogue: ScopeCatalogue) -> Mapping[str, Any]:
        return {"type": "http", "scheme": "own"}

    def extract(self, request: Request) -> str | None:
        return next(iter(request.values("x-own")), None)

    def attempt(self, credential: str, request: Request) -> Principal | None:
        return None

    def authenticate(self, credential: str, request: Request) -> Flow[Principal]:
        subject = yield Call(str.upper, credential)
        return Principal(subject=subject)


class OwnKeys:
    """A key source of an application's own."""

    def find(self, kid: str | None, alg: str) -> Flow[list[Key]]:
        found: list[Key] = yield Call(list[Key])
        return found

    def warm_up(self) -> Flow[None]:
        yield from ()


Guard(OwnAuthenticator(), JWTBearer(keys=OwnKeys()))
effect: Call | Wait = Call(print, 1)


def rate_limits(principal: Principal, request: Request) -> None:
    limits = RateLimits(
        "10/second; 1000/hour",
        RateLimit("50/second", per="ip", name="burst", rates=lambda who: who.claims.get("plan")),
        per="client",
        strategy="fixed-window",
        store="redis://127.0.0.1:6379/0",
        policy="fail_closed",
    )
    proxies = TrustedProxies("10.0.0.0/8", "unix", header="Forwarded")
    guard = Guard(JWTBearer(), limits=limits, shield=Shield(burst=10, refill=0.5), trusted_proxies=proxies)
    Guard(JWTBearer(), shield=False, trusted_proxies=["10.0.0.0/8"])
    assert_type(requirement("profile", rate="5/minute").rates, tuple[RateLimit, ...])
    assert_type(requirement("profile", rate=["5/minute", RateLimit("1/second")]), Requirement)
    assert_type(guard.limit(request, limits.limits, principal), None)
    assert_type(request.answer_headers, tuple[tuple[str, str], ...])
