"""Tokens from standard input, a file or a variable, however they were copied; never from the command line."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from mindpeeker_guard.cli._command import stdin_bytes
from mindpeeker_guard.cli._exits import InputError

F = TypeVar("F", bound=Callable[..., Any])

MAX_INPUT: Final = 64 * 1024
"""How many bytes are read: a token has 16 KiB at most, a token response some more."""

_BOMS: Final = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_PREFIX: Final = re.compile(r"\s*(?:authorization\s*:\s*)?bearer\s+", re.IGNORECASE)
_TOKEN_LIKE: Final = re.compile(r"eyJ|mp_[a-z0-9]+_[A-Za-z0-9_]{20,}|[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}|.{200}")
_PIPE: Final = "Pipe it in, or name a file that holds it, or a variable with --token-env."


class Given(NamedTuple):
    """A token, and what had to be taken off to get at it."""

    token: str
    notes: tuple[str, ...]


def token_options(function: F) -> F:
    """Add where the token comes from, given as `file` and `token_env`."""
    file = click.argument("file", required=False)
    variable = click.option("--token-env", metavar="NAME", help="Read the token from this environment variable.")
    return file(variable(function))


def read_token(file: str | None, token_env: str | None) -> Given:
    """Return the token that `file` (``-`` or None: standard input) or the variable holds.

    Raises:
        InputError: There is none, or it cannot be read as text.
        click.UsageError: The arguments contradict each other, or standard input is a terminal.
    """
    if file is not None and token_env is not None:
        raise click.UsageError("Give a file or --token-env, not both.")
    text = _variable(token_env) if token_env is not None else _text(_bytes(file))
    given = _cleaned(text)
    if not given.token:
        raise InputError("There is no token: the input is empty.", _PIPE, code="token_missing")
    return given


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise InputError("There is no such environment variable.", "--token-env takes the variable's name.")
    return value


def _bytes(file: str | None) -> bytes:
    if file is None or file == "-":
        if sys.stdin is None or (file is None and sys.stdin.isatty()):
            raise click.UsageError(f"There is no token. {_PIPE}")
        return read_file("-")
    return read_file(file)


def read_file(file: str, limit: int = MAX_INPUT) -> bytes:
    """Return what is in a file; ``-`` is standard input.

    Raises:
        InputError: It cannot be read, or is too large.
        click.UsageError: The name is a token itself.
    """
    if _TOKEN_LIKE.match(file):
        raise click.UsageError(
            f"A token on the command line stays in the shell's history and is seen by other users. {_PIPE}"
        )
    if file == "-":
        return _bounded(stdin_bytes(limit), limit)
    try:
        with Path(file).open("rb") as opened:
            return _bounded(opened.read(limit + 1), limit)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file has such a name"
        raise InputError(f"The file {file!r} cannot be read: {reason}.") from None


def _bounded(raw: bytes, limit: int) -> bytes:
    if len(raw) > limit:
        raise InputError(f"The input has more than {limit} bytes.", "Give what is needed, and nothing else.")
    return raw


def _text(raw: bytes) -> str:
    """Decode, with the marks that shells on Windows put in front."""
    encoding = next((name for mark, name in _BOMS.items() if raw.startswith(mark)), "utf-8")
    try:
        return raw.decode(encoding)
    except ValueError:
        raise InputError("The input is not text.", "A token is text: give the token itself.") from None


def _cleaned(text: str) -> Given:
    notes = []
    token = text.strip()
    if token.startswith("{"):
        token = _from_response(token)
        notes.append("Took access_token out of a token response.")
    bare = _unquoted(token)
    prefix = _PREFIX.match(bare)
    if prefix is not None:
        bare = _unquoted(bare[prefix.end() :].strip())
        notes.append("Took the scheme in front of the token off.")
    elif bare != token:
        notes.append("Took the quotes around the token off.")
    return Given(bare, tuple(notes))


def _unquoted(text: str) -> str:
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`" else text


def _from_response(text: str) -> str:
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(
            "The input begins like JSON, but is none.", "Give the token, or a whole token response."
        ) from None
    token = members.get("access_token")
    if isinstance(token, str):
        return token.strip()
    if "error" in members:
        raise InputError("This is an error of a token endpoint, with no token in it.", code="token_missing")
    raise InputError("The JSON object has no access_token.", "Give the token, or a whole token response.")
