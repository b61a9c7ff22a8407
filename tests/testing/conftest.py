"""The fixtures of the plugin, whether the installed package registers them or not, and an issuer with its guard."""

from __future__ import annotations

import pytest
import tests.frameworks.django_project  # noqa: F401 - Django is set up first

from _mindpeeker_guard_pytest import (  # noqa: F401 - fixtures
    mindpeeker_as_principal,
    mindpeeker_auth_headers,
    mindpeeker_clock,
    mindpeeker_issuer,
    mindpeeker_token,
)
from mindpeeker_guard import Guard, JWTBearer, RemoteKeySet
from mindpeeker_guard.testing import Clock, FakeIssuer

collect_ignore = ["projects"]  # of imaginary users: each is run alone, by test_projects


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def issuer(clock, monkeypatch):
    """An issuer that is reached without any proxy."""
    monkeypatch.setenv("NO_PROXY", "*")
    with FakeIssuer(clock=clock) as issuer:
        yield issuer


@pytest.fixture
def guard(issuer, clock):
    """A guard that fetches keys over HTTP, with the clock of the issuer."""
    keys = RemoteKeySet(issuer.jwks_uri, clock=clock, timeout=2, connect_timeout=2, jitter=lambda: 1.0)
    return Guard(JWTBearer(issuer.issuer, keys=keys, clock=clock), clock=clock)
