"""The operations on API keys, each one flow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final

from mindpeeker_guard._flow import Call, Flow, call
from mindpeeker_guard._scopes import MINDPEEKER_SCOPES, ScopeCatalogue
from mindpeeker_guard._types import Principal
from mindpeeker_guard.api_keys import _fields as fields
from mindpeeker_guard.api_keys._cache import KeyCache
from mindpeeker_guard.api_keys._errors import KeyConflictError, KeyNotFoundError
from mindpeeker_guard.api_keys._events import Action, AuditEvent, AuditHook, IssuedKey
from mindpeeker_guard.api_keys._format import checked_environment, is_key_id, make_key
from mindpeeker_guard.api_keys._peppers import Pepper, Peppers
from mindpeeker_guard.api_keys._records import APIKeyRecord
from mindpeeker_guard.api_keys._store_calls import ask
from mindpeeker_guard.api_keys._stores import APIKeyStore, DuplicateKeyError, StoreUnavailableError
from mindpeeker_guard.api_keys._verifier import Verifier
from mindpeeker_guard.errors import ConfigurationError

if TYPE_CHECKING:
    from mindpeeker_guard.state import Invalidations  # state is for those who have some

_log = logging.getLogger("mindpeeker_guard")
_LONGEST_CACHE: Final = 30  # seconds


class APIKeyFlows:
    """What `APIKeys` does, as flows for `run` and `arun`; see there."""

    def __init__(  # noqa: PLR0913 - each is a rule of its own
        self,
        store: APIKeyStore,
        *,
        pepper: Pepper,
        environment: str = "live",
        catalogue: ScopeCatalogue = MINDPEEKER_SCOPES,
        cache_for: float = _LONGEST_CACHE,
        cache_size: int = 4096,
        audit: AuditHook | None = None,
        invalidations: Invalidations | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if isinstance(store, type) or not hasattr(store, "rotate"):
            raise ConfigurationError("APIKeys needs a store, an object: APIKeys(MemoryStore(), pepper=...).")
        self._store = store
        self._peppers = Peppers(pepper)
        self._environment = checked_environment(environment)
        self._catalogue = catalogue
        self._cache = KeyCache(_size(cache_size), _seconds(cache_for), clock)
        self._audit = audit
        self._invalidations = invalidations
        if invalidations is not None:
            invalidations.on_invalidate(self.forget)
        self._clock = clock
        self._verifier = Verifier(
            store,
            peppers=self._peppers,
            environment=environment,
            catalogue=catalogue,
            cache=self._cache,
            clock=clock,
        )

    @property
    def catalogue(self) -> ScopeCatalogue:
        """The scopes that keys can have."""
        return self._catalogue

    @property
    def environment(self) -> str:
        """The environment whose keys are made and accepted."""
        return self._environment

    @property
    def is_async(self) -> bool:
        """Whether the store's methods are coroutine functions: then only the names with an ``a`` work."""
        return iscoroutinefunction(self._store.get)

    def issue_flow(
        self,
        name: Any,
        scopes: Any,
        *,
        owner: Any,
        expires_at: Any = None,
        actor: str | None = None,
    ) -> Flow[IssuedKey]:
        """Make a key; see `issue`. Values of any type may come."""
        now = self._now()
        issued = self._make(
            name=fields.checked_name(name),
            scopes=fields.checked_scopes(scopes, self._catalogue),
            owner=fields.checked_owner(owner),
            expires_at=fields.checked_end(expires_at, now),
            created_at=now,
        )
        try:
            yield from ask(self._store.add, issued.record)
        except DuplicateKeyError as error:
            raise _taken(issued.record) from error
        yield from self._tell("issued", issued.record, actor)
        return issued

    def get_flow(self, key_id: Any) -> Flow[APIKeyRecord | None]:
        """Return the key `key_id`; see `get`. What is no id is not looked for."""
        return (yield from ask(self._store.get, key_id)) if is_key_id(key_id) else None

    def list_flow(self, owner: Any = None, *, after: Any = None, limit: Any = 50) -> Flow[Sequence[APIKeyRecord]]:
        """Return a page of keys; see `list`. Who could own no key has none, and what is no id starts no page."""
        size = fields.checked_limit(limit)
        if (owner is not None and not fields.is_owner(owner)) or (after is not None and not is_key_id(after)):
            return ()
        return (yield from ask(partial(self._store.list, after=after, limit=size), owner))

    def revoke_flow(self, key_id: Any, *, actor: str | None = None) -> Flow[bool]:
        """Revoke a key; see `revoke`."""
        record = yield from self.get_flow(key_id)
        if record is None:
            return False
        try:
            done: bool = yield from ask(self._store.revoke, key_id, self._now())
        finally:
            self._cache.forget(key_id)  # after a failure too: nobody knows whether it has happened
        yield from self._publish(key_id)
        if done:
            yield from self._tell("revoked", record, actor)
        return done

    def rotate_flow(self, key_id: Any, *, overlap: Any = 0, actor: str | None = None) -> Flow[IssuedKey]:
        """Put a new key in the place of one; see `rotate`."""
        still = fields.checked_overlap(overlap)
        old = yield from self.get_flow(key_id)
        if old is None:
            raise KeyNotFoundError
        now = self._now()
        if old.rotated_to is not None or not old.is_active(now):
            raise KeyConflictError
        issued = self._make(
            name=old.name, scopes=old.scopes, owner=old.owner, expires_at=old.expires_at, created_at=now
        )
        try:
            done: bool = yield from ask(self._store.rotate, key_id, issued.record, now + still, now)
        except DuplicateKeyError as error:
            raise _taken(issued.record) from error
        finally:
            self._cache.forget(key_id)
        if not done:
            raise KeyConflictError
        yield from self._publish(key_id)
        yield from self._tell("rotated", old, actor, issued.record.id)
        return issued

    def touch_flow(self, key_id: Any) -> Flow[None]:
        """Note that a key is used; see `touch`."""
        record = yield from self.get_flow(key_id)
        if record is not None:
            yield from self._verifier.note_use(record)

    def verify(self, text: str) -> Flow[Principal]:
        """Return whom the key `text` stands for; see `Verifier.verify`."""
        if self._invalidations is not None:
            self._invalidations.start()  # in every process, before anything is remembered; once is enough
        return self._verifier.verify(text)

    def at_hand(self, text: str) -> Principal | None:
        """Return whom the key `text` stands for, if that is known without asking the store."""
        return self._verifier.at_hand(text)

    def forget(self, key_id: str | None) -> None:
        """Drop what is remembered of a key, or of all for None, after a change in the store by somebody else."""
        if key_id is None:
            self._cache.clear()
        else:
            self._cache.forget(key_id)

    def _make(self, **values: Any) -> IssuedKey:
        key = make_key(self._environment)
        digest, pepper_id = self._peppers.digest(key.body), self._peppers.current
        return IssuedKey(key.text, APIKeyRecord(id=key.id, digest=digest, pepper_id=pepper_id, **values))

    def _publish(self, key_id: str) -> Flow[None]:
        """Tell other processes that a key has changed. Where that fails, they notice when their memory runs out."""
        shared = self._invalidations
        if shared is None:
            return
        try:
            yield Call(shared.publish, key_id, twin=shared.apublish)
        except Exception as error:  # noqa: BLE001 - the change has happened
            _log.warning("Other processes could not be told of a change to %s: %s", key_id, type(error).__name__)

    def _tell(
        self, action: Action, record: APIKeyRecord, actor: str | None, successor_id: str | None = None
    ) -> Flow[None]:
        """Tell the audit hook. The change has happened: what the hook makes of it changes nothing."""
        if self._audit is None:
            return
        event = AuditEvent(
            action=action,
            key_id=record.id,
            owner=record.owner,
            name=record.name,
            scopes=record.scopes,
            actor=actor,
            at=self._now(),
            successor_id=successor_id,
        )
        try:
            yield from call(self._audit, event)
        except Exception:  # noqa: BLE001 - it is logged
            _log.exception("The audit hook failed at %s %s", action, record.id)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def __repr__(self) -> str:
        return f"APIKeys({self._store!r}, environment={self._environment!r})"


def _taken(record: APIKeyRecord) -> StoreUnavailableError:
    """Return what to say where an id of 95 random bits is taken: another try has another id."""
    return StoreUnavailableError(f"the id {record.id} is taken")


def _seconds(cache_for: float) -> float:
    good = isinstance(cache_for, int | float) and not isinstance(cache_for, bool)
    if not good or not 0 <= cache_for <= _LONGEST_CACHE:
        raise ConfigurationError(f"cache_for must be a number of seconds from 0 to {_LONGEST_CACHE}: {cache_for!r}.")
    return cache_for


def _size(cache_size: int) -> int:
    if isinstance(cache_size, bool) or not isinstance(cache_size, int) or cache_size < 1:
        raise ConfigurationError(f"cache_size must be a whole number, 1 or more: {cache_size!r}.")
    return cache_size
