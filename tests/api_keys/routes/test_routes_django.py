"""What is peculiar to Django: bodies, mounting."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings
from tests.api_keys.routes.wire import GOOD, HEADERS, KEYS, asgi_scope, converse, messages_of
from tests.api_keys.routes.world import World
from tests.contract.clients import gateways
from tests.contract.clients.gateways import WSGIClient

from mindpeeker_guard.api_key_routes import BODY_LIMIT
from mindpeeker_guard.api_key_routes.django import urls

pytestmark = pytest.mark.usefixtures("zeros")


def django_settings(world: World, **changes: Any) -> dict[str, Any]:
    """Return the settings of a Django project with the routes."""
    from types import ModuleType

    module = ModuleType("urls")
    module.urlpatterns = urls(world.keys)
    middleware = ["mindpeeker_guard.django.GuardMiddleware"]
    plain = {"ALLOWED_HOSTS": ["*"], "MIDDLEWARE": middleware, "MINDPEEKER_GUARD": world.guard, "ROOT_URLCONF": module}
    return plain | changes


def test_django_refuses_a_large_body_without_a_length():
    """
    Under ASGI a body may come without a length; then too it is not read further than the limit.
    """

    receive = messages_of(b" " * (BODY_LIMIT + 1))

    with override_settings(**django_settings(World())):
        sent = gateways.run(converse(ASGIHandler(), asgi_scope(), receive))

    assert 413 == sent[0]["status"]


def test_django_reads_a_body_without_a_length():
    """
    Under ASGI a good body without a length is as good as any.
    """
    receive = messages_of(GOOD)

    with override_settings(**django_settings(World())):
        sent = gateways.run(converse(ASGIHandler(), asgi_scope(), receive))

    assert 201 == sent[0]["status"]


def test_django_keeps_to_a_smaller_limit_of_the_project():
    """
    Where the project's own limit is smaller, it holds, with the same answer.
    """
    with override_settings(**django_settings(World(), DATA_UPLOAD_MAX_MEMORY_SIZE=10)):
        answer = WSGIClient(WSGIHandler()).send("POST", KEYS, HEADERS, GOOD)

    assert (413, "The body is too large.") == (answer.status, json.loads(answer.body)["detail"])


class Reader:
    """Middleware that has read from the body before the view, as uploads are read."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Any) -> None:
        self._get_response = get_response

    def __call__(self, request: Any) -> Any:
        request.read(1)
        return self._get_response(request)


def test_django_survives_a_body_that_is_gone():
    """
    A body that something before the view has taken is no body, and no exception.
    """
    middleware = [f"{__name__}.Reader", "mindpeeker_guard.django.GuardMiddleware"]
    with override_settings(**django_settings(World(), MIDDLEWARE=middleware)):
        answer = WSGIClient(WSGIHandler()).send("POST", KEYS, HEADERS, GOOD)

    assert 400 == answer.status


def test_django_names_its_urls():
    """
    The URLs can be reversed, and below a script name ``Location`` has it in front.
    """
    from django.urls import reverse

    with override_settings(**django_settings(World(), FORCE_SCRIPT_NAME="/api")):
        names = [
            reverse("api_keys"),
            reverse("api_key", args=["x"]),
            reverse("api_key_rotate", args=["x"]),
        ]
        answer = WSGIClient(WSGIHandler()).send("POST", KEYS, HEADERS, GOOD)

    assert [KEYS, f"{KEYS}/x", f"{KEYS}/x/rotate"] == [name.removeprefix("/api") for name in names]
    assert f"/api{KEYS}/{'0' * 16}" == answer.headers["location"]
