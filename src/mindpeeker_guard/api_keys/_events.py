"""What comes of a change to the keys: the new key, shown once, and what the audit hook is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from mindpeeker_guard.api_keys._records import APIKeyRecord

Action = Literal["issued", "revoked", "rotated"]


class IssuedKey(NamedTuple):
    """A key just made.

    Attributes:
        key: The key in plain text. It is stored nowhere and cannot be had again; `repr` does not show it.
        record: What is stored of it.
    """

    key: str
    record: APIKeyRecord

    def __repr__(self) -> str:
        return f"IssuedKey(key=..., record={self.record!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """A change that has happened.

    Attributes:
        action: What happened to the key.
        key_id: The key's id.
        owner: Whose key it is.
        name: What its owner calls it.
        scopes: What it may do.
        actor: Who did it; None where the application did not say.
        at: When, in UTC.
        successor_id: The id of the key that replaces it; None for all but ``"rotated"``.
    """

    action: Action
    key_id: str
    owner: str
    name: str
    scopes: frozenset[str]
    actor: str | None
    at: datetime
    successor_id: str | None = None


AuditHook = Callable[[AuditEvent], None]
