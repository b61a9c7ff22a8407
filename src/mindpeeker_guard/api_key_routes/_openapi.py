"""What the API document says of the routes: bodies, parameters, and every status there is.

The guard adds 401, 403, 429 and 503, and the schema of the problem details, to all that it guards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mindpeeker_guard.api_key_routes._values import DEFAULT_LIMIT, MAX_LIMIT

_PROBLEM: Final = "#/components/schemas/MindPeekerProblem"
_TIME: Final[Mapping[str, Any]] = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final[Mapping[str, Any]] = {"type": ["string", "null"], "format": "date-time"}
_ID: Final[Mapping[str, Any]] = {"type": "string", "pattern": "^[0-9A-Za-z]{16}$"}
_NAME: Final[Mapping[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 100}
_SCOPES: Final[Mapping[str, Any]] = {"type": "array", "items": {"type": "string"}}

_SHOWN: Final[Mapping[str, Any]] = {
    "title": "APIKey",
    "type": "object",
    "required": [
        *("id", "name", "owner", "scopes", "created_at"),
        *("expires_at", "revoked_at", "last_used_at", "rotated_to"),
    ],
    "properties": {
        "id": _ID,
        "name": _NAME,
        "owner": {"type": "string"},
        "scopes": _SCOPES,
        "created_at": _TIME,
        "expires_at": _MAYBE_TIME,
        "revoked_at": _MAYBE_TIME,
        "last_used_at": _MAYBE_TIME,
        "rotated_to": {"type": ["string", "null"]},
    },
}
_MADE: Final[Mapping[str, Any]] = {
    "title": "NewAPIKey",
    "type": "object",
    "required": ["id", "key", "name", "scopes", "created_at", "expires_at"],
    "properties": {
        "id": _ID,
        "key": {"type": "string", "description": "The key. It is shown this once."},
        "name": _NAME,
        "scopes": _SCOPES,
        "created_at": _TIME,
        "expires_at": _MAYBE_TIME,
        "replaces": {**_ID, "description": "The key in whose place this one is."},
    },
}
_LISTED: Final[Mapping[str, Any]] = {
    "title": "APIKeyPage",
    "type": "object",
    "required": ["api_keys", "next"],
    "properties": {
        "api_keys": {"type": "array", "items": _SHOWN},
        "next": {"type": ["string", "null"], "description": "What to ask for with `after`; null on the last page."},
    },
}
_ROTATION: Final[Mapping[str, Any]] = {
    "title": "APIKeyRotation",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "overlap": {
            "type": "number",
            "minimum": 0,
            "maximum": 366 * 86400,
            "default": 0,
            "description": "For how many seconds the old key goes on working.",
        }
    },
}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": {"$ref": _PROBLEM}}}}


def _json(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _body(schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _created(description: str) -> dict[str, Any]:
    location = {"description": "The key's own path.", "schema": {"type": "string", "format": "uri-reference"}}
    return {**_json(description, _MADE), "headers": {"Location": location}}


_FIELD: Final = _problem("A value is wrong; `field` names it")
_ABSENT: Final = _problem("There is no such key, or it is somebody else's")
_ENDED: Final = _problem("The key was revoked, has expired, or was rotated already")
_BODIES: Final[Mapping[int | str, Any]] = {
    400: _problem("The body is no JSON object with unique names; or more than one credential"),
    413: _problem("The body is too large"),
    415: _problem("The body is not application/json"),
}
_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "limit",
        "in": "query",
        "description": "How many keys a page has at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
    {"name": "after", "in": "query", "description": "`next` of the page before.", "schema": _ID},
]

_DESCRIBED: Final[Mapping[str, Mapping[str, Any]]] = {
    "list": {
        "summary": "List API keys, oldest first",
        "responses": {200: _json("A page of keys", _LISTED), 422: _FIELD},
        "openapi_extra": {"parameters": _PARAMETERS},
    },
    "create": {
        "summary": "Make an API key",
        "status_code": 201,
        "responses": {201: _created("The key, shown this once"), 422: _FIELD, **_BODIES},
    },
    "get": {
        "summary": "Show an API key",
        "responses": {200: _json("The key, without its secret", _SHOWN), 404: _ABSENT, 422: _FIELD},
    },
    "revoke": {
        "summary": "Revoke an API key",
        "status_code": 204,
        "responses": {204: {"description": "The key is revoked"}, 404: _ABSENT, 409: _ENDED, 422: _FIELD},
    },
    "rotate": {
        "summary": "Put a new API key into the place of one",
        "status_code": 201,
        "responses": {
            201: _created("The new key, shown this once"),
            404: _ABSENT,
            409: _ENDED,
            422: _FIELD,
            **_BODIES,
        },
        "openapi_extra": {"requestBody": _body(_ROTATION, required=False)},
    },
}


def _wanted(scopes: Iterable[str]) -> dict[str, Any]:
    """Return the schema of a request for a key, which can have `scopes`."""
    listed = {"type": "array", "items": {"type": "string", "enum": sorted(scopes)}, "minItems": 1, "maxItems": 50}
    return {
        "title": "APIKeyRequest",
        "type": "object",
        "required": ["name", "scopes"],
        "additionalProperties": False,
        "properties": {
            "name": _NAME,
            "scopes": {**listed, "description": "Scopes that the caller holds."},
            "expires_at": {**_MAYBE_TIME, "description": "ISO 8601, in the future, with `Z` or an offset."},
        },
    }


def described(name: str, scopes: Iterable[str]) -> dict[str, Any]:
    """Return what ``add_api_route`` takes for the route `name`, besides its path and endpoint.

    Args:
        name: The name of the route.
        scopes: What keys can have.
    """
    told = dict(_DESCRIBED[name])
    if name == "create":
        told["openapi_extra"] = {"requestBody": _body(_wanted(scopes), required=True)}
    return told
