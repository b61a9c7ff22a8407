"""Django's admin for API keys: look, and revoke. Keys are made and rotated where they can be shown once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from mindpeeker_guard.api_keys import StoreUnavailableError
from mindpeeker_guard.django.api_keys._store import DjangoStore
from mindpeeker_guard.django.api_keys.conf import api_keys, has_api_keys
from mindpeeker_guard.django.api_keys.models import APIKey, masked

_SHOWN = ("masked_id", "name", "owner", "scopes", "state", "created_at", "expires_at", "last_used_at")


if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[APIKey]
else:
    _ModelAdmin = admin.ModelAdmin


@admin.register(APIKey)
class APIKeyAdmin(_ModelAdmin):
    """Shows keys without their digests, and revokes them."""

    list_display = ("masked_id", "name", "owner", "state", "expires_at", "last_used_at")
    list_display_links = ("masked_id", "name")
    fields = (*_SHOWN, "revoked_at", "masked_successor")
    readonly_fields = fields
    search_fields = ("name", "owner")
    ordering = ("-created_at",)
    actions = ("revoke_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[APIKey]:
        """Return the keys where they are written: a replica may lag behind. The digests stay there."""
        keys = super().get_queryset(request).using(router.db_for_write(APIKey))
        return keys.defer("digest", "pepper_id")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - the same for everybody
        """Nobody adds a key here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:  # noqa: ARG002
        """Nobody changes a key here, other than by revoking it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:  # noqa: ARG002
        """Nobody deletes a key: that it was there, and was revoked, stays known."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may revoke keys."""
        return bool(request.user.has_perm("mindpeeker_api_keys.revoke_apikey"))  # type: ignore[union-attr]

    @admin.display(description="ID", ordering="id")
    def masked_id(self, key: APIKey) -> str:
        """Return enough of the id to tell keys apart by."""
        return masked(key.id)

    @admin.display(description="Replaced by")
    def masked_successor(self, key: APIKey) -> str | None:
        """Return enough of the id of the key that replaces this one."""
        return None if key.rotated_to is None else masked(key.rotated_to)

    @admin.display(description="State")
    def state(self, key: APIKey) -> str:
        """Return what has become of the key."""
        return key.state(datetime.now(UTC))

    @admin.action(permissions=["revoke"], description="Revoke selected API keys")
    def revoke_selected(self, request: HttpRequest, keys: QuerySet[APIKey]) -> TemplateResponse | None:
        """Ask, then revoke."""
        open_keys = list(keys.filter(revoked_at=None))
        if request.POST.get("confirmed") != "yes":
            return self._confirmation(request, open_keys)
        try:
            done = sum(_revoke(key.id, request) for key in open_keys)
        except StoreUnavailableError:
            self.message_user(request, "The database gave no answer: look which keys are revoked.", messages.ERROR)
        else:
            self.message_user(request, f"Revoked: {done}.", messages.SUCCESS)
        return None

    def _confirmation(self, request: HttpRequest, keys: Sequence[APIKey]) -> TemplateResponse:
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Revoke API keys?",
            "opts": self.opts,
            "keys": keys,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        template = "admin/mindpeeker_api_keys/apikey/revoke_confirmation.html"
        return TemplateResponse(request, template, context)


def _revoke(key_id: str, request: HttpRequest) -> bool:
    """Revoke through the service, whose audit hook and cache hear of it; without one, in the table."""
    if has_api_keys():
        return api_keys().revoke(key_id, actor=f"admin:{request.user.pk}")
    return DjangoStore().revoke(key_id, datetime.now(UTC))
