"""What a guard adds to a FastAPI request: ``app(scope, receive, send)`` on one event loop, guarded minus bare route."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, Final

from benchmarks import fastapi_apps as apps
from benchmarks import ours
from benchmarks.harness import REQUESTS_PART_NS, Candidate, Row, Subject, compared, labelled
from benchmarks.issuer import Issuer
from benchmarks.tokens import raw_verify, signing_key
from benchmarks.webapps import BARE, COLD, FLOOR, FLOOR_NOTE, HOT, check_route

_GOALS: Final = {COLD: 2.8, HOT: 0.9}


def rows(rounds: int) -> list[Row]:
    """Measure ours, Auth0's package and the Azure one."""
    # The Azure package logs whole exceptions while its refusals are tried.
    logging.getLogger("fastapi_azure_auth").setLevel(logging.CRITICAL)
    with asyncio.Runner() as runner, Issuer(signing_key()) as tenant, Issuer(signing_key()) as domain:
        made: list[tuple[str, Any, Callable[[], apps.App]]] = [
            (COLD, "ours", lambda: apps.ours(COLD, ours.guard(signing_key().jwks, hot=False))),
            (HOT, "ours", lambda: apps.ours(HOT, ours.guard(signing_key().jwks, hot=True))),
            (labelled("auth0-fastapi-api"), "peer", lambda: apps.auth0(domain)),
            (labelled("fastapi-azure-auth"), "peer", lambda: apps.azure(tenant)),
        ]
        floor = Candidate(
            FLOOR, "reference", lambda: _subject(runner, apps.floor(FLOOR), guarded=False), None, FLOOR_NOTE
        )
        candidates = [
            floor,
            *(
                Candidate(name, who, lambda make=make: _subject(runner, make()), _GOALS.get(name))  # type: ignore[misc]
                for name, who, make in made
            ),
        ]
        bare = _subject(runner, apps.bare(BARE), guarded=False)
        return compared(
            "FastAPI, added per request",
            raw_verify(signing_key()),
            candidates,
            rounds,
            minus=bare,
            part_ns=REQUESTS_PART_NS,
        )


def _subject(runner: asyncio.Runner, app: apps.App, *, guarded: bool = True) -> Subject:
    check_route(lambda token: runner.run(apps.status_of(app.application, token)), guarded=guarded, changes=app.changes)
    template = apps.connection(signing_key().token(app.changes))
    return Subject(app.name, lambda count: runner.run(_many(app.application, template, count)))


async def _many(application: apps.ASGIApplication, template: dict[str, Any], count: int) -> int:
    """Send requests one after another; return the nanoseconds that they took, without the loop's own start."""
    start = perf_counter_ns()
    for _ in range(count):
        await application({**template, "state": {}}, apps.receive_nothing, _ignore)
    return perf_counter_ns() - start


async def _ignore(message: dict[str, Any]) -> None:
    del message
