"""Django's admin: keys are shown masked and revoked after a question; nothing else can be done."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.urls import path
from tests.api_keys.stores import django_keys

from mindpeeker_guard._flow import run
from mindpeeker_guard.django.api_keys import api_keys
from mindpeeker_guard.errors import AuthError

PEPPER = "a pepper of at least thirty-two bytes"
LIST = "/admin/mindpeeker_api_keys/apikey/"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


class Patterns:
    """The URLs of the admin, made when the applications are installed."""

    @property
    def urlpatterns(self):
        return [path("admin/", admin.site.urls)]


@pytest.fixture
def keys(tmp_path):
    """The service of a project with an admin, on a database of its own."""
    url = f"sqlite:///{tmp_path / 'admin.db'}"
    apps = ("django.contrib.admin", "django.contrib.messages", "django.contrib.staticfiles")
    with (
        django_keys.database(url, 60) as alias,
        django_keys.installed(
            *apps,
            MINDPEEKER_GUARD={"API_KEY_PEPPER": PEPPER},
            ROOT_URLCONF=Patterns(),
            MIDDLEWARE=MIDDLEWARE,
            TEMPLATES=TEMPLATES,
            STATIC_URL="static/",
            DATABASE_ROUTERS=[Everything(alias)],
            PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ),
    ):
        _register()
        call_command("migrate", database=alias, verbosity=0)
        yield api_keys()
        connections[alias].close()


class Everything:
    """Sends all tables to one database."""

    def __init__(self, alias):
        self.alias = alias

    def db_for_read(self, model, **hints):
        return self.alias

    db_for_write = db_for_read

    def allow_relation(self, *_, **hints):
        return True


def _register():
    """Have the admin know the model; Django does so by itself once for each process, whatever is installed then."""
    from django.contrib.auth.admin import UserAdmin

    from mindpeeker_guard.django.api_keys.admin import APIKeyAdmin
    from mindpeeker_guard.django.api_keys.models import APIKey

    for model, its_admin in ((APIKey, APIKeyAdmin), (get_user_model(), UserAdmin)):
        if not admin.site.is_registered(model):
            admin.site.register(model, its_admin)


def signed_in(*permissions, superuser=False):
    """Return a client of a member of the staff."""
    user = get_user_model().objects.create_user("anna", password="x", is_staff=True, is_superuser=superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def revoke(client, *records, **more):
    return client.post(LIST, {"action": "revoke_selected", "_selected_action": [one.id for one in records], **more})


def test_keys_are_shown_masked(keys):
    """
    Neither the list nor a key's page has a digest, a pepper's id or the whole id in its text; nothing can be edited.
    """
    issued = keys.issue("<b>Reports</b>", ["analytics:read"], owner="user-1")
    client = signed_in(superuser=True)

    for place in (LIST, f"{LIST}{issued.record.id}/change/"):
        answer = client.get(place)
        page = answer.content.decode()
        assert 200 == answer.status_code
        assert "&lt;b&gt;Reports" in page
        assert "active" in page
        assert f"{issued.record.id[:4]}…{issued.record.id[-2:]}" in page
        assert issued.key not in page
        assert issued.record.digest.hex() not in page
        assert repr(issued.record.digest) not in page
        assert "pepper" not in page.lower()
        assert 'name="_save"' not in page


@pytest.mark.parametrize("place", ["add/", "{id}/delete/", "{id}/change/"])
def test_nothing_can_be_changed(keys, place):
    """
    Adding, changing and deleting are refused to everybody, superusers too.
    """
    issued = keys.issue("n", ["analytics:read"], owner="user-1")
    client = signed_in(superuser=True)

    answer = client.post(LIST + place.format(id=issued.record.id), {"name": "other", "post": "yes"})

    assert 403 == answer.status_code
    assert [issued.record] == list(keys.list())


def test_revoking_asks_first(keys):
    """
    The action shows what it is about to do, and does it when that is confirmed; the service refuses the key at once.
    """
    issued = [keys.issue(f"key {number}", ["analytics:read"], owner="user-1") for number in range(3)]
    for one in issued:
        run(keys.verify(one.key))
    client = signed_in("view_apikey", "revoke_apikey")
    records = [one.record for one in issued[:2]]

    asked = revoke(client, *records)
    page = asked.content.decode()
    assert (200, 3) == (asked.status_code, len(keys.list()))
    assert all(f'value="{one.id}"' in page for one in records)
    assert "key 2" not in page
    assert all(one.revoked_at is None for one in keys.list())

    done = revoke(client, *records, confirmed="yes")
    assert 302 == done.status_code
    assert [True, True, False] == [keys.get(one.record.id).revoked_at is not None for one in issued]
    for one in issued[:2]:
        with pytest.raises(AuthError):
            run(keys.verify(one.key))
    assert "user-1" == run(keys.verify(issued[2].key)).subject
    again = revoke(client, *records)
    assert "revoked already" in again.content.decode()


@pytest.mark.parametrize("permissions", [(), ("view_apikey",), ("revoke_apikey",)])
def test_revoking_needs_permissions(keys, permissions):
    """
    Without the permissions to see and to revoke, nobody revokes, whatever is posted.
    """
    issued = keys.issue("n", ["analytics:read"], owner="user-1")

    revoke(signed_in(*permissions), issued.record, confirmed="yes")

    assert keys.get(issued.record.id).revoked_at is None


def test_revoking_needs_the_form(keys):
    """
    A page of somebody else's cannot revoke: the form carries Django's token against that.
    """
    issued = keys.issue("n", ["analytics:read"], owner="user-1")
    client = signed_in(superuser=True)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies

    assert 403 == revoke(strict, issued.record, confirmed="yes").status_code
    assert keys.get(issued.record.id).revoked_at is None


def test_revoking_without_a_pepper(keys):
    """
    A project that has no service here still can revoke, in the table.
    """
    issued = keys.issue("n", ["analytics:read"], owner="user-1")
    client = signed_in(superuser=True)

    with django_keys.installed(MINDPEEKER_GUARD={}):
        revoke(client, issued.record, confirmed="yes")

    assert keys._store.get(issued.record.id).revoked_at is not None
