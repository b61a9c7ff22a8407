"""Applications that are deliberately broken, each in a way that is seen in the wild.

FastAPI reads the annotations of functions here: there is no ``from __future__ import annotations``.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from fastapi import Depends, FastAPI, HTTPException, Request
from flask import Flask, jsonify, request
from tests.testing.apps import READ, ROUTE, real_guard

import mindpeeker_guard.fastapi as for_fastapi
import mindpeeker_guard.flask as for_flask
from mindpeeker_guard import AuthError, Principal
from mindpeeker_guard import django as for_django
from mindpeeker_guard.testing import FakeIssuer


def flask_without_guard(_: FakeIssuer) -> Flask:
    """Forget the decorator on the route."""
    app = Flask(__name__)
    for_flask.init_app(app, real_guard())

    @app.get(ROUTE)
    def sessions() -> Any:
        return {"sessions": []}

    return app


def flask_wrong_order(_: FakeIssuer) -> Flask:
    """Put the decorator above the route, so that the bare function is registered."""
    app = Flask(__name__)
    for_flask.init_app(app, real_guard())

    @for_flask.require_scopes(READ)
    @app.get(ROUTE)
    def sessions() -> Any:
        return {"sessions": []}

    return app


def flask_get_only(_: FakeIssuer) -> Flask:
    """Guard GET alone: Flask answers HEAD with the same view."""
    app = Flask(__name__)
    for_flask.init_app(app, real_guard())
    check = for_flask.require_scopes(READ)(lambda: None)

    @app.before_request
    def guard_gets() -> Any:
        return check() if request.method == "GET" else None

    @app.route(ROUTE, methods=["GET", "OPTIONS"])
    def sessions() -> Any:
        return {"sessions": []}

    return app


def flask_unverified(issuer: FakeIssuer) -> Flask:
    """Decode the token, check all that it says, and never its signature."""
    return _homemade_flask(lambda token: jwt.decode(token, options={"verify_signature": False}))


def flask_nearly_right(issuer: FakeIssuer) -> Flask:
    """Decode as PyJWT does, with issuer, audience and algorithm: an ID token is as good as any."""
    return _homemade_flask(_decoder(issuer))


def flask_embedded_key(issuer: FakeIssuer) -> Flask:
    """Verify with the key that the token brings."""

    def decode(token: str) -> Any:
        brought = jwt.get_unverified_header(token).get("jwk")
        key = jwt.PyJWK(brought).key if brought else issuer.signing_key.private.public_key()
        return jwt.decode(token, key, ["RS256"], audience=issuer.audience, issuer=issuer.issuer)

    return _homemade_flask(decode)


def flask_leaks(_: FakeIssuer) -> Flask:
    """Answer with the credential that was not good."""
    app = Flask(__name__)
    for_flask.init_app(app, real_guard())

    @app.errorhandler(AuthError)
    def explain(error: AuthError) -> Any:
        answer = jsonify(error=error.code, received=request.headers.get("Authorization"))
        return answer, error.status, {"WWW-Authenticate": f'Bearer error="{error.error}"', "Cache-Control": "no-store"}

    @app.get(ROUTE)
    @for_flask.require_scopes(READ)
    def sessions() -> Any:
        return {"sessions": []}

    return app


def fastapi_without_scope(_: FakeIssuer) -> FastAPI:
    """Ask for any good token, not for the scope."""
    return _guarded_fastapi(lambda principal: None)


def fastapi_substring(_: FakeIssuer) -> FastAPI:
    """Look for the scope in the text of the claim."""

    def check(principal: Principal) -> None:
        if READ not in " ".join(principal.scopes):
            raise HTTPException(403, headers=_REFUSED)

    return _guarded_fastapi(check)


def fastapi_granted(_: FakeIssuer) -> FastAPI:
    """Look at the granted scopes only, without what they imply."""

    def check(principal: Principal) -> None:
        if READ not in principal.granted_scopes:
            raise HTTPException(403, headers=_REFUSED)

    return _guarded_fastapi(check)


def fastapi_confused(issuer: FakeIssuer) -> FastAPI:
    """Let the token choose between RSA and HMAC, with the same key."""
    key = issuer.signing_key

    def decode(token: str) -> Any:
        signing_input, _, signature = token.rpartition(".")
        if jwt.get_unverified_header(token)["alg"] == "HS256":
            expected = hmac.new(key.public(), signing_input.encode(), hashlib.sha256).digest()
            if not hmac.compare_digest(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)), expected):
                raise jwt.InvalidSignatureError
            return jwt.decode(token, options={"verify_signature": False, "verify_exp": True})
        return jwt.decode(token, key.private.public_key(), ["RS256"], audience=issuer.audience, issuer=issuer.issuer)

    return _homemade_fastapi(decode, _from_header)


def fastapi_query(issuer: FakeIssuer) -> FastAPI:
    """Take the token from the query, too."""
    return _homemade_fastapi(
        _decoder(issuer), lambda request: request.query_params.get("access_token") or _from_header(request)
    )


def fastapi_forbids(issuer: FakeIssuer) -> FastAPI:
    """Answer 403 to whoever has no credential, and to every other mistake."""

    def decode(token: str) -> Any:
        try:
            return _decoder(issuer)(token)
        except Exception:  # noqa: BLE001 - that is the mistake
            raise HTTPException(403) from None

    return _homemade_fastapi(decode, _from_header, missing=403)


def django_audience(issuer: FakeIssuer) -> Any:
    """Take tokens for any audience."""
    return _homemade_django(_decoder(issuer, audience=None, verify_aud=False))


def django_issuer(issuer: FakeIssuer) -> Any:
    """Take tokens of any issuer that has such a key."""
    return _homemade_django(_decoder(issuer, issuer=None))


def django_expiry(issuer: FakeIssuer) -> Any:
    """Take tokens that have expired."""
    return _homemade_django(_decoder(issuer, verify_exp=False))


def django_crash(issuer: FakeIssuer) -> Any:
    """Do not expect that a token may be junk."""

    def decode(token: str) -> Any:
        header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
        return _decoder(issuer)(token) if header["alg"] == "RS256" else {}

    return _homemade_django(decode, catches=(jwt.PyJWTError,))


def django_public(_: FakeIssuer) -> Any:
    """Mark the view public, and look at the credential only where there is one."""

    @for_django.public
    def sessions(request: HttpRequest) -> HttpResponse:
        if request.headers.get("Authorization") == "Bearer expired":
            raise PermissionDenied
        return JsonResponse({"sessions": []})

    return sessions


_REFUSED = {
    "WWW-Authenticate": 'Bearer error="insufficient_scope"',
    "Cache-Control": "no-store",
    "Content-Type": "application/problem+json",
}


def _decoder(fake: FakeIssuer, **changes: Any) -> Callable[[str], Any]:
    """Return a function that decodes as PyJWT does, which is nearly right, but for the changes."""
    checks = {"audience": fake.audience, "issuer": fake.issuer}
    checks |= {name: value for name, value in changes.items() if name in checks}
    options = {name: value for name, value in changes.items() if name not in checks}
    key = fake.signing_key.private.public_key()
    return lambda token: jwt.decode(token, key, ["RS256"], options=options, **checks)


def _from_header(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _may_read(claims: Any) -> bool:
    return READ in str(claims.get("scope", "")).split(" ")


def _guarded_fastapi(check: Callable[[Principal], None]) -> FastAPI:
    app = FastAPI()
    for_fastapi.init_app(app, real_guard())

    @app.get(ROUTE)
    def sessions(principal: for_fastapi.CurrentPrincipal) -> Any:
        check(principal)
        return {"sessions": []}

    return app


def _homemade_fastapi(decode: Callable[[str], Any], find: Callable[[Request], str], missing: int = 401) -> FastAPI:
    app = FastAPI()

    def authenticate(request: Request) -> None:
        token = find(request)
        if not token:
            raise HTTPException(missing, headers={"WWW-Authenticate": "Bearer"})
        try:
            claims = decode(token)
        except (jwt.PyJWTError, ValueError, KeyError):
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"}) from None
        if not _may_read(claims):
            raise HTTPException(403)

    @app.get(ROUTE, dependencies=[Depends(authenticate)])
    def sessions() -> Any:
        return {"sessions": []}

    return app


def _homemade_flask(decode: Callable[[str], Any]) -> Flask:
    app = Flask(__name__)

    @app.get(ROUTE)
    def sessions() -> Any:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        try:
            claims = decode(token)
        except jwt.PyJWTError:
            return {"error": "invalid_token"}, 401
        return ({"sessions": []}, 200) if _may_read(claims) else ({"error": "insufficient_scope"}, 403)

    return app


def _homemade_django(decode: Callable[[str], Any], catches: Any = Exception) -> Any:
    def sessions(request: HttpRequest) -> HttpResponse:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        if not token:
            return HttpResponse(status=401)
        try:
            claims = decode(token)
        except catches:
            return HttpResponse(status=401)
        return JsonResponse({"sessions": []}) if _may_read(claims) else HttpResponse(status=403)

    return sessions
