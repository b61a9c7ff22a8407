"""The table of the API keys, as a Django model: column for column that of `mindpeeker_guard.api_keys.sqlalchemy`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models

from mindpeeker_guard.api_keys import APIKeyRecord

if TYPE_CHECKING:
    _OptionalTime = models.DateTimeField[datetime | None, datetime | None]


class APIKey(models.Model):
    """An API key, as it is stored: everything but the key. `APIKeyRecord` says what the fields mean."""

    id: models.CharField[str, str] = models.CharField(max_length=32, primary_key=True, editable=False)
    digest: models.BinaryField[bytes, bytes] = models.BinaryField(max_length=32, editable=False)
    pepper_id: models.CharField[str, str] = models.CharField(max_length=32, editable=False)
    name: models.CharField[str, str] = models.CharField(max_length=255, editable=False)
    owner: models.CharField[str, str] = models.CharField(max_length=255, editable=False)
    scopes: models.TextField[str, str] = models.TextField(editable=False)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(editable=False)
    expires_at: _OptionalTime = models.DateTimeField(null=True, editable=False)
    revoked_at: _OptionalTime = models.DateTimeField(null=True, editable=False)
    last_used_at: _OptionalTime = models.DateTimeField(null=True, editable=False)
    rotated_to: models.CharField[str | None, str | None] = models.CharField(max_length=32, null=True, editable=False)  # noqa: DJ001 - there is none, or one

    class Meta:
        """The names that the other store uses too."""

        app_label = "mindpeeker_api_keys"
        db_table = "mindpeeker_api_keys"
        verbose_name = "API key"
        ordering: ClassVar = ["created_at", "id"]
        default_permissions = ("view",)
        permissions: ClassVar = [("revoke_apikey", "Can revoke API keys")]
        indexes: ClassVar = [
            models.Index(fields=["owner", "created_at", "id"], name="mindpeeker_api_keys_owner"),
            models.Index(fields=["created_at", "id"], name="mindpeeker_api_keys_created"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({masked(self.id)})"

    @classmethod
    def of(cls, record: APIKeyRecord) -> APIKey:
        """Return `record` as an object that is not saved."""
        values = {field.attname: getattr(record, field.attname) for field in cls._meta.concrete_fields}
        return cls(**{**values, "scopes": " ".join(sorted(record.scopes))})

    def record(self) -> APIKeyRecord:
        """Return the object as a record."""
        values = {field.attname: _in_utc(getattr(self, field.attname)) for field in self._meta.concrete_fields}
        return APIKeyRecord(**{**values, "digest": bytes(self.digest), "scopes": frozenset(self.scopes.split())})

    def state(self, now: datetime) -> str:
        """Return ``active``, ``rotated`` (until its overlap is over), ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active" if self.rotated_to is None else "rotated"


def _in_utc(value: Any) -> Any:
    """Return `value`, and a time in UTC: the connection may have another zone."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def masked(key_id: str) -> str:
    """Return enough of an id to tell keys apart by."""
    return f"{key_id[:4]}…{key_id[-2:]}"
