"""`mindpeeker-guard keys`: API keys made, listed, revoked and rotated in a file, and every exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager

import pytest
from tests.support.commands import runner

from mindpeeker_guard import ExpiredAPIKeyError, Guard, InvalidAPIKeyError, Request, RevokedAPIKeyError
from mindpeeker_guard.api_keys import API_KEY_PATTERN, APIKeys, store_from_url
from mindpeeker_guard.authenticators.api_key import APIKey
from mindpeeker_guard.cli import _main

PEPPER = "a pepper for the command line, long enough"
CREATE = ["create", "--name", "CI", "--scope", "profile", "--scope", "remote-viewing:read", "--owner", "user-1"]


@pytest.fixture
def url(tmp_path):
    """Return the URL of a store that is not there yet."""
    return f"sqlite:///{tmp_path}/keys.db"


@pytest.fixture
def keys(url):
    """Run the command with a store and a pepper; return the result."""

    def run(*words, **environ):
        names = {"MINDPEEKER_API_KEY_STORE": url, "MINDPEEKER_API_KEY_PEPPER": PEPPER} | environ
        return runner().invoke(_main.cli, ["keys", *words], env=names)

    return run


@contextmanager
def service(url, **options):
    """Return the service of an application with the same store, until the block ends."""
    store = store_from_url(url)
    try:
        yield APIKeys(store, **{"pepper": PEPPER} | options)
    finally:
        store.close()


def caller(url, key, **options):
    """Return whom a key stands for."""
    with service(url, **options) as keys:
        return Guard(APIKey(keys)).check(Request(headers={"X-API-Key": key}))


def test_create_prints_the_key_and_nothing_else(keys, url):
    """
    Standard output is the key, so that it can be piped; the details are on standard error, without it.
    """
    result = keys(*CREATE, "--expires-at", "2126-01-31T12:00:00Z")

    key = result.stdout.removesuffix("\n")
    assert 0 == result.exit_code
    assert re.fullmatch(API_KEY_PATTERN, key)
    assert key not in result.stderr
    assert "active  user-1  CI  profile remote-viewing:read  until 2126-01-31T12:00:00Z" in result.stderr
    assert ("user-1", {"profile", "remote-viewing:read"}) == (
        (principal := caller(url, key)).subject,
        principal.granted_scopes,
    )


def test_create_can_print_json(keys, url):
    """
    With `--json` standard output is one object with the key and its details.
    """
    result = keys(*CREATE, "--json")

    made = json.loads(result.stdout)
    assert "" == result.stderr
    assert caller(url, made["key"]).token_id == made["id"]
    assert {"name": "CI", "owner": "user-1", "state": "active", "expires_at": None}.items() <= made.items()


def test_list_shows_all_keys_without_their_secrets(keys, url):
    """
    All keys are listed, the oldest first, with their state, more than one page of them, or those of one owner.
    """
    with service(url) as made:
        for number in range(105):
            made.issue(f"Key {number}", ["profile"], owner=f"user-{number % 2}")

    lines = json.loads(keys("list", "--json").stdout)["api_keys"]
    text = keys("list", "--owner", "user-1").stdout

    assert [f"Key {number}" for number in range(105)] == [line["name"] for line in lines]
    assert 52 == len(text.splitlines())
    assert not re.search(API_KEY_PATTERN, text)
    assert {"active"} == {line["state"] for line in lines}


def test_list_escapes_what_could_move_the_cursor(keys, url):
    """
    What a terminal could take for a command, or what turns a line around, is shown as an escape.
    """
    with service(url) as made:
        made.issue("n", ["profile"], owner="user\u202e1")

    assert "user\\u202e1" in keys("list").stdout


def test_revoke_ends_a_key(keys, url):
    """
    A revoked key is refused; revoking it again, or another that is not there, is not done.
    """
    made = json.loads(keys(*CREATE, "--json").stdout)

    assert 0 == keys("revoke", made["id"]).exit_code
    with pytest.raises(RevokedAPIKeyError):
        caller(url, made["key"])
    again, nobody = keys("revoke", made["id"]), keys("revoke", "nobody")
    assert (1, 1) == (again.exit_code, nobody.exit_code)
    assert "was revoked, has expired, or was rotated already" in again.stderr
    assert "There is no such API key." in nobody.stderr
    assert "revoked" in keys("list").stdout


def test_rotate_replaces_a_key(keys, url):
    """
    Without an overlap the old key is refused at once; with one, both are good; it is done once for a key.
    """
    first = json.loads(keys(*CREATE, "--json").stdout)
    second = json.loads(keys("rotate", first["id"], "--json").stdout)
    third = keys("rotate", second["id"], "--overlap", "60").stdout.strip()

    with pytest.raises(ExpiredAPIKeyError):
        caller(url, first["key"])
    assert {"profile", "remote-viewing:read"} == caller(url, second["key"]).granted_scopes
    assert "user-1" == caller(url, third).subject
    assert 1 == keys("rotate", second["id"]).exit_code
    assert 1 == keys("rotate", "nobody").exit_code
    assert ["expired", "rotated", "active"] == [line.split()[1] for line in keys("list").stdout.splitlines()]


def test_the_environment_stands_in_the_key(keys, url):
    """
    A key of one environment is no key in another.
    """
    key = keys(*CREATE, MINDPEEKER_API_KEY_ENVIRONMENT="test").stdout.strip()

    assert key.startswith("mp_test_")
    assert "user-1" == caller(url, key, environment="test").subject
    with pytest.raises(InvalidAPIKeyError):
        caller(url, key)


def test_the_pepper_can_be_changed(keys, url):
    """
    With several peppers, new keys are made with the first, and old keys are good under theirs.
    """
    old = keys(*CREATE).stdout.strip()
    both = {"2": "the pepper of this year, and long enough", "1": PEPPER}

    new = keys(*CREATE, MINDPEEKER_API_KEY_PEPPER=json.dumps(both)).stdout.strip()

    assert ("user-1", "user-1") == (caller(url, old, pepper=both).subject, caller(url, new, pepper=both).subject)
    with pytest.raises(InvalidAPIKeyError):
        caller(url, new)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([*CREATE[:4], "prafile", *CREATE[7:]], "scopes: Every scope must be one that this API knows."),
        ([*CREATE, "--name", " "], "name: The name must be 1 to 100 printable characters."),
        ([*CREATE, "--owner", ""], "owner: The owner must be 1 to 255 characters"),
        ([*CREATE, "--expires-at", "2126-01-31"], "expires_at: The end must be a time with its zone"),
        ([*CREATE, "--expires-at", "2001-01-31T00:00Z"], "expires_at: The end must lie in the future."),
        (["rotate", "nobody", "--overlap", "nan"], "overlap: The overlap must be a number of seconds"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(words, sentence, keys):
    """
    The exit code is 3, and one sentence names what is wrong.
    """
    result = keys(*words)

    assert (3, "") == (result.exit_code, result.stdout)
    assert f"Error: {sentence}" in result.stderr


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"MINDPEEKER_API_KEY_PEPPER": ""}, "There is no pepper: set MINDPEEKER_API_KEY_PEPPER."),
        ({"MINDPEEKER_API_KEY_PEPPER": "hunter2"}, "A pepper must be a secret of at least 32 bytes"),
        ({"MINDPEEKER_API_KEY_PEPPER": '{"hunter2'}, "MINDPEEKER_API_KEY_PEPPER is no JSON object"),
        ({"MINDPEEKER_API_KEY_PEPPER": '{"1": 1, "2": "hunter2"}'}, "A pepper must be a secret"),
        ({"MINDPEEKER_API_KEY_ENVIRONMENT": "Live!"}, "environment must be 1 to 16 small letters and digits"),
        ({"MINDPEEKER_API_KEY_STORE": "memory:"}, "Keys in memory end with this command: name a database."),
        ({"MINDPEEKER_API_KEY_STORE": "mysql://u:hunter2@h/d"}, "The URL of a store must begin with"),
    ],
)
def test_a_wrong_setting_is_said(environ, sentence, keys):
    """
    The exit code is 5, one sentence says what is wrong, and no secret is in it.
    """
    result = keys(*CREATE, **environ)

    assert (5, "") == (result.exit_code, result.stdout)
    assert sentence in result.stderr
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize("words", [["list"], ["revoke", "0" * 16], ["rotate", "0" * 16], ["init"], CREATE])
def test_a_store_that_is_not_there_is_said(words, keys):
    """
    The exit code is 4, without a password in the sentence.
    """
    url = "postgresql://user:hunter2@127.0.0.1:1/none"
    result = keys(*words, MINDPEEKER_API_KEY_STORE=url)

    assert (4, "") == (result.exit_code, result.stdout)
    assert "The store cannot be used" in result.stderr
    assert "hunter2" not in result.stderr


def test_without_a_store_the_command_line_is_wrong(keys):
    """
    The exit code is 2, and the option is named.
    """
    result = runner().invoke(_main.cli, ["keys", "list"])

    assert 2 == result.exit_code
    assert "'--store'" in result.stderr


def test_a_time_that_is_none_is_a_wrong_command_line(keys):
    """
    The exit code is 2, and an example is shown.
    """
    result = keys(*CREATE, "--expires-at", "next year")

    assert 2 == result.exit_code
    assert "2030-01-31T12:00:00Z" in result.stderr


def test_init_and_create_schema_may_be_repeated(keys):
    """
    Creating the table again does nothing to the keys in it.
    """
    assert 0 == keys(*CREATE, "--create-schema").exit_code
    assert 0 == keys("init").exit_code
    assert 0 == keys(*CREATE, "--create-schema").exit_code
    assert 2 == len(keys("list").stdout.splitlines())


def test_init_and_revoke_can_print_json(keys):
    """
    With `--json` what was done is one object, and so is what could not be done.
    """
    made = json.loads(keys(*CREATE, "--json").stdout)

    assert {"ready": True} == json.loads(keys("init", "--json").stdout)
    assert {"id": made["id"], "state": "revoked"} == json.loads(keys("revoke", made["id"], "--json").stdout)
    again = json.loads(keys("revoke", made["id"], "--json").stderr)["error"]
    assert ("api_key_conflict", 1) == (again["code"], again["exit_code"])


def test_no_option_takes_a_secret(keys):
    """
    Neither the pepper nor a key can be given on the command line, where other users of the machine see it.
    """
    texts = [keys(name, "--help").stdout for name in ("init", "create", "list", "revoke", "rotate")]

    options = {option for text in texts for option in re.findall(r"--[a-z-]+", text)}
    assert options == {
        *("--store", "--environment", "--name", "--scope", "--owner", "--expires-at"),
        *("--create-schema", "--json", "--debug", "--overlap", "--help"),
    }


def test_the_command_needs_no_framework(url):
    """
    The command works in a process of its own, and imports neither Flask, FastAPI nor Django.
    """
    program = (
        "import sys\n"
        "for name in ('flask', 'fastapi', 'django', 'starlette'): sys.modules[name] = None\n"
        "from mindpeeker_guard.cli import main; main()"
    )
    environ = os.environ | {"MINDPEEKER_API_KEY_STORE": url, "MINDPEEKER_API_KEY_PEPPER": PEPPER}

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, "keys", *CREATE],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )

    assert (0, True) == (done.returncode, bool(re.fullmatch(API_KEY_PATTERN + "\n", done.stdout))), done.stderr
