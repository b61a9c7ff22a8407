"""Somebody is signed in for the length of a test: every framework and every kind of client sees it."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest
from django.test import AsyncClient, Client
from starlette.testclient import TestClient
from tests.testing.apps import READ, ROUTE, django_project, fastapi_app, flask_app

from mindpeeker_guard.testing import as_principal


def flask_get(path: str = ROUTE, **options: Any) -> tuple[int, Any]:
    answer = flask_app().test_client().get(path, **options)
    return answer.status_code, answer.get_json()


def starlette_get(path: str = ROUTE, **options: Any) -> tuple[int, Any]:
    answer = TestClient(fastapi_app()).get(path, **options)
    return answer.status_code, answer.json()


def httpx_get(path: str = ROUTE, **options: Any) -> tuple[int, Any]:
    async def get() -> Any:
        transport = httpx.ASGITransport(app=fastapi_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, **options)

    answer = anyio.run(get)
    return answer.status_code, answer.json()


def django_get(path: str = ROUTE, **options: Any) -> tuple[int, Any]:
    with django_project():
        answer = Client().get(path, **options)
        return answer.status_code, answer.json()


def django_aget(path: str = ROUTE, **options: Any) -> tuple[int, Any]:
    async def get() -> Any:
        return await AsyncClient().get(path, **options)

    with django_project():
        answer = anyio.run(get)
        return answer.status_code, answer.json()


CLIENTS = [
    pytest.param(flask_get, ROUTE, id="Flask, plain view"),
    pytest.param(flask_get, "/v1/async", id="Flask, async view"),
    pytest.param(starlette_get, ROUTE, id="FastAPI, async endpoint"),
    pytest.param(starlette_get, "/v1/plain", id="FastAPI, plain endpoint"),
    pytest.param(httpx_get, ROUTE, id="FastAPI, async client"),
    pytest.param(django_get, ROUTE, id="Django, plain view"),
    pytest.param(django_get, "/v1/async", id="Django, async view"),
    pytest.param(django_aget, ROUTE, id="Django, async client, plain view"),
    pytest.param(django_aget, "/v1/async", id="Django, async client, async view"),
]


@pytest.mark.parametrize(("get", "path"), CLIENTS)
def test_the_view_sees_the_principal(get, path):
    """
    A guarded view sees the principal, in whatever thread or event loop the client runs it, and nothing is fetched.
    """
    with as_principal(subject="u-1", scopes=[READ]):
        answer = get(path)

    assert (200, {"sub": "u-1"}) == answer


@pytest.mark.parametrize(("get", "path"), CLIENTS)
def test_scopes_are_still_checked(get, path):
    """
    A principal without the scope gets the guard's own 403.
    """
    with as_principal(subject="u-1", scopes=["profile"]):
        status, body = get(path)

    assert (403, [READ]) == (status, body["required_scopes"])


@pytest.mark.parametrize(("get", "path"), CLIENTS)
def test_afterwards_nobody_is_signed_in(get, path):
    """
    When the block is over, requests without a credential are refused again.
    """
    with as_principal(scopes=[READ]):
        pass

    assert 401 == get(path)[0]


@pytest.mark.parametrize(("get", "path"), CLIENTS)
def test_the_credential_of_a_request_does_not_matter(get, path):
    """
    Whatever credential a request brings, it is the principal's.
    """
    with as_principal(subject="u-1", scopes=[READ]):
        answer = get(path, headers={"Authorization": "Bearer junk"})

    assert (200, {"sub": "u-1"}) == answer
