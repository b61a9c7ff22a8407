"""FastAPI: padlocks, scopes and answers of guarded routes in the API document."""

import copy
import json
import re
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Security
from fastapi.openapi.models import OpenAPI
from fastapi.openapi.utils import get_openapi
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.testclient import TestClient
from pydantic import BaseModel
from tests.frameworks.callers import READ, WRITE, make_guard
from tests.support.tokens import jwks

from mindpeeker_guard import MINDPEEKER_SCOPES, Guard, JWTBearer, Principal, all_of, any_of
from mindpeeker_guard.fastapi import CurrentPrincipal, init_app, public, require, require_any_scope, require_scopes

RESPONSES = {"400", "401", "403", "429", "503"}


@pytest.fixture
def app():
    app = FastAPI()
    init_app(app, make_guard())
    return app


def add(app, *dependencies, path="/x", **options):
    app.get(path, dependencies=[Depends(dependency) for dependency in dependencies], **options)(lambda: "ok")


def operation(app, path="/x"):
    return app.openapi()["paths"][path]["get"]


def security(app, path="/x"):
    return operation(app, path).get("security")


def test_a_guarded_route_shows_its_padlock_and_scopes(app):
    """One scheme, with the scopes of the route."""
    add(app, require_scopes(READ, WRITE))

    assert [{"Bearer": [READ, WRITE]}] == security(app)


def test_the_scheme_comes_from_the_guard():
    """The flows point to the guard's issuer, and list the guard's scopes with their descriptions."""
    app = FastAPI()
    init_app(app, Guard(JWTBearer("https://issuer.example", keys=jwks())))
    add(app, require_scopes(READ))

    scheme = app.openapi()["components"]["securitySchemes"]["Bearer"]

    flows = scheme["flows"]
    assert "oauth2" == scheme["type"]
    assert "https://issuer.example/oauth2/authorize" == flows["authorizationCode"]["authorizationUrl"]
    assert {"https://issuer.example/oauth2/token"} == {flow["tokenUrl"] for flow in flows.values()}
    assert [dict(MINDPEEKER_SCOPES)] * 2 == [flow["scopes"] for flow in flows.values()]
    assert "https://issuer.example" in scheme["description"]


@pytest.mark.parametrize(
    ("dependency", "expected"),
    [
        (require_any_scope(READ, WRITE), [[READ], [WRITE]]),
        (require(all_of(READ, WRITE)), [[READ, WRITE]]),
        (require(any_of(all_of(READ, WRITE), "profile")), [[READ, WRITE], ["profile"]]),
        (require("email", any_of(READ, WRITE)), [["email", READ], ["email", WRITE]]),
        (require_scopes(), [[]]),
    ],
)
def test_alternatives_are_alternatives(app, dependency, expected):
    """`any_of` gives several items, of which one is enough; `all_of` several scopes in one item."""
    add(app, dependency)

    assert [{"Bearer": scopes} for scopes in expected] == security(app)


def test_optional_routes_can_be_called_without_a_credential(app):
    """An optional requirement has the empty alternative, as OpenAPI writes it."""
    add(app, require_scopes(READ, optional=True))
    add(app, require_scopes(READ, optional=True), require_scopes(), path="/both")

    assert [{"Bearer": [READ]}, {}] == security(app)
    assert [{"Bearer": [READ]}] == security(app, "/both")


def test_requirements_of_routers_and_routes_are_combined(app):
    """What router, inclusion, route and `Security` ask for is needed together."""
    router = APIRouter(dependencies=[Depends(require_any_scope(READ, WRITE))])

    @router.get("/x", dependencies=[Depends(require_scopes("profile"))])
    def x(_: Annotated[Principal, Security(require_scopes(), scopes=["email"])]):
        return "ok"

    app.include_router(router, prefix="/v1", dependencies=[Depends(require_scopes("analytics:read"))])

    rest = ["analytics:read", "email", "profile"]
    assert [{"Bearer": sorted([*rest, scope])} for scope in (READ, WRITE)] == security(app, "/v1/x")


def test_scopes_of_security_reach_the_document_through_dependencies(app):
    """Scopes on a dependency of the application's show on the route that uses it."""

    def loader(principal: CurrentPrincipal):
        return principal.subject

    @app.get("/x")
    def x(_: Annotated[str, Security(loader, scopes=[WRITE])]):
        return "ok"

    assert [{"Bearer": [WRITE]}] == security(app)


def test_refusals_are_documented(app):
    """A guarded route has the guard's answers, with one schema for their bodies."""
    add(app, require_scopes(READ))

    responses = operation(app)["responses"]

    assert RESPONSES | {"200"} == set(responses)
    assert {"WWW-Authenticate"} == set(responses["401"]["headers"])
    assert {"Retry-After"} == set(responses["503"]["headers"])
    assert READ in responses["403"]["description"]
    schemas = {json.dumps(responses[status]["content"]["application/problem+json"]) for status in RESPONSES}
    [reference] = schemas
    name = json.loads(reference)["schema"]["$ref"].rpartition("/")[2]
    assert "required_scopes" in app.openapi()["components"]["schemas"][name]["properties"]


def test_documented_answers_have_the_documented_members(app):
    """The body of a refusal keeps to the schema in the document."""
    add(app, require_scopes(READ))
    schema = next(iter(app.openapi()["components"]["schemas"].values()))

    body = TestClient(app).get("/x").json()

    assert set(schema["required"]) <= set(body) <= set(schema["properties"])


