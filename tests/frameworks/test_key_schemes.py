"""API keys in the frameworks: unknown schemes are found at start, and API documents show what is accepted."""

from __future__ import annotations

import pytest
from tests.api_keys.keywork import service
from tests.support.tokens import jwks

from mindpeeker_guard import APIKey, ConfigurationError, Guard, JWTBearer

KEYS = service()
TOKEN_GUARD = Guard(JWTBearer(keys=jwks()))


@pytest.fixture
def guard() -> Guard:
    return Guard(JWTBearer(keys=jwks()), APIKey(KEYS))


@pytest.mark.parametrize("word", ["require", "require_scopes", "require_any_scope"])
@pytest.mark.parametrize("framework", ["flask", "fastapi", "django"])
def test_every_word_takes_schemes(framework: str, word: str):
    """
    The same name with the same meaning, everywhere.
    """
    words = pytest.importorskip(f"mindpeeker_guard.{framework}")

    guarded = getattr(words, word)("profile", schemes=["ApiKey"])
    with pytest.raises(ConfigurationError, match="schemes"):
        getattr(words, word)("profile", schemes=[])

    assert callable(guarded)


def test_flask_finds_an_unknown_scheme_at_start():
    """
    When the guard is attached.
    """
    flask = pytest.importorskip("flask")
    from mindpeeker_guard.flask import init_app, require

    app = flask.Flask(__name__)
    app.add_url_rule("/x", view_func=require(schemes="ApiKey")(lambda: "ok"))

    with pytest.raises(ConfigurationError, match="'ApiKey'"):
        init_app(app, TOKEN_GUARD)


def test_fastapi_finds_an_unknown_scheme_at_start():
    """
    When the guard is attached.
    """
    fastapi = pytest.importorskip("fastapi")
    from mindpeeker_guard.fastapi import init_app, require

    app = fastapi.FastAPI()
    app.get("/x", dependencies=[fastapi.Depends(require(schemes="ApiKey"))])(lambda: "ok")

    with pytest.raises(ConfigurationError, match="'ApiKey'"):
        init_app(app, TOKEN_GUARD)


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_middleware_finds_an_unknown_scheme_at_start(kind: str):
    """
    When it is put around an application.
    """
    from mindpeeker_guard import asgi, requirement, wsgi

    with pytest.raises(ConfigurationError, match="'ApiKey'"):
        {"asgi": asgi, "wsgi": wsgi}[kind].GuardMiddleware(None, TOKEN_GUARD, requirement(schemes="ApiKey"))


def document(guard: Guard, *dependencies: object) -> dict:
    """Return the API document of an application with one route."""
    fastapi = pytest.importorskip("fastapi")
    from mindpeeker_guard.fastapi import init_app

    app = fastapi.FastAPI()
    init_app(app, guard)
    app.get("/x", dependencies=[fastapi.Depends(one) for one in dependencies])(lambda: "ok")
    return app.openapi()


def shown(guard: Guard, *dependencies: object) -> list[dict]:
    """Return what the document says that the route accepts."""
    return document(guard, *dependencies)["paths"]["/x"]["get"]["security"]


def test_the_document_shows_both_schemes_as_alternatives(guard: Guard):
    """
    Items of the list are alternatives; each has the scopes. Two scopes of which one is enough make four items.
    """
    from mindpeeker_guard.fastapi import require_any_scope, require_scopes

    assert [{"Bearer": ["profile"]}, {"ApiKey": ["profile"]}] == shown(guard, require_scopes("profile"))
    assert [{name: [scope]} for name in ("Bearer", "ApiKey") for scope in ("email", "profile")] == shown(
        guard, require_any_scope("email", "profile")
    )
    assert [{"Bearer": []}, {"ApiKey": []}, {}] == shown(guard, require_scopes(optional=True))


def test_the_document_describes_the_header(guard: Guard):
    """
    An ``apiKey`` scheme in a header (OpenAPI 3.1, Security Scheme Object).
    """
    from mindpeeker_guard.fastapi import require_scopes

    scheme = document(guard, require_scopes("profile"))["components"]["securitySchemes"]["ApiKey"]

    assert {"type": "apiKey", "in": "header", "name": "X-API-Key"} == {
        name: scheme[name] for name in ("type", "in", "name")
    }


def test_the_document_shows_only_what_a_route_accepts(guard: Guard):
    """
    Of several dependencies, what all of them accept; where that is nothing, nobody is told that all may.
    """
    from mindpeeker_guard.fastapi import require, require_scopes

    tokens, keys = require_scopes("profile", schemes=["Bearer"]), require("email", schemes="ApiKey")

    assert [{"Bearer": ["profile"]}] == shown(guard, tokens)
    assert [{"ApiKey": ["email"]}] == shown(guard, keys)
    assert [{"Bearer": ["email", "profile"]}] == shown(guard, tokens, require("email"))
    assert [{"Bearer": [], "ApiKey": []}] == shown(guard, tokens, keys)


def test_equal_requirements_with_other_schemes_are_not_one(guard: Guard):
    """
    Neither in the document nor as keys of ``dependency_overrides``.
    """
    from mindpeeker_guard.fastapi import require_scopes

    anything, tokens = require_scopes("profile"), require_scopes("profile", schemes=["Bearer"])

    assert anything != tokens
    assert anything.scheme_name != tokens.scheme_name
    assert tokens == require_scopes("profile", schemes="Bearer")
    assert ("Bearer",) == tokens.with_scopes(("email",)).schemes


def test_a_key_works_in_the_document_s_own_client(guard: Guard):
    """
    What the document says to send is accepted.
    """
    pytest.importorskip("httpx")
    fastapi = pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from mindpeeker_guard.fastapi import init_app, require_scopes

    app = fastapi.FastAPI()
    init_app(app, guard)
    app.get("/x", dependencies=[fastapi.Depends(require_scopes("profile"))])(lambda: "ok")
    client = TestClient(app)
    header = app.openapi()["components"]["securitySchemes"]["ApiKey"]["name"]

    assert 200 == client.get("/x", headers={header: KEYS.issue("n", ["profile"], owner="u").key}).status_code
    assert 401 == client.get("/x", headers={header: "x"}).status_code
