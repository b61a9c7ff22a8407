"""Every store against the one in memory: whatever is done, in any order, both say the same and hold the same."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.api_keys.stores.records import NOW, record

from mindpeeker_guard.api_keys import MemoryStore
from mindpeeker_guard.errors import GuardError

ids = st.sampled_from(["a", "B", "b", "C", "d", "missing"])
owners = st.sampled_from(["user-1", "user-2"])
moments = st.sampled_from([0, 0.000001, 0.5, 1, 60, 61, 3600]).map(lambda seconds: NOW + timedelta(seconds=seconds))
ends = st.none() | moments
scopes = st.frozensets(st.sampled_from(["analytics:read", "analytics:export", "remote-viewing:read"]))
records = st.builds(record, ids, owner=owners, created_at=moments, expires_at=ends, scopes=scopes)


def outcome(method, *args, **options):
    """Return what a method returns, or the type of what it raises."""
    try:
        result = method(*args, **options)
    except GuardError as error:
        return type(error)
    return list(result) if isinstance(result, list | tuple) else result


class StoreMachine(RuleBasedStateMachine):
    """Does everything twice, and compares."""

    def __init__(self, kind):
        super().__init__()
        kind.clear()
        self.store = kind.store
        self.model = MemoryStore()

    def both(self, name, *args, **options):
        expected = outcome(getattr(self.model, name), *args, **options)
        assert expected == outcome(getattr(self.store, name), *args, **options)

    @rule(one=records)
    def add(self, one):
        self.both("add", one)

    @rule(key_id=ids)
    def get(self, key_id):
        self.both("get", key_id)

    @rule(owner=st.none() | owners, after=st.none() | ids, limit=st.integers(1, 3))
    def page(self, owner, after, limit):
        self.both("list", owner, after=after, limit=limit)

    @rule(key_id=ids, at=moments)
    def revoke(self, key_id, at):
        self.both("revoke", key_id, at)

    @rule(key_id=ids, successor=records, ends_at=moments, at=moments)
    def rotate(self, key_id, successor, ends_at, at):
        self.both("rotate", key_id, successor, ends_at, at)

    @rule(key_id=ids, at=moments, unless_since=moments)
    def touch(self, key_id, at, unless_since):
        self.both("touch", key_id, at, unless_since)

    @invariant()
    def holds_the_same(self):
        self.both("list", None)


def test_a_store_is_no_different_from_memory(kind):
    """
    Any sequence of operations has the same results, and leaves the same records, as in memory.
    """
    run_state_machine_as_test(
        lambda: StoreMachine(kind),
        settings=settings(
            max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