def test_unguarded_routes_stay_as_they_are(app):
    """A route without a dependency of ours has no padlock and no answers of ours."""
    add(app, require_scopes(READ))
    add(app, path="/free")

    assert security(app, "/free") is None
    assert {"200"} == set(operation(app, "/free")["responses"])


def test_a_document_without_guarded_routes_stays_as_it_is():
    """An application that uses no dependency of ours has the document it would have without us."""
    with_guard, without = FastAPI(), FastAPI()
    init_app(with_guard, make_guard())
    for app in (with_guard, without):
        add(app)

    assert without.openapi() == with_guard.openapi()


def test_answers_of_the_route_win(app):
    """What a route says about its own answers is kept."""
    add(app, require_scopes(READ), responses={401: {"description": "Mine"}})

    assert "Mine" == operation(app)["responses"]["401"]["description"]


def test_schemes_of_the_application_are_kept(app):
    """Security schemes of others stay in the document, on their routes and beside ours."""
    add(app, APIKeyHeader(name="X-Key", scheme_name="Key"), path="/key")
    add(app, APIKeyHeader(name="X-Key", scheme_name="Key"), require_scopes(READ))

    assert {"Bearer", "Key"} == set(app.openapi()["components"]["securitySchemes"])
    assert [{"Key": []}] == security(app, "/key")
    assert {"Key": []} in security(app)
    assert {"Bearer": [READ]} in security(app)


def test_a_scheme_of_the_application_is_not_replaced(app):
    """A scheme of the application's that has the name of ours keeps its own definition."""
    add(app, HTTPBearer(scheme_name="Bearer"), path="/theirs")
    add(app, require_scopes(READ))

    schemes = app.openapi()["components"]["securitySchemes"]

    [theirs] = [name for item in security(app, "/theirs") for name in item]
    assert "http" == schemes[theirs]["type"]


class Problem(BaseModel):
    mine: str


def test_a_model_of_the_application_is_not_replaced(app):
    """A model of the application's that has the name of our schema is not taken for it."""
    add(app, require_scopes(READ), response_model=Problem)
    document = app.openapi()

    reference = document["paths"]["/x"]["get"]["responses"]["401"]["content"]["application/problem+json"]["schema"]
    schema = document["components"]["schemas"][reference["$ref"].rpartition("/")[2]]

    assert "mine" not in schema["properties"]


def test_the_document_is_complete_once_and_for_all(app):
    """Asking again gives the same document, and what is served is that document."""
    add(app, require_scopes(READ))
    first = copy.deepcopy(app.openapi())

    assert first == app.openapi()
    assert first == TestClient(app).get("/openapi.json").json()


def test_routes_that_come_late_are_in_the_document(app):
    """A route added after the document was made is in the next one."""
    add(app, require_scopes(READ))
    app.openapi()

    add(app, require_scopes(WRITE), path="/late")
    app.openapi_schema = None

    assert [{"Bearer": [READ]}] == security(app)
    assert [{"Bearer": [WRITE]}] == security(app, "/late")


def assert_valid(document):
    OpenAPI.model_validate(document)
    names = [name for section in document["components"].values() for name in section]
    assert [] == [name for name in names if not re.fullmatch(r"[a-zA-Z0-9._-]+", name)]
    defined = set(document["components"]["securitySchemes"])
    used = {name for path in document["paths"].values() for op in path.values() for s in op["security"] for name in s}
    assert used <= defined


def test_the_document_is_valid(app):
    """FastAPI's own model takes the document, component names are legal, and every scheme used is defined."""
    add(app, require_any_scope(READ, WRITE, optional=True))
    add(app, require(all_of(READ, any_of(WRITE, "profile"))), require_scopes("email"), path="/y")
    document = app.openapi()

    assert_valid(document)
    assert "x-mindpeeker" not in json.dumps(document)


def test_a_document_made_by_the_application_is_valid(app):
    """FastAPI's documented way to change the document, a function of one's own, gives a valid one as well."""
    add(app, require_scopes(READ))

    app.openapi = lambda: get_openapi(title="Mine", version="1", routes=app.routes)

    assert_valid(app.openapi())


def test_a_function_of_the_applications_that_came_first_is_used():
    """`init_app` completes what the application's own ``openapi`` makes."""
    app = FastAPI()
    add(app, require_scopes(READ))
    app.openapi = lambda: get_openapi(title="Mine", version="1", routes=app.routes)

    init_app(app, make_guard())

    assert "Mine" == app.openapi()["info"]["title"]
    assert [{"Bearer": [READ]}] == security(app)


def test_a_guard_attached_later_is_in_the_document(app):
    """When another guard is attached, the document is about that one."""
    add(app, require_scopes(READ))
    init_app(app, Guard(JWTBearer("https://issuer.example", keys=jwks())))

    assert "https://issuer.example" in json.dumps(app.openapi())


def test_under_deny_every_route_but_the_public_has_a_padlock():
    """With ``default="deny"`` the document shows that an undecorated route needs a credential."""
    app = FastAPI()
    init_app(app, make_guard(), default="deny")
    add(app)
    app.get("/open")(public(lambda: "open"))

    assert [{"Bearer": []}] == security(app)
    assert RESPONSES <= set(operation(app)["responses"])
    assert security(app, "/open") is None


def test_an_application_that_is_closed_later_shows_it():
    """Attaching a guard again with ``default="deny"`` counts for the document as it does for requests."""
    app = FastAPI()
    init_app(app, make_guard())
    add(app)

    init_app(app, make_guard(), default="deny")

    assert [{"Bearer": []}] == security(app)
