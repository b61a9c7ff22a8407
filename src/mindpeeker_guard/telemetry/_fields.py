"""Events as plain values: what goes into a log record or a line of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any


def members(event: Any) -> dict[str, Any]:
    """Return the fields of an event, a named tuple or a dataclass, without those that say nothing."""
    names = event._fields if hasattr(event, "_fields") else [field.name for field in fields(event)]
    found = {name: getattr(event, name) for name in names}
    return {
        name: value for name, value in found.items() if value is not None and value not in ("", (), {}, frozenset())
    }


def plain(value: Any) -> Any:
    """Return `value` as JSON can hold it; what it cannot hold becomes text."""
    if isinstance(value, datetime):
        return time_text(value.timestamp())
    if isinstance(value, Mapping):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def is_event(value: Any) -> bool:
    """Tell whether `value` is something that `members` can read."""
    return hasattr(value, "_fields") or (is_dataclass(value) and not isinstance(value, type))


def time_text(seconds: float) -> str:
    """Return a time as RFC 3339 has it, in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
