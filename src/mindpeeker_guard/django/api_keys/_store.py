"""The store of API keys in a Django project's database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.db import connections, router
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Collate

from mindpeeker_guard.api_keys._records import APIKeyRecord
from mindpeeker_guard.api_keys._texts import is_storable
from mindpeeker_guard.django.api_keys._connections import plain_step, step
from mindpeeker_guard.errors import ConfigurationError

if TYPE_CHECKING:
    from mindpeeker_guard.django.api_keys.models import APIKey


class DjangoStore:
    """Keeps keys in a Django project's database; see `APIKeyStore` for what the methods do.

    Methods are plain functions. Under ASGI the guard calls them in worker threads.

    Args:
        using: The alias of the database; None for the one that the project's routers write this model to. Keys are read
            where they are written: a replica that lags behind would know nothing of a revocation.
    """

    def __init__(self, using: str | None = None) -> None:
        self._alias = using

    def add(self, record: APIKeyRecord) -> None:
        """Store a new key; see `APIKeyStore.add`."""
        with step(self._using):
            self._insert(record)

    def get(self, key_id: str) -> APIKeyRecord | None:
        """Return the key `key_id`, or None; see `APIKeyStore.get`."""
        if not is_storable(key_id):
            return None
        with plain_step(self._using):
            found = self._keys.filter(pk=key_id).order_by().first()
        return None if found is None else found.record()

    def list(self, owner: str | None, *, after: str | None = None, limit: int = 50) -> Sequence[APIKeyRecord]:
        """Return a page of keys; see `APIKeyStore.list`."""
        if not is_storable(owner or "") or not is_storable(after or ""):
            return []
        with plain_step(self._using):
            keys = self._keys if owner is None else self._keys.filter(owner=owner)
            keys = keys.alias(place=self._place()).order_by("created_at", "place")
            if after is not None:
                last = self._keys.filter(pk=after).order_by().first()
                if last is None:
                    return []
                keys = keys.filter(Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, place__gt=last.id))
            return [key.record() for key in keys[:limit]]

    def revoke(self, key_id: str, at: datetime) -> bool:
        """Mark a key as revoked; see `APIKeyStore.revoke`."""
        if not is_storable(key_id):
            return False
        with plain_step(self._using):
            return self._keys.filter(pk=key_id, revoked_at=None).update(revoked_at=at) == 1

    def rotate(self, key_id: str, successor: APIKeyRecord, ends_at: datetime, at: datetime) -> bool:
        """Put `successor` in a key's place; see `APIKeyStore.rotate`."""
        if not is_storable(key_id):
            return False
        is_in_force = Q(expires_at=None) | Q(expires_at__gt=at)
        end = Case(When(expires_at__lt=ends_at, then=F("expires_at")), default=Value(ends_at))
        with step(self._using):
            # The update comes first: its lock makes all others wait, and after that they find no row to update.
            current = self._keys.filter(is_in_force, pk=key_id, rotated_to=None, revoked_at=None)
            if current.update(rotated_to=successor.id, expires_at=end) != 1:
                return False
            self._insert(successor)
            return True

    def touch(self, key_id: str, at: datetime, unless_since: datetime) -> None:
        """Note that a key was used; see `APIKeyStore.touch`."""
        if not is_storable(key_id):
            return
        with plain_step(self._using):
            is_due = Q(last_used_at=None) | Q(last_used_at__lte=unless_since)
            self._keys.filter(is_due, pk=key_id).update(last_used_at=at)

    def _insert(self, record: APIKeyRecord) -> None:
        self._model.of(record).save(force_insert=True, using=self._using)

    def _place(self) -> Any:
        """Return ids as they sort by code point: SQLite's texts do, PostgreSQL's follow the locale of the database."""
        return Collate("id", "C") if connections[self._using].vendor == "postgresql" else F("id")

    @property
    def _keys(self) -> QuerySet[APIKey]:
        return QuerySet(self._model, using=self._using)

    @property
    def _using(self) -> str:
        return self._alias or router.db_for_write(self._model)

    @cached_property
    def _model(self) -> type[APIKey]:
        if not settings.USE_TZ:
            raise ConfigurationError("DjangoStore needs USE_TZ = True: the times of API keys have a zone.")
        try:
            return apps.get_model("mindpeeker_api_keys", "APIKey")
        except LookupError:
            raise ConfigurationError(
                "DjangoStore needs 'mindpeeker_guard.django.api_keys' in INSTALLED_APPS, and its migration."
            ) from None

    def __repr__(self) -> str:
        return f"DjangoStore(using={self._alias!r})"
