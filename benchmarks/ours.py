"""Our own guard, as the rows need it: cold (each token verified anew) and hot (the verified token remembered)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from benchmarks.tokens import AUDIENCE, ISSUER, SCOPE
from mindpeeker_guard import Guard, JWTBearer, Principal, Request, requirement

NEEDED = requirement(SCOPE)


def has_token_cache() -> bool:
    """Tell whether this version of the package remembers verified tokens at all."""
    return "token_cache" in inspect.signature(JWTBearer).parameters


def guard(keys: Any = None, *, hot: bool, jwks_uri: str | None = None, issuer: str = ISSUER) -> Guard:
    """Make a guard; all defaults but for the cache of a cold one."""
    options: dict[str, Any] = {} if hot or not has_token_cache() else {"token_cache": 0}
    return Guard(JWTBearer(issuer, AUDIENCE, keys=keys, jwks_uri=jwks_uri, **options))


def request(token: str) -> Request:
    """Make the request that a caller with `token` sends."""
    return Request(headers={"authorization": f"Bearer {token}"})


def verifying(made: Guard) -> Callable[[str], Callable[[], Principal | None]]:
    """Return what makes, for a token, the call to time: token to principal, as the peers' rows are token to claims."""
    [bearer] = made.authenticators
    attempt = getattr(bearer, "attempt")  # noqa: B009 - not in the protocol: an authenticator may do without

    def for_token(token: str) -> Callable[[], Principal | None]:
        sent = request(token)
        return lambda: attempt(token, sent)

    return for_token


def checking(made: Guard) -> Callable[[str], Callable[[], Principal | None]]:
    """Return what makes, for a token, the call to time: header value to principal, with one scope required."""

    def for_token(token: str) -> Callable[[], Principal | None]:
        sent = request(token)
        return lambda: made.check(sent, NEEDED)

    return for_token
