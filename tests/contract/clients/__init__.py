"""The carriers. A new framework is one module here and its lines in `CARRIERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import pytest
from tests.contract.clients.base import ANY_METHOD, HANDSHAKE, Client
from tests.contract.guards import guard


@dataclass(frozen=True)
class Carrier:
    """One way for a request to reach a guard.

    Attributes:
        module: Where the client is.
        factory: The function in it that makes a client for a guard.
        needs: The packages without which it cannot be tried.
        methods: The methods that it can carry.
        any_method: Whether its views take every method for the one they are for, so that no preflight request may run
            them: it is answered without them.
    """

    module: str
    factory: str
    needs: tuple[str, ...] = ()
    methods: frozenset[str] = ANY_METHOD
    any_method: bool = False


REFERENCE: Final = Carrier("reference", "direct")
"""The guard itself, without anything around it."""

_FLASK, _FASTAPI, _DJANGO = ("flask", "asgiref"), ("fastapi",), ("django",)
CARRIERS: Final[Mapping[str, Carrier]] = {
    "guard-acheck": Carrier("reference", "direct_async"),
    "flask-sync": Carrier("flask", "sync_views", _FLASK),
    "flask-async": Carrier("flask", "async_views", _FLASK),
    "flask-method-view": Carrier("flask", "method_views", _FLASK),
    "flask-deny": Carrier("flask", "denying", _FLASK),
    "fastapi-async": Carrier("fastapi", "async_endpoints", _FASTAPI),
    "fastapi-sync": Carrier("fastapi", "sync_endpoints", _FASTAPI),
    "fastapi-security": Carrier("fastapi", "security_scopes", _FASTAPI),
    "fastapi-router": Carrier("fastapi", "router_dependencies", _FASTAPI),
    "fastapi-deny": Carrier("fastapi", "denying", _FASTAPI),
    "fastapi-websocket": Carrier("fastapi", "websockets", _FASTAPI, HANDSHAKE),
    "django-wsgi-sync": Carrier("django", "wsgi_sync", _DJANGO, any_method=True),
    "django-wsgi-async": Carrier("django", "wsgi_async", _DJANGO, any_method=True),
    "django-wsgi-class": Carrier("django", "wsgi_class", _DJANGO),
    "django-asgi-sync": Carrier("django", "asgi_sync", _DJANGO, any_method=True),
    "django-asgi-async": Carrier("django", "asgi_async", _DJANGO, any_method=True),
    "django-asgi-class": Carrier("django", "asgi_class", _DJANGO),
    "asgi": Carrier("middleware", "asgi"),
    "asgi-websocket": Carrier("middleware", "asgi_websocket", (), HANDSHAKE),
    "wsgi": Carrier("middleware", "wsgi"),
}


def client(name: str, guard_name: str = "plain") -> Client:
    """Return the client of a carrier; the test is skipped where its framework is not there."""
    for package in CARRIERS[name].needs:
        if find_spec(package) is None:
            pytest.skip(f"{name} needs {package}, which is not installed")
    return _client(CARRIERS[name], guard_name)


def reference(guard_name: str = "plain") -> Client:
    """Return the client that asks the guard itself."""
    return _client(REFERENCE, guard_name)


@cache
def _client(carrier: Carrier, guard_name: str) -> Client:
    factory: Callable[[Any], Client] = getattr(import_module(f"{__name__}.{carrier.module}"), carrier.factory)
    return factory(guard(guard_name))
