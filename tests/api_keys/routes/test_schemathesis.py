"""Schemathesis reads the API document of the FastAPI application, and holds the application to it."""

from __future__ import annotations

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from tests.api_keys.routes.world import ADMIN, NOBODYS, RECORDS, World, bearer

from mindpeeker_guard.api_key_routes.fastapi import router
from mindpeeker_guard.fastapi import init_app

CALLER = {"Authorization": bearer(f"{ADMIN} remote-viewing:read")}
BOUNDED = settings(
    max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
NOT_OURS = [
    # The answer to another method is the framework's own: it names the methods of one of the path's two routes.
    checks.allow_header_conformance,
    # A name must be printable, and an end lie in the future: no schema can say so.
    checks.positive_data_acceptance,
]


def _app() -> FastAPI:
    world = World()
    app = FastAPI()
    app.include_router(router(world.keys, admin_scope=ADMIN))
    init_app(app, world.guard)
    return app


schema = schemathesis.openapi.from_asgi("/openapi.json", _app())


@schema.parametrize()
@BOUNDED
def test_the_application_does_what_its_document_says(case):
    """
    No request gets a 5xx, or a status, header or body that the document does not know; bad values are refused.
    """
    case.call_and_validate(headers=CALLER, excluded_checks=NOT_OURS)


@schema.include(path_regex="key_id").parametrize()
@schema.given(key_id=st.sampled_from([*(record.id for record in RECORDS), NOBODYS]))
@BOUNDED
def test_keys_that_are_there_get_documented_answers_too(case, key_id):
    """
    Where the path names a key that is there, no answer is a 5xx or one that the document does not know.
    """
    case.path_parameters["key_id"] = key_id

    case.call_and_validate(
        headers=CALLER,
        checks=[
            not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_headers_conformance,
            checks.response_schema_conformance,
        ],
    )
