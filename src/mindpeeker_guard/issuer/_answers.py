"""The only writer of the issuer's answers: JSON, and stored by nobody unless said (RFC 6749 section 5)."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, request
from werkzeug.exceptions import HTTPException

_JWKS_MAX_AGE = 300  # seconds
_SENTENCES = {
    "invalid_client": "Client authentication failed.",
    "invalid_scope": "The requested scope is unknown, malformed, or not granted to this client.",
    "unauthorized_client": "This client may not use this grant type.",
    "unsupported_grant_type": "This grant type is not supported.",
}


def json_answer(status: int, body: Any, headers: Any = ()) -> Response:
    """Write JSON that no cache keeps."""
    response = Response(json.dumps(body), status, dict(headers), mimetype="application/json")
    return no_store(response)


def cacheable_answer(body: Any) -> Response:
    """Write JSON that may be kept for 300 seconds and asked for again by ETag (RFC 9110 section 13.1.2)."""
    response = Response(json.dumps(body), mimetype="application/json")
    response.cache_control.max_age = _JWKS_MAX_AGE
    response.add_etag()
    response.make_conditional(request)
    return response


def no_store(response: Response) -> Response:
    """Forbid storing (RFC 6749 section 5.1)."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


def oauth_error(error: Any) -> Response:
    """Write an error as RFC 6749 section 5.2 wants it, with a fixed sentence: Authlib's own repeat the request."""
    body = {"error": error.error, "error_description": _SENTENCES.get(error.error) or error.description}
    response = json_answer(error.status_code, body)
    if error.error == "invalid_client":
        response.status_code = 401
        response.headers["WWW-Authenticate"] = 'Basic realm="mindpeeker-issuer"'
    return response


def http_error(error: HTTPException) -> Response:
    """Write an HTTP error (404, 405, 413 …) as JSON; its own headers, such as ``Allow``, stay."""
    code = "server_error" if (error.code or 500) >= 500 else "invalid_request"  # noqa: PLR2004
    response = Response(json.dumps({"error": code, "error_description": f"{error.name}."}), error.code or 500)
    response.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    response.content_type = "application/json"
    return no_store(response)
