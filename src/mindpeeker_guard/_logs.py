"""The package's loggers. ``logging`` is imported with the first line that is written: not every process writes one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mindpeeker_guard.errors import AnswerError

if TYPE_CHECKING:
    from logging import Logger

_WARNING = 30
_INFO = 20
_SERVER_ERROR = 500


@cache
def logger(name: str) -> Logger:
    """Return the logger `name`."""
    from logging import getLogger  # noqa: PLC0415 - a fifth of the package's import time

    return getLogger(name)


def log_refusal(error: AnswerError) -> None:
    """Note why a request was refused: the code, and the reason that the client is not told."""
    logger("mindpeeker_guard").log(
        _WARNING if error.status >= _SERVER_ERROR else _INFO,
        "%s %s: %s",
        error.status,
        error.code,
        error.reason or type(error).__name__,
        extra={"mindpeeker_code": error.code, "mindpeeker_status": error.status},
    )
