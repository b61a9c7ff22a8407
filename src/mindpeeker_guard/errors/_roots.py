"""What all errors have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class GuardError(Exception):
    """The root of everything this package raises on purpose."""


class ConfigurationError(GuardError, ValueError):
    """A setting is wrong or missing. The text names it and says what to write."""


class AnswerError(GuardError):
    """A request that is not let through: something with a status, a code and a sentence.

    Attributes:
        status: The HTTP status of the answer.
        error: RFC 6750's error code for the challenge, or None where the challenge carries none.
        code: A stable short name for logs, metrics and tests.
        description: One fixed sentence for the client; never a value out of the request.
        reason: What was seen, for the log; never a credential.
        is_guess: Whether it is what one who makes credentials up would get. An honest client that is late, or has
            taken one API for another, gets something else.
        schemes: The schemes that the route accepts, which are those that the answer offers; empty for all of the guard.
    """

    status: ClassVar[int]
    error: ClassVar[str | None] = None
    code: ClassVar[str]
    is_guess: ClassVar[bool] = False
    description: str

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or self.description)
        self.reason = reason
        self.schemes: tuple[str, ...] = ()

    def members(self) -> Mapping[str, object]:
        """Return what the problem details have besides status, title, description and RFC 6750's members."""
        return {}


class AuthError(AnswerError):
    """The caller is refused."""
