"""Applications as users write them, with a guard that points at the real issuer.

FastAPI reads the annotations of functions here: there is no ``from __future__ import annotations``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from django.http import JsonResponse
from django.urls import path
from fastapi import Depends, FastAPI
from flask import Flask
from tests.frameworks.django_project import GUARD, project

import mindpeeker_guard.django as for_django
import mindpeeker_guard.fastapi as for_fastapi
import mindpeeker_guard.flask as for_flask
from mindpeeker_guard import Guard, JWTBearer, Principal

READ = "remote-viewing:read"
ROUTE = "/v1/sessions"


def real_guard(**options: Any) -> Guard:
    """Return a guard that would have to fetch the keys of the platform, far away."""
    return Guard(JWTBearer(**options))


def flask_app(guard: Guard | None = None, *scopes: str, default: Any = "allow") -> Flask:
    """Return an application with a plain and an async view."""
    app = Flask(__name__)
    for_flask.init_app(app, guard or real_guard(), default=default)

    @app.get(ROUTE)
    @for_flask.require_scopes(*(scopes or (READ,)))
    def sessions() -> Any:
        return {"sub": for_flask.current_principal.subject}

    @app.get("/v1/async")
    @for_flask.require_scopes(READ)
    async def later() -> Any:
        return {"sub": for_flask.current_principal.subject}

    return app


def fastapi_app(guard: Guard | None = None, lifespan: Any = None, needed: Any = None) -> FastAPI:
    """Return an application with an async and a plain endpoint."""
    app = FastAPI(lifespan=lifespan)
    for_fastapi.init_app(app, guard or real_guard())
    caller = Annotated[Principal, Depends(needed or for_fastapi.require_scopes(READ))]

    @app.get(ROUTE)
    async def sessions(principal: caller) -> Any:
        return {"sub": principal.subject}

    @app.get("/v1/plain")
    def plain(principal: caller) -> Any:
        return {"sub": principal.subject}

    @app.post(ROUTE)
    async def create(principal: caller, session: dict[str, str]) -> Any:
        return session

    return app


@for_django.require_scopes(READ)
def sessions_view(request: Any) -> JsonResponse:
    """Return who calls."""
    return JsonResponse({"sub": request.principal.subject})


@for_django.require_scopes(READ)
async def async_view(request: Any) -> JsonResponse:
    """Return who calls, in an async view."""
    return JsonResponse({"sub": request.principal.subject})


@contextmanager
def django_project(guard: Guard | None = None, *patterns: Any, **options: Any) -> Iterator[None]:
    """Be a project with these two views, or with others."""
    usual = (path(ROUTE[1:], sessions_view), path("v1/async", async_view))
    settings = {"MINDPEEKER_GUARD": guard or real_guard()} | options
    with project(*(patterns or usual), middleware=options.pop("middleware", (GUARD,)), **settings):
        yield
