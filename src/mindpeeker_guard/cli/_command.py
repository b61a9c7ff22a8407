"""What all subcommands share: ``--json`` and ``--debug``, output that no terminal obeys, a sign that work goes on."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeVar

import click
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from mindpeeker_guard._http import Fetcher, Limits, Session
from mindpeeker_guard.cli._exits import SettingError
from mindpeeker_guard.settings import PREFIX, SETTINGS, from_prefixed

F = TypeVar("F", bound=Callable[..., Any])

_LIMITS: Final = {"CONNECT_TIMEOUT": 2.0, "TIMEOUT": 5.0, "MAX_BYTES": 262_144.0}  # a guard's defaults
_MOST: Final = 2.0**31

_BOX: Final = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_BLANKS: Final = re.compile(r"(?:(?!\n)\s)+$", re.MULTILINE)

STYLES: Final = {
    "ok": "green",
    "failed": "bold red",
    "warning": "yellow",
    "problem": "bold red",
    "skipped": "dim",
}


def json_option(function: F) -> F:
    """Add ``--json`` (given as `as_json`) and ``--debug`` to a command."""
    debug = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks, and the log.")
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object; errors too.")
    return as_json(debug(function))


def console(*, err: bool = False) -> Console:
    """Return where to print: 80 columns and no colour where it is no terminal, or NO_COLOR is set."""
    return Console(stderr=err, markup=False, highlight=False, emoji=False, soft_wrap=False)


def limits() -> Limits:
    """Return how long and how much one fetch may take: what the guard's settings in the environment say.

    Raises:
        SettingError: A setting is wrong.
    """
    try:
        given = from_prefixed(os.environ)
        numbers = {name: SETTINGS[name](given[name]) if name in given else usual for name, usual in _LIMITS.items()}
    except ValueError as error:
        raise SettingError(f"A limit in the environment cannot be read: {error}.") from None
    if not all(0 < number < _MOST for number in numbers.values()):
        raise SettingError(f"{', '.join(PREFIX + name for name in _LIMITS)} must be numbers above 0.")
    return Limits(numbers["CONNECT_TIMEOUT"], numbers["TIMEOUT"], int(numbers["MAX_BYTES"]))


@contextmanager
def session() -> Iterator[Session]:
    """Yield what fetches documents within the guard's limits.

    Raises:
        SettingError: The environment has a proxy or certificates that no client can be made with.
    """
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(Fetcher(limits()).session())
        except SettingError:
            raise
        except Exception as error:  # what a client makes of a wrong environment has many types
            text = f"No HTTP client can be made: {error or type(error).__name__}"
            hint = "Look at the proxies, SSL_CERT_FILE and SSL_CERT_DIR in the environment."
            raise SettingError(f"{text.rstrip('.')}.", hint) from error
        yield opened


@contextmanager
def working(words: str) -> Iterator[None]:
    """Show on a terminal that something takes its time."""
    out = console(err=True)
    if not out.is_terminal:
        yield
        return
    with out.status(Text(f"{words} ..."), spinner="line"):
        yield


def print_json(members: Mapping[str, Any]) -> None:
    """Print one JSON object, in ASCII: what is in it may come from anybody."""
    click.echo(json.dumps(members, indent=2, default=str).replace("\x7f", "\\u007f"))


def show(*things: RenderableType) -> None:
    """Print to standard output, without blanks at the end of lines."""
    out = console()
    with out.capture() as captured:
        for thing in things:
            out.print(thing)
    click.echo(_BLANKS.sub("", captured.get()), nl=False, color=out.is_terminal or None)


def table(*columns: str) -> Table:
    """Return an empty table with a line under its head."""
    made = Table(box=_BOX, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def pairs(title: str, rows: Mapping[str, str]) -> Table:
    """Return a titled list of names and values."""
    made = Table(
        box=None, title=title, title_justify="left", title_style="bold", show_header=False, padding=(0, 2, 0, 0)
    )
    made.add_column(overflow="fold", min_width=12)
    made.add_column(overflow="fold")
    for name, value in rows.items():
        made.add_row(Text(f"  {name}"), Text(value))
    return made


def verdict(word: str) -> Text:
    """Return a verdict with its colour; the word alone says it all."""
    return Text(word.upper() if word in {"failed", "problem"} else word, style=STYLES[word])


def note(text: str) -> None:
    """Say something on standard error: standard output is for the answer."""
    click.echo(text, err=True)


def stdin_bytes(limit: int) -> bytes:
    """Read standard input, one byte past `limit` at most: enough to know."""
    return sys.stdin.buffer.read(limit + 1)
