"""API keys: made, kept, rotated and revoked here, and accepted by a guard with an `APIKey` authenticator.

Stores other than `MemoryStore` are modules of their own; `store_from_url` finds them.
"""

from mindpeeker_guard.api_keys._errors import (
    InvalidFieldError,
    KeyConflictError,
    KeyNotFoundError,
    ScopeNotGrantedError,
)
from mindpeeker_guard.api_keys._events import AuditEvent, IssuedKey
from mindpeeker_guard.api_keys._format import API_KEY_PATTERN
from mindpeeker_guard.api_keys._memory import MemoryStore
from mindpeeker_guard.api_keys._records import APIKeyRecord
from mindpeeker_guard.api_keys._service import APIKeys
from mindpeeker_guard.api_keys._stores import APIKeyStore, DuplicateKeyError, StoreUnavailableError
from mindpeeker_guard.api_keys._urls import store_from_url

__all__ = [
    "API_KEY_PATTERN",
    "APIKeyRecord",
    "APIKeyStore",
    "APIKeys",
    "AuditEvent",
    "DuplicateKeyError",
    "InvalidFieldError",
    "IssuedKey",
    "KeyConflictError",
    "KeyNotFoundError",
    "MemoryStore",
    "ScopeNotGrantedError",
    "StoreUnavailableError",
    "store_from_url",
]
