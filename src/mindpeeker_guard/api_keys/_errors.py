"""What can be wrong with a change to the API keys. Each has a status, and a sentence for the client."""

from __future__ import annotations

from collections.abc import Mapping

from mindpeeker_guard.errors import AnswerError, InsufficientScopeError


class InvalidFieldError(AnswerError):
    """A value cannot be used for a key (RFC 9110 section 15.5.21).

    Args:
        field: Which one: ``name``, ``scopes``, ``expires_at``, ``owner``, ``overlap``, ``limit``.
        description: One fixed sentence for the client, without the value.

    Attributes:
        field: Which one.
    """

    status = 422
    code = "field_invalid"
    description = "A value cannot be used for an API key."

    def __init__(self, field: str, description: str = "") -> None:
        self.description = description or type(self).description
        super().__init__(f"{field}: {self.description}")
        self.field = field

    def members(self) -> Mapping[str, object]:
        """Return the field, for the problem details."""
        return {"field": self.field}


class KeyNotFoundError(AnswerError):
    """There is no key of this id, or none that the caller may see."""

    status = 404
    code = "api_key_not_found"
    description = "There is no such API key."


class KeyConflictError(AnswerError):
    """The key has ended: it was revoked, it has expired, or it was rotated already."""

    status = 409
    code = "api_key_conflict"
    description = "The API key was revoked, has expired, or was rotated already."


class ScopeNotGrantedError(InsufficientScopeError):
    """The caller lacks a scope that the key would have.

    Attributes:
        scopes: The scopes it lacks.
    """

    code = "scope_not_granted"
    description = "A key can only have scopes that its maker holds."

    def members(self) -> Mapping[str, object]:
        """Return the missing scopes and the field, for the problem details."""
        return {**super().members(), "field": "scopes"}
