"""Scopes: the catalogue, implication, expressions."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindpeeker_guard import (
    MINDPEEKER_SCOPES,
    ConfigurationError,
    ScopeCatalogue,
    ScopeExpression,
    all_of,
    any_of,
)
from mindpeeker_guard._scopes import check_known, split_scope

PLATFORM = {
    "remote-viewing:read",
    "remote-viewing:write",
    "remote-viewing:delete",
    "remote-viewing:admin",
    "dowsing:read",
    "dowsing:write",
    "dowsing:delete",
    "dowsing:admin",
    "analytics:read",
    "analytics:export",
    "analytics:admin",
    "profile",
    "email",
    "organizations:read",
    "organizations:write",
}
ADMINS = {"remote-viewing", "dowsing", "analytics"}
WORDS = ["a", "b", "c", "d", "e"]

services = st.sampled_from(["billing", "billingx", "b", "remote-viewing", "dowsing", "admin", "organizations"])
actions = st.sampled_from(["read", "write", "admin", "x:admin", ""])
scope_names = st.builds("{}:{}".format, services, actions) | st.sampled_from(["profile", "admin", ":admin", "email"])
grants = st.frozensets(scope_names | st.sampled_from(sorted(PLATFORM)), max_size=6)
catalogues = st.just(MINDPEEKER_SCOPES) | st.frozensets(scope_names, min_size=1, max_size=8).map(
    lambda names: ScopeCatalogue(dict.fromkeys(sorted(names), "A scope"))
)


@st.composite
def expressions(draw, depth=2):
    """Return an expression, and its meaning as a function from a scope set to a boolean."""
    if depth == 0 or draw(st.booleans()):
        word = draw(st.sampled_from(WORDS))
        return word, lambda held: word in held
    parts = draw(st.lists(expressions(depth=depth - 1), min_size=1, max_size=3))
    combine, join = draw(st.sampled_from([(all_of, all), (any_of, any)]))
    return combine(*(part for part, _ in parts)), lambda held: join(meaning(held) for _, meaning in parts)


def test_the_default_catalogue_is_the_platforms():
    """
    The default catalogue holds the platform's scopes, each with a description, and nothing else.
    """
    assert set(MINDPEEKER_SCOPES) == PLATFORM
    assert all(MINDPEEKER_SCOPES.values())


@pytest.mark.parametrize("service", sorted(ADMINS))
def test_an_administrative_scope_implies_its_own_service(service):
    """
    `svc:admin` implies every other scope of the same service, and nothing else.
    """
    expected = {scope for scope in PLATFORM if scope.startswith(f"{service}:")}

    assert expected - {f"{service}:admin"} == MINDPEEKER_SCOPES.implied_by(f"{service}:admin")
    assert expected == MINDPEEKER_SCOPES.expand(frozenset({f"{service}:admin"}))


@pytest.mark.parametrize("scope", sorted(PLATFORM - {f"{service}:admin" for service in ADMINS}))
def test_other_scopes_imply_nothing(scope):
    """
    `write` does not imply `read`; only an administrative scope implies anything.
    """
    assert frozenset() == MINDPEEKER_SCOPES.implied_by(scope)
    assert {scope} == MINDPEEKER_SCOPES.expand(frozenset({scope}))


@pytest.mark.parametrize(
    ("granted", "asked", "expected"),
    [
        pytest.param("remote-viewing:admin", "remote-viewing:calibrate", True, id="unlisted scope of the service"),
        pytest.param("remote-viewing:admin", "dowsing:read", False, id="another service"),
        pytest.param("remote-viewing:admin", "remote-viewingx:read", False, id="longer name"),
        pytest.param("remote-viewing:admin", "remote-viewing", False, id="the service itself"),
        pytest.param("remote-viewing:admin", "profile", False, id="no service"),
        pytest.param("organizations:write", "organizations:read", False, id="write and read"),
        pytest.param("organizations:admin", "organizations:read", False, id="unlisted admin"),
        pytest.param("admin", "remote-viewing:read", False, id="admin alone"),
        pytest.param(":admin", ":read", False, id="no name"),
        pytest.param("Remote-Viewing:admin", "remote-viewing:read", False, id="other case"),
        pytest.param("profile", "profile", True, id="itself"),
        pytest.param("unlisted:read", "unlisted:read", True, id="itself, unlisted"),
    ],
)
def test_what_a_grant_covers(granted, asked, expected):
    """
    A grant covers itself, and an administrative scope of the catalogue covers its own service only.
    """
    assert expected is MINDPEEKER_SCOPES.covers(frozenset({granted}), asked)


def test_a_listed_admin_of_ones_own_service_has_its_power():
    """
    `billing:admin` of one's own catalogue gives `billing:*`, and never `billingx:*` or `admin:*`.
    """
    catalogue = ScopeCatalogue(dict.fromkeys(["billing:admin", "billing:read", "billingx:read", "admin:read"], "x"))

    assert {"billing:admin", "billing:read"} == catalogue.expand(frozenset({"billing:admin"}))
    assert catalogue.covers(frozenset({"billing:admin"}), "billing:anything")
    assert not catalogue.covers(frozenset({"billing:admin"}), "billingx:read")
    assert not catalogue.covers(frozenset({"billing:admin"}), "admin:read")


@given(catalogues, grants, grants)
def test_expansion_is_a_closure(catalogue, some, more):
    """
    Expansion keeps what was granted, grows with the grant, and has nothing to add the second time.
    """
    expanded = catalogue.expand(some)

    assert some <= expanded
    assert expanded <= catalogue.expand(some | more)
    assert expanded == catalogue.expand(expanded)


@given(catalogues, grants)
def test_expansion_and_covers_agree(catalogue, granted):
    """
    A listed scope is in the expansion exactly when the grant covers it.
    """
    expected = granted | {scope for scope in catalogue if catalogue.covers(granted, scope)}

    assert expected == catalogue.expand(granted)


@given(catalogues, grants, scope_names)
def test_power_stays_within_a_listed_service(catalogue, granted, asked):
    """
    What is covered was granted, or a listed `svc:admin` of the very same service was.
    """
    prefixes = [scope.removesuffix("admin") for scope in granted & set(catalogue) if scope.endswith(":admin")]

    assert catalogue.covers(granted, asked) == (
        asked in granted or any(asked.startswith(prefix) for prefix in prefixes if prefix != ":")
    )


@given(expressions(), st.frozensets(st.sampled_from(WORDS)))
def test_an_expression_means_what_it_says(pair, held):
    """
    Nested `all_of` and `any_of` are true for exactly the scope sets for which their boolean meaning is.
    """
    part, meaning = pair

    assert meaning(held) is all_of(part).satisfied_by(held)


@given(expressions())
def test_alternatives_are_minimal(pair):
    """
    No alternative of an expression contains another, and the shortest one is enough.
    """
    expression = all_of(pair[0])

    alternatives = expression.alternatives

    assert not any(
        one < other or (one == other and i != j)
        for i, one in enumerate(alternatives)
        for j, other in enumerate(alternatives)
    )
    assert expression.satisfied_by(frozenset(expression.shortest))
    assert len(expression.shortest) == min(map(len, alternatives))


def test_nothing_asked_is_always_satisfied():
    """
    `all_of()` asks for nothing; `any_of()` is a mistake, since nothing could satisfy it.
    """
    assert all_of().satisfied_by(frozenset())
    assert all_of().shortest == ()
    with pytest.raises(ConfigurationError, match="at least one"):
        any_of()


def test_the_shortest_alternative_keeps_the_order_of_writing():
    """
    A challenge names the smallest alternative, the first of several, as it was written.
    """
    assert all_of("c", "a", "b").shortest == ("c", "a", "b")
    assert any_of(all_of("c", "a"), "z", "b").shortest == ("z",)
    assert any_of("a", all_of("a", "b")).alternatives == (frozenset({"a"}),)
    assert any_of(all_of("a", "b"), "a").alternatives == (frozenset({"a"}),)


def test_expressions_are_values():
    """
    Expressions that ask for the same are equal, in whatever order, and can stand in sets.
    """
    assert {all_of("a", "b")} == {all_of("b", "a"), all_of(all_of("a"), "b")}
    assert any_of("a", all_of("b", "c")) == any_of(all_of("c", "b"), "a", "a")
    assert any_of("a", "b") != all_of("a", "b")
    assert any_of("a") != "a"
    assert isinstance(any_of("a"), ScopeExpression)


def test_an_expression_has_a_limit():
    """
    An expression with more than 64 alternatives is a configuration error, found without building them all.
    """
    pairs = [any_of(f"a{n}", f"b{n}") for n in range(40)]

    assert len(any_of(*(f"s{n}" for n in range(64))).alternatives) == 64
    with pytest.raises(ConfigurationError, match="64"):
        any_of(*(f"s{n}" for n in range(65)))
    with pytest.raises(ConfigurationError, match="64"):
        all_of(*pairs)


@pytest.mark.parametrize("build", [all_of, any_of])
@pytest.mark.parametrize(
    "part",
    ["", "a b", "a\tb", 'a"b', "a\\b", "é", "a\n", None, 5, ["a"], ("a", "b"), b"a", {"a"}],
    ids=repr,
)
def test_a_part_must_be_one_scope(build, part):
    """
    A list, a blank-separated string, or characters that no scope can have are refused with a hint.
    """
    with pytest.raises(ConfigurationError, match="argument"):
        build("ok", part)


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        pytest.param({"a b": "x"}, "'a b' cannot be a scope", id="blank"),
        pytest.param({"": "x"}, "cannot be a scope", id="empty"),
        pytest.param({5: "x"}, "5 cannot be a scope", id="number"),
        pytest.param({'a"': "x"}, "cannot be a scope", id="quote"),
        pytest.param({"a": None}, "description of scope 'a'", id="no description"),
    ],
)
def test_a_catalogue_complains_at_birth(scopes, message):
    """
    A catalogue with a name or description that cannot be is a configuration error.
    """
    with pytest.raises(ConfigurationError, match=message):
        ScopeCatalogue(scopes)


def test_a_catalogue_is_a_read_only_mapping():
    """
    A catalogue reads like a mapping, is compared by identity, and does not follow its source.
    """
    source = {"x:read": "Read"}
    catalogue = ScopeCatalogue(source)

    source["y:read"] = "Late"

    assert {"x:read": "Read"} == dict(catalogue)
    assert len(catalogue) == 1
    assert catalogue["x:read"] == "Read"
    assert catalogue != ScopeCatalogue({"x:read": "Read"})
    assert len({catalogue, catalogue}) == 1
    assert repr(catalogue) == "ScopeCatalogue(1 scopes)"


def test_extending_makes_a_new_catalogue():
    """
    `extend` adds and replaces in a new catalogue, where a new administrative scope has its power.
    """
    extended = MINDPEEKER_SCOPES.extend({"billing:admin": "All", "billing:read": "Read", "profile": "Changed"})

    assert "billing:read" in extended.expand(frozenset({"billing:admin"}))
    assert extended["profile"] == "Changed"
    assert set(MINDPEEKER_SCOPES) == PLATFORM


@pytest.mark.parametrize(
    ("scope", "hint"),
    [
        ("remote-viewing:raed", "did you mean 'remote-viewing:read'"),
        ("remote_viewing:read", "did you mean 'remote-viewing:read'"),
        ("dowsing:wirte", "did you mean 'dowsing:write'"),
        ("zzzzzzzzzz", "ScopeCatalogue"),
    ],
)
def test_an_unlisted_scope_is_named_with_the_nearest_one(scope, hint):
    """
    A scope that is not in the catalogue is a configuration error that names the nearest one.
    """
    MINDPEEKER_SCOPES.check(["profile"])
    with pytest.raises(ConfigurationError) as caught:
        MINDPEEKER_SCOPES.check(["profile", scope])

    assert repr(scope) in str(caught.value)
    assert hint in str(caught.value)


def test_at_import_any_catalogue_will_do():
    """
    A decorator accepts a scope of any catalogue made so far, and refuses it again when that catalogue is gone.
    """
    catalogue = ScopeCatalogue({"zoo:feed": "Feed the animals"})
    check_known(["zoo:feed", "profile"])

    del catalogue
    gc.collect()

    with pytest.raises(ConfigurationError, match="zoo:feed"):
        check_known(["zoo:feed"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("  ", set()),
        ("a", {"a"}),
        (" a  b ", {"a", "b"}),
        ("a\tb", {"a\tb"}),
        ("a\u00a0b c\nd", {"a\u00a0b", "c\nd"}),
    ],
    ids=lambda value: repr(sorted(value) if isinstance(value, set) else value),
)
def test_scope_strings_split_at_blanks_only(text, expected):
    """
    A scope string splits at U+0020 and at nothing else.
    """
    assert expected == split_scope(text)


def test_what_is_remembered_is_bounded():
    """
    However many different scopes come, what they split and expand to is right, and little is kept.
    """
    catalogue = ScopeCatalogue({"svc:admin": "All", "svc:read": "Read"})

    for number in range(3000):
        granted, reached = catalogue.granted_by(f"svc:admin x{number}")
        assert granted == {"svc:admin", f"x{number}"}
        assert reached == catalogue.expand(granted) == {"svc:admin", "svc:read", f"x{number}"}
    assert catalogue.granted_by("y" * 5000) == ({"y" * 5000}, {"y" * 5000})

    assert len(catalogue._expansions) <= 1024
    assert len(catalogue._grants) <= 1024
    assert "y" * 5000 not in catalogue._grants
