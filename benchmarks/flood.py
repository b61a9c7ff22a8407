"""What callers notice of a flood of tokens with bad signatures: one process, real sockets, 5,000 requests a second.

The application, the flood and the caller are processes of their own. The caller sends one request every few
milliseconds, with a token that the application knows, and notes how long each takes; the median with the flood is
divided by the median without, in turn.
"""

from __future__ import annotations

import http.client
import json
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, Final

from benchmarks.harness import Row, UnavailableError, why
from benchmarks.tokens import AUDIENCE, ISSUER, bad_tokens, signing_key
from mindpeeker_guard import Guard, JWTBearer
from mindpeeker_guard.asgi import GuardMiddleware

_GROUP: Final = "Junk flood: a caller's median latency, as a multiple of the quiet one"
_RATE: Final = 5_000
_CONNECTIONS: Final = 32
_CALLS: Final = 300
_PAUSE: Final = 0.003
_GOAL: Final = 2.0
_PROXIES: Final = ["127.0.0.0/8"]


def rows(rounds: int = 5) -> list[Row]:
    """Measure with the shield and without."""
    found = []
    for shield, name in ((True, "with the shield"), (False, "without it")):
        who: Any = "ours" if shield else "reference"
        try:
            ratio, rate, quiet = _measured(rounds, shield=shield)
        except Exception as error:  # noqa: BLE001 - what cannot be measured here must not end the run
            found.append(Row(group=_GROUP, name=name, who=who, text=why(error), unit="x"))
            continue
        note = f"{rate:,.0f} junk requests a second, {quiet * 1000:.2f} ms quiet"
        goal = _GOAL if shield else None
        found.append(Row(group=_GROUP, name=name, who=who, value=ratio, goal=goal, unit="x", note=note))
    return found


def _measured(rounds: int, *, shield: bool) -> tuple[float, float, float]:
    key = signing_key()
    token, junk = key.token(), bad_tokens(key)["forged"]
    job = json.dumps({"keys": key.jwks, "shield": shield})
    command = [sys.executable, "-m", "benchmarks.flood", "serve", "{port}", job]
    ratios, rates, quiets = [], [], []
    with process(command) as port:
        _latency(port, token)
        for _ in range(rounds):
            quiet = _latency(port, token)
            with _flooding(port, junk) as rate:
                flooded = _latency(port, token)
            ratios.append(flooded / quiet)
            quiets.append(quiet)
            rates.append(rate[0])
    return median(ratios), median(rates), median(quiets)


def _latency(port: int, token: str) -> float:
    """Return the median time of a caller's requests, in seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.7"}
    times = []
    for _ in range(_CALLS):
        time.sleep(_PAUSE)
        start = time.perf_counter()
        connection.request("GET", "/", headers=headers)
        response = connection.getresponse()
        response.read()
        times.append(time.perf_counter() - start)
        if response.status != http.client.OK:
            raise UnavailableError(f"a caller got {response.status}")
    connection.close()
    return median(times)


@contextmanager
def _flooding(port: int, junk: str) -> Iterator[list[float]]:
    """Flood while the block runs; what is yielded has the rate afterwards."""
    rate: list[float] = []
    command = [sys.executable, "-m", "benchmarks.flood", "flood", str(port), junk]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield rate
        finally:
            rate.append(float(child.communicate("stop\n", timeout=30)[0]))


@contextmanager
def process(command: Sequence[str]) -> Iterator[int]:
    """Run a server until the block ends; yield its port once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    program = shutil.which(command[0])
    if program is None:
        raise UnavailableError(f"needs {command[0]}")
    filled = [program, *(part.replace("{port}", str(port)) for part in command[1:])]
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        cwd = None if command[0] == sys.executable else folder
        server = subprocess.Popen(filled, cwd=cwd, **quiet)  # type: ignore[call-overload]
        try:
            _await(server, port)
            yield port
        finally:
            server.terminate()
            server.wait(30)


def _await(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise UnavailableError("the server does not start")


def _serve(port: int, job: dict[str, Any]) -> None:
    import uvicorn  # noqa: PLC0415 - only this process needs it

    async def application(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    bearer = JWTBearer(ISSUER, AUDIENCE, keys=job["keys"])
    guard = Guard(bearer, shield=job["shield"], trusted_proxies=_PROXIES)
    app: Any = GuardMiddleware(application, guard)
    uvicorn.run(app, port=port, log_level="critical", access_log=False, proxy_headers=False, lifespan="off")


def _flood(port: int, junk: str) -> None:
    """Send evenly, over many connections, until there is a line to read; tell how many were answered a second."""
    request = (
        f"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.66\r\nAuthorization: Bearer {junk}\r\n\r\n"
    ).encode("ascii")
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    idle = []
    for _ in range(_CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        idle.append(connection)
    print("ready", flush=True)
    start, sent, answered = time.perf_counter(), 0, 0
    while True:
        due = (time.perf_counter() - start) * _RATE
        while idle and sent < due:
            idle.pop(0).sendall(request)
            sent += 1
        for ready, _ in selector.select(0.0002):
            if ready.fileobj is sys.stdin:
                print(answered / (time.perf_counter() - start), flush=True)
                return
            # One answer may come in two pieces.
            if ready.fileobj.recv(65_536).startswith(b"HTTP/1.1 "):  # type: ignore[union-attr]
                answered += 1
                idle.append(ready.fileobj)  # type: ignore[arg-type]


if __name__ == "__main__":
    _, what, number, text = sys.argv
    if what == "serve":
        _serve(int(number), json.loads(text))
    else:
        _flood(int(number), text)
