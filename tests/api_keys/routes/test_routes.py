"""Every case through every carrier: the same answers, byte for byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.api_keys.routes.carriers import CARRIERS
from tests.api_keys.routes.cases import CASES, Case
from tests.api_keys.routes.world import ADMIN, World, bearer, filled
from tests.contract.clients.base import Answer

from mindpeeker_guard.api_keys import store_from_url

COMPARED = ("content-type", "cache-control", "location", "retry-after", "www-authenticate", "allow")
PAIRS = [pytest.param(name, case, id=f"{name}: {case.name}") for name in CARRIERS for case in CASES]
NEW_KEY = f"mp_live_{'0' * 16}_{'0' * 32}"


def answered(carrier: str, case: Case, database: Path) -> tuple[Answer, World]:
    """Send the case's request to a new application."""
    made = CARRIERS[carrier]
    store = store_from_url(f"sqlite:///{database}") if made.is_file else None
    world = World(is_async=made.is_async, is_down=case.is_down, store=store)
    method, path = case.request.split(" ", 1)
    credentials = case.credentials
    headers = [("Authorization", bearer(case.scope, **case.claims))] if credentials is None else [*credentials]
    if case.content_type is not None:
        headers.append(("Content-Type", case.content_type))
    answer = made.make(world, admin_scope=ADMIN).send(method, path, headers, case.content)
    if store is not None:
        store.close()
    return answer, world


def same_title(expected: Any, got: Any) -> Any:
    """Return what is expected, with the one of several titles that this Python knows."""
    titles = expected.get("title") if isinstance(expected, dict) else None
    return {**expected, "title": got["title"]} if isinstance(titles, tuple) and got["title"] in titles else expected


@pytest.fixture(scope="module")
def full_database(tmp_path_factory):
    """Return a database file with the keys that are there."""
    file = tmp_path_factory.mktemp("keys") / "keys.db"
    store = store_from_url(f"sqlite:///{file}")
    filled(store)
    store.close()
    return file


@pytest.fixture
def database(full_database, tmp_path):
    """Return a copy of it."""
    return shutil.copy(full_database, tmp_path)


def test_the_names_of_the_cases_are_their_own():
    """
    Every case has a name of its own.
    """
    assert len(CASES) == len({case.name for case in CASES})


@pytest.mark.usefixtures("zeros")
@pytest.mark.parametrize(("carrier", "case"), PAIRS)
def test_a_request_gets_the_same_answer_through_every_carrier(carrier: str, case: Case, database: Path):
    """
    Status, headers and body are what the table says.
    """
    answer, _ = answered(carrier, case, database)

    assert (case.status, dict(case.headers)) == (
        answer.status,
        {name: answer.headers[name] for name in COMPARED if name in answer.headers},
    )
    if case.body is None:
        assert b"" == answer.body
        return
    body = json.loads(answer.body)
    key = body.get("key")
    if key is not None:
        assert key.startswith(NEW_KEY)
        body["key"] = "…"
    expected = same_title(case.body, body)
    assert expected == body
    assert [*expected] == [*body]
    again = json.dumps({**body, "key": key} if key else body, separators=(",", ":"))
    assert again.encode() == answer.body


@pytest.mark.usefixtures("zeros")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_changed_is_told_and_nothing_else_changes(case: Case, database: Path):
    """
    After a change the audit hook has heard of it, with the actor; after a refusal nothing is told, stored or lost.
    """
    before = {record.id: record for record in World().store.list(None, limit=100)}

    answer, world = answered("flask", case, database)

    after = {} if case.is_down else {record.id: record for record in world.store.list(None, limit=100)}
    if answer.status in {201, 204}:
        (event,) = world.events
        expected = "revoked" if answer.status == 204 else "rotated" if "rotate" in case.request else "issued"
        actor = "user-1" if case.claims.get("sub", "user-1") else "client-1"
        assert (expected, actor) == (event.action, event.actor)
        assert after != before
    else:
        assert [] == world.events
        assert after == ({} if case.is_down else before)
