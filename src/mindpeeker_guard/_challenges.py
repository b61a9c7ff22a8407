"""From an error to the complete answer: the only writer of ``WWW-Authenticate`` and of error bodies.

RFC 6750 section 3 for the challenges, RFC 9470 for step-up, RFC 9728 section 5.1 for ``resource_metadata``, RFC 9457
for the bodies.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from mindpeeker_guard._types import Refusal
from mindpeeker_guard.errors import (
    AnswerError,
    AuthError,
    InsufficientScopeError,
    RateLimitedError,
    StepUpRequiredError,
    UnavailableError,
)

Problem = Mapping[str, Any]
Renderer = Callable[[AnswerError, Problem], tuple[str, bytes]]

_CHALLENGED = frozenset({400, 401, 403})
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_PROBLEM = "application/problem+json"
_to_json = json.JSONEncoder(separators=(",", ":")).encode


def render_problem(error: AnswerError, problem: Problem) -> tuple[str, bytes]:  # noqa: ARG001 - a renderer's signature
    """Return the default body: problem details in JSON (RFC 9457)."""
    return _PROBLEM, _to_json(problem).encode("utf-8")


class Challenges:
    """Writes the answers of one guard.

    Args:
        schemes: The schemes of its authenticators, the one to offer first in front.
        realm: The protection space that challenges name.
        resource_metadata: The URL of the protected resource's metadata, if it is served.
        renderer: Makes content type and body out of an error and its problem details.
    """

    def __init__(
        self, schemes: Iterable[str], realm: str, resource_metadata: str | None, renderer: Renderer = render_problem
    ) -> None:
        self._schemes = tuple(schemes)
        self._realm = realm
        self._resource_metadata = resource_metadata
        self._renderer = renderer

    def refusal(self, error: AnswerError) -> Refusal:
        """Return the complete answer to `error`."""
        content_type, body = self._content(error)
        headers = [("Content-Type", content_type), ("Cache-Control", "no-store")]
        if isinstance(error, AuthError) and error.status in _CHALLENGED:
            # One header for all challenges (RFC 9110 section 11.6.1): not every framework can repeat one.
            headers.append(
                ("WWW-Authenticate", ", ".join(self._challenge(name, error) for name in self._offered(error)))
            )
        if isinstance(error, RateLimitedError | UnavailableError):
            headers.append(("Retry-After", str(max(1, math.ceil(error.retry_after)))))
        if isinstance(error, RateLimitedError):
            headers += error.fields
        return Refusal(error.status, tuple(headers), body)

    def _content(self, error: AnswerError) -> tuple[str, bytes]:
        if self._renderer is render_problem and not error.members():
            return _usual_content(error.status, error.error, error.description)
        return self._renderer(error, problem(error))

    def _offered(self, error: AnswerError) -> Sequence[str]:
        """Return the schemes that the route accepts, in the guard's order; all where there would be none to name."""
        return [scheme for scheme in self._schemes if scheme in error.schemes] or self._schemes

    def _challenge(self, scheme: str, error: AnswerError) -> str:
        parameters = {"realm": self._realm}
        if error.error is not None:
            parameters |= {"error": error.error, "error_description": error.description}
        if isinstance(error, InsufficientScopeError) and error.scopes:
            parameters["scope"] = " ".join(error.scopes)
        if isinstance(error, StepUpRequiredError):
            parameters |= _step_up(error)
        if self._resource_metadata is not None:
            parameters["resource_metadata"] = self._resource_metadata
        return f"{scheme} " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())


def _step_up(error: StepUpRequiredError) -> dict[str, str]:
    parameters = {}
    if error.acr_values:
        parameters["acr_values"] = " ".join(error.acr_values)
    if error.max_age is not None:
        parameters["max_age"] = str(error.max_age)
    return parameters


def problem(error: AnswerError) -> dict[str, Any]:
    """Return the problem details of `error`, with RFC 6750's members beside them."""
    return {**_details(error.status, error.error, error.description), **error.members()}


def _details(status: int, error: str | None, description: str) -> dict[str, Any]:
    details = {"type": "about:blank", "title": _PHRASES[status], "status": status, "detail": description}
    return details if error is None else details | {"error": error, "error_description": description}


@lru_cache(maxsize=128)
def _usual_content(status: int, error: str | None, description: str) -> tuple[str, bytes]:
    """Return what `render_problem` makes of an error that has nothing of its own: most have a fixed body."""
    return _PROBLEM, _to_json(_details(status, error, description)).encode("utf-8")


def quoted(value: str) -> str:
    """Return `value` as a quoted string (RFC 9110 section 5.6.4); what no header may hold becomes a question mark."""
    safe = "".join(c if " " <= c <= "~" else "?" for c in value)
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'
