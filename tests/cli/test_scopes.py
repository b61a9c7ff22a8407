"""`scopes`: the catalogue, and what implies what."""

from __future__ import annotations

from tests.cli.conftest import run

from mindpeeker_guard import MINDPEEKER_SCOPES


def test_every_scope_is_listed():
    """
    Every scope of the platform is there, with its description and what it implies.
    """
    ended = run("scopes")

    assert 0 == ended.code
    assert [name for name in MINDPEEKER_SCOPES if name not in ended.out] == []
    assert "every other dowsing:*" in ended.out


def test_the_json_form():
    """
    The JSON form has what each scope implies, by the guard's own rule.
    """
    told = {scope["name"]: scope for scope in run("scopes", "--json").members["scopes"]}

    assert list(MINDPEEKER_SCOPES) == list(told)
    for name, scope in told.items():
        assert MINDPEEKER_SCOPES.implied_by(name) == set(scope["implies"])
        assert MINDPEEKER_SCOPES[name] == scope["description"]


def test_what_a_token_reaches():
    """
    With scopes as arguments, what they reach is listed, and by which.
    """
    ended = run("scopes", "dowsing:admin profile")
    told = run("scopes", "--json", "dowsing:admin", "profile").members["scopes"]

    assert "by dowsing:admin" in ended.out
    assert "analytics" not in ended.out
    assert {"dowsing:admin", "profile"} == {scope["name"] for scope in told if scope["granted"]}
    assert 5 == len(told)


def test_a_scope_that_is_none():
    """
    An unknown scope ends with 1 and the nearest name.
    """
    ended = run("scopes", "dowsing:reed")
    hostile = run("scopes", "\x1b[2J[bold]" + "x" * 1000)

    assert (1, 1) == (ended.code, hostile.code)
    assert "did you mean 'dowsing:read'?" in ended.err
    assert "\x1b" not in hostile.err


def test_the_diagram():
    """
    The Mermaid form has a box for each scope and an arrow for each that is implied.
    """
    lines = run("scopes", "--mermaid").out.splitlines()

    assert "flowchart LR" == lines[0]
    assert len(MINDPEEKER_SCOPES) == sum('["' in line for line in lines)
    implied = sum(len(MINDPEEKER_SCOPES.implied_by(name)) for name in MINDPEEKER_SCOPES)
    assert implied == sum("-->" in line for line in lines)
