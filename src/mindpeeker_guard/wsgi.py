"""Guard a whole WSGI application (PEP 3333), or one mounted below another."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._requests import WSGIRequest
from mindpeeker_guard._types import Principal, Refusal, Requirement
from mindpeeker_guard._views import PRINCIPAL_KEY, note_headers, remember, take_headers
from mindpeeker_guard.errors import AnswerError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["GuardMiddleware", "principal_of"]


class GuardMiddleware:
    """Lets through to `app` what meets one requirement.

    Args:
        app: The application to guard.
        guard: Decides.
        requirement: What every request must meet; by default, any good credential.
    """

    def __init__(self, app: WSGIApplication, guard: Guard, requirement: Requirement | None = None) -> None:
        self._app = app
        self._guard = guard
        self._requirement = requirement or Requirement()
        guard.validate(self._requirement)

    @property
    def guarded(self) -> tuple[WSGIApplication, Guard, Requirement]:
        """The application behind this middleware, who decides, and what everybody must meet."""
        return self._app, self._guard, self._requirement

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        request = WSGIRequest(environ)
        try:
            remember(environ, self._guard, self._guard.check(request, self._requirement))
        except AnswerError as error:
            return _answer(self._guard.refusal(error), environ, start_response)
        if self._guard.is_limited:
            note_headers(environ, request)
            start_response = _with_headers(environ, start_response)
        return self._app(environ, start_response)


def principal_of(environ: dict[str, Any]) -> Principal | None:
    """Return who calls; None where a credential is optional and there is none.

    Raises:
        LookupError: The request did not come through `GuardMiddleware`.
    """
    if PRINCIPAL_KEY not in environ:
        raise LookupError("This request did not pass a GuardMiddleware.")
    principal: Principal | None = environ[PRINCIPAL_KEY]
    return principal


def _with_headers(environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """Return `start_response`, but for the headers that are kept in `environ`, which the answer has besides its own."""

    def start_with_headers(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        own = {name.lower() for name, _ in headers}
        headers += [pair for pair in take_headers(environ) if pair[0].lower() not in own]
        return start_response(status, headers, *more)

    return start_with_headers


def _answer(refusal: Refusal, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    headers = [*refusal.headers, ("Content-Length", str(len(refusal.body)))]
    start_response(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", headers)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [refusal.body]
