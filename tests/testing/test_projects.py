"""Sample projects of users, one for each framework, tested with nothing but the public kit."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from tests.testing.pytest_runs import outcomes, run

PROJECTS = sorted(path for path in (Path(__file__).parent / "projects").iterdir() if path.is_dir())
DOCUMENT = Path(__file__).parents[2] / "docs" / "testing.md"
PASSED = {"django": "4 passed", "fastapi": "4 passed", "flask": "3 passed"}


@pytest.fixture
def project(request, tmp_path):
    """A copy of the project, away from the settings of this one."""
    return Path(shutil.copytree(request.param, tmp_path / request.param.name))


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name, indirect=True)
def test_the_project_passes(project):
    """
    The tests of a project pass, with warnings as errors.
    """
    done = run(project)

    assert (0, PASSED[project.name]) == (done.returncode, outcomes(done)), done.stdout


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name, indirect=True)
def test_the_project_is_really_tested(project):
    """
    When the guard is taken from the route, the tests fail, and pytest shows the text of `assert_guarded`, not its code.
    """
    broken = next(path for path in project.iterdir() if path.name in {"app.py", "project.py"})
    text = broken.read_text(encoding="utf-8")
    for guarded, bare in (
        ('@require_scopes("remote-viewing:read")\n', "@public\n"),
        ("Annotated[Principal, Depends(require_scopes(", "Annotated[str, Depends(lambda: str("),
        ("import require_scopes", "import public"),
        ("init_app, require_scopes", "init_app, public, require_scopes"),
        ("current_principal.subject", '"nobody"'),
        ("request.principal.subject", '"nobody"'),
        ("principal.subject", '"nobody"'),
    ):
        text = text.replace(guarded, bare)
    broken.write_text(text, encoding="utf-8")

    done = run(project)

    assert 1 == done.returncode, done.stdout
    assert "GET /v1/sessions is not guarded as it should be" in done.stdout
    assert "A request without any credential was let in (200)." in done.stdout
    assert "def assert_guarded(" not in done.stdout


def functions(path: Path) -> list[str]:
    """Return the source of each test function, with its decorators."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [
        "\n".join(lines[min([node.lineno, *(one.lineno for one in node.decorator_list)]) - 1 : node.end_lineno])
        for node in found
    ]


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.name)
def test_the_document_shows_the_project(path):
    """
    The document shows the tests of each project to the letter, and no test function is longer than five lines.
    """
    document = DOCUMENT.read_text(encoding="utf-8")
    shown = functions(path / "test_sessions.py")

    assert [] == [function for function in shown if function not in document]
    tests = [node for node in ast.walk(ast.parse("\n".join(shown))) if getattr(node, "name", "").startswith("test_")]
    assert len(tests) >= 3
    assert all(node.end_lineno - node.lineno < 5 for node in tests)
