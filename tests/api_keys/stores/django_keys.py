"""The application of API keys in the tests' Django project, with databases that come and go."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import tests.frameworks.django_project  # noqa: F401 - the settings
from django.conf import settings
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import override_settings

from mindpeeker_guard.django.api_keys import DjangoStore

APP = "mindpeeker_guard.django.api_keys"
_numbers = itertools.count()


def installed(*apps: str, **options: Any) -> override_settings:
    """Return settings under which the application, and `apps`, are installed."""
    new = [app for app in (*apps, APP) if app not in settings.INSTALLED_APPS]
    return override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, *new], **options)


@contextmanager
def database(url: str, timeout: float, **options: Any) -> Iterator[str]:
    """Have a database, and yield its alias."""
    alias = f"keys{next(_numbers)}"
    configured = _configured(url, timeout) | {"CONN_HEALTH_CHECKS": True} | options
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: configured})[alias]
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]


@contextmanager
def store(url: str, timeout: float, max_age: float) -> Iterator[DjangoStore]:
    """Have a store with a database of its own."""
    with installed(), database(url, timeout, CONN_MAX_AGE=max_age) as alias:
        yield DjangoStore(using=alias)


def migrate(keys: DjangoStore) -> None:
    """Make the table as the migrations do."""
    executor = MigrationExecutor(connections[keys._using])
    executor.migrate(executor.loader.graph.leaf_nodes("mindpeeker_api_keys"))
    connections[keys._using].close()


def _configured(url: str, timeout: float) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path.removeprefix("/"),
            "OPTIONS": {"timeout": timeout},
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "NAME": parts.path.removeprefix("/"),
        "OPTIONS": {"connect_timeout": max(2, int(timeout))},
    }
