"""The routes, without a framework: what is read of a request, who may do what, and the complete answer.

An adapter carries: it finds the principal, hands over what `RouteRequest` lists, drives the flow, and copies the answer
or raises the error to whoever answers refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from mindpeeker_guard._flow import Flow
from mindpeeker_guard._guard import Guard
from mindpeeker_guard._scopes import check_known
from mindpeeker_guard._types import Principal
from mindpeeker_guard.api_key_routes import _values as values
from mindpeeker_guard.api_key_routes._errors import OwnerUnknownError
from mindpeeker_guard.api_keys import (
    APIKeyRecord,
    APIKeys,
    IssuedKey,
    KeyConflictError,
    KeyNotFoundError,
    ScopeNotGrantedError,
)
from mindpeeker_guard.authenticators.api_key import APIKey
from mindpeeker_guard.errors import AnswerError, ConfigurationError, SchemeNotAcceptedError

PREFIX: Final = "/v1/api-keys"
SCHEMES: Final = ("Bearer",)


class RouteRequest(NamedTuple):
    """What a route reads of a request.

    Attributes:
        principal: Who calls, as the guard found; None for nobody.
        path: The path of the URL, decoded, with whatever the application is mounted below.
        key_id: The id in the path; empty where the route has none.
        query: The query string as it came.
        content_type: The header's value; empty without one.
        body: The body, or more than `BODY_LIMIT` bytes of a larger one.
    """

    principal: Principal | None
    path: str
    key_id: str = ""
    query: str = ""
    content_type: str = ""
    body: bytes = b""


class RouteAnswer(NamedTuple):
    """The complete answer of a route. Adapters copy it.

    Attributes:
        status: The HTTP status.
        headers: Name and value of each header, ready to send.
        body: The body.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


Operation = Callable[[RouteRequest], Flow[RouteAnswer]]


class Route(NamedTuple):
    """One operation, and where it is.

    Attributes:
        name: A word for the operation.
        method: The HTTP method.
        path: What follows the prefix in the path; ``{key_id}`` stands for the id.
        operation: What answers.
    """

    name: str
    method: str
    path: str
    operation: Operation


