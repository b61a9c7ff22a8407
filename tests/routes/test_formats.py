"""The records of an audit, and their forms: words, Mermaid, OpenAPI."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from tests.frameworks.callers import READ, WRITE, make_guard
from tests.routes import samples_fastapi, samples_flask

import mindpeeker_guard.routes as package
from mindpeeker_guard import ConfigurationError, Requirement, any_of
from mindpeeker_guard._types import requirement
from mindpeeker_guard.routes import GuardedRoute, audit, guard_of, to_mermaid, to_openapi
from mindpeeker_guard.routes._records import combine, described, judge

OPTIONAL = requirement(READ, optional=True)
GUARDED = requirement(WRITE)
ANY = Requirement()


@pytest.mark.parametrize(
    ("own", "outer", "public", "state"),
    [
        ((), (), False, "open"),
        ((), (), True, "public"),
        ((GUARDED,), (), False, "guarded"),
        ((OPTIONAL,), (), False, "optional"),
        ((), (ANY,), False, "deny-by-default"),
        ((), (ANY,), True, "deny-by-default"),
        ((OPTIONAL,), (ANY,), False, "deny-by-default"),
        ((OPTIONAL, GUARDED), (), False, "guarded"),
        ((GUARDED,), (ANY,), False, "guarded"),
        ((), (OPTIONAL,), False, "optional"),
    ],
)
def test_states(own, outer, public, state):
    """
    A route is as closed as the strictest of what stands before it; a mark opens nothing that something else closes.
    """
    assert state == judge(own, outer, public=public)[0]


def test_requirements_are_joined():
    """
    A caller must meet all of several requirements: scopes add up, the shorter age and the common acr count.
    """
    first = requirement(READ, acr=("a", "b"), max_age=60, optional=True)
    second = requirement(any_of(WRITE, "profile"), acr=("b", "c"), max_age=30)

    joined = combine([first, second, second])

    assert {frozenset({READ, WRITE}), frozenset({READ, "profile"})} == set(joined.scopes.alternatives)
    assert (("b",), 30, False) == (joined.acr_values, joined.max_age, joined.optional)
    assert combine([]) is None
    assert combine([OPTIONAL]).optional


def test_requirements_that_nobody_meets():
    """
    Two sets of acr without a common value are shown as the first of them: no acr at all would look like less.
    """
    joined = combine([requirement(acr="a"), requirement(acr="b")])

    assert ("a",) == joined.acr_values
    assert ("b",) == combine([requirement(), requirement(acr="b")]).acr_values


def test_requirements_too_large_to_be_joined():
    """
    An expression with too many alternatives is no error of an audit.
    """
    scopes = [READ, WRITE, "profile", "email", "dowsing:read", "dowsing:write", "analytics:read", "analytics:export"]
    many = [requirement(any_of(*scopes[start::4])) for start in range(4)]
    others = requirement(any_of("remote-viewing:delete", "dowsing:delete", "organizations:read"))
    more = requirement(any_of("organizations:write", "remote-viewing:admin", "dowsing:admin"))

    joined = combine([*many, others, more])

    assert 1 < len(joined.scopes.alternatives) <= 64


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (ANY, "any credential"),
        (requirement(READ, WRITE), f"{READ} {WRITE}"),
        (requirement(READ, WRITE, any_scope=True), f"{READ} | {WRITE}"),
        (requirement(READ, acr=("a", "b"), max_age=60), f"{READ}, acr a | b, signed in within 60 s"),
        (requirement(schemes="Bearer"), "any credential, Bearer only"),
    ],
)
def test_requirements_in_words(needed, words):
    """
    A requirement reads as one line.
    """
    assert words == described(needed)


def test_records_cannot_be_changed():
    """
    A record is frozen, and JSON has all of it.
    """
    route = GuardedRoute(path="/x", state="guarded", methods=("GET",), requirement=GUARDED)

    with pytest.raises(dataclasses.FrozenInstanceError):
        route.state = "public"
    assert {field.name for field in dataclasses.fields(route)} == set(route.as_dict())
    assert json.loads(json.dumps(route.as_dict()))["requirement"]["scopes"] == [[WRITE]]


@pytest.mark.parametrize("thing", [None, 1, "app", object(), FastAPI, print, lambda environ, start: []])
def test_what_is_no_application(thing):
    """
    Anything else than an application is refused with its kind.
    """
    with pytest.raises(ConfigurationError, match="This is no Flask, FastAPI or Django application, but"):
        audit(thing)
    assert guard_of(thing) is None


def test_public_names():
    """
    `__all__` is sorted, and has all that the package's text speaks of.
    """
    assert sorted(package.__all__, key=lambda name: (not name[0].isupper(), name)) == package.__all__
    assert all(hasattr(package, name) for name in package.__all__)


def test_a_diagram():
    """
    Services lead to scopes and scopes to routes; what is open is marked, and each node is drawn once.
    """
    diagram = to_mermaid(audit(samples_flask.make()))

    names = dict(re.findall(r'(n\d+)\["([^"]*)"\](?::::\w+)?$', diagram, re.MULTILINE))
    edges = {(names[left], names[right]) for left, right in re.findall(r"(n\d+) --> (n\d+)", diagram)}
    assert len(names) == len(set(names)) == diagram.count('["')
    assert ("remote-viewing", READ) in edges
    assert (READ, "GET /sessions") in edges
    assert ("OPEN", "GET /v1/inner/planted") in edges
    assert ("the framework's own", "GET /static/#lt;path:filename#gt;") in edges
    assert (READ + " (optional)", "GET /v1/optional") in edges
    assert re.search(r'\["GET /v1/inner/planted"\]:::open$', diagram, re.MULTILINE)


def test_a_diagram_of_the_users_scopes():
    """
    The platform's scopes of a user belong to one service; a route without scopes stands by what it asks for.
    """
    routes = [
        GuardedRoute(path="/p", state="guarded", methods=("GET",), requirement=requirement("profile")),
        GuardedRoute(path="/a", state="guarded", methods=("GET",), requirement=requirement(max_age=9)),
        GuardedRoute(path="/w", state="public", kind="websocket"),
        GuardedRoute(path="/m/*", state="opaque", kind="mount"),
    ]

    diagram = to_mermaid(routes)

    for label in ("user", "profile", "any credential, signed in within 9 s", "WebSocket /w", "mount /m/*", "OPAQUE"):
        assert f'["{label}"]' in diagram


@given(path=st.text(max_size=30), endpoint=st.text(max_size=5))
def test_no_path_breaks_a_diagram(path, endpoint):
    """
    Whatever is in a path, each line of the diagram is a style, a node or an edge.
    """
    diagram = to_mermaid([GuardedRoute(path=path, state="open", methods=("GET",), endpoint=endpoint)])

    line = r'(flowchart LR|  classDef .*|  n\d+\["[^"<>`\\&]*"\](:::\w+)?|  n\d+ --> n\d+)'
    assert all(re.fullmatch(line, text) for text in diagram.removesuffix("\n").split("\n"))


def test_a_document_of_flask():
    """
    The document of a Flask application has its paths, with parameters, security, scopes and the guard's answers.
    """
    app = samples_flask.make()

    document = to_openapi(audit(app), guard_of(app), title="sample")

    planted, public = document["paths"]["/v1/inner/planted"], document["paths"]["/v1/inner/public/{key}"]
    assert "security" not in planted["get"]
    assert [{"Bearer": [READ]}, {"Bearer": [WRITE]}] == planted["post"]["security"]
    assert "401" in planted["post"]["responses"]
    assert ["key"] == [parameter["name"] for parameter in public["get"]["parameters"]]
    assert "public" == public["get"]["x-mindpeeker-guard"]["state"]
    assert [{"Bearer": [READ]}, {}] == document["paths"]["/v1/optional"]["get"]["security"]
    assert 60 == document["paths"]["/decorated"]["get"]["x-mindpeeker-guard"]["requirement"]["max_age"]
    assert {"Bearer"} == set(document["components"]["securitySchemes"])
    assert json.loads(json.dumps(document)) == document


def test_a_document_that_is_there_is_kept():
    """
    What FastAPI says of its routes stays; routes that it does not show, such as those of mounts, are added.
    """
    app = samples_fastapi.make()
    own = app.openapi()

    document = to_openapi(audit(app), guard_of(app), document=own)

    assert own["paths"]["/v1/deep"] == document["paths"]["/v1/deep"]
    assert "/sub/guarded" not in own["paths"]
    assert [{"Bearer": [READ]}] == document["paths"]["/sub/guarded"]["get"]["security"]
    assert "/mount/y/{z}" in document["paths"]
    assert not any("socket" in path for path in document["paths"])
    assert own["components"]["schemas"].keys() <= document["components"]["schemas"].keys()


def test_any_method_in_a_document():
    """
    A view that answers to any method has an operation for each that has a body or an effect, without a guard too.
    """
    document = to_openapi([GuardedRoute(path="/x/{y:path}", state="guarded", requirement=GUARDED)])

    assert {"get", "post", "put", "patch", "delete"} == set(document["paths"]["/x/{y}"])
    assert {"Bearer"} == set(document["components"]["securitySchemes"])


def test_the_schemes_of_the_guard():
    """
    The schemes are those of the guard that is given.
    """
    document = to_openapi([GuardedRoute(path="/x", state="open")], make_guard())

    assert {} == document["components"]["securitySchemes"]
    assert "security" not in document["paths"]["/x"]["get"]
