"""What the documents say is true: their Python runs, their links lead somewhere, their commands are CI's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.support.snippets import Snippets

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# Other packages, whose code is shown beside ours for those who come from there. They are in the extra `bench`, not in
# `test`; where one is missing, its block is only compiled.
ELSEWHERE = ("flask_jwt_extended", "fastapi_azure_auth")
SETTINGS_MODULE = """
import django
from django.conf import settings
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x" * 50,
                   INSTALLED_APPS=["mindpeeker_guard.django"],
                   MIDDLEWARE=["mindpeeker_guard.django.GuardMiddleware"])
django.setup()
urlpatterns = []
"""


def blocks(document: Path) -> list[str]:
    """Return the Python blocks of a document, in order."""
    return re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


SNIPPETS = [
    pytest.param(block, id=f"{document.name}:{number}")
    for document in DOCUMENTS
    for number, block in enumerate(blocks(document), 1)
]


@pytest.fixture(scope="module")
def snippets() -> Iterator[Snippets]:
    with Snippets() as program:
        yield program


@pytest.mark.parametrize("block", SNIPPETS)
def test_every_python_block_runs(block: str, snippets: Snippets) -> None:
    """
    A Python block in a document runs as it stands, in a process of its own.
    """
    program = (SETTINGS_MODULE if "mindpeeker_guard.django import" in block else "") + block
    if any(f"from {package} " in block and find_spec(package) is None for package in ELSEWHERE):
        program = f"compile({block!r}, 'block', 'exec')"

    assert (0, "") == snippets.run(program)


@pytest.mark.parametrize("block", ["1 / 0", "import warnings\nwarnings.warn('old')", "raise SystemExit(3)", "def"])
def test_a_block_that_fails_is_noticed(block: str, snippets: Snippets) -> None:
    """
    An error, a warning, an exit and a mistake in the language fail a block, and no later one.
    """
    status, _ = snippets.run(block)

    assert status != 0
    assert (0, "") == snippets.run("import flask")


def test_a_block_that_leaves_something_open_is_noticed(snippets: Snippets) -> None:
    """
    Warnings about files and connections that nobody closed come at the end of a program, and count.
    """
    _, errors = snippets.run("left = open(__import__('os').devnull)")

    assert "ResourceWarning" in errors


def test_blocks_know_nothing_of_each_other(snippets: Snippets) -> None:
    """
    What a block makes or changes is not there for the next one.
    """
    snippets.run("import flask, json\nleft = flask.left = 1\njson.dumps = None")

    assert (0, "") == snippets.run(
        "import flask, json\nassert not hasattr(flask, 'left') and json.dumps\nassert 'left' not in globals()"
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_one(document: Path) -> None:
    """
    A relative link in a document names a file or folder of this project.
    """
    targets = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))

    missing = [target for target in targets if not (document.parent / target).exists()]

    assert [] == missing


def test_the_readme_has_two_commands() -> None:
    """
    The README has one command that shows the package at work and one that tests it, and CI runs those lines.
    """
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert ["demo", "pytest"] == [command.split()[-1] for command in commands]
    assert "readme_command 1" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_changelog_knows_the_version() -> None:
    """
    The changelog has a section for what is to come, or for the version at hand.
    """
    from mindpeeker_guard import __version__

    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert "## [Unreleased]" in text or f"## [{__version__}]" in text
