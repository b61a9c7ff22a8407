"""However routers, blueprints and includes are nested, the audit has every route, and says what becomes of requests."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import include
from django.urls import path as django_path
from fastapi import APIRouter, Depends, FastAPI
from flask import Blueprint, Flask
from flask.views import MethodView
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from tests.frameworks.callers import READ, WRITE, make_guard
from tests.routes import samples_django, samples_fastapi, samples_flask, test_django, test_fastapi, test_flask
from tests.routes.truth import differences

from mindpeeker_guard import fastapi, flask
from mindpeeker_guard.routes import audit

EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MARKS = ["open", "guarded", "optional", "public"]


@dataclass
class Node:
    """A part of an application: routes, each with its mark, and parts below it.

    Attributes:
        way: How the part is attached; each framework has its own ways.
        guarded: Whether the part as a whole is guarded.
    """

    way: int
    guarded: bool
    marks: list[str]
    parts: list[Node]


def nodes(below: st.SearchStrategy[list[Node]]) -> st.SearchStrategy[Node]:
    return st.builds(
        Node,
        way=st.integers(0, 3),
        guarded=st.booleans(),
        marks=st.lists(st.sampled_from(MARKS), max_size=4),
        parts=below,
    )


TREES = st.recursive(nodes(st.just([])), lambda below: nodes(st.lists(below, max_size=3)), max_leaves=8)
DEFAULTS = st.sampled_from(["allow", "deny"])


class FastAPITree:
    """A FastAPI application made of a tree: included routers, and applications mounted in each other."""

    def __init__(self) -> None:
        self.numbers = count()
        self.paths: set[str] = set()

    def fill(self, target: Any, node: Node, prefix: str) -> None:
        for mark in node.marks:
            place = f"/r{next(self.numbers)}"
            self.paths.add(prefix + place)
            target.get(place, dependencies=self.dependencies(mark))(self.view(mark))
        for part in node.parts:
            place = f"/p{next(self.numbers)}"
            self.attach(target, part, place, prefix + place)

    def attach(self, target: Any, part: Node, place: str, prefix: str) -> None:
        if part.way == 0 and isinstance(target, FastAPI):
            app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=self.whole(part))
            self.fill(app, part, prefix)
            fastapi.init_app(app, make_guard(), default="deny" if len(part.marks) % 2 else "allow")
            target.mount(place, app)
        elif part.way == 1:
            plain = f"/r{next(self.numbers)}"
            self.paths.add(prefix + plain)
            middleware = samples_fastapi.guarded_by_middleware() if part.guarded else []
            app = Starlette(routes=[Route(plain, samples_fastapi.plain)], middleware=middleware)
            # What is no route of FastAPI's does not get the prefix of the router that it is in.
            getattr(target, "router", target).routes.append(Mount(place, app))
        else:
            router = APIRouter(prefix=place, dependencies=self.whole(part) if part.way == 2 else [])
            self.fill(router, part, prefix)
            target.include_router(router, dependencies=self.whole(part) if part.way == 3 else [])

    def dependencies(self, mark: str) -> list[Any]:
        if mark in {"guarded", "optional"}:
            return [Depends(fastapi.require_scopes(READ, optional=mark == "optional"))]
        return []

    def view(self, mark: str) -> Any:
        view = samples_fastapi.make_view()
        return fastapi.public(view) if mark == "public" else view

    def whole(self, part: Node) -> list[Any]:
        return [Depends(fastapi.require_scopes(WRITE))] if part.guarded else []


@EXAMPLES
@given(tree=TREES, default=DEFAULTS)
def test_fastapi_trees(tree, default):
    """
    Any nesting of included routers and mounted applications of FastAPI is audited as it answers.
    """
    app, made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None), FastAPITree()
    made.fill(app, tree, "")
    fastapi.init_app(app, make_guard(), default=default)

    found = audit(app)

    assert len(made.paths) == len({route.path for route in found}) == len(found)
    assert [] == differences(found, test_fastapi.sender(app))


class FlaskTree:
    """A Flask application made of a tree of blueprints."""

    def __init__(self) -> None:
        self.numbers = count()
        self.paths: set[str] = set()

    def fill(self, target: Any, node: Node, prefix: str) -> None:
        for mark in node.marks:
            name = f"r{next(self.numbers)}"
            self.paths.add(f"{prefix}/{name}")
            target.add_url_rule(f"/{name}", name, self.view(mark, name, as_class=node.way % 2 == 1))
        for part in node.parts:
            name = f"p{next(self.numbers)}"
            blueprint = Blueprint(name, __name__, url_prefix=f"/{name}")
            if part.guarded:
                blueprint.before_request(flask.require_scopes(WRITE, optional=part.way == 3)(lambda: None))
            self.fill(blueprint, part, f"{prefix}/{name}")
            target.register_blueprint(blueprint)

    def view(self, mark: str, name: str, *, as_class: bool) -> Any:
        decorate = {
            "open": lambda view: view,
            "guarded": flask.require_scopes(READ),
            "optional": flask.require_scopes(READ, optional=True),
            "public": flask.public,
        }[mark]
        if not as_class:
            return samples_flask.view(name, decorate)
        methods = {"get": decorate(lambda self: "it ran"), "post": lambda self: "it ran"}
        return type(name, (MethodView,), methods).as_view(name)


@EXAMPLES
@given(tree=TREES, default=DEFAULTS)
def test_flask_trees(tree, default):
    """
    Any nesting of blueprints, guarded or not, with functions and classes, is audited as it answers.
    """
    app, made = Flask("tree", static_folder=None), FlaskTree()
    made.fill(app, tree, "")
    flask.init_app(app, make_guard(), default=default)

    found = audit(app)

    assert made.paths == {route.path for route in found}
    assert [] == differences(found, test_flask.sender(app))


class DjangoTree:
    """URL patterns made of a tree of includes, some with a namespace."""

    def __init__(self) -> None:
        self.numbers = count()
        self.paths: set[str] = set()
        self.namespaces: set[str] = set()

    def patterns(self, node: Node, prefix: str, outer: str) -> list[Any]:
        found: list[Any] = []
        for mark in node.marks:
            name = f"r{next(self.numbers)}"
            self.paths.add(f"{prefix}{name}")
            found.append(django_path(name, self.view(mark, as_class=node.way % 2 == 1)))
        for part in node.parts:
            name = f"p{next(self.numbers)}"
            inner = f"{outer}:{name}".lstrip(":") if part.way < 2 else outer
            if part.guarded and inner:
                self.namespaces.add(inner)
            patterns = self.patterns(part, f"{prefix}{name}/", inner)
            found.append(django_path(f"{name}/", include((patterns, name) if part.way < 2 else patterns)))
        return found

    def view(self, mark: str, *, as_class: bool) -> Any:
        decorate = {
            "open": lambda view: view,
            "guarded": samples_django.require_scopes(READ),
            "optional": samples_django.optional(),
            "public": samples_django.public,
        }[mark]
        if as_class:
            return decorate(type("Made", (samples_django.Base,), {})).as_view()
        return samples_django.view(decorate)


@EXAMPLES
@given(tree=TREES)
def test_django_trees(tree):
    """
    Any nesting of includes and namespaces, public or not, is audited as the project answers.
    """
    made = DjangoTree()
    patterns = made.patterns(tree, "/", "")
    options = {"GUARD": make_guard(), "PUBLIC_NAMESPACES": sorted(made.namespaces)}
    with samples_django.project_of(ROOT_URLCONF=tuple(patterns), MINDPEEKER_GUARD=options):
        found = audit(get_wsgi_application())

        assert made.paths == {route.path for route in found}
        assert [] == differences(test_django.at_all_methods(found), test_django.send)
