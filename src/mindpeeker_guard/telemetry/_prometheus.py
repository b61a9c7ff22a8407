"""The health of a guard in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._key_health import KeySetHealth
from mindpeeker_guard.state import RevocationHealth

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_METRICS: Final[tuple[tuple[str, str, str], ...]] = (
    ("keys_in_force", "gauge", "Keys of the issuer that tokens may be signed with."),
    ("keys_skipped", "gauge", "Keys of the issuer that cannot be used."),
    ("keys_usable", "gauge", "Whether there are keys that may be used: 1 or 0."),
    ("keys_fresh", "gauge", "Whether the keys are used without a thought: 1 or 0."),
    ("keys_age_seconds", "gauge", "Seconds since the keys were last fetched."),
    ("key_fetches_total", "counter", "Refreshes that were tried."),
    ("key_failures_in_a_row", "gauge", "Refreshes that failed since the last good one."),
    ("key_retry_seconds", "gauge", "Seconds until the next refresh may be tried after a failure."),
    ("issuer_clock_offset_seconds", "gauge", "How far the issuer's clock is ahead of ours."),
    ("revocations", "gauge", "Revocations that are known to be in force."),
    ("revocations_usable", "gauge", "Whether requests are decided by the list of revocations: 1 or 0."),
    ("revocations_connected", "gauge", "Whether the store of the revocations could be reached: 1 or 0."),
    ("revocations_age_seconds", "gauge", "Seconds since that store was last heard of."),
)


def prometheus_text(guard: Guard) -> str:
    """Return what `Guard.health` tells, ready to be served as `CONTENT_TYPE`; fetches nothing."""
    told = list(guard.health().items())
    lines: list[str] = []
    for name, kind, meaning in _METRICS:
        samples = [
            f"mindpeeker_guard_{name}{_labels(of, health)} {value:.15g}"
            for of, health in told
            for known, value in _values(health)
            if known == name
        ]
        if samples:
            lines += [f"# HELP mindpeeker_guard_{name} {meaning}", f"# TYPE mindpeeker_guard_{name} {kind}", *samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(of: str, health: Any) -> str:
    return f'{{scheme="{_escaped(of)}"}}' if isinstance(health, KeySetHealth) else ""


def _values(health: Any) -> Iterable[tuple[str, float]]:
    if isinstance(health, KeySetHealth):
        return _of_keys(health)
    return _of_revocations(health) if isinstance(health, RevocationHealth) else ()


def _of_revocations(health: RevocationHealth) -> Iterator[tuple[str, float]]:
    yield "revocations", health.entries
    yield "revocations_usable", health.usable
    yield "revocations_connected", health.connected
    if health.age is not None:
        yield "revocations_age_seconds", health.age


def _of_keys(health: KeySetHealth) -> Iterator[tuple[str, float]]:
    yield "keys_in_force", len(health.keys)
    yield "keys_skipped", sum(health.skipped.values())
    yield "keys_usable", health.usable
    yield "keys_fresh", health.fresh
    if health.age is not None:
        yield "keys_age_seconds", health.age
    yield "key_fetches_total", health.fetches
    yield "key_failures_in_a_row", health.failures
    yield "key_retry_seconds", health.retry_in
    if health.clock_offset is not None:
        yield "issuer_clock_offset_seconds", health.clock_offset


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
