"""`mindpeeker-guard demo`: a real issuer, a real API in a process of its own, real requests."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from mindpeeker_guard import __version__
from mindpeeker_guard._http import http_library
from mindpeeker_guard.cli import _main, _outcomes, _scenarios, _servers, demo, main
from mindpeeker_guard.cli._outcomes import Outcome

FRAMEWORKS = ["flask", "fastapi", "django"]


@pytest.fixture(autouse=True)
def keep_sigterm():
    """The demo sets a handler for SIGTERM; put the one before back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_demo_passes(framework):
    """
    In each framework all answers are the expected ones, and the table says what was allowed, refused, and why.
    """
    result = CliRunner().invoke(_main.cli, ["demo", "--framework", framework])

    assert 0 == result.exit_code, result.output
    assert "37 of 37 answers are the expected ones." in result.output
    for words in (
        "200 allowed",
        "401 refused",
        "403 refused",
        "400 refused",
        "503 not now",
        "The access token has expired.",
        "201 allowed",
        "The API key was revoked.",
    ):
        assert words in result.output


def test_the_demo_as_json():
    """
    With `--json` there is one JSON object, with each request, what was expected, and what came.
    """
    result = CliRunner().invoke(_main.cli, ["demo", "--framework", "flask", "--json"])

    told = json.loads(result.stdout)
    assert (0, "flask", True, 37) == (result.exit_code, told["framework"], told["good"], len(told["answers"]))
    assert {"request", "credential", "expected", "status", "why"} == set(told["answers"][0])


def test_an_unexpected_answer_is_a_failure(monkeypatch):
    """
    When an answer is not the expected one, the table shows it and the exit code is 1.
    """
    wrong = [Outcome("GET /v1/sessions", "none", 401, 200, "The route is open.")]
    monkeypatch.setattr(_scenarios.Scenario, "play", lambda self: iter([wrong]))

    result = CliRunner().invoke(_main.cli, ["demo"])

    assert 1 == result.exit_code
    assert "200, not 401" in result.output
    assert "0 of 1 answers" in result.output


def test_an_api_that_does_not_start_is_said_with_its_last_words(monkeypatch):
    """
    When the server ends at once, the exit code is 5 and its own words are shown, without a traceback of ours.
    """
    monkeypatch.setitem(_servers.COMMANDS, "flask", ("gunicorn", "no_such_module:app"))

    result = CliRunner().invoke(_main.cli, ["demo", "--framework", "flask"])

    assert 5 == result.exit_code
    assert "The API did not start." in result.output
    assert "no_such_module" in result.output


@pytest.mark.parametrize("option", ["--port", "--issuer-port"])
def test_a_port_that_is_taken_is_said(option):
    """
    A port that cannot be used is named in one sentence, with exit code 5.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = CliRunner().invoke(_main.cli, ["demo", option, str(port)])

    assert 5 == result.exit_code
    assert f"Port {port} cannot be used" in result.output


def test_an_api_that_does_not_answer_is_said(monkeypatch):
    """
    When a request of the demo gets no answer, one sentence says so, with exit code 4.
    """

    def silent(self):
        raise http_library().ReadTimeout("too late")

    monkeypatch.setattr(_scenarios.Scenario, "play", silent)

    result = CliRunner().invoke(_main.cli, ["demo", "--framework", "flask"])

    assert 4 == result.exit_code
    assert "did not answer: ReadTimeout" in result.output


def test_a_missing_framework_is_said_with_its_extra(monkeypatch):
    """
    Without the framework, one sentence names the extra.
    """
    monkeypatch.setattr(_servers.importlib.util, "find_spec", lambda name: None)

    result = CliRunner().invoke(_main.cli, ["demo", "--framework", "django"])

    assert 5 == result.exit_code
    assert "pip install 'mindpeeker-guard[demo]'" in result.output


def test_answers_that_are_no_problem_documents():
    """
    An answer without the guard's words is shown without a reason.
    """

    class Answer:
        def __init__(self, value):
            self.value = value

        def json(self):
            if isinstance(self.value, Exception):
                raise self.value
            return self.value

    assert {"No reason given."} == {_outcomes.detail(Answer(value)) for value in (ValueError(), [], {})}


def wait_for(process, pattern):
    """Return the output of a process up to a line that matches."""
    text = ""
    while not re.search(pattern, text):
        line = process.stdout.readline()
        assert line, f"it ended: {text}"
        text += line
    return text


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_serve_prints_curl_lines_that_work(framework):
    """
    With `--serve` both keep running until they are told to stop, and the printed lines do what they say.
    """
    environ = os.environ | {"MINDPEEKER_CLIENT_ID": "my-app", "MINDPEEKER_CLIENT_SECRET": "my-secret"}
    command = [
        sys.executable,
        "-c",
        "from mindpeeker_guard.cli import main; main()",
        "demo",
        "--serve",
        "--framework",
        framework,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            text = wait_for(process, "Ctrl-C")
            lines = text[text.index("TOKEN=") : text.index("Ctrl-C")]
            done = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, check=False, timeout=60)
            issuer = re.search(r"http://\S+/oauth2/token", text)[0]
            form = "-d grant_type=client_credentials -d client_id=my-app -d client_secret=my-secret -d scope=profile"
            own = subprocess.run(["curl", "-s", issuer, *form.split()], capture_output=True, text=True, check=False)
        finally:
            process.terminate()
            rest = process.stdout.read()

    statuses = re.findall(r"HTTP/1.1 (\d+)", done.stdout)
    assert ["200", "401", "200", "200", "403"] == statuses[:5]
    # An API key: used, listed, rotated, used in its overlap, revoked, and used once more.
    assert ["200", "200", "201", "200", "204", "401"] == statuses[5:]
    assert "The API key was revoked." in done.stdout
    assert '"access_token"' in own.stdout
    assert "Stopped." in rest
    assert 0 == process.returncode


def test_the_command_has_a_version():
    """
    `--version` names the command and the version.
    """
    result = CliRunner().invoke(_main.cli, ["--version"])

    assert f"mindpeeker-guard, version {__version__}\n" == result.output


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_the_command_says_so(missing, monkeypatch):
    """
    Without click or rich, the command ends with one sentence that names the extra.
    """
    program = f"import sys; sys.modules['{missing}'] = None; from mindpeeker_guard.cli import main; main()"

    done = subprocess.run([sys.executable, "-c", program, "demo"], capture_output=True, text=True, check=False)

    assert "pip install 'mindpeeker-guard[cli]'" in done.stderr
    assert 5 == done.returncode
    assert "Traceback" not in done.stderr


def test_a_broken_installation_is_not_hidden(monkeypatch):
    """
    An import that fails for another reason is not blamed on the extra.
    """
    monkeypatch.setitem(sys.modules, "mindpeeker_guard.cli._main", None)

    with pytest.raises(ImportError):
        main()


def test_main_runs_the_command(monkeypatch):
    """
    The console script runs the command line.
    """
    monkeypatch.setattr(sys, "argv", ["mindpeeker-guard", "--version"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert 0 == ended.value.code


def test_the_module_of_the_demo_has_two_names():
    """
    What the command needs of the demo is what it exports.
    """
    assert {"run", "StartError"} == set(demo.__all__)
