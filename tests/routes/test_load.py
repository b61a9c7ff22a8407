"""What an application is named by, and what is said of one that cannot be loaded: a sentence and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.routes.commands import command, planted, run

import mindpeeker_guard


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fastapi_app:make()", []),
        ("fastapi_app:make(title='other')", []),
        ("fastapi_app:make", ["--factory"]),
        ("fastapi_app", []),
        ("fastapi_app:app.router.routes", None),
    ],
)
def test_names_of_applications(name, options):
    """
    An application is named as for gunicorn and uvicorn: with a factory and literals for it, or by its module.
    """
    result = planted("--json", *(options or []), name=name)

    assert (5 if options is None else 0) == result.exit_code


NOT_LOADED = {
    "no module": ("no_such_module_here:app", "There is no module 'no_such_module_here' here: check the name"),
    "a file": ("fastapi_app.py:app", "write a name as for import, such as 'fastapi_app:app'"),
    "a path": ("./planted/fastapi_app.py", "such as 'planted.fastapi_app:app'"),
    "no name": ("fastapi_app:nothing", "has no 'nothing': check the name; there is 'fastapi_app:app'"),
    "a factory": ("fastapi_app:make", "is a function: if it makes the application, add --factory"),
    "a module": ("fastapi_app:fastapi", "has no 'fastapi'"),
    "no app": ("fastapi_app:router.prefix", "is no Flask, FastAPI or Django application, but of the type 'str'"),
    "a class": ("fastapi_app:FastAPI", "but the class 'FastAPI'"),
    "code": ("fastapi_app:app if 1 else 2", "is no name of an application"),
    "arguments": ("fastapi_app:make(title=app)", "is no name of an application"),
    "wrong arguments": ("fastapi_app:make(1, 2)", "failed with TypeError"),
    "nonsense": ("(((:", "is no module:app"),
    "empty": ("", "is no module:app"),
}


@pytest.mark.parametrize(("name", "words"), NOT_LOADED.values(), ids=NOT_LOADED)
def test_what_cannot_be_loaded_is_said_in_one_sentence(name, words):
    """
    A name that leads to no application ends with exit code 5, and one line with the cause and the next step.
    """
    result = planted(name=name)

    assert 5 == result.exit_code
    assert result.output.startswith("Error: ")
    assert words in result.output
    assert 1 == len(result.output.splitlines())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_dependency", "needs the module 'no_such_dependency': install it"),
        ("raise RuntimeError('line one\\n\\x1b[31mline two')", "failed with RuntimeError: line one [31mline two"),
        ("raise ValueError", "failed with ValueError."),
        ("import sys; sys.exit(3)", "ended with sys.exit(3)"),
        ("def f(:", "failed with SyntaxError"),
        ("create_app = lambda: None", "has no 'app' and no 'application': name one; there is"),
        ("x = 1", "has no 'app' and no 'application': name one."),
        ("class Odd:\n    def __getattr__(self, name): raise OSError\napp = Odd()", "but of the type 'Odd'"),
        ("raise ValueError('x' * 9999)", "xxx. Run it again with --debug"),
    ],
)
def test_modules_that_fail_are_said_in_one_sentence(text, words, module):
    """
    Whatever importing an application raises, the answer is exit code 5 and one line without control characters.
    """
    name, options = module(text)

    result = run(name, *options)

    assert 5 == result.exit_code
    assert words in result.output
    assert 1 == len(result.output.splitlines())
    assert len(result.output) < 600
    assert "\x1b" not in result.output


def test_debug_shows_the_traceback(module):
    """
    Only with `--debug` there is a traceback, and what the application printed.
    """
    name, options = module("print('printed')\nraise RuntimeError('deep')")

    shown, hidden = run(name, *options, "--debug"), run(name, *options)

    assert "Traceback" in shown.output
    assert "printed" in shown.output
    assert "Traceback" not in hidden.output
    assert "printed" not in hidden.output
    assert 5 == shown.exit_code == hidden.exit_code


def test_a_factory_that_makes_no_application(module):
    """
    What a factory raises or returns is judged like what is imported; without a function there is nothing to call.
    """
    name, options = module("import sys\ndef none(): return None\ndef bad(): sys.exit()\napp = 1")

    assert "but of the type 'NoneType'" in run(f"{name}:none()", *options).output
    assert "Starting" in run(f"{name}:bad()", *options).output
    assert "is no function: leave --factory away" in run(f"{name}:app", "--factory", *options).output


def test_nothing_is_left_behind(module, monkeypatch):
    """
    The search path for modules and the environment are what they were, whether loading succeeds or fails.
    """
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "before")
    path = list(sys.path)
    name, options = module("import sys; sys.path.append('/somewhere'); raise ValueError")

    run(name, *options)
    run("--django-settings", "no_such_settings", *options)

    assert path == sys.path
    assert "before" == os.environ["DJANGO_SETTINGS_MODULE"]


def test_the_current_folder_is_searched_first(tmp_path):
    """
    As with gunicorn and uvicorn, the application is looked for in the current folder first.
    """
    (tmp_path / "json_app.py").write_text("from flask import Flask\napp = Flask('x', static_folder=None)")

    done = command("json_app", cwd=tmp_path)

    assert (0, "There are no routes.\n", "") == (done.returncode, done.stdout, done.stderr)


def test_views_that_cannot_be_imported(tmp_path):
    """
    Django imports its views late: what fails then is said in one sentence too.
    """
    (tmp_path / "late_settings.py").write_text("SECRET_KEY = 'x'\nROOT_URLCONF = 'no_such_urls'\nMIDDLEWARE = []\n")

    done = command("--django-settings", "late_settings", cwd=tmp_path)

    assert (5, "") == (done.returncode, done.stdout)
    assert "Reading the routes failed with ModuleNotFoundError: No module named 'no_such_urls'" in done.stderr
    assert 1 == len(done.stderr.splitlines())


@pytest.mark.parametrize("settings", ["no_such_settings", None])
def test_a_project_that_is_not_there(settings, tmp_path):
    """
    Without an application and without settings the next step is named; settings that are missing are too.
    """
    done = command(*(["--django-settings", settings] if settings else []), cwd=tmp_path)

    assert (5, "") == (done.returncode, done.stdout)
    assert ("no_such_settings" if settings else "No application is named: write module:app") in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_a_missing_extra_is_named():
    """
    An application of Starlette's needs the extra that reads it; without FastAPI one sentence names that.
    """
    program = (
        "import sys; sys.modules['fastapi'] = None; from starlette.applications import Starlette;"
        "sys.modules['made'] = type(sys)('made'); sys.modules['made'].app = Starlette();"
        "from mindpeeker_guard.cli import main; sys.argv = ['mindpeeker-guard', 'routes', 'made:app']; main()"
    )
    environ = os.environ | {"PYTHONPATH": str(Path(mindpeeker_guard.__file__).parents[1])}

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environ)

    assert 5 == done.returncode
    assert "pip install 'mindpeeker-guard[fastapi]'" in done.stderr
    assert "Traceback" not in done.stderr
