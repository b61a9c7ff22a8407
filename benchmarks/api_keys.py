"""What an API key costs: time as a multiple of the bare signature check of a token, and queries of the store.

Queries are counted where SQLAlchemy hands them to a driver, in a SQLite file of their own. No peer that is compared
here has API keys beside tokens.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import ours
from benchmarks.harness import Candidate, Row, Subject, UnavailableError, check_verdicts, compared, loop, why
from benchmarks.tokens import SCOPE, raw_verify, signing_key
from mindpeeker_guard import APIKey, AuthError, Guard, JWTBearer, Request
from mindpeeker_guard.api_keys import APIKeys, MemoryStore

_GROUP: Final = "API keys"
_QUERIES: Final = "API keys, queries of the store"
_GOAL: Final = 0.25
_PEPPER: Final = "a pepper of the benchmarks, and of nothing else"


def rows(rounds: int) -> list[Row]:
    """Measure time and count queries."""
    candidates = [
        Candidate("key, remembered", "ours", _remembered, _GOAL),
        Candidate("whole check, remembered", "ours", lambda: _whole(_guard()), _GOAL, "tokens accepted too"),
        Candidate("key, read from memory", "ours", _read, None, "nothing is remembered"),
        Candidate("wrong checksum", "ours", _wrong, None),
    ]
    return compared(_GROUP, raw_verify(signing_key()), candidates, rounds) + _counted()


def _guard(cache_for: float = 30) -> tuple[Guard, str]:
    """Return a guard for tokens and keys, and a good key."""
    keys = APIKeys(MemoryStore(), pepper=_PEPPER, cache_for=cache_for)
    return Guard(JWTBearer(keys=signing_key().jwks), APIKey(keys)), keys.issue("bench", [SCOPE], owner="bench").key


def _sent(key: str) -> Request:
    return Request(headers={"x-api-key": key})


def _typo(key: str) -> str:
    return key[:-1] + ("0" if key[-1] != "0" else "1")


def _remembered() -> Subject:
    guard, key = _guard()
    attempt, sent = guard.authenticators[1].attempt, _sent(key)  # type: ignore[attr-defined]  # not in the protocol
    guard.check(sent, ours.NEEDED)
    if attempt(key, sent) is None or attempt(_typo(key), sent) is not None:
        raise UnavailableError("takes keys that are wrong, or not those that are right")
    return Subject("key, remembered", loop(lambda: attempt(key, sent)))


def _whole(made: tuple[Guard, str], name: str = "whole check, remembered") -> Subject:
    guard, key = made
    sent, bad = _sent(key), _sent(_typo(key))
    check_verdicts(lambda: guard.check(sent, ours.NEEDED), {"wrong": lambda: guard.check(bad, ours.NEEDED)})
    return Subject(name, loop(lambda: guard.check(sent, ours.NEEDED)))


def _read() -> Subject:
    return _whole(_guard(cache_for=0), "key, read from memory")


def _wrong() -> Subject:
    guard, key = _guard()
    refuse = _refusing(guard, _typo(key))
    return Subject("wrong checksum", loop(refuse))


def _refusing(guard: Guard, key: str) -> Callable[[], None]:
    sent = _sent(key)

    def refuse() -> None:
        try:
            guard.check(sent, ours.NEEDED)
        except AuthError:
            return
        raise UnavailableError("takes a key that is wrong")

    return refuse


def _counted() -> list[Row]:
    names = (("cold key", 1), ("the same key again", 0), ("wrong checksum", 0), ("another environment", 0))
    try:
        with tempfile.TemporaryDirectory() as folder, _store(Path(folder) / "keys.db") as (store, asked):
            found = _queries(store, asked)
    except Exception as error:  # noqa: BLE001 - without SQLAlchemy there is nothing to count
        return [Row(group=_QUERIES, name=name, who="ours", text=why(error), unit="requests") for name, _ in names]
    return [
        Row(group=_QUERIES, name=name, who="ours", value=count, goal=goal, unit="requests")
        for (name, goal), count in zip(names, found, strict=True)
    ]


@contextmanager
def _store(path: Path) -> Iterator[tuple[Any, list[str]]]:
    """Make a store in a file, and a list that takes every statement it sends."""
    from sqlalchemy import create_engine, event  # noqa: PLC0415 - it may not be installed

    from mindpeeker_guard.api_keys.sqlalchemy import SQLAlchemyStore  # noqa: PLC0415 - the same

    engine, asked = create_engine(f"sqlite:///{path}"), list[str]()
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    try:
        store = SQLAlchemyStore(engine)
        store.create_schema()
        yield store, asked
    finally:
        engine.dispose()


def _queries(store: Any, asked: list[str]) -> list[int]:
    keys = APIKeys(store, pepper=_PEPPER)
    key, other = (one.issue("bench", [SCOPE], owner="bench") for one in (keys, _elsewhere(store)))
    keys.touch(key.record.id)  # its use is noted once a minute: that is no part of a look-up
    guard = Guard(APIKey(keys))
    sent = _sent(key.key)
    calls = (
        lambda: guard.check(sent, ours.NEEDED),
        lambda: guard.check(sent, ours.NEEDED),
        _refusing(guard, _typo(key.key)),
        _refusing(guard, other.key),
    )
    return [_asked(call, asked) for call in calls]


def _elsewhere(store: Any) -> APIKeys:
    return APIKeys(store, pepper=_PEPPER, environment="test")


def _asked(call: Callable[[], object], asked: list[str]) -> int:
    asked.clear()
    call()
    return len(asked)
