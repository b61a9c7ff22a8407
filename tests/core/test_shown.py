"""Values from outside as text: printable, of modest length, and times in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindpeeker_guard._shown import MAX_SHOWN, distance, moment, plain, shown, time_in_words

ANY_TEXT = st.text(st.characters(), max_size=400)


@given(ANY_TEXT)
def test_any_text_is_shown_in_printable_ascii(text):
    """
    Whatever a value holds, what is shown is one line of printable ASCII, no longer than the limit and a note.
    """
    for made in (shown(text), plain(text), shown({text: [text]})):
        assert re.fullmatch("[ -~]*", made)
        assert len(made) <= MAX_SHOWN + len("... (100000 characters)")


def test_what_is_cut_off_is_said():
    """
    A long value is cut, and its length is told.
    """
    assert f"{'a' * MAX_SHOWN}... (1000 characters)" == plain("a" * 1000)


@pytest.mark.parametrize("escape", ["\x1b[31m", "\x07", "\x7f", "\x9b", "\u202e", "\r", "\n", "\ud800", "\u0430"])
def test_characters_that_mislead_are_escaped(escape):
    """
    Control characters, changes of direction and look-alikes never reach the terminal.
    """
    assert escape not in shown(f"a{escape}b")
    assert escape not in plain(f"a{escape}b")


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (0, "now"),
        (-0.5, "now"),
        (1, "in 1 second"),
        (-89, "89 seconds ago"),
        (-180, "3 minutes ago"),
        (3600, "in 60 minutes"),
        (-7200, "2 hours ago"),
        (86_400 * 3, "in 3 days"),
        (-86_400 * 800, "2 years ago"),
    ],
)
def test_distances_in_words(gap, words):
    """
    A time is told by how far it is from now.
    """
    assert words == distance(1_700_000_000 + gap, 1_700_000_000)


@pytest.mark.parametrize(
    "value", [True, None, "1700000000", [], 10**30, -(10**14), 253_402_300_800 * 1000, float("inf")]
)
def test_what_is_no_time(value):
    """
    What no calendar has, or is no number, is no time, and is shown as it is.
    """
    assert moment(value) is None
    assert shown(value) == time_in_words(value, 0)
