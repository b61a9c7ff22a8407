"""Key sets that are broken on purpose, by private names: ways to get it wrong that others have gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from mindpeeker_guard import RemoteKeySet
from mindpeeker_guard._http import Answer
from mindpeeker_guard._jwks import KeySet
from mindpeeker_guard._key_state import Bucket, Failure, Snapshot
from mindpeeker_guard._worker import Worker

Breakage = Callable[[pytest.MonkeyPatch], None]

_fail = RemoteKeySet._fail
_usable_keys = RemoteKeySet._usable_keys
_is_fresh = Snapshot.is_fresh


def _wipe(keys: RemoteKeySet, reason: str, retry_after: float) -> None:
    _fail(keys, reason, retry_after)
    keys._snapshot = None


def _forget_failure(keys: RemoteKeySet, reason: str, retry_after: float) -> None:
    _fail(keys, reason, retry_after)
    keys._failure = None


def _take_anything(keys: RemoteKeySet, url: str, answer: Answer) -> KeySet:
    return KeySet((), {}) if answer.members == {"keys": []} else _usable_keys(keys, url, answer)


def _keep_all(keys: RemoteKeySet, url: str, answer: Answer) -> KeySet:
    """Add what is new, and drop nothing."""
    new, old = _usable_keys(keys, url, answer), keys._snapshot
    before = old.keys.keys if old is not None else ()
    return KeySet((*new.keys, *(key for key in before if key not in new.keys)), new.skipped)


def _always(*_: Any) -> bool:
    return True


def _never(*_: Any) -> bool:
    return False


def _run_late(worker: Worker, future: Any) -> None:
    """Take every answer, that of a fetch which was given up too."""
    try:
        worker._job(_always)
    finally:
        worker._future = None
        future.set_result(None)


def _replace(owner: type, name: str, value: Any) -> Breakage:
    return lambda patch: patch.setattr(owner, name, value)


BREAKAGES: Final[tuple[tuple[str, Breakage, str], ...]] = (
    ("keys wiped by a failure", _replace(RemoteKeySet, "_fail", _wipe), "503 where it must be accepted"),
    ("failures forgotten", _replace(RemoteKeySet, "_fail", _forget_failure), "401 where it must be 503"),
    ("an empty set taken", _replace(RemoteKeySet, "_usable_keys", _take_anything), "401 where it must be accepted"),
    ("withdrawn keys kept", _replace(RemoteKeySet, "_usable_keys", _keep_all), "accepted where it must be 401"),
    ("never refreshed", _replace(Snapshot, "is_fresh", _always), "a refresh is due, and nobody began it"),
    ("always refreshed", _replace(Snapshot, "is_fresh", _never), "a fetch before its time"),
    ("never dead", _replace(Snapshot, "is_dead", _never), "accepted where it must be 503"),
    ("always waited for", _replace(Snapshot, "is_usable", _is_fresh), "a wait that was not needed"),
    ("stale sets used", _replace(Snapshot, "is_usable", _always), "a stale set was used without a try to refresh it"),
    ("no back-off", _replace(Failure, "forbids", _never), "a fetch before Retry-After"),
    (
        "no budget for unknown keys",
        _replace(Bucket, "take", _always),
        "a fetch for an unknown key that the budget does not allow",
    ),
    ("unknown keys not looked for", _replace(Bucket, "take", _never), "401 for a key that is published"),
    ("late answers taken", _replace(Worker, "_run", _run_late), "accepted where it must be 401"),
    ("two at a time", _replace(Worker, "running", lambda _: None), "two fetches at a time"),
)
