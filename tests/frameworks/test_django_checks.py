"""Django: each system check is shown where it applies, and silent where all is well."""

from __future__ import annotations

import pytest
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core.checks import ERROR, WARNING, run_checks
from django.urls import include, path
from tests.frameworks.callers import make_guard
from tests.frameworks.django_project import AUTHENTICATION, GUARD, LOGIN_REQUIRED, SESSIONS, project, subject

from mindpeeker_guard import ScopeCatalogue
from mindpeeker_guard.django import GuardMiddleware, require_scopes

APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "mindpeeker_guard.django"]
SIGN_IN = (SESSIONS, AUTHENTICATION)
HERE = "tests.frameworks.test_django_checks."
PAGES = path("pages/", include(([path("inner/", include(([path("x", subject)], "inner")))], "pages")))


class OwnGuard(GuardMiddleware):
    """A middleware of a project's own, on top of ours."""


class OwnLoginRequired(LoginRequiredMiddleware):
    """A middleware of a project's own, on top of Django's."""


def check(*, middleware=(GUARD,), guard=None):
    """Run the checks as ``manage.py check`` does; return ours."""
    with project(PAGES, middleware=middleware, INSTALLED_APPS=APPS, MINDPEEKER_GUARD=guard or make_guard()):
        messages = run_checks(tags=["security"])
    return [message for message in messages if message.id.startswith("mindpeeker_guard.")]


def ids(**options):
    return [message.id.partition(".")[2] for message in check(**options)]


def resolve(principal, request):
    """Return nobody."""


USERS = {"GUARD": make_guard(), "USER_RESOLVER": resolve}


@pytest.mark.parametrize(
    ("middleware", "guard"),
    [
        ((GUARD,), None),
        ((GUARD,), {"GUARD": make_guard(), "PUBLIC_NAMESPACES": ["pages"]}),
        ((*SIGN_IN, GUARD), USERS),
        ((*SIGN_IN, GUARD, LOGIN_REQUIRED), USERS),
        ((f"{HERE}OwnGuard",), None),
    ],
)
def test_a_good_project_hears_nothing(middleware, guard):
    """Where all is well, no check says anything."""
    assert [] == check(middleware=middleware, guard=guard)


@pytest.mark.parametrize("guard", [{"AUDIANCE": "x"}, "nowhere.guard", {"USER_RESOLVER": 1}])
def test_e001_is_a_setting_that_cannot_be_used(guard):
    """E001 says what is wrong with ``MINDPEEKER_GUARD``, and stands alone."""
    [message] = check(guard=guard)

    assert ("mindpeeker_guard.E001", ERROR) == (message.id, message.level)
    assert any(word in message.msg for word in ("AUDIENCE?", "nowhere.guard", "USER_RESOLVER"))


@pytest.mark.parametrize("middleware", [(), SIGN_IN])
def test_e002_is_a_missing_middleware(middleware):
    """E002 says that no view is guarded, and what to add."""
    [message] = check(middleware=middleware)

    assert ("mindpeeker_guard.E002", ERROR) == (message.id, message.level)
    assert GUARD in message.hint


@pytest.mark.parametrize(
    ("middleware", "guard"),
    [
        ((*SIGN_IN, GUARD, LOGIN_REQUIRED), None),
        ((*SIGN_IN, LOGIN_REQUIRED, GUARD), None),
        ((*SIGN_IN, LOGIN_REQUIRED, GUARD), USERS),
        ((*SIGN_IN, f"{HERE}OwnLoginRequired", GUARD), USERS),
    ],
)
def test_w001_is_a_log_in_page_for_callers_with_tokens(middleware, guard):
    """W001 warns of `LoginRequiredMiddleware` where callers with tokens would be sent to its page."""
    [message] = check(middleware=middleware, guard=guard)

    assert ("mindpeeker_guard.W001", WARNING) == (message.id, message.level)
    assert "USER_RESOLVER" in message.hint


def test_w002_is_a_public_namespace_that_does_not_exist():
    """W002 names each public namespace that no URL has."""
    messages = check(guard={"GUARD": make_guard(), "PUBLIC_NAMESPACES": ["pages", "padmin", "adnim"]})

    assert [("mindpeeker_guard.W002", WARNING)] * 2 == [(message.id, message.level) for message in messages]
    assert ["adnim", "padmin"] == [message.msg.split("'")[1] for message in messages]


def test_checks_bear_a_broken_project():
    """Where the URLs cannot be loaded, Django says so; our checks do not break on top of it."""
    guard = {"GUARD": make_guard(), "PUBLIC_NAMESPACES": ["pages"]}
    with project(INSTALLED_APPS=APPS, ROOT_URLCONF="tests.frameworks.callers", MINDPEEKER_GUARD=guard):
        found = [message.id for message in run_checks(tags=["security"])]

    assert "mindpeeker_guard.E001" not in found


OWN = ScopeCatalogue({"checks:read": "Known to another guard only"})


@pytest.mark.parametrize(
    ("needed", "word"),
    [({"schemes": "ApiKey"}, "Unknown scheme 'ApiKey'"), ({"scopes": ["checks:read"]}, "Unknown scope 'checks:read'")],
)
@pytest.mark.parametrize("nested", [False, True])
def test_e003_is_a_view_that_asks_for_what_the_guard_does_not_know(needed, word, nested):
    """E003 names the URL, and what is unknown; a good view of the same URL elsewhere hides nothing."""
    view = require_scopes(*needed.get("scopes", ()), schemes=needed.get("schemes"))(subject)
    patterns = [path("a", view), path("a", subject)]
    urls = [path("in/", include((patterns, "in")))] if nested else patterns

    with project(*urls, INSTALLED_APPS=APPS):
        messages = [one for one in run_checks(tags=["security"]) if one.id.startswith("mindpeeker_guard.")]

    assert [("mindpeeker_guard.E003", ERROR)] == [(one.id, one.level) for one in messages]
    assert messages[0].msg.startswith(f"a: {word}")
