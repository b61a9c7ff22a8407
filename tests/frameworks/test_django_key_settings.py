"""Django: API keys out of ``MINDPEEKER_GUARD``, in a store of the project's own."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, JsonResponse
from django.test import Client
from tests.api_keys.keywork import PEPPER
from tests.frameworks.django_project import project

from mindpeeker_guard import APIKey, ConfigurationError
from mindpeeker_guard.api_keys import MemoryStore
from mindpeeker_guard.django import require_scopes
from mindpeeker_guard.django.conf import configuration
from mindpeeker_guard.settings import PREFIX


@require_scopes("profile")
def shown(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"sub": request.principal.subject, "scheme": request.principal.scheme})


def keys():
    """Return the service of the project's guard."""
    return next(one.keys for one in configuration().guard.authenticators if isinstance(one, APIKey))


def test_a_store_and_a_pepper_switch_api_keys_on():
    """
    Without the application for API keys: the store is a URL, or an object.
    """
    for store in ("memory:", MemoryStore()):
        with project(shown, MINDPEEKER_GUARD={"API_KEY_STORE": store, "API_KEY_PEPPER": PEPPER}):
            key = keys().issue("n", ["profile"], owner="u").key
            answer = Client().get("/x", headers={"x-api-key": key})

        assert (200, {"sub": "u", "scheme": "ApiKey"}) == (answer.status_code, answer.json())


def test_the_environment_will_do(monkeypatch):
    """
    As for all settings.
    """
    monkeypatch.setenv(f"{PREFIX}API_KEY_STORE", "memory:")
    with project(shown, MINDPEEKER_GUARD={"API_KEY_PEPPER": PEPPER, "API_KEY_ENVIRONMENT": "test"}):
        assert "test" == keys().environment


def test_a_pepper_without_a_store_is_an_error():
    """
    Keys that nobody checks would be a surprise.
    """
    with (
        project(shown, MINDPEEKER_GUARD={"API_KEY_PEPPER": PEPPER}),
        pytest.raises(ConfigurationError, match="API_KEY_PEPPER"),
    ):
        configuration()
