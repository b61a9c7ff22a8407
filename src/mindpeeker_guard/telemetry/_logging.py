"""Decisions as records of the standard library's logging."""

from __future__ import annotations

import logging

from mindpeeker_guard._decisions import Decision
from mindpeeker_guard.telemetry._fields import members

_SERVER_ERROR = 500
_LONGEST_METHOD = 32


class LogRecords:
    """A hook that writes a log record for each decision.

    The message has outcome, method and route; all fields are attributes of the record, with ``guard_`` in front, so
    that a JSON formatter finds them: ``guard_outcome``, ``guard_scheme``, ``guard_duration`` in seconds.

    Args:
        logger: The logger to write to.
        allowed: The level for requests that are let in.
        refused: The level for refusals. What the guard could not decide (503) is a warning at least.
    """

    def __init__(
        self,
        logger: logging.Logger | str = "mindpeeker_guard.decisions",
        *,
        allowed: int = logging.DEBUG,
        refused: int = logging.INFO,
    ) -> None:
        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._allowed = allowed
        self._refused = refused

    def __call__(self, decision: Decision) -> None:
        """Write the record."""
        level = self._level(decision)
        if self._logger.isEnabledFor(level):
            extra = {f"guard_{name}": value for name, value in members(decision).items()}
            place = f"{_one_word(decision.method)} {decision.route or '-'}"
            self._logger.log(level, "%s: %s", place, decision.outcome, extra=extra)

    def _level(self, decision: Decision) -> int:
        if decision.status is None:
            return self._allowed
        return max(self._refused, logging.WARNING) if decision.status >= _SERVER_ERROR else self._refused


def _one_word(method: str | None) -> str:
    """Return the method, or a question mark for what a client must not write into a log."""
    if method is None:
        return "-"
    return method if len(method) <= _LONGEST_METHOD and method.isascii() and method.isprintable() else "?"
