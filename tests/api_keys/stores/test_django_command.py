"""``manage.py mindpeeker_apikey``: keys from the command line."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test.utils import override_settings
from tests.api_keys.stores import django_keys

from mindpeeker_guard._flow import run
from mindpeeker_guard.api_keys import APIKeys
from mindpeeker_guard.api_keys.sqlalchemy import SQLAlchemyStore
from mindpeeker_guard.django.api_keys import DjangoStore, api_keys
from mindpeeker_guard.errors import AuthError

PEPPER = "a pepper of at least thirty-two bytes"
SETTINGS = {"API_KEY_PEPPER": PEPPER, "API_KEY_ENVIRONMENT": "test"}
CREATE = ("create", "--name=Reports", "--owner=user-1", "--scope=analytics:read", "--scope=remote-viewing:read")


class Router:
    """Sends the keys to the database of this test."""

    def __init__(self, alias):
        self.alias = alias

    def db_for_write(self, model, **hints):
        return self.alias if model._meta.app_label == "mindpeeker_api_keys" else None

    def db_for_read(self, model, **hints):
        assert model._meta.app_label != "mindpeeker_api_keys", "a replica may lag behind"


@pytest.fixture
def keys(tmp_path):
    """The service of a project whose routers put keys into a database of their own."""
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    with django_keys.installed(MINDPEEKER_GUARD=SETTINGS), django_keys.database(url, 60) as alias:
        django_keys.migrate(DjangoStore(using=alias))
        with override_settings(DATABASE_ROUTERS=[Router(alias)]):
            yield api_keys()


def command(*arguments):
    """Run a command; return what it writes to the standard output, and to that for errors."""
    out, err = StringIO(), StringIO()
    call_command("mindpeeker_apikey", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_create(keys):
    """
    The key is all that stands on the standard output, and it works.
    """
    out, err = command(*CREATE, "--expires-at=2999-01-31T00:00:00+01:00")

    key = out.strip()
    principal = run(keys.verify(key))
    assert key.startswith("mp_test_")
    assert key not in err
    assert ("user-1", {"analytics:read", "remote-viewing:read"}) == (principal.subject, principal.granted_scopes)
    assert "2999-01-30 23:00:00+00:00" == str(keys.get(key.split("_")[2]).expires_at)


def test_create_with_json(keys):
    """
    With ``--json`` the key stands beside what is stored of it, but for its digest.
    """
    shown = json.loads(command(*CREATE, "--json")[0])

    record = keys.get(shown["id"])
    assert run(keys.verify(shown.pop("key"))).token_id == record.id
    assert {
        "id": record.id,
        "name": "Reports",
        "owner": "user-1",
        "scopes": ["analytics:read", "remote-viewing:read"],
        "created_at": record.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expires_at": None,
        "revoked_at": None,
        "last_used_at": shown["last_used_at"],
        "rotated_to": None,
    } == shown


def test_list(keys):
    """
    All keys are listed, over as many pages as it takes, or those of one owner; never a key or a digest.
    """
    issued = [keys.issue(f"key {number}", ["analytics:read"], owner=f"user-{number % 2}") for number in range(205)]
    keys.revoke(issued[0].record.id)

    out, _ = command("list")
    shown = json.loads(command("list", "--owner=user-1", "--json")[0])

    assert {one.record.id for one in issued} == {line.split()[0] for line in out.splitlines()}
    assert "revoked" in next(line for line in out.splitlines() if line.startswith(issued[0].record.id))
    assert {one.record.id for one in issued[1::2]} == {one["id"] for one in shown}
    for one in issued:
        assert one.key not in out
    assert "digest" not in shown[0]
    assert ("", "") == command("list", "--owner=nobody")


def test_revoke(keys):
    """
    A revoked key is refused at once; revoking it again says so and is no error.
    """
    issued = keys.issue("n", ["analytics:read"], owner="user-1")
    run(keys.verify(issued.key))

    assert "Revoked." in command("revoke", issued.record.id)[0]
    with pytest.raises(AuthError):
        run(keys.verify(issued.key))
    assert "before" in command("revoke", issued.record.id)[0]
    assert {"id": issued.record.id, "revoked": False} == json.loads(command("revoke", issued.record.id, "--json")[0])


def test_rotate(keys):
    """
    The new key is printed, and works; the old one works until the overlap is over.
    """
    first = keys.issue("n", ["analytics:read"], owner="user-1")

    second = command("rotate", first.record.id, "--overlap=3600")[0].strip()
    third = json.loads(command("rotate", second.split("_")[2], "--json")[0])

    assert run(keys.verify(first.key)).subject == run(keys.verify(third["key"])).subject == "user-1"
    with pytest.raises(AuthError):
        run(keys.verify(second))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*CREATE, "--scope=nothing:known"), "scopes: "),
        ((*CREATE, "--expires-at=2001-01-01T00:00:00Z"), "expires_at: "),
        ((*CREATE, "--expires-at=2999-01-01T00:00:00"), "expires_at: "),
        ((*CREATE, "--expires-at=tomorrow"), "expires_at: "),
        (("create", "--name=", "--owner=user-1", "--scope=analytics:read"), "name: "),
        (("create", "--name=n", "--owner=a\x00b", "--scope=analytics:read"), "owner: "),
        (("create", "--name=n", "--owner=user-1"), "--scope"),
        (("revoke", "missing"), "no such API key"),
        (("rotate", "missing"), "no such API key"),
        (("rotate", "0123456789abcdef"), "no such API key"),
        (("rotate", "0123456789abcdef", "--overlap=-1"), "overlap: "),
        (("rotate", "0123456789abcdef", "--overlap=nan"), "overlap: "),
        (("destroy",), "invalid choice"),
        ((), "required"),
    ],
)
def test_what_is_refused(keys, arguments, said):
    """
    A wrong value is an error of the command, with the option named, and nothing has changed.
    """
    with pytest.raises(CommandError, match=said):
        command(*arguments)

    assert [] == list(keys.list())


def test_a_rotated_key_is_not_rotated_again(keys):
    """
    The command says why a key cannot be rotated.
    """
    issued = keys.issue("n", ["analytics:read"], owner="user-1")
    command("rotate", issued.record.id)

    with pytest.raises(CommandError, match="rotated already"):
        command("rotate", issued.record.id)


def test_without_a_pepper():
    """
    Without a pepper no key can be made, and the command says what to set.
    """
    with django_keys.installed(MINDPEEKER_GUARD={}), pytest.raises(CommandError, match="API_KEY_PEPPER"):
        command("list")


def test_a_database_that_is_down(tmp_path):
    """
    A database that cannot be used is an error of the command, not a traceback.
    """
    url = f"sqlite:///{tmp_path / 'nowhere' / 'keys.db'}"
    with (
        django_keys.installed(MINDPEEKER_GUARD=SETTINGS),
        django_keys.database(url, 1) as alias,
        override_settings(DATABASE_ROUTERS=[Router(alias)]),
        pytest.raises(CommandError, match="cannot be"),
    ):
        command("list")


def test_keys_of_the_command_work_in_a_service_next_door(keys, tmp_path):
    """
    A service with the SQLAlchemy store on the same table, and the same pepper, accepts the keys of the project.
    """
    key = command(*CREATE)[0].strip()
    next_door = APIKeys(SQLAlchemyStore(f"sqlite:///{tmp_path / 'keys.db'}"), pepper=PEPPER, environment="test")

    assert "user-1" == run(next_door.verify(key)).subject
    next_door._store.close()
