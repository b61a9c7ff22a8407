"""Peppers: the secrets that digests of keys are made with. A stolen store is of no use without them."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Final

from mindpeeker_guard.api_keys._records import APIKeyRecord
from mindpeeker_guard.errors import ConfigurationError

Pepper = str | bytes | Mapping[str, str | bytes]

_SHORTEST: Final = 32  # bytes
_ONLY: Final = "1"
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,32}", re.ASCII)
_NOBODYS: Final = bytes(32)


class Peppers:
    """One pepper, or several by their ids: the first is for new keys, the others for keys that were made with them.

    Args:
        pepper: A secret of at least 32 bytes, which has the id ``1``; or id to secret.

    Raises:
        ConfigurationError: There is none, one is too short, or an id is not 1 to 32 letters, digits and ``._-``.
    """

    __slots__ = ("_secrets", "current")

    def __init__(self, pepper: Pepper) -> None:
        named = pepper if isinstance(pepper, Mapping) else {_ONLY: pepper}
        if not named or not all(isinstance(name, str) and _ID.fullmatch(name) for name in named):
            raise ConfigurationError("pepper must be a secret, or a mapping of ids such as '2' to secrets.")
        self._secrets: Final = {name: _secret(value) for name, value in named.items()}
        self.current: Final = next(iter(self._secrets))

    def digest(self, body: bytes) -> bytes:
        """Return the digest of a new key, under the pepper `current`."""
        return hmac.digest(self._secrets[self.current], body, "sha256")

    def knows(self, pepper_id: str) -> bool:
        """Tell whether the pepper `pepper_id` is there."""
        return pepper_id in self._secrets

    def match(self, body: bytes, record: APIKeyRecord | None) -> bool:
        """Tell whether `body` is the key of `record`. Without a record it takes the same steps, and is not."""
        secret = None if record is None else self._secrets.get(record.pepper_id)
        if record is None or secret is None:
            hmac.compare_digest(self.digest(body), _NOBODYS)
            return False
        return hmac.compare_digest(hmac.digest(secret, body, "sha256"), record.digest)

    def __repr__(self) -> str:
        return f"Peppers({', '.join(self._secrets)})"


def _secret(value: str | bytes) -> bytes:
    secret = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    if not isinstance(secret, bytes) or len(secret) < _SHORTEST:
        raise ConfigurationError(
            f"A pepper must be a secret of at least {_SHORTEST} bytes: python -c 'import secrets; "
            "print(secrets.token_urlsafe(48))' makes one."
        )
    return secret
