"""Values out of requests, strictly: JSON bodies and queries; and the JSON of answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from mindpeeker_guard._json import InvalidJSONError, load_object
from mindpeeker_guard.api_key_routes._errors import BodyTooLargeError, InvalidBodyError, UnsupportedContentTypeError
from mindpeeker_guard.api_keys import APIKeyRecord, InvalidFieldError

BODY_LIMIT: Final = 16 * 1024
"""The largest body, in bytes."""

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100

_FOREVER: Final = 1e12  # seconds; the service has its own, lower limit
_KEY_ID: Final = re.compile(r"[0-9A-Za-z]{16}")
_MEMBER: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
# RFC 3339: a reader of all that ISO 8601 allows would take "2026-W47-7" or "20261122" too, and guess a time.
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class NewKey(NamedTuple):
    """The body of a request for a new key."""

    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None


class Page(NamedTuple):
    """Which part of the list is asked for."""

    limit: int
    after: str | None


def read_object(content_type: str, body: bytes, members: Iterable[str]) -> dict[str, Any]:
    """Return the JSON object in a body, which has no members but `members`.

    Raises:
        AnswerError: The body is too large, of another type, no JSON object, or has another member.
    """
    if len(body) > BODY_LIMIT:
        raise BodyTooLargeError
    if content_type.partition(";")[0].strip(" \t").lower() != "application/json":
        raise UnsupportedContentTypeError
    try:
        values = load_object(body)
    except InvalidJSONError as error:
        raise InvalidBodyError(str(error)) from None
    for name in values:
        if name not in members:
            # The name comes from the caller: only a plain word goes back.
            raise InvalidFieldError(name if _MEMBER.fullmatch(name) else "body", "The body has an unknown member.")
    return values


def read_new_key(content_type: str, body: bytes) -> NewKey:
    """Return what the body of a request for a new key says; whether the values are good, the service tells.

    Raises:
        AnswerError: See `read_object`; or a member is missing or of the wrong type.
    """
    values = read_object(content_type, body, NewKey._fields)
    name, scopes, expires_at = (values.get(field) for field in NewKey._fields)
    if not isinstance(name, str):
        raise InvalidFieldError("name", "The name must be a string.")
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise InvalidFieldError("scopes", "The scopes must be a list of strings.")
    return NewKey(name, tuple(scopes), None if expires_at is None else _time(expires_at))


def read_overlap(content_type: str, body: bytes) -> float:
    """Return how many seconds the old key goes on working, as the body of a rotation says; 0 without a body.

    Raises:
        AnswerError: See `read_object`; or it is no number of seconds, 0 or more.
    """
    if not body:
        return 0
    overlap = read_object(content_type, body, ("overlap",)).get("overlap", 0)
    # A whole number in JSON may be larger than any float, and then even math.isfinite() fails.
    if isinstance(overlap, bool) or not isinstance(overlap, int | float) or not 0 <= overlap <= _FOREVER:
        raise InvalidFieldError("overlap", "The overlap must be a number of seconds, 0 or more.")
    return float(overlap)


def read_page(query: str) -> Page:
    """Return which part of the list a query string asks for.

    Raises:
        InvalidFieldError: A parameter stands twice, or its value is wrong.
    """
    try:
        parameters = parse_qs(query, keep_blank_values=True, max_num_fields=32, errors="strict")
    except ValueError:
        raise InvalidFieldError("query", "The query string is malformed.") from None
    limit, after = _single(parameters, "limit"), _single(parameters, "after")
    if limit is not None and not (re.fullmatch("[0-9]{1,3}", limit) and 1 <= int(limit) <= MAX_LIMIT):
        raise InvalidFieldError("limit", f"The limit must be a whole number from 1 to {MAX_LIMIT}.")
    if after is not None and not _KEY_ID.fullmatch(after):
        raise InvalidFieldError("after", "What to list after must be the id of a key.")
    return Page(DEFAULT_LIMIT if limit is None else int(limit), after)


def _single(parameters: Mapping[str, list[str]], name: str) -> str | None:
    values = parameters.get(name, [])
    if len(values) > 1:
        raise InvalidFieldError(name, "A parameter of the query stands twice.")
    return values[0] if values else None


def _time(value: Any) -> datetime:
    """Read a time with its distance from UTC."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise InvalidFieldError("expires_at", "The end must be an ISO 8601 time in UTC, such as 2030-01-31T12:00:00Z.")


def shown_time(at: datetime | None) -> str | None:
    """Return a time as the platform writes it, to the second: ``2026-11-22T15:46:48Z``."""
    return None if at is None else f"{at.astimezone(UTC).replace(tzinfo=None):%Y-%m-%dT%H:%M:%SZ}"


def shown_new(key: str, record: APIKeyRecord) -> dict[str, Any]:
    """Return a key that was just made, with its secret: nobody gets to see it again."""
    return {
        "id": record.id,
        "key": key,
        "name": record.name,
        "scopes": sorted(record.scopes),
        "created_at": shown_time(record.created_at),
        "expires_at": shown_time(record.expires_at),
    }


def shown(record: APIKeyRecord) -> dict[str, Any]:
    """Return what may be seen of a key: nothing that it could be made from, or checked against."""
    return {
        "id": record.id,
        "name": record.name,
        "owner": record.owner,
        "scopes": sorted(record.scopes),
        "created_at": shown_time(record.created_at),
        "expires_at": shown_time(record.expires_at),
        "revoked_at": shown_time(record.revoked_at),
        "last_used_at": shown_time(record.last_used_at),
        "rotated_to": record.rotated_to,
    }


def dumped(value: Mapping[str, Any]) -> bytes:
    """Return `value` as JSON."""
    return json.dumps(value, separators=(",", ":")).encode("utf-8")
