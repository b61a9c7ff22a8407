"""How often the issuer is asked for its keys: at a cold start, under a flood of made-up key ids, when a key is new.

Counts, not times, so one run says it all. The issuer listens on a loopback port and takes 50 ms to answer with keys.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Final

from benchmarks.harness import Row, why
from benchmarks.issuer import Issuer
from benchmarks.issuer_users import AsyncVerify, User, on_loop, threaded, users
from benchmarks.tokens import SigningKey, signing_key

_DELAY: Final = 0.05
_BROKEN: Final = 503
_ON_LOOP: Final = ("ours", "pyjwkclient", "auth0", "azure")
_IN_THREADS: Final = ("ours", "pyjwkclient", "authlib")
_UNIT: Final = "requests"
_RETRIED: Final = "one fetch, and its one retry"

Scenario = Callable[[User, str], Row]


def rows(asyncs: int = 200, threads: int = 50, kids: int = 1000, *, most_for_peers: int | None = None) -> list[Row]:
    """Count for ours, PyJWKClient, Authlib, Auth0's package and the Azure one.

    Args:
        asyncs: How many requests meet a cold guard at once, on one event loop.
        threads: How many meet one in threads.
        kids: How many unknown key ids come, one after another.
        most_for_peers: A lower `asyncs` for peers: one of them needs some 20 ms of CPU for each.
    """
    logging.getLogger("mindpeeker_guard").setLevel(logging.CRITICAL)
    logging.getLogger("fastapi_azure_auth").setLevel(logging.CRITICAL)

    def at_once(user: User) -> int:
        return asyncs if user.who == "ours" or most_for_peers is None else min(asyncs, most_for_peers)

    loop, pool = f"{asyncs} cold async requests", f"{threads} cold threads"
    scenarios: list[tuple[str, Sequence[str], Scenario]] = [
        (loop, (*_ON_LOOP, "discovering"), lambda u, g: _cold(u, g, at_once(u))),
        (f"{loop}, issuer failing", _ON_LOOP, lambda u, g: _cold(u, g, at_once(u), _BROKEN)),
        (pool, _IN_THREADS, lambda u, g: _cold_threads(u, g, threads)),
        (f"{pool}, issuer failing", _IN_THREADS, lambda u, g: _cold_threads(u, g, threads, _BROKEN)),
        (f"{kids:,} unknown key ids, after the first fetch", _ON_LOOP, lambda u, g: _flooded(u, g, kids)),
        ("Rotation: first token of a new key, right after start", _ON_LOOP, _rotated),
    ]
    known = users()
    return [_safely(run, known[name], group) for group, names, run in scenarios for name in names]


def _safely(run: Scenario, user: User, group: str) -> Row:
    try:
        return run(user, group)
    except Exception as error:  # noqa: BLE001 - a peer that does not work here must not end the run
        return Row(group=group, name=user.name, who=user.who, text=why(error))


def _cold(user: User, group: str, count: int, status: int = 200) -> Row:
    with Issuer(signing_key(), delay=_DELAY, status=status) as issuer:
        verify = on_loop(user, issuer)
        answers = asyncio.run(_at_once(verify, [_token(user, issuer)] * count))
        return _counted(user, group, issuer, taken=sum(answers), of=count)


def _cold_threads(user: User, group: str, count: int, status: int = 200) -> Row:
    with Issuer(signing_key(), delay=_DELAY, status=status) as issuer, ThreadPoolExecutor(count) as pool:
        verify, token, start = threaded(user, issuer), _token(user, issuer), Barrier(count)

        def one(_: int) -> bool:
            start.wait()
            return _taken(lambda: verify(token))

        return _counted(user, group, issuer, taken=sum(pool.map(one, range(count))), of=count)


def _counted(user: User, group: str, issuer: Issuer, *, taken: int, of: int) -> Row:
    failing = issuer.status == _BROKEN
    if taken != (0 if failing else of):
        return Row(group=group, name=user.name, who=user.who, text=f"not measured: took {taken} of {of}")
    notes = [f"of {of} requests"] if not group.startswith(f"{of} ") else []
    if issuer.discoveries:
        notes.append(f"and {issuer.discoveries} for its metadata")
    ours = user.who == "ours"
    if ours and failing:
        notes.append(_RETRIED)
    goal = (2 if failing else 1) if ours else None
    return Row(
        group=group, name=user.name, who=user.who, value=issuer.fetches, unit=_UNIT, goal=goal, note=", ".join(notes)
    )


def _flooded(user: User, group: str, kids: int) -> Row:
    with Issuer(signing_key()) as issuer:
        verify, good = on_loop(user, issuer), _token(user, issuer)
        flood = [_with_kid(good, f"unknown-{number}") for number in range(kids)]
        first, *others = asyncio.run(_in_turn(verify, [good, *flood]))
        if not first or any(others):
            return Row(group=group, name=user.name, who=user.who, text="not measured: wrong verdicts")
        goal = 2 if user.who == "ours" else None
        return Row(group=group, name=user.name, who=user.who, value=issuer.fetches - 1, unit=_UNIT, goal=goal)


def _rotated(user: User, group: str) -> Row:
    with Issuer(signing_key()) as issuer:
        verify, new = on_loop(user, issuer), signing_key(kid="2026-12-b")
        tokens = [_token(user, issuer), _token(user, issuer, new)]

        async def scenario() -> list[bool]:
            before = await _in_turn(verify, tokens[:1])
            issuer.keys = (signing_key(), new)
            return before + await _in_turn(verify, tokens[1:])

        before, after = asyncio.run(scenario())
        text = ("accepted" if after else "refused") if before else "not measured: refuses the old key"
        wanted = "accepted" if user.who == "ours" else ""
        return Row(group=group, name=user.name, who=user.who, text=text, unit=_UNIT, wanted=wanted)


def _token(user: User, issuer: Issuer, key: SigningKey | None = None) -> str:
    named = {"iss": issuer.name} if issuer.name == issuer.url else {}
    return (key or signing_key()).token({**user.changes, **named})


def _with_kid(token: str, kid: str) -> str:
    """Return `token` with another key id: anybody can make one, and it looks good until its signature is checked."""
    header = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": kid}).encode()
    _, payload, signature = token.split(".")
    return f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{payload}.{signature}"


async def _at_once(verify: AsyncVerify, tokens: Sequence[str]) -> list[bool]:
    return await asyncio.gather(*(_ataken(verify(token)) for token in tokens))


async def _in_turn(verify: AsyncVerify, tokens: Sequence[str]) -> list[bool]:
    return [await _ataken(verify(token)) for token in tokens]


async def _ataken(verdict: Awaitable[object]) -> bool:
    with suppress(Exception):
        await verdict
        return True
    return False


def _taken(verify: Callable[[], object]) -> bool:
    with suppress(Exception):
        verify()
        return True
    return False
