"""The service: makes, shows, revokes, rotates and verifies API keys.

Each operation is one flow. The plain names drive it blocking, the names with an ``a`` leave the event loop free.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from mindpeeker_guard._flow import arun, run
from mindpeeker_guard.api_keys._events import IssuedKey
from mindpeeker_guard.api_keys._flows import APIKeyFlows
from mindpeeker_guard.api_keys._records import APIKeyRecord


class APIKeys(APIKeyFlows):
    """API keys of one environment. An application makes one, and shares it between threads and event loops.

    Args:
        store: Where the records are. The plain names of the methods need a store with plain methods.
        pepper: The secret that digests are made with, at least 32 bytes; or several by their ids, the first for new
            keys. A single one has the id ``1``. A key keeps its pepper until it is rotated.
        environment: What stands in keys: 1 to 16 small letters and digits. Keys of another are refused unseen.
        catalogue: The scopes that keys can have, and what they imply; the platform's by default.
        cache_for: How many seconds a key that was read is believed; at most 30, and 0 for not at all.
        cache_size: How many keys are remembered.
        audit: Called after each change. What it raises is logged, and undoes nothing.
        invalidations: Tells other processes of changes, so that they forget a key at once and not after `cache_for`:
            the ``invalidations`` of a `RedisState`.
        clock: Tells the time, in seconds since the epoch.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def issue(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        owner: str,
        expires_at: datetime | None = None,
        actor: str | None = None,
    ) -> IssuedKey:
        """Make a key.

        Args:
            name: What its owner calls it: 1 to 100 printable characters.
            scopes: What it may do: 1 to 50 scopes of the catalogue.
            owner: Whose key it is: the subject of calls made with it, 1 to 255 characters.
            expires_at: When it ends, with its zone; None for never.
            actor: Who makes it, for the audit hook.

        Returns:
            The key, which cannot be had again, and its record.

        Raises:
            InvalidFieldError: A value cannot be used; its ``field`` says which.
            StoreUnavailableError: The store gave no answer.
        """
        return run(self.issue_flow(name, scopes, owner=owner, expires_at=expires_at, actor=actor))

    async def aissue(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        owner: str,
        expires_at: datetime | None = None,
        actor: str | None = None,
    ) -> IssuedKey:
        """Make a key without blocking the event loop; see `issue`."""
        return await arun(self.issue_flow(name, scopes, owner=owner, expires_at=expires_at, actor=actor))

    def get(self, key_id: str) -> APIKeyRecord | None:
        """Return the key `key_id` as it is stored; None where there is none.

        Raises:
            StoreUnavailableError: The store gave no answer.
        """
        return run(self.get_flow(key_id))

    async def aget(self, key_id: str) -> APIKeyRecord | None:
        """Return the key `key_id` without blocking the event loop; see `get`."""
        return await arun(self.get_flow(key_id))

    def list(self, owner: str | None = None, *, after: str | None = None, limit: int = 50) -> Sequence[APIKeyRecord]:
        """Return a page of keys, oldest first.

        Args:
            owner: Whose keys; None for everybody's.
            after: The id of the last key of the page before; None for the first page.
            limit: How many at most: 1 to 100.

        Raises:
            InvalidFieldError: `limit` is wrong.
            StoreUnavailableError: The store gave no answer.
        """
        return run(self.list_flow(owner, after=after, limit=limit))

    async def alist(
        self, owner: str | None = None, *, after: str | None = None, limit: int = 50
    ) -> Sequence[APIKeyRecord]:
        """Return a page of keys without blocking the event loop; see `list`."""
        return await arun(self.list_flow(owner, after=after, limit=limit))

    def revoke(self, key_id: str, *, actor: str | None = None) -> bool:
        """Revoke a key: from now on it is refused in this process, and within `cache_for` seconds everywhere.

        Returns:
            Whether this call did it; false where there is no such key, or it was revoked before.

        Raises:
            StoreUnavailableError: The store gave no answer.
        """
        return run(self.revoke_flow(key_id, actor=actor))

    async def arevoke(self, key_id: str, *, actor: str | None = None) -> bool:
        """Revoke a key without blocking the event loop; see `revoke`."""
        return await arun(self.revoke_flow(key_id, actor=actor))

    def rotate(self, key_id: str, *, overlap: float = 0, actor: str | None = None) -> IssuedKey:
        """Put a new key in the place of one. The new one has its name, owner, scopes and end.

        Args:
            key_id: The key to replace.
            overlap: How many seconds the old key works on, at most until its own end.
            actor: Who does it, for the audit hook.

        Returns:
            The new key, which cannot be had again, and its record.

        Raises:
            InvalidFieldError: `overlap` is wrong.
            KeyNotFoundError: There is no such key.
            KeyConflictError: It was revoked, has expired, or was rotated already.
            StoreUnavailableError: The store gave no answer.
        """
        return run(self.rotate_flow(key_id, overlap=overlap, actor=actor))

    async def arotate(self, key_id: str, *, overlap: float = 0, actor: str | None = None) -> IssuedKey:
        """Put a new key in the place of one without blocking the event loop; see `rotate`."""
        return await arun(self.rotate_flow(key_id, overlap=overlap, actor=actor))

    def touch(self, key_id: str) -> None:
        """Note that a key is used; written once a minute at most. `verify` does so by itself.

        Raises:
            StoreUnavailableError: The store gave no answer.
        """
        run(self.touch_flow(key_id))

    async def atouch(self, key_id: str) -> None:
        """Note that a key is used without blocking the event loop; see `touch`."""
        await arun(self.touch_flow(key_id))
