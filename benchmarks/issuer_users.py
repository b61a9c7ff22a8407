"""Those who fetch an issuer's keys, for the fetch and stall rows: a token goes in, an exception is a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks import fastapi_apps as apps
from benchmarks import ours
from benchmarks.harness import UnavailableError, Who, labelled, peer
from benchmarks.issuer import Address
from benchmarks.tokens import AUDIENCE, ISSUER

_OK: Final = "200"
_TIMEOUT: Final = 30.0

Verify = Callable[[str], object]
AsyncVerify = Callable[[str], Awaitable[object]]


class RefusedError(Exception):
    """The token was not taken."""


@dataclass(frozen=True, slots=True)
class User:
    """One who verifies tokens with keys that it fetches.

    Attributes:
        name: What the table calls it.
        who: Ours or a peer's.
        make: Makes what verifies one token in a thread, for an issuer that has not been asked yet.
        make_async: Makes what verifies one on an event loop, for the issuer at a URL.
        changes: How its tokens differ from ours.
    """

    name: str
    who: Who
    make: Callable[[Address], Verify] | None = None
    make_async: Callable[[Address], AsyncVerify] | None = None
    changes: dict[str, Any] = field(default_factory=dict)


def users() -> dict[str, User]:
    """Return all of them, by a short name."""
    return {
        "ours": User("mindpeeker-guard", "ours", _ours, _ours_async),
        "discovering": User("mindpeeker-guard, discovery first", "ours", None, _discovering),
        "pyjwkclient": User(f"{labelled('PyJWT')}, PyJWKClient", "peer", _pyjwkclient, _pyjwkclient_async),
        "authlib": User(f"{labelled('Authlib')}, cache as in its docs", "peer", _authlib),
        "auth0": User(labelled("auth0-fastapi-api"), "peer", None, _auth0, {"iss": apps.AUTH0_ISSUER}),
        "azure": User(labelled("fastapi-azure-auth"), "peer", None, _azure, dict(apps.AZURE_CLAIMS)),
    }


def _ours(issuer: Address) -> Verify:
    guard = ours.guard(hot=True, jwks_uri=issuer.jwks_uri)
    return lambda token: guard.check(ours.request(token), ours.NEEDED)


def _ours_async(issuer: Address) -> AsyncVerify:
    guard = ours.guard(hot=True, jwks_uri=issuer.jwks_uri)
    return lambda token: guard.acheck(ours.request(token), ours.NEEDED)


def _discovering(issuer: Address) -> AsyncVerify:
    issuer.name = issuer.url
    guard = ours.guard(hot=True, issuer=issuer.url)
    return lambda token: guard.acheck(ours.request(token), ours.NEEDED)


def _pyjwkclient(issuer: Address) -> Verify:
    jwt = peer("jwt")
    client = jwt.PyJWKClient(issuer.jwks_uri)

    def verify(token: str) -> object:
        key = client.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER)

    return verify


def _pyjwkclient_async(issuer: Address) -> AsyncVerify:
    """Return it as async routes use it: nothing in it can be awaited, so it blocks the loop."""
    verify = _pyjwkclient(issuer)

    async def averify(token: str) -> object:
        return verify(token)

    return averify


def _authlib(issuer: Address) -> Verify:
    get, key_set = peer("httpx").get, peer("joserfc.jwk").KeySet
    cache: dict[str, Any] = {}

    def get_jwks(validator: Any) -> Any:
        del validator
        if "jwks" not in cache:
            answer = get(issuer.jwks_uri, timeout=_TIMEOUT)
            answer.raise_for_status()
            cache["jwks"] = key_set.import_key_set(answer.json())
        return cache["jwks"]

    base = peer("authlib.oauth2.rfc9068").JWTBearerTokenValidator
    validator = type("Validator", (base,), {"get_jwks": get_jwks})(issuer=ISSUER, resource_server=AUDIENCE)

    def verify(token: str) -> object:
        found = validator.authenticate_token(token)
        validator.validate_token(found, ["profile"], None)
        return found

    return verify


def _auth0(issuer: Address) -> AsyncVerify:
    return _through(apps.auth0(issuer))


def _azure(issuer: Address) -> AsyncVerify:
    return _through(apps.azure(issuer))


def _through(app: apps.App) -> AsyncVerify:
    async def verify(token: str) -> object:
        status = await apps.status_of(app.application, token)
        if status != _OK:
            raise RefusedError(status)
        return status

    return verify


def threaded(user: User, issuer: Address) -> Verify:
    """Return what verifies a token in a thread."""
    if user.make is None:
        raise UnavailableError("async only")
    return user.make(issuer)


def on_loop(user: User, issuer: Address) -> AsyncVerify:
    """Return what verifies a token on an event loop."""
    if user.make_async is None:
        raise UnavailableError("sync only")
    return user.make_async(issuer)
