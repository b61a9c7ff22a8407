"""What is stored of an API key: everything but the key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class APIKeyRecord:
    """An API key, as it is stored. All times are aware, in UTC.

    Attributes:
        id: The public part of the key that names it.
        digest: HMAC-SHA-256 of the key, under the pepper that `pepper_id` names.
        pepper_id: The pepper that `digest` was made with.
        name: What its owner calls it.
        owner: Whose key it is: the subject that calls made with it have.
        scopes: What it may do.
        created_at: When it was issued.
        expires_at: When it ends; None for never. A rotated key ends with its overlap.
        revoked_at: When it was revoked; None where it was not.
        last_used_at: When it was last used, to the minute; None for never.
        rotated_to: The id of the key that replaces it; None where none does.
    """

    id: str
    digest: bytes = field(repr=False)
    pepper_id: str = field(repr=False)
    name: str
    owner: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    rotated_to: str | None = None

    def is_active(self, now: datetime) -> bool:
        """Tell whether the key is good at `now`: neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
