"""Principal and requirement."""

from __future__ import annotations

import dataclasses

import pytest

from mindpeeker_guard import (
    ConfigurationError,
    Principal,
    Refusal,
    Requirement,
    ScopeCatalogue,
    all_of,
    any_of,
    requirement,
)


def test_a_principal_has_what_its_scopes_imply():
    """
    `granted_scopes` stay as they are; `scopes` are those plus what the catalogue says they imply.
    """
    principal = Principal(granted_scopes=frozenset({"dowsing:admin", "profile"}))

    assert principal.granted_scopes == {"dowsing:admin", "profile"}
    assert principal.scopes == {"dowsing:admin", "dowsing:read", "dowsing:write", "dowsing:delete", "profile"}


def test_has_applies_the_rule_to_any_scope():
    """
    `has` tells about scopes that no catalogue lists, too.
    """
    principal = Principal(granted_scopes=frozenset({"dowsing:admin", "own:thing"}))

    assert principal.has("dowsing:calibrate")
    assert principal.has("own:thing")
    assert not principal.has("own:other")
    assert not principal.has("analytics:read")


@pytest.mark.parametrize(
    ("subject", "client_id", "expected"),
    [(None, "c", True), (None, None, True), ("c", "c", True), ("u", "c", False), ("u", None, False), ("", "c", False)],
)
def test_a_service_is_a_client_that_acts_for_itself(subject, client_id, expected):
    """
    Without a subject, or where the subject is the client, no user stands behind the call.
    """
    assert expected is Principal(subject=subject, client_id=client_id).is_service


def test_a_principal_is_frozen():
    """
    Nothing of a principal can be changed, and its defaults are shared by nobody.
    """
    principal = Principal(subject="u")

    with pytest.raises(dataclasses.FrozenInstanceError):
        principal.subject = "other"
    with pytest.raises(TypeError):
        principal.claims["sub"] = "other"


def test_principals_are_values():
    """
    Equal principals are equal and hash alike; the catalogue does not count.
    """
    catalogue = ScopeCatalogue({"x:y": "Z"})

    one, other = (Principal(subject="u", token_id="t", catalogue=choice) for choice in (catalogue, ScopeCatalogue({})))

    assert one == other
    assert hash(one) == hash(other)
    assert one != Principal(subject="v", token_id="t")


def test_a_principal_shows_no_claims():
    """
    The representation of a principal leaves the claims out.
    """
    assert "secret" not in repr(Principal(subject="u", claims={"email": "secret"}))


def test_a_requirement_asks_for_all_or_for_one():
    """
    Scopes are needed together, or one of them with `any_scope`; expressions nest.
    """
    assert requirement("profile", "email").scopes == all_of("profile", "email")
    assert requirement("profile", "email", any_scope=True).scopes == any_of("profile", "email")
    assert requirement(any_of("profile", "email"), "dowsing:read").scopes == all_of(
        any_of("profile", "email"), "dowsing:read"
    )


def test_a_requirement_asks_for_nothing_by_default():
    """
    The empty requirement asks for a principal and no more.
    """
    assert requirement() == Requirement()
    assert not requirement().optional
    assert requirement().scopes.satisfied_by(frozenset())


def test_step_up():
    """
    `acr` is one value or several, `max_age` a number of seconds.
    """
    assert requirement(acr="gold").acr_values == ("gold",)
    assert requirement(acr=["gold", "silver"], max_age=0).acr_values == ("gold", "silver")
    assert requirement(max_age=300).max_age == 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"acr": "a b"}, "acr", id="acr with a blank"),
        pytest.param({"acr": ""}, "acr", id="empty acr"),
        pytest.param({"acr": [5]}, "acr", id="acr number"),
        pytest.param({"max_age": -1}, "max_age", id="negative"),
        pytest.param({"max_age": True}, "max_age", id="boolean"),
        pytest.param({"max_age": 1.5}, "max_age", id="fraction"),
        pytest.param({"max_age": "60"}, "max_age", id="string"),
        pytest.param({"any_scope": True}, "any_of", id="one of nothing"),
    ],
)
def test_wrong_arguments_are_found_at_import(arguments, message):
    """
    A wrong argument is a configuration error that names it.
    """
    with pytest.raises(ConfigurationError, match=message):
        requirement(**arguments)


def test_a_typo_is_found_at_import():
    """
    A scope that no catalogue lists is refused where the decorator stands, with the nearest name.
    """
    with pytest.raises(ConfigurationError, match="did you mean 'remote-viewing:read'"):
        requirement(any_of("profile", "remote-viewing:reed"))


def test_a_refusal_is_a_value():
    """
    Refusals with the same status, headers and body are equal.
    """
    assert Refusal(401, (), b"") == Refusal(401, (), b"")
