"""From the text of a key to the principal it stands for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._scopes import ScopeCatalogue
from mindpeeker_guard._types import Principal
from mindpeeker_guard.api_keys._cache import USE_NOTED_FOR, KeyCache
from mindpeeker_guard.api_keys._format import ID_LENGTH, ParsedKey, parse_key
from mindpeeker_guard.api_keys._peppers import Peppers
from mindpeeker_guard.api_keys._records import APIKeyRecord
from mindpeeker_guard.api_keys._store_calls import ask
from mindpeeker_guard.api_keys._stores import APIKeyStore
from mindpeeker_guard.errors import ExpiredAPIKeyError, InvalidAPIKeyError, RevokedAPIKeyError

_log = logging.getLogger("mindpeeker_guard")


class Verifier:
    """Checks keys of one environment. What costs nothing comes first; the store is asked once, for keys that may be.

    Args:
        store: Where the records are.
        peppers: What their digests were made with.
        environment: The environment whose keys are accepted.
        catalogue: Says what scopes imply.
        cache: Remembers what the store said.
        clock: Tells the time, in seconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - made in one place
        self,
        store: APIKeyStore,
        *,
        peppers: Peppers,
        environment: str,
        catalogue: ScopeCatalogue,
        cache: KeyCache,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._peppers = peppers
        self._environment = environment
        start = len(f"mp_{environment}_")
        self._id: Final = slice(start, start + ID_LENGTH)
        self._catalogue = catalogue
        self._cache = cache
        self._clock = clock

    def at_hand(self, text: str) -> Principal | None:
        """Return whom `text` stands for, if that is known without asking the store; None says nothing about it."""
        return self._cache.recall(text[self._id], text, self._clock())

    def verify(self, text: str) -> Flow[Principal]:
        """Return whom `text` stands for.

        Raises:
            InvalidAPIKeyError: It is no key of this environment, or not the right one.
            RevokedAPIKeyError: It was revoked.
            ExpiredAPIKeyError: It has expired.
            StoreUnavailableError: That cannot be told at the moment.
        """
        key = self._parse(text)
        record = yield from self._read(key.id)
        is_right = self._peppers.match(key.body, record)  # for an unknown id too: it takes as long as a wrong secret
        if record is None or not is_right:
            raise InvalidAPIKeyError(self._why_wrong(record))
        self._check_in_force(record)
        principal = self._principal(record)
        self._cache.prove(record, text, principal)
        yield from self.note_use(record)
        return principal

    def note_use(self, record: APIKeyRecord) -> Flow[None]:
        """Write down that a key is used, once a minute. That it cannot be written is logged, and harms no request."""
        now = self._clock()
        if not self._cache.is_use_due(record, now):
            return
        at = datetime.fromtimestamp(now, UTC)
        try:
            yield from ask(self._store.touch, record.id, at, at - timedelta(seconds=USE_NOTED_FOR))
        except Exception as error:  # noqa: BLE001 - whatever it is, the key is good
            _log.warning("The use of the API key %s cannot be noted: %s", record.id, error)

    def _parse(self, text: str) -> ParsedKey:
        key = parse_key(text)
        if key is None:
            raise InvalidAPIKeyError("not well-formed, or wrong checksum")
        if key.environment != self._environment:
            raise InvalidAPIKeyError("another environment")
        return key

    def _read(self, key_id: str) -> Flow[APIKeyRecord | None]:
        now = self._clock()
        found = self._cache.look_up(key_id, now)
        if found is not None:
            return found.record
        changes = self._cache.changes
        record: APIKeyRecord | None = yield from ask(self._store.get, key_id)
        self._cache.remember(key_id, record, now, changes)
        return record

    def _why_wrong(self, record: APIKeyRecord | None) -> str:
        """Return what the log has to say; the caller is told nothing of it."""
        if record is None:
            return "id unknown"
        if not self._peppers.knows(record.pepper_id):
            return f"the pepper {record.pepper_id!r} of the key {record.id} is not configured"
        return f"secret wrong for the key {record.id}"

    def _check_in_force(self, record: APIKeyRecord) -> None:
        if record.revoked_at is not None:
            raise RevokedAPIKeyError(f"the key {record.id}")
        if not record.is_active(datetime.fromtimestamp(self._clock(), UTC)):
            raise ExpiredAPIKeyError(f"the key {record.id}")

    def _principal(self, record: APIKeyRecord) -> Principal:
        return Principal(
            subject=record.owner,
            granted_scopes=record.scopes,
            scheme="ApiKey",
            expires_at=None if record.expires_at is None else record.expires_at.timestamp(),
            token_id=record.id,
            catalogue=self._catalogue,
        )
