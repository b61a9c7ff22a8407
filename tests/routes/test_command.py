"""`mindpeeker-guard routes`: its forms, its exit codes, and what it says of an application that cannot be loaded."""

from __future__ import annotations

import json
import re
import sys

import pytest
from tests.routes.commands import PLANTED, command, planted, run

from mindpeeker_guard.cli import _routes
from mindpeeker_guard.routes import GuardedRoute

EXAMPLES = ["examples.flask_app:app", "examples.fastapi_app:app", "examples.django_app:application"]
WHERE = {
    "flask_app:app": "GET /v1/reports",
    "fastapi_app:app": "GET /v1/analytics/reports",
    "django_app:application": "any /v1/reports",
}


@pytest.mark.parametrize("app", WHERE)
def test_check_finds_the_planted_route(app):
    """
    In the sample of each framework, `--check` names the one open route, and nothing else, and exits with 1.
    """
    done = command(app, "--check", cwd=PLANTED)

    assert (1, "") == (done.returncode, done.stderr)
    assert 1 == len(re.findall(r"OPEN *$", done.stdout, re.MULTILINE))
    assert "routes: 1 OPEN, " in done.stdout
    assert f"{WHERE[app]} (" in done.stdout
    assert "no part of the audit" not in done.stdout
    assert "/v1/status" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("app", EXAMPLES)
def test_the_examples_raise_no_alarm(app):
    """
    The examples have no open route.
    """
    done = command(app, "--check")

    assert (0, "") == (done.returncode, done.stderr)
    assert "OPEN" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [(["--django-settings", "django_settings"], {}), ([], {"DJANGO_SETTINGS_MODULE": "django_settings"})],
)
def test_a_django_project_by_its_settings(arguments, environ):
    """
    A Django project is found by an option or by the variable that Django uses.
    """
    done = command("--json", *arguments, cwd=PLANTED, **environ)

    assert ["deny-by-default"] == [route["state"] for route in json.loads(done.stdout)["routes"]]
    assert (0, "") == (done.returncode, done.stderr)


def test_the_table_shows_open_routes_first():
    """
    Without `--check` the exit code is 0; the table has all routes, and the open one stands on top.
    """
    result = planted()

    lines = [line for line in result.output.splitlines() if "/" in line]
    assert 0 == result.exit_code
    assert "OPEN" in lines[0]
    assert "WebSocket" in result.output
    assert "analytics:export" in result.output
    assert "open, the framework's own" in result.output


def test_strict_counts_the_frameworks_own():
    """
    With `--strict` the pages of the API document are open routes.
    """
    names = {route["path"] for route in json.loads(planted("--json").stdout)["routes"] if route["state"] == "open"}
    output = planted("--check", "--strict").output

    assert 5 == len(names)
    assert "5 OPEN" in output
    assert all(name in output for name in names)


@pytest.mark.parametrize("pattern", ["/v1/analytics/reports", "/v1/analytics/*", "GET /v1/*/reports", "get /v1/*"])
def test_a_route_that_is_open_by_intent_is_allowed(pattern):
    """
    A pattern, with or without a method, allows an open route for a check.
    """
    result = planted("--check", "--public", pattern)

    assert 0 == result.exit_code
    assert "Warning" not in result.output


@pytest.mark.parametrize("pattern", ["/v1/nothing", "POST /v1/analytics/reports", "/v1", "/v1/[a-z]*"])
def test_a_pattern_that_allows_nothing_is_named(pattern):
    """
    A pattern that fits no open route allows nothing, and is named, so that lists do not rot.
    """
    result = planted("--check", "--public", pattern)

    assert 1 == result.exit_code
    assert f"the pattern {pattern!r} allows no open route" in result.output


def test_a_bracket_in_a_pattern_is_a_bracket():
    """
    A path may have brackets in it, so a pattern has none of a shell's.
    """
    route = GuardedRoute(path="/x[a]", state="open")

    found, unused = _routes.allowed([route], ["/x[a]"])

    assert [] == unused
    assert "public" == found[0].state


def test_patterns_from_a_file(tmp_path):
    """
    A file has one pattern in each line, with comments and empty lines.
    """
    file = tmp_path / "public.txt"
    file.write_text("# open by intent\n\n/v1/analytics/reports\n")

    assert 0 == planted("--check", "--public-from", str(file)).exit_code

    file.write_bytes(b"\xff\xfe")
    assert 2 == planted("--check", "--public-from", str(file)).exit_code


def test_json():
    """
    `--json` writes every record, and how many are exposed; with `--check` the exit code says so too.
    """
    result = planted("--json", "--check")
    told = json.loads(result.stdout)
    routes = {(route["path"], *route["methods"]): route for route in told["routes"]}

    assert (1, 1) == (result.exit_code, told["exposed"])
    assert "open" == routes["/v1/analytics/reports", "GET"]["state"]
    assert {"scopes": [["analytics:export"]], "acr": [], "max_age": None, "optional": False, "schemes": []} == routes[
        "/v1/analytics/reports", "POST"
    ]["requirement"]
    assert "websocket" == routes["/v1/live",]["kind"]


def test_openapi_and_mermaid():
    """
    `--openapi` writes a document with security, and `--mermaid` a diagram; what the application prints is in neither.
    """
    document = json.loads(planted("--openapi").stdout)
    diagram = planted("--mermaid").stdout

    operations = document["paths"]["/v1/analytics/reports"]
    assert "planted" == document["info"]["title"]
    assert [{"Bearer": ["analytics:export"]}] == operations["post"]["security"]
    assert "security" not in operations["get"]
    assert diagram.startswith("flowchart LR\n")
    assert ":::open" in diagram


@pytest.mark.parametrize("arguments", [["a", "--app-dir", "/no/such/folder"], ["a", "--nothing"], ["a", "b"]])
def test_wrong_options(arguments):
    """
    Wrong options end with exit code 2.
    """
    assert 2 == run(*arguments).exit_code


def test_without_rich_the_other_forms_remain(monkeypatch):
    """
    Only the table needs rich; without it one sentence names the extra and the way around.
    """
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.delitem(sys.modules, "mindpeeker_guard.cli._routes_table", raising=False)

    assert 0 == planted("--json").exit_code
    assert "pip install 'mindpeeker-guard[cli]'" in planted().output


def test_paths_cannot_steer_a_terminal(module):
    """
    Control characters in a path or a name are not printed.
    """
    name, options = module(
        "from flask import Flask\napp = Flask('x', static_folder=None)\n"
        "app.add_url_rule('/\\x1b[2J[red]', 'e\\x07', int)"
    )

    result = run(name, *options)

    assert "/?[2J[red]" in result.output
    assert not {"\x1b", "\x07"} & set(result.output)


def test_the_table_says_what_each_route_needs(module):
    """
    The table tells optional routes, routes closed by default, alternatives and opaque mounts apart.
    """
    name, options = module(
        "from tests.routes import samples_flask\nfrom werkzeug.middleware.dispatcher import DispatcherMiddleware\n"
        "app, denied = samples_flask.make(), samples_flask.make('deny')\n"
        "app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {'/denied': denied, '/box': print})"
    )

    rows = {tuple(line.split()) for line in run(name, *options).output.splitlines()}

    assert {
        ("GET", "/v1/optional", "optional:", "remote-viewing:read"),
        ("POST", "/v1/inner/planted", "remote-viewing:read", "|"),
        ("mount", "/box/*", "OPAQUE:", "cannot", "be", "told"),
        ("DELETE", "/denied/sessions", "any", "credential", "(by", "default)"),
    } <= rows
