"""Decisions name the route in the words of each framework."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pytest
from django.http import JsonResponse
from django.test import AsyncClient, Client
from django.urls import path
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from flask import Flask
from tests.frameworks import django_project
from tests.frameworks.callers import READ, bearer, make_guard

from mindpeeker_guard import Decision
from mindpeeker_guard import django as ours_django
from mindpeeker_guard import fastapi as ours_fastapi
from mindpeeker_guard import flask as ours_flask

Told = list[Decision]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def guard(told):
    return make_guard(on_decision=told.append)


def seen(told: Told) -> list[tuple[str, str | None, str | None]]:
    """Return outcome, method and route of each decision."""
    return [(decision.outcome, decision.method, decision.route) for decision in told]


def expected(route: str) -> list[tuple[str, str, str]]:
    """Return what a good caller, nobody, and a caller without the second scope cause."""
    outcomes = ["allowed", "credentials_missing", "allowed", "scope_insufficient"]
    return [(outcome, "GET", route) for outcome in outcomes]


def test_flask(guard, told):
    """
    A Flask view is named by its rule; the refusal of a second decorator is told as well.
    """
    app = Flask(__name__)
    ours_flask.init_app(app, guard)

    @app.get("/v1/sessions/<name>")
    @ours_flask.require_scopes(READ)
    @ours_flask.require_scopes("profile")
    def sessions(name):
        return name

    client = app.test_client()
    for headers in (bearer(scope=f"{READ} profile"), {}, bearer()):
        client.get("/v1/sessions/secret", headers=headers)

    assert seen(told) == expected("/v1/sessions/<name>")


def test_fastapi(guard, told):
    """
    A FastAPI route is named by its path, and so is a second dependency.
    """
    app = FastAPI(dependencies=[Depends(ours_fastapi.require_scopes(READ))])
    ours_fastapi.init_app(app, guard)

    @app.get("/v1/sessions/{name}")
    async def sessions(name: str, principal: Annotated[object, Depends(ours_fastapi.require_scopes("profile"))]):
        return name

    with TestClient(app) as client:
        for headers in (bearer(scope=f"{READ} profile"), {}, bearer()):
            client.get("/v1/sessions/secret", headers=headers)

    assert seen(told) == expected("/v1/sessions/{name}")


@pytest.mark.parametrize("mode", ["wsgi", "asgi"])
def test_django(guard, told, mode):
    """
    A Django view is named by its pattern, under either gateway.
    """

    @ours_django.require_scopes(READ)
    @ours_django.require_scopes("profile")
    def sessions(request, name):
        return JsonResponse({"name": name})

    async def asgi():
        client = AsyncClient()
        for headers in callers:
            await client.get("/v1/sessions/secret", headers=headers)

    callers = (bearer(scope=f"{READ} profile"), {}, bearer())
    with django_project.project(path("v1/sessions/<name>", sessions), MINDPEEKER_GUARD=guard):
        if mode == "asgi":
            asyncio.run(asgi())
        else:
            for headers in callers:
                Client().get("/v1/sessions/secret", headers=headers)

    assert seen(told) == expected("v1/sessions/<name>")
