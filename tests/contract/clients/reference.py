"""The guard itself, blocking and awaited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.contract.clients.base import Answer, Headers
from tests.contract.clients.gateways import run
from tests.contract.resources import JSON, OPEN, RESOURCES, Requirements, show

from mindpeeker_guard import AnswerError, Guard, Request

_NEEDED = {path: make(Requirements) for path, make in RESOURCES.items()}


class _Direct:
    def __init__(self, guard: Guard, check: Callable[..., Any]) -> None:
        self._guard = guard
        self._check = check

    def send(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """Ask the guard, and answer as it says."""
        del body
        plain = path.partition("?")[0]
        try:
            request = Request(method, f"http://testserver{path}", headers)
            principal = None if plain == OPEN else self._check(request, _NEEDED[plain])
        except AnswerError as error:
            refusal = self._guard.refusal(error)
            fields = {name.lower(): value for name, value in refusal.headers}
            return Answer(refusal.status, fields, b"" if method == "HEAD" else refusal.body)
        answer = show(principal)
        fields = {"content-type": JSON} | {name.lower(): value for name, value in request.answer_headers}
        return Answer(200, fields, b"" if method == "HEAD" else answer)


def direct(guard: Guard) -> _Direct:
    """Ask with `check`."""
    return _Direct(guard, guard.check)


def direct_async(guard: Guard) -> _Direct:
    """Ask with `acheck`."""
    return _Direct(guard, lambda *args: run(guard.acheck(*args)))
