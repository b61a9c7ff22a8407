"""What a guard adds to a Flask request: ``app.wsgi_app(environ, start_response)``, guarded route minus bare route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from benchmarks import ours
from benchmarks.harness import REQUESTS_PART_NS, Candidate, Row, Subject, compared, labelled, peer
from benchmarks.tokens import AUDIENCE, ISSUER, SCOPE, raw_verify, signing_key
from benchmarks.verify import authlib_validator
from benchmarks.webapps import BARE, COLD, FLOOR, FLOOR_NOTE, HOT, PATH, behind_signature_check, wsgi_subject

_GOALS: Final = {COLD: 2.2, HOT: 0.4}


def rows(rounds: int) -> list[Row]:
    """Measure ours, Authlib's resource protector and Flask-JWT-Extended."""
    authlib, extended = labelled("Authlib"), labelled("Flask-JWT-Extended")
    candidates = [
        Candidate(FLOOR, "reference", _floor, note=FLOOR_NOTE),
        Candidate(COLD, "ours", lambda: _guarded(COLD, hot=False), _GOALS[COLD]),
        Candidate(HOT, "ours", lambda: _guarded(HOT, hot=True), _GOALS[HOT]),
        Candidate(authlib, "peer", lambda: _subject(authlib, _with_authlib)),
        Candidate(extended, "peer", lambda: _subject(extended, _with_extended), note="checks no scope"),
    ]
    bare = wsgi_subject(BARE, _app(lambda _: lambda view: view), guarded=False)
    return compared(
        "Flask, added per request", raw_verify(signing_key()), candidates, rounds, minus=bare, part_ns=REQUESTS_PART_NS
    )


def _app(attach: Callable[[Any], Callable[[Any], Any]]) -> Any:
    """Make an application with one route; `attach` prepares it and returns the decorator of the route."""
    flask = peer("flask")
    app = flask.Flask("benchmark")
    decorate = attach(app)

    def sessions() -> str:
        return "ok"

    app.get(PATH, endpoint="sessions")(decorate(sessions))
    return app.wsgi_app


def _subject(name: str, attach: Callable[[Any], Callable[[Any], Any]]) -> Subject:
    return wsgi_subject(name, _app(attach))


def _floor() -> Subject:
    return wsgi_subject(FLOOR, _app(lambda _: behind_signature_check), guarded=False)


def _guarded(name: str, *, hot: bool) -> Subject:
    adapter = peer("mindpeeker_guard.flask")

    def attach(app: Any) -> Callable[[Any], Any]:
        adapter.init_app(app, ours.guard(signing_key().jwks, hot=hot))
        return adapter.require_scopes(SCOPE)  # type: ignore[no-any-return]

    return _subject(name, attach)


def _with_authlib(app: Any) -> Callable[[Any], Any]:
    del app
    protector = peer("authlib.integrations.flask_oauth2").ResourceProtector()
    protector.register_token_validator(authlib_validator(signing_key()))
    return protector([SCOPE])  # type: ignore[no-any-return]


def _with_extended(app: Any) -> Callable[[Any], Any]:
    extended = peer("flask_jwt_extended")
    serialization = peer("cryptography.hazmat.primitives.serialization")
    public = signing_key().private.public_key()
    app.config.update(
        JWT_ALGORITHM="RS256",
        JWT_PUBLIC_KEY=public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_IDENTITY_CLAIM="sub",
    )
    extended.JWTManager(app)
    return extended.jwt_required()  # type: ignore[no-any-return]
