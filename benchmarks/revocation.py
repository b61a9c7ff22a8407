"""What it costs to ask on every request whether a token was revoked, and how long a revocation takes to be everywhere.

The check is what a guard with a list adds to the same guard without one, for a token that it remembers. The time is
from the call of ``revoke`` until the last of several processes that follow one Redis refuses the token.
"""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, Final

from benchmarks import ours
from benchmarks.harness import Candidate, Row, Subject, UnavailableError, check_verdicts, compared, loop
from benchmarks.tokens import AUDIENCE, ISSUER, SigningKey, bad_tokens, raw_verify, signing_key
from mindpeeker_guard import Guard, JWTBearer
from mindpeeker_guard._flow import run
from mindpeeker_guard.state import MemoryState
from mindpeeker_guard.state.redis import RedisState

_ADDED: Final = "Revocation check, added to a hot request"
_SPREAD: Final = "Revocation, until every process refuses"
_GOAL: Final = 0.05
_LIMIT: Final = 1.0
_SENTENCE: Final = "mindpeeker-guard, Redis"

_FOLLOWER: Final = """
import sys, time
from mindpeeker_guard import Principal
from mindpeeker_guard._flow import run
from mindpeeker_guard.state.redis import RedisState
revocations = RedisState(sys.argv[1]).revocations
run(revocations.prepare())
print("ready", flush=True)
caller, end = Principal(token_id="the one"), time.monotonic() + 30
while not revocations.is_revoked(caller) and time.monotonic() < end:
    time.sleep(0.001)
print(time.time(), flush=True)
"""


def rows(rounds: int, processes: int = 8, entries: int = 10_000) -> list[Row]:
    """Measure the check with a list in memory and with one in Redis, and the way of a revocation."""
    logging.getLogger("mindpeeker_guard").setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        try:
            url: str | None = stack.enter_context(_server())
        except UnavailableError as error:
            url, why = None, str(error)
        found = _check(rounds, entries, lambda: _on_redis(stack, url))
        if url is not None:
            return [*found, _spread(url, processes)]
        return [*found, Row(group=_SPREAD, name=_SENTENCE, who="ours", text=f"not measured: {why}", unit="s")]


def _check(rounds: int, entries: int, on_redis: Callable[[], Any]) -> list[Row]:
    key = signing_key()
    bare = Subject("a hot request", loop(_call(key, None)))
    lists: list[tuple[str, Callable[[], Any]]] = [
        ("mindpeeker-guard, nothing revoked", lambda: MemoryState().revocations),
        (f"mindpeeker-guard, {entries:,} in memory", lambda: _filled(MemoryState().revocations, entries)),
        (f"{_SENTENCE}, {entries:,}", lambda: _filled(on_redis(), entries)),
    ]
    candidates = [Candidate(name, "ours", lambda n=name, m=make: _subject(n, key, m()), _GOAL) for name, make in lists]
    return compared(_ADDED, raw_verify(key), candidates, rounds, minus=bare)


def _on_redis(stack: ExitStack, url: str | None) -> Any:
    if url is None:
        raise UnavailableError("no Redis")
    state = RedisState(url)
    stack.callback(state.close)
    run(state.revocations.prepare())
    return state.revocations


def _filled(revocations: Any, entries: int) -> Any:
    for number in range(entries // 2):
        revocations.revoke(token_id=f"token-{number}")
        revocations.revoke(subject=f"subject-{number}")
    return revocations


def _call(key: SigningKey, revocations: Any) -> Callable[[], object]:
    guard = Guard(JWTBearer(ISSUER, AUDIENCE, keys=key.jwks), revocations=revocations)
    check = ours.checking(guard)
    call = check(key.token())
    check_verdicts(call, {what: check(token) for what, token in bad_tokens(key).items()})
    return call


def _subject(name: str, key: SigningKey, revocations: Any) -> Subject:
    revocations.revoke(token_id="revoked")
    guard = Guard(JWTBearer(ISSUER, AUDIENCE, keys=key.jwks), revocations=revocations)
    revoked = ours.checking(guard)(key.token({"jti": "revoked"}))
    check_verdicts(lambda: None, {"revoked": revoked})
    return Subject(name, loop(_call(key, revocations)))


def _spread(url: str, processes: int) -> Row:
    command = [sys.executable, "-c", _FOLLOWER, url]
    followers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    for follower in followers:
        assert follower.stdout is not None
        follower.stdout.readline()
    state = RedisState(url)
    start = time.time()
    state.revocations.revoke(token_id="the one")
    seen = [float(follower.communicate(timeout=60)[0]) for follower in followers]
    state.close()
    note = f"{processes} processes, the slowest"
    return Row(group=_SPREAD, name=_SENTENCE, who="ours", value=max(seen) - start, goal=_LIMIT, note=note, unit="s")


@contextmanager
def _server() -> Iterator[str]:
    """Start a Redis of our own that keeps nothing, and yield its URL."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None or find_spec("redis") is None:
        raise UnavailableError("no redis-server, or no redis-py")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        try:
            _await(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait(20)


def _await(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise UnavailableError("redis-server does not answer")
