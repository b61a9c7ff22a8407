"""Events as lines of JSON: an audit log that programs read."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

from mindpeeker_guard._worker import on_fork
from mindpeeker_guard.errors import ConfigurationError
from mindpeeker_guard.telemetry._fields import is_event, members, plain, time_text


class JSONLines:
    """A hook that writes one line of JSON for each event: a decision, a change to an API key.

    A line has ``time`` (RFC 3339, UTC), ``event`` (the kind of event) and the fields of the event that say something. A
    file is opened for appending, readable by its owner, and each line is written at once and whole, so that several
    processes may share it.

    Args:
        target: A path, or a text stream to write to.
        only: Which events to write; by default all. ``lambda event: not event.is_allowed`` keeps refusals.
        clock: Tells the time for events that have none, in seconds since the epoch.

    Raises:
        ConfigurationError: The file cannot be opened.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | TextIO,
        *,
        only: Callable[[Any], bool] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = _opened(target) if isinstance(target, str | os.PathLike) else None
        self._stream = None if isinstance(target, str | os.PathLike) else target
        self._only = only
        self._clock = clock
        self._lock = threading.Lock()
        on_fork(self, JSONLines._renew)

    def __call__(self, event: Any) -> None:
        """Write the event.

        Raises:
            OSError: The file cannot be written to.
            TypeError: `event` is neither a named tuple nor a dataclass.
        """
        if not is_event(event):
            raise TypeError("an event is a named tuple or a dataclass")
        if self._only is not None and not self._only(event):
            return
        line = self._line(event)
        with self._lock:
            if self._file is not None:
                self._append(self._file, line.encode("ascii"))
            elif self._stream is not None:
                self._stream.write(line)
                self._stream.flush()

    def close(self) -> None:
        """Close the file, if it is one of ours; what comes later is not written."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                os.close(file)

    @staticmethod
    def _append(file: int, line: bytes) -> None:
        # One system call on a file opened for appending: the lines of several processes do not mix.
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, "the line was not written whole")

    def _line(self, event: Any) -> str:
        found = {name: plain(value) for name, value in members(event).items()}
        at = found.pop("at", None)
        when = at if isinstance(at, str) else time_text(self._clock() if at is None else at)
        # Escaped, so that no value can begin a line of its own.
        return json.dumps({"time": when, "event": type(event).__name__, **found}, separators=(",", ":")) + "\n"

    def _renew(self) -> None:
        # The thread that held the lock at a fork does not exist in the child.
        self._lock = threading.Lock()


def _opened(path: str | os.PathLike[str]) -> int:
    try:
        # Who calls what is nobody's business: a new file is its owner's alone.
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise ConfigurationError(f"{os.fspath(path)} cannot be written to: {error.strerror}.") from error
