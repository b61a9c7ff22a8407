"""The protocol of API key stores: six operations, each one step that happens whole or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

from mindpeeker_guard.api_keys._records import APIKeyRecord
from mindpeeker_guard.errors import GuardError
from mindpeeker_guard.errors import StoreUnavailableError as StoreUnavailableError  # noqa: PLC0414 - passed on

T = TypeVar("T")
Result: TypeAlias = T | Awaitable[T]
"""What a store's method returns: the value, or, in an async store, an awaitable of it."""


class DuplicateKeyError(GuardError):
    """A key with this id is stored already."""


class APIKeyStore(Protocol):
    """Where API keys are kept. Methods are plain functions in all of a store, or coroutine functions in all of it.

    Every method may raise `StoreUnavailableError`. Then nothing of what was asked for has happened, or all of it has.
    """

    def add(self, record: APIKeyRecord) -> Result[None]:
        """Store a new key.

        Raises:
            DuplicateKeyError: Its id is taken.
        """

    def get(self, key_id: str) -> Result[APIKeyRecord | None]:
        """Return the key `key_id`, by one indexed read; None where there is none."""

    def list(self, owner: str | None, *, after: str | None = None, limit: int = 50) -> Result[Sequence[APIKeyRecord]]:
        """Return at most `limit` keys of `owner` (None for everybody's), oldest first, equal times by id.

        `after` is the id of the last key of the page before; an id that is not stored starts no page: the answer is
        empty.
        """

    def revoke(self, key_id: str, at: datetime) -> Result[bool]:
        """Mark a key as revoked at `at`, and tell whether this call did it: it is there and was not revoked."""

    def rotate(self, key_id: str, successor: APIKeyRecord, ends_at: datetime, at: datetime) -> Result[bool]:
        """Store `successor` and let the key end at `ends_at`, or at its own end where that is sooner.

        Both happen or neither does, and of several at once exactly one wins.

        Returns:
            Whether it happened: the key is there, in force at `at`, and was not rotated before.

        Raises:
            DuplicateKeyError: The id of `successor` is taken; the old key stays as it is.
        """

    def touch(self, key_id: str, at: datetime, unless_since: datetime) -> Result[None]:
        """Note that a key was used at `at`, where no use after `unless_since` is noted; nothing for an unknown id."""
