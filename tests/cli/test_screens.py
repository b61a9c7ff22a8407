"""docs/cli.md: its screens are what the commands print, and its tables what the command says."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pytest
from tests.cli.conftest import ROOT

from mindpeeker_guard.cli._exits import MEANINGS
from mindpeeker_guard.cli._main import COMMANDS

TEXT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def screens() -> ModuleType:
    """Return the script that makes the screens."""
    spec = importlib.util.spec_from_file_location("screens", ROOT / "docs" / "screens.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_screens_are_what_the_commands_print(screens):
    """
    Each screen of the page is what its commands print now; where not, `python docs/screens.py` renews it.
    """
    assert TEXT == screens.renewed(TEXT)


def test_a_screen_that_is_out_of_date_is_found(screens):
    """
    A command whose output has changed is put right.
    """
    old = "```console\n$ mindpeeker-guard inspect hello.txt\nsomething else\n$ echo $?\n0\n```"

    new = screens.renewed(old)

    assert "something else" not in new
    assert "opaque token" in new
    assert new.endswith("$ echo $?\n3\n```")


def test_the_page_has_every_exit_code():
    """
    The table of exit codes is the command's own.
    """
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", TEXT, re.MULTILINE)

    assert MEANINGS == {int(code): meaning for code, meaning in rows}


def test_the_page_has_every_subcommand():
    """
    Every subcommand has a line in the table, and a section or a page of its own.
    """
    rows = re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE)

    assert set(COMMANDS) == set(rows)
    assert set(COMMANDS) == set(re.findall(r"^## ([a-z-]+)$", TEXT, re.MULTILINE))


def test_screens_fit_into_80_columns(screens):
    """
    No line of output is longer than 80 columns, but for sentences on standard error, which a terminal breaks.
    """
    lines = [line for block in screens._BLOCK.findall(TEXT) for line in block.splitlines()]
    free = ("$ ", "Error: ", "Next:  ", "# ", "curl ", "export ")

    assert [] == [line for line in lines if len(line) > 80 and not line.startswith(free)]
