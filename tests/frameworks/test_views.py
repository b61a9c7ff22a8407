"""Marks on views: what may be read off them, and what may not."""

from __future__ import annotations

import functools

import pytest
from tests.frameworks.callers import READ, make_guard

from mindpeeker_guard import ConfigurationError, Principal, requirement
from mindpeeker_guard._views import (
    PRINCIPAL_KEY,
    is_public,
    mark_required,
    public,
    remember,
    remembered,
    requirement_of,
)

NEEDED = requirement(READ)


def make_view():
    def view():
        """Do nothing."""

    return view


def test_public_returns_the_view_itself():
    """`public` sets a mark and changes nothing else."""
    view = make_view()

    assert view is public(view)
    assert is_public(view)


def test_nothing_is_public_by_itself():
    """Whatever has no mark of its own is closed: functions, classes, callables, None."""
    views = [make_view(), object, object(), functools.partial(public(make_view())), None, len]

    assert [False] * 6 == [is_public(view) for view in views]


def test_marks_are_not_inherited():
    """A class is not public, nor guarded, because its base is."""
    base = public(type("Base", (), {}))
    guarded = mark_required(type("Guarded", (), {}), NEEDED)

    assert is_public(base)
    assert not is_public(type("Derived", (base,), {}))
    assert requirement_of(type("Derived", (guarded,), {})) is None


def test_instances_do_not_have_the_marks_of_their_class():
    """An object is not public because its class is."""
    base = public(type("Base", (), {}))

    assert not is_public(base())


def test_an_attribute_that_answers_to_every_name_opens_nothing():
    """A view whose attributes are made up on demand, such as a mock, is not public."""

    class Yes:
        def __getattr__(self, name):
            return True

    assert not is_public(Yes())
    assert requirement_of(Yes()) is None


def test_a_requirement_is_one_of_ours():
    """Something else under the name of the mark is no requirement."""
    view = make_view()
    view.__mindpeeker_requirement__ = "everything"

    assert requirement_of(view) is None


def test_wraps_carries_marks_along():
    """Decorators that use `functools.wraps` keep a view's marks."""
    view = mark_required(make_view(), NEEDED)

    assert NEEDED == requirement_of(functools.wraps(view)(lambda: None))


@pytest.mark.parametrize("name", ["make_view.<locals>.view"])
def test_contradictions_name_the_view(name):
    """The error tells which view is both public and guarded."""
    with pytest.raises(ConfigurationError, match=f"{name} cannot be public"):
        public(mark_required(make_view(), NEEDED))
    with pytest.raises(ConfigurationError, match=f"{name} cannot require scopes"):
        mark_required(public(make_view()), NEEDED)


@pytest.mark.parametrize("view", [len, make_view().__get__(object()), "view"])
def test_what_takes_no_mark_cannot_be_made_public(view):
    """What cannot be marked is refused with a sentence, not with an `AttributeError` about a name of ours."""
    with pytest.raises(ConfigurationError, match="public"):
        public(view)


def test_a_principal_counts_for_the_guard_that_found_it():
    """What one guard found is nothing to another, and is replaced by what another finds."""
    first, second, environ = make_guard(), make_guard(), {}
    principal = remember(environ, first, Principal(subject="user-1"))

    assert principal is remembered(environ, first) is environ[PRINCIPAL_KEY]
    assert remembered(environ, second) is None
    assert remember(environ, second, None) is None
    assert remembered(environ, first) is None
