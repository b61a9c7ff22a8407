"""Key sets that a fleet shares through a Redis, signed, so that who can write to Redis cannot add keys of his own."""

from __future__ import annotations

import hmac
import json
import math
import time
import uuid
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from mindpeeker_guard._json import InvalidJSONError, load_object
from mindpeeker_guard.errors import ConfigurationError, StoreUnavailableError
from mindpeeker_guard.state._protocols import SharedDocument
from mindpeeker_guard.state._redis_clients import RedisClients
from mindpeeker_guard.state._redis_log import Names

_SHORTEST: Final = 32  # bytes of a secret
_LARGEST: Final = 1_048_576  # bytes of a document; more is not even read
_SIGNATURE: Final = 32
_PAUSE: Final = 5.0  # seconds for which a Redis that failed is not asked again
_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class RedisKeys:
    """See `SharedKeys`. Every method raises `StoreUnavailableError` where Redis did not do it.

    Args:
        clients: How to reach Redis.
        names: Where documents and leases are.
        secret: What documents are signed with (HMAC-SHA-256), the same in the whole fleet; 32 bytes or more.
        timer: Tells seconds that only ever grow.

    Raises:
        ConfigurationError: There is no secret, or it is too short.
    """

    def __init__(
        self,
        clients: RedisClients,
        names: Names,
        secret: str | bytes | None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        if secret is None:
            raise ConfigurationError(
                "Keys that are shared through Redis must be signed: give secret=…, 32 bytes or more."
            )
        raw = secret.encode("utf-8") if isinstance(secret, str) else secret
        if not isinstance(raw, bytes) or len(raw) < _SHORTEST:
            raise ConfigurationError(f"The secret for shared keys must have {_SHORTEST} bytes or more.")
        self._key = hmac.digest(raw, b"mindpeeker-guard: shared keys", sha256)
        self._clients, self._names, self._timer = clients, names, timer
        self._not_before = 0.0

    def read(self, name: str) -> SharedDocument | None:
        """Return the key set `name`; None where there is none, or none that was signed with the secret."""
        raw = self._ask(lambda client: client.getrange(self._names.keys(name), 0, _LARGEST))
        signature, text = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._signature(name, text)):
            return None
        return _document(text)

    def write(self, name: str, document: SharedDocument, keep: float) -> None:
        """Let the others have a key set, for `keep` seconds."""
        text = json.dumps(document._asdict()).encode()
        if len(text) < _LARGEST:
            value = self._signature(name, text) + text
            self._ask(lambda client: client.set(self._names.keys(name), value, px=math.ceil(keep * 1000)))

    def acquire(self, name: str, seconds: float) -> str | None:
        """Take the lease on `name`, and return its token; None where another one has it."""
        token = uuid.uuid4().hex
        taken = self._ask(
            lambda client: client.set(self._names.lease(name), token, nx=True, px=math.ceil(seconds * 1000))
        )
        return token if taken else None

    def release(self, name: str, token: str) -> None:
        """Give a lease back, if it is still the one that `token` names."""
        self._ask(lambda client: client.eval(_RELEASE, 1, self._names.lease(name), token))

    def _ask(self, work: Callable[[Any], Any]) -> Any:
        """Ask Redis, unless it failed just now: who fetches keys has no time to lose on it twice."""
        if self._timer() < self._not_before:
            raise StoreUnavailableError("Redis failed a moment ago")
        try:
            return self._clients.ask(work)
        except StoreUnavailableError:
            self._not_before = self._timer() + _PAUSE
            raise

    def _signature(self, name: str, text: bytes) -> bytes:
        return hmac.digest(self._key, f"{name}\n".encode() + text, sha256)

    def __repr__(self) -> str:
        return "RedisKeys()"


def _document(text: bytes) -> SharedDocument | None:
    """Return a document whose signature is good; None where another version wrote it in another form."""
    try:
        document = SharedDocument(**load_object(text))
    except (InvalidJSONError, TypeError):
        return None
    number = int | float
    well_formed = (
        isinstance(document.url, str)
        and isinstance(document.members, dict)
        and isinstance(document.fetched_at, number)
        and isinstance(document.max_age, number | None)
        and isinstance(document.validators, dict)
        and all(isinstance(value, str) for value in document.validators.values())
    )
    return document if well_formed else None
