"""Optional dependencies: an adapter without its framework says which extra to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORT = """
import sys
for name in sys.argv[2].split(","):
    sys.modules[name] = None
try:
    __import__(sys.argv[1])
except ImportError as error:
    print(type(error).__name__, "|", error)
else:
    print("imported")
print(sorted({"flask", "fastapi", "starlette", "django", "httpx", "httpx2", "werkzeug"} & set(sys.modules)))
"""


def run(module: str, blocked: str) -> list[str]:
    """Import `module` in a fresh interpreter that has no `blocked`; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT, module, blocked], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("framework", "blocked"),
    [
        ("flask", "flask"),
        ("flask", "werkzeug"),
        ("fastapi", "fastapi"),
        ("fastapi", "starlette"),
        ("django", "django"),
    ],
)
def test_a_missing_framework_is_named_with_its_extra(framework, blocked):
    """The error is one sentence with the command to run."""
    said = run(f"mindpeeker_guard.{framework}", blocked)[0]

    expected = f"needs the extra '{framework}': pip install 'mindpeeker-guard[{framework}]'."
    assert f"ImportError | mindpeeker_guard.{framework} {expected}" == said


@pytest.mark.parametrize(
    "module", ["mindpeeker_guard", "mindpeeker_guard.asgi", "mindpeeker_guard.routes", "mindpeeker_guard.wsgi"]
)
def test_the_core_needs_no_framework(module):
    """The core and the plain adapters load no framework and no HTTP client, installed or not."""
    said = run(module, "nothing_at_all")

    assert ["imported", "[]"] == said
    assert "imported" == run(module, "flask,werkzeug,fastapi,starlette,django,asgiref,httpx,httpx2")[0]


@pytest.mark.parametrize("framework", ["flask", "fastapi", "django"])
def test_an_adapter_loads_no_other_framework(framework):
    """Whoever uses one framework does not load another."""
    said = run(f"mindpeeker_guard.{framework}", "nothing_at_all")

    others = {"flask", "fastapi", "django"} - {framework}
    assert "imported" == said[0]
    assert not any(f"'{other}'" in said[1] for other in others)
