"""The pytest plugin: light, prefixed, registered once."""

from __future__ import annotations

import inspect
import os
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from tests.testing.pytest_runs import PLUGIN, REGISTERED, outcomes, run

import _mindpeeker_guard_pytest as plugin

ROOT = Path(__file__).parents[2]
HEAVY = ("mindpeeker_guard", "cryptography", "jwt", "httpx", "httpx2", "flask", "fastapi", "starlette", "django")


def test_loading_it_imports_nothing_heavy(tmp_path):
    """
    Neither the package nor anything it needs is imported before a fixture is used; a fixture imports no framework.
    """
    (tmp_path / "test_imports.py").write_text(f"""
import sys

def found():
    return [name for name in {HEAVY!r} if name in sys.modules]

def test_before():
    assert [] == found()

def test_after(mindpeeker_token, mindpeeker_clock):
    assert mindpeeker_token(scopes=["profile"])
    assert ["mindpeeker_guard", "cryptography", "jwt"] == found()
""")

    done = run(tmp_path)

    assert "2 passed" == outcomes(done), done.stdout


def test_fixtures_are_prefixed():
    """
    Every fixture has the prefix and a docstring, and none is used without being asked for.
    """
    fixtures = {name: value for name, value in vars(plugin).items() if "FixtureFunctionDefinition" in repr(type(value))}

    assert {"as_principal", "auth_headers", "clock", "issuer", "token"} == {
        name.removeprefix("mindpeeker_") for name in fixtures if name.startswith("mindpeeker_")
    }
    assert all(name.startswith("mindpeeker_") and inspect.getdoc(value) for name, value in fixtures.items())
    assert "autouse" not in inspect.getsource(plugin)


def test_the_entry_point():
    """
    The distribution registers the plugin, and the wheel has the module.
    """
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert {"mindpeeker_guard": PLUGIN} == settings["project"]["entry-points"]["pytest11"]
    assert f"src/{PLUGIN}.py" in settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.skipif(
    not REGISTERED and os.environ.get("CI") != "true",
    reason="needs the package installed with its entry point: pip install -e .",
)
def test_it_is_registered_once(tmp_path):
    """
    pytest loads the plugin once, by its name, also where a user names it, and does without where it is told to.
    """
    (tmp_path / "test_one.py").write_text("def test_one(mindpeeker_clock): mindpeeker_clock.advance(1)\n")

    assert 1 == len([one for one in entry_points(group="pytest11") if one.value == PLUGIN])
    assert "1 passed" == outcomes(run(tmp_path))
    assert "1 passed" == outcomes(run(tmp_path, "-p", "mindpeeker_guard"))
    assert "1 error" == outcomes(run(tmp_path, "-p", "no:mindpeeker_guard"))


def test_somebody_is_signed_in_for_one_test_only(tmp_path):
    """
    What a fixture does ends with its test, also where the test fails.
    """
    (tmp_path / "test_two.py").write_text("""
import pytest
from mindpeeker_guard import Guard, JWTBearer, MissingCredentialsError, Request

guard = Guard(JWTBearer())

def test_fails(mindpeeker_as_principal, mindpeeker_auth_headers):
    mindpeeker_as_principal(subject="u-1")
    assert guard.check(Request()).subject == "u-1"
    pytest.fail("on purpose")

def test_nobody():
    with pytest.raises(MissingCredentialsError):
        guard.check(Request())
""")

    done = run(tmp_path)

    assert "1 failed, 1 passed" == outcomes(done), done.stdout
    assert "on purpose" in done.stdout