class APIKeyRoutes:
    """The operations behind the routes.

    Args:
        keys: The service that they are for.
        admin_scope: Who holds it sees and changes everybody's keys, and still makes none that can do more than
            itself. None lets nobody.

    Raises:
        ConfigurationError: The administrative scope is unknown; the text has the nearest name.
    """

    def __init__(self, keys: APIKeys, *, admin_scope: str | None = None) -> None:
        if admin_scope is not None:
            check_known([admin_scope])
        self._keys = keys
        self._admin_scope = admin_scope

    @property
    def is_async(self) -> bool:
        """Whether the service's store has async methods, so that only an event loop can drive the operations."""
        return self._keys.is_async

    def check_plain(self) -> None:
        """Refuse a service whose store has async methods.

        Raises:
            ConfigurationError: It has.
        """
        if self.is_async:
            raise ConfigurationError("Nothing awaits here: these routes need API keys in a store with plain methods.")

    @property
    def table(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("list", "GET", "", self.list),
            Route("create", "POST", "", self.create),
            Route("get", "GET", "/{key_id}", self.get),
            Route("revoke", "DELETE", "/{key_id}", self.revoke),
            Route("rotate", "POST", "/{key_id}/rotate", self.rotate),
        )

    def create(self, request: RouteRequest) -> Flow[RouteAnswer]:
        """Make a key for the caller, with scopes that it holds."""
        principal, owner = _caller(request)
        wanted = values.read_new_key(request.content_type, request.body)
        # The service refuses scopes that it does not know; who holds such a one, or does not, must not matter.
        _check_held(principal, [scope for scope in wanted.scopes if scope in self._keys.catalogue])
        issued = yield from self._keys.issue_flow(
            wanted.name, wanted.scopes, owner=owner, expires_at=wanted.expires_at, actor=owner
        )
        return _made(issued, request.path)

    def list(self, request: RouteRequest) -> Flow[RouteAnswer]:
        """Show a page of the caller's keys; of everybody's, to administrators."""
        principal, owner = _caller(request)
        page = values.read_page(request.query)
        whose = None if self._is_admin(principal) else owner
        if page.after is not None and (yield from self._find(page.after, whose)) is None:
            records: Iterable[APIKeyRecord] = ()  # as a store answers for an id that it does not have
        else:
            records = yield from self._keys.list_flow(whose, after=page.after, limit=page.limit)
        shown = [values.shown(record) for record in records]
        following = shown[-1]["id"] if len(shown) == page.limit else None
        return _answer(200, {"api_keys": shown, "next": following})

    def get(self, request: RouteRequest) -> Flow[RouteAnswer]:
        """Show one key."""
        record = yield from self._visible(request)
        return _answer(200, values.shown(record))

    def revoke(self, request: RouteRequest) -> Flow[RouteAnswer]:
        """End a key, at once and for good."""
        record = yield from self._visible(request)
        _, actor = _caller(request)
        if not (yield from self._keys.revoke_flow(record.id, actor=actor)):
            raise KeyConflictError
        return RouteAnswer(204, (("Cache-Control", "no-store"),), b"")

    def rotate(self, request: RouteRequest) -> Flow[RouteAnswer]:
        """Put a new key into the place of one. Who has lost a scope of the old key since gets no new one with it."""
        principal, actor = _caller(request)
        overlap = values.read_overlap(request.content_type, request.body)
        record = yield from self._visible(request)
        _check_held(principal, sorted(record.scopes))
        issued = yield from self._keys.rotate_flow(record.id, overlap=overlap, actor=actor)
        return _made(issued, request.path.rsplit("/", 2)[0], replaces=record.id)

    def _visible(self, request: RouteRequest) -> Flow[APIKeyRecord]:
        """Return the key that the path names. One of somebody else is not there, as far as the caller can tell."""
        principal, owner = _caller(request)
        record = yield from self._find(request.key_id, None if self._is_admin(principal) else owner)
        if record is None:
            raise KeyNotFoundError
        return record

    def _find(self, key_id: str, owner: str | None) -> Flow[APIKeyRecord | None]:
        record = yield from self._keys.get_flow(key_id)
        return record if record is not None and owner in {None, record.owner} else None

    def _is_admin(self, principal: Principal) -> bool:
        return self._admin_scope is not None and principal.has(self._admin_scope)


def keys_of(guard: Guard) -> APIKeys:
    """Return the service whose keys a guard accepts: one made from settings has made it.

    Raises:
        ConfigurationError: It accepts no API keys, or those of a service of another kind.
    """
    for one in guard.authenticators:
        if isinstance(one, APIKey) and isinstance(one.keys, APIKeys):
            return one.keys
    raise ConfigurationError("This guard has no API keys: set API_KEY_STORE and API_KEY_PEPPER, or give it APIKey(…).")


def _caller(request: RouteRequest) -> tuple[Principal, str]:
    """Return who calls, and as whose keys its keys count: those of its user, else of its client.

    Raises:
        SchemeNotAcceptedError: There is no caller, or it has come without an access token.
        OwnerUnknownError: There is no name to be an owner.
    """
    principal = request.principal
    # The guard lets nobody else in; this holds where somebody has taken its decorator off.
    if principal is None or principal.scheme not in SCHEMES:
        raise _offering_tokens(SchemeNotAcceptedError())
    owner = principal.subject or principal.client_id
    if not owner:
        raise OwnerUnknownError
    return principal, owner


def _check_held(principal: Principal, scopes: Iterable[str]) -> None:
    """Refuse scopes that the caller does not hold, whoever it is.

    Raises:
        ScopeNotGrantedError: Names them.
    """
    missing = [scope for scope in dict.fromkeys(scopes) if not principal.has(scope)]
    if missing:
        raise _offering_tokens(ScopeNotGrantedError(missing))


def _offering_tokens(error: AnswerError) -> AnswerError:
    """Return `error`; its answer asks for no other credential than the routes accept."""
    error.schemes = SCHEMES
    return error


def _made(issued: IssuedKey, collection: str, **more: str) -> RouteAnswer:
    location = f"{quote(collection)}/{issued.record.id}"
    return _answer(201, {**values.shown_new(issued.key, issued.record), **more}, ("Location", location))


def _answer(status: int, body: Mapping[str, Any], *headers: tuple[str, str]) -> RouteAnswer:
    always = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return RouteAnswer(status, (*always, *headers), values.dumped(body))
