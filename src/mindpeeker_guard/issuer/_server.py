"""Authlib's authorization server with our clients, our tokens and our answers.

Another flow is one more ``register_grant`` in `AuthorizationServer` and one more name in ``GRANT_TYPES``.
"""

from __future__ import annotations

from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer as _FlaskAuthorizationServer
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant as _ClientCredentialsGrant
from flask import Flask, Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from mindpeeker_guard.issuer._answers import json_answer, oauth_error
from mindpeeker_guard.issuer._authority import Authority
from mindpeeker_guard.issuer._clients import AUTH_METHODS, authenticate_basic, authenticate_post

MAX_BODY = 64 * 1024  # bytes
_FORM = "application/x-www-form-urlencoded"


class ClientCredentialsGrant(_ClientCredentialsGrant):  # type: ignore[misc]  # Authlib has no types
    """A client asks for a token of its own (RFC 6749 section 4.4)."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS


class AuthorizationServer(_FlaskAuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """The authorization server of one `Authority`."""

    def __init__(self, app: Flask, authority: Authority) -> None:
        super().__init__(app, query_client=authority.clients.get, save_token=_keep_nothing)
        self.register_token_generator("default", authority.token_response)
        self.register_client_auth_method("client_secret_basic", authenticate_basic)
        self.register_client_auth_method("client_secret_post", authenticate_post)
        self.register_grant(ClientCredentialsGrant)

    def handle_response(self, status_code: int, payload: Any, headers: Any) -> Response:
        """Write a grant's answer."""
        return json_answer(status_code, payload, headers)

    def handle_error_response(self, request: Any, error: Any) -> Response:  # noqa: ARG002  # Authlib's signature
        """Write a grant's refusal."""
        return oauth_error(error)


def check_token_request(request: Request) -> None:
    """Refuse what is no token request at all, before Authlib reads it (RFC 6749 section 3.2).

    Raises:
        InvalidRequestError: It has a query, is no form, or lacks or repeats a parameter.
        HTTPException: The body is too large, or broke off.
    """
    if len(request.get_data()) > MAX_BODY:
        raise RequestEntityTooLarge
    # Credentials do not belong into a URL (RFC 6749 section 2.3.1), and Authlib reads query and form as one.
    if request.query_string:
        raise InvalidRequestError("Parameters belong into the body.")
    if request.mimetype != _FORM:
        raise InvalidRequestError(f"The body must be {_FORM}.")
    if any(len(values) > 1 for _, values in request.form.lists()):
        raise InvalidRequestError("A parameter is repeated.")
    if not request.form.get("grant_type"):
        raise InvalidRequestError("The parameter grant_type is missing.")


def _keep_nothing(token: Any, request: Any) -> None:
    """Access tokens are self-contained: there is nothing to store."""
