"""A PostgreSQL server of the tests' own, which can be killed, frozen and started again."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.support.ports import free_port

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/bin")
# Nothing here must outlive a power cut.
_OPTIONS = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "250", "timezone": "Asia/Tokyo"}


def binaries() -> Path:
    """Return the folder of the newest PostgreSQL; skip the test where there is none, and fail in CI."""
    found = [path.parent for place in _PLACES for path in Path("/").glob(f"{place[1:]}/initdb")]
    found += [Path(path).parent for path in [shutil.which("initdb")] if path]
    if not found or (os.geteuid() == 0 and not _owner()) or not Path("/proc/self/stat").exists():
        reason = "needs Linux, and PostgreSQL's server: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return max(found, key=lambda path: [int(part) for part in path.parts if part.isdigit()])


def _owner() -> dict[str, str]:
    """Return who runs the server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    with contextlib.suppress(KeyError):
        pwd.getpwnam("postgres")
        return {"user": "postgres", "group": "postgres"}
    return {}


def eventually(holds: Callable[[], object], longest: float = 30.0) -> None:
    """Wait until `holds`, and fail where it does not come to that."""
    end = time.monotonic() + longest
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


class PostgresServer:
    """A server on a free port of the loopback, with its data in a temporary folder."""

    def __init__(self) -> None:
        self._binaries = binaries()
        self._home = Path(tempfile.mkdtemp(prefix="mpkeys-"))
        if owner := _owner():
            shutil.chown(self._home, owner["user"], owner["group"])
        self.port = free_port()
        self._databases: set[str] = set()
        self._process: subprocess.Popen[bytes] | None = None
        initdb = [self._binaries / "initdb", "-D", self._home / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8"]
        self._run([*initdb, "--no-sync", "--no-instructions", "--locale=C.UTF-8"])

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.url(database), autocommit=True)

    def database(self, name: str) -> str:
        """Return the URL of a database, made at the first call. It sorts as people do, where the server can do that."""
        if name in self._databases:
            return self.url(name)
        self._databases.add(name)
        with self.connect() as connection:
            try:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
            except psycopg.Error:
                connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def start(self) -> None:
        options = [word for name, value in _OPTIONS.items() for word in ("-c", f"{name}={value}")]
        command = [self._binaries / "postgres", "-D", self._home / "data", "-k", self._home, "-p", str(self.port)]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-c", "listen_addresses=127.0.0.1", *options], stdout=log, stderr=log, **_owner(), cwd="/"
            )
        eventually(self._answers)

    def kill(self) -> None:
        """End the server and all of its backends as a power cut would."""
        processes = self._processes()
        _signal(processes, signal.SIGKILL)
        self._process.wait()
        self._process = None
        eventually(lambda: not any(_is_alive(process) for process in processes))

    @contextlib.contextmanager
    def frozen(self):
        """Have no process of the server do anything: the system still takes what is sent to them."""
        processes = self._processes()
        try:
            _signal(processes, signal.SIGSTOP)
            yield
        finally:
            _signal(processes, signal.SIGCONT)

    def waits_for_a_lock(self) -> bool:
        """Tell whether somebody does."""
        with self.connect() as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
        return row[0] > 0

    def close(self) -> None:
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._home / "log").read_text(errors="replace")
        with contextlib.suppress(psycopg.OperationalError):
            self.connect().close()
            return True
        return False

    def _processes(self) -> list[int]:
        """Return the server and its children, the server first: it starts no others then."""
        return [self._process.pid, *_children(self._process.pid)]

    def _run(self, command: list[object]) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd="/", **_owner())


def _signal(processes: list[int], number: int) -> None:
    """Send a signal to those that are still there."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _children(parent: int) -> list[int]:
    return [pid for pid, (_, its_parent) in _listed().items() if its_parent == parent]


def _is_alive(process: int) -> bool:
    """Tell whether a process runs; one that is over and that nobody has asked about does not."""
    state, _ = _listed().get(process, ("Z", 0))
    return state not in {"Z", "X"}


def _listed() -> dict[int, tuple[str, int]]:
    """Return all processes of the system: the state and the parent of each."""
    listed = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, *_ = stat.read_text(errors="replace").rpartition(")")[2].split()
            listed[int(stat.parent.name)] = (state, int(parent))
    return listed
