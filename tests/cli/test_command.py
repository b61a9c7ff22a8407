"""The command as a whole: imports, exit codes, errors, and what is never echoed."""

from __future__ import annotations

import io
import logging
import pty
import subprocess
import sys

import click
import pytest
from rich.console import Console
from tests.cli.conftest import PROGRAM, bare_environment, process, run
from tests.support.tokens import token

from mindpeeker_guard.api_keys._format import make_key
from mindpeeker_guard.cli import _command, _main, _scopes
from mindpeeker_guard.cli._command import working
from mindpeeker_guard.cli._exits import MEANINGS
from mindpeeker_guard.errors import UnavailableError

HEAVY = (
    "flask",
    "fastapi",
    "django",
    "starlette",
    "uvicorn",
    "gunicorn",
    "authlib",
    "sqlalchemy",
    "httpx",
    "httpx2",
    "asyncio",
)


@pytest.mark.parametrize(
    ("words", "stdin"),
    [(["inspect"], token()), (["explain"], "x"), (["scopes"], ""), (["--help"], ""), (["token", "--help"], "")],
)
def test_a_subcommand_imports_what_it_needs(words, stdin):
    """
    A subcommand that needs no framework, server or HTTP client imports none.
    """
    program = f"""
import sys
sys.argv[1:] = {words!r}
try:
    from mindpeeker_guard.cli import main; main()
finally:
    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env=bare_environment(),
    )

    assert "[]" == done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", _main.COMMANDS)
def test_every_subcommand(name):
    """
    Every subcommand can be had, has the summary that is listed, `--json`, `--debug`, and help within 80 columns.
    """
    command = _main.cli.get_command(click.Context(_main.cli), name)
    ended = run(name, "--help")

    assert _main.COMMANDS[name][1] == command.get_short_help_str(200)
    assert 0 == ended.code
    assert "--json" in ended.out
    assert "--debug" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_the_help_has_commands_and_exit_codes():
    """
    `--help` lists every subcommand and every exit code; no word at all shows the same, and ends with 2.
    """
    ended, nothing = run("--help"), run()

    assert (0, 2) == (ended.code, nothing.code)
    assert ended.out == nothing.out
    for name in _main.COMMANDS:
        assert f"\n  {name}" in ended.out
    for code, meaning in MEANINGS.items():
        assert f"  {code:<3} {meaning}" in ended.out


def test_an_unknown_subcommand():
    """
    An unknown subcommand is a usage error, with the nearest name.
    """
    assert "Did you mean 'inspect'?" in run("inspekt").err
    assert 2 == run("inspekt").code
    assert "There are inspect, explain" in run("zzzzz").err
    assert 2 == run("--nope").code


@pytest.mark.parametrize(
    "words",
    [
        ["{}"],
        ["inspect", "{}"],
        ["explain", "{}"],
        ["inspect", "file", "{}"],
        ["inspect", "--{}"],
        ["explain", "--at", "{}"],
        ["explain", "--jwks", "{}"],
        ["doctor", "--token", "{}"],
        ["doctor", "{}"],
        ["jwks", "{}"],
        ["inspect", "--token-env", "{}"],
        ["token", "--secret-file", "{}"],
        ["scopes", "{}"],
        ["explain", "--issuer", "https://{}"],
    ],
)
@pytest.mark.parametrize("extra", [[], ["--json"], ["--debug"]])
def test_a_token_in_the_wrong_place_is_not_echoed(words, extra):
    """
    A token on the command line is not repeated, wherever it stands, nor in a traceback.
    """
    secret = token()
    ended = run(*(word.format(secret) for word in words), *extra, env={"MINDPEEKER_CLIENT_ID": "x"})

    assert 0 != ended.code
    for part in secret.split("."):
        assert part[:24] not in ended.out + ended.err


@pytest.mark.parametrize("words", [["{}"], ["inspect", "{}"], ["inspect", "a", "{}"], ["jwks", "{}"], ["scopes", "{}"]])
def test_an_api_key_in_the_wrong_place_is_not_echoed(words):
    """
    An API key on the command line is not repeated either.
    """
    key = make_key("live")

    ended = run(*(word.format(key.text) for word in words))

    assert 0 != ended.code
    assert key.text[9:30] not in ended.out + ended.err


def test_a_token_as_argument_is_explained():
    """
    A token in place of a file is refused with the reason and the way to do it.
    """
    ended = run("inspect", token())

    assert 2 == ended.code
    assert "history" in ended.err
    assert "--token-env" in ended.err


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (ZeroDivisionError("no"), 70, "bug"),
        (ImportError("no", name="somewhere"), 5, "extra_missing"),
        (ImportError("no", name="rich.table"), 5, "extra_missing"),
        (UnavailableError("down"), 4, "network"),
        (KeyboardInterrupt(), 130, None),
        (click.Abort(), 130, None),
    ],
)
def test_whatever_breaks_is_one_sentence(error, code, name, monkeypatch):
    """
    An error that nobody expected is one sentence and an exit code; the traceback comes with --debug only.
    """

    def broken(*_):
        raise error

    monkeypatch.setattr(_scopes, "_print", broken)
    ended, debug = run("scopes"), run("--debug", "scopes")

    assert (code, code) == (ended.code, debug.code)
    assert "Traceback" not in ended.err
    assert (name is not None) == ("Traceback" in debug.err)
    if name is not None:
        monkeypatch.setattr(_scopes, "print_json", broken)
        assert name == run("scopes", "--json").error["code"]


@pytest.mark.parametrize("words", [["inspect", "--nope"], ["explain"], ["nope"]])
def test_errors_as_json(words):
    """
    With `--json` errors are one JSON object on standard error, usage errors too.
    """
    ended = run(*words, "--json")

    assert {"code", "message", "exit_code"} <= set(ended.error)
    assert ended.code == ended.error["exit_code"]


def test_the_log_is_shown_with_debug_only(server):
    """
    The package's log goes to standard error with --debug, and nowhere without.
    """
    words = ["explain", "--jwks-uri", server.url()]
    quiet, loud = run(*words, stdin=token()), run(*words, "--debug", stdin=token())

    assert "" == quiet.err
    assert "keys not fetched (HTTP status 404)" in loud.err
    assert [] == [one for one in logging.getLogger("mindpeeker_guard").handlers if type(one) is logging.StreamHandler]


def test_a_file_and_a_variable_are_one_too_many():
    """
    Two sources of a token contradict each other; a variable that is not there has none.
    """
    assert 2 == run("inspect", "-", "--token-env", "X").code
    assert 3 == run("inspect", "--token-env", "NO_SUCH_VARIABLE").code


def test_a_terminal_as_standard_input_is_not_waited_for():
    """
    Where standard input is a terminal, what to do is said, and nothing waits.
    """
    main, terminal = pty.openpty()
    with open(main, "rb"), open(terminal, "rb") as stdin:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "inspect"],
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
            env=bare_environment(),
            timeout=60,
        )

    assert 2 == done.returncode
    assert "Pipe it in" in done.stderr


def test_a_file_that_cannot_be_read(tmp_path):
    """
    A folder, a missing file and a name that no file can have end with 3.
    """
    for name in (str(tmp_path), str(tmp_path / "none"), "a\0b"):
        ended = run("inspect", name)
        assert 3 == ended.code
        assert "cannot be read" in ended.err


def test_work_that_takes_its_time_is_shown_on_terminals(monkeypatch):
    """
    On a terminal a sign shows that work goes on; elsewhere there is none.
    """
    for terminal in (True, False):
        out = io.StringIO()
        made = Console(file=out, force_terminal=terminal, _environ={"TERM": "xterm"})
        monkeypatch.setattr(_command, "console", lambda made=made, **_: made)
        with working("Fetching"):
            pass
        assert terminal == ("Fetching ..." in out.getvalue())


def test_a_reader_that_leaves_early():
    """
    Where the reader of standard output has gone, there is no traceback.
    """
    command = f"{sys.executable} -c '{PROGRAM}' scopes | true"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=bare_environment())

    assert "Traceback" not in done.stderr


def test_a_process_ends_with_the_code():
    """
    The process has the exit code, and tracebacks only when asked for.
    """
    plain, debug = process("inspect", stdin=b"hello"), process("inspect", "--debug", stdin=b"hello")

    assert (3, 3) == (plain.returncode, debug.returncode)
    assert b"Traceback" not in plain.stderr
    assert b"Traceback" in debug.stderr
