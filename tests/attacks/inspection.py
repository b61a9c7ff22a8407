"""What became of a hostile credential: the verdict on it, and what an answer and the logs say."""

from __future__ import annotations

import logging
import re

from tests.contract.clients.base import Answer

from mindpeeker_guard import AuthError


def verdict(decide) -> str | None:
    """Return the code of the refusal; None for none. Any other exception is a bug."""
    try:
        decide()
    except AuthError as error:
        return error.code
    return None


def secrets(token: str) -> list[str]:
    """Return the parts of a token by which it could be recognised in a log."""
    return [part for part in re.split(r"[.\s,]", token) if len(part) >= 12]


def seen(answer: Answer) -> str:
    """Return all of an answer as text."""
    return f"{answer.headers}\n{answer.body!r}"


def logged(caplog) -> str:
    """Return everything that any logger was told, with the arguments and extras of each record."""
    formatter = logging.Formatter()
    return "\n".join(f"{formatter.format(record)} {record.__dict__}" for record in caplog.records)
