"""The fake issuer's token endpoint: client credentials (RFC 6749 section 4.4), with the platform's fields."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from mindpeeker_guard.testing._server import Answer, Resource, json_answer

Grant = Callable[[str, str], Mapping[str, Any]]
"""Returns the answer to a client (its identifier) that is granted a scope (one string)."""

Clients = Mapping[str, tuple[str, tuple[str, ...]]]
"""Identifier to secret and scopes."""

_FORM: Final = "application/x-www-form-urlencoded"


class _RefusedError(Exception):
    """The request is refused; the arguments are the error code (RFC 6749 section 5.2) and the status."""


def token_endpoint(clients: Clients, grant: Grant) -> Resource:
    """Return the endpoint as a resource of the server."""

    def serve(method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            return _answer(grant(*_request(clients, method, headers, body)))
        except _RefusedError as refused:
            error, status = refused.args
            return _answer({"error": error}, status)

    return serve


def _answer(members: Mapping[str, Any], status: int = 200) -> Answer:
    challenge = {"WWW_Authenticate": 'Basic realm="fake issuer"'} if status == 401 else {}  # noqa: PLR2004
    return json_answer(members, status, Cache_Control="no-store", **challenge)


def _request(clients: Clients, method: str, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """Return client and granted scope."""
    if method != "POST":
        raise _RefusedError("invalid_request", 405)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise _RefusedError("invalid_request", 400)
    form = _form(body)
    client_id = _client(clients, headers.get("authorization"), form)
    if "grant_type" not in form:
        raise _RefusedError("invalid_request", 400)
    if form["grant_type"] != "client_credentials":
        raise _RefusedError("unsupported_grant_type", 400)
    return client_id, _scope(clients[client_id][1], form.get("scope"))


def _form(body: bytes) -> dict[str, str]:
    parsed = parse_qs(body.decode("utf-8", "replace"))
    if any(len(values) > 1 for values in parsed.values()):
        raise _RefusedError("invalid_request", 400)
    return {name: values[0] for name, values in parsed.items()}


def _client(clients: Clients, authorization: str | None, form: Mapping[str, str]) -> str:
    """Return the client that the request proves to be from: by Basic or in the body, never both (section 2.3.1)."""
    if authorization is not None and "client_secret" in form:
        raise _RefusedError("invalid_request", 400)
    if authorization is None:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    else:
        client_id, secret = _basic(authorization)
    expected = clients[client_id][0] if client_id in clients else None
    if expected is None or not hmac.compare_digest(expected.encode(), secret.encode()):
        raise _RefusedError("invalid_client", 401)
    return client_id


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return client_id, secret


def _scope(allowed: tuple[str, ...], asked: str | None) -> str:
    """Return what is granted: what was asked, or everything where nothing was."""
    scopes = tuple(dict.fromkeys(asked.split(" "))) if asked else allowed
    if not set(scopes) <= set(allowed):
        raise _RefusedError("invalid_scope", 400)
    return " ".join(scopes)
