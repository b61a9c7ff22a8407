"""The issuer's routes, as a Flask application."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from mindpeeker_guard.issuer._answers import cacheable_answer, http_error, oauth_error
from mindpeeker_guard.issuer._authority import JWKS_PATH, TOKEN_PATH, Authority
from mindpeeker_guard.issuer._server import MAX_BODY, AuthorizationServer, check_token_request

_log = logging.getLogger("mindpeeker_guard.issuer")


class TrustedTransport:
    """WSGI middleware that tells the application what a proxy with TLS would: https, and a fixed host name.

    Authlib refuses requests whose URL is plain http, and its switch for that is an environment variable, which would
    unlock every other Authlib server in the process. It builds the URL from the ``Host`` header, so even loopback would
    depend on what a client writes there. Whether plain http is safe was decided where the socket was bound.
    """

    def __init__(self, app: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self._app({**environ, "wsgi.url_scheme": "https", "HTTP_HOST": "localhost"}, start_response)


def create_app(authority: Authority, count: Callable[[str], None]) -> Flask:
    """Make the application.

    Args:
        authority: Who answers.
        count: Called with the path of every request.
    """
    app = Flask("mindpeeker_guard.issuer", static_folder=None)
    # One byte more than a token request may have: Werkzeug cuts a chunked body off at its limit without a word.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY + 1
    app.url_map.merge_slashes = False  # no redirects, ever
    app.wsgi_app = TrustedTransport(app.wsgi_app)  # type: ignore[method-assign]
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(OAuth2Error, oauth_error)
    app.before_request(lambda: count(request.path))
    app.after_request(_finish)
    _add_routes(app, authority)
    return app


def _add_routes(app: Flask, authority: Authority) -> None:
    server = AuthorizationServer(app, authority)

    @app.post(TOKEN_PATH)
    def token() -> Any:
        check_token_request(request)
        return server.create_token_response()

    @app.get(JWKS_PATH)
    def jwks() -> Response:
        return cacheable_answer(authority.keys.jwks())

    @app.get(authority.metadata_path)
    def metadata() -> Response:
        return cacheable_answer(authority.metadata())


def _finish(response: Response) -> Response:
    """Log a route and a status. A path may be anything a client writes, so only paths of ours are named."""
    route = request.url_rule.rule if request.url_rule else "another path or method"
    _log.debug("answered %s with %d", route, response.status_code)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
