"""The ways in which an issuer can fail to give its keys, as a table."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from tests.faults.issuer import Behaviour, Connection, Issuer, answer, published
from tests.faults.rig import PATIENCE, TIMEOUT

_HEAD = b"HTTP/1.1 200 OK\r\n"
_LONG = _HEAD + b"Content-Length: 100000\r\n\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Fault:
    """One way to fail.

    Attributes:
        name: The name of the test.
        behave: What the issuer does with connections; None where there are none.
        tries: How many requests one fetch makes: two where the failure is worth a second try.
        stalls: Whether connections are neither accepted nor refused.
        hangs: Whether a fetch has no end but its time limit.
    """

    name: str
    behave: Behaviour | None
    tries: int = 1
    stalls: bool = False
    hangs: bool = False

    @property
    def limit(self) -> float:
        """The seconds to give to a fetch: few where they are what ends it, else more than any machine needs."""
        return TIMEOUT if self.hangs else PATIENCE

    def begin(self, issuer: Issuer) -> None:
        """Make `issuer` fail."""
        if self.behave is not None:
            issuer.behave = self.behave
        elif self.stalls:
            issuer.stall()
        else:
            issuer.refuse()

    def end(self, issuer: Issuer, behave: Behaviour) -> None:
        """Make `issuer` work again."""
        issuer.behave = behave
        if self.behave is None:
            issuer.listen()


def _after_request(data: bytes, drip: bytes | None = None, *, reset: bool = False, every: float = 0.02) -> Behaviour:
    """Send `data`, then drip, break the connection, or do nothing for ever."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(data)
        if drip is not None:
            connection.drip(drip, every)
        elif reset:
            connection.reset()
        else:
            connection.hold()

    return behave


def _hang(connection: Connection) -> None:
    """Accept, and not even read."""
    connection.hold()


def _hang_up(connection: Connection) -> None:
    connection.request()


def _chunks(connection: Connection) -> None:
    """Send chunks of one byte each, without end."""
    connection.request()
    connection.send(_CHUNKED)
    connection.drip(b"1\r\n \r\n")


def _bomb() -> bytes:
    """Return 100 MB of blanks, packed."""
    packer = zlib.compressobj(wbits=31)
    block = b" " * (1 << 20)
    return b"".join(packer.compress(block) for _ in range(100)) + packer.flush()


FAULTS = [
    Fault("refused", None),
    Fault("queue full", None, stalls=True, hangs=True),
    Fault("reset at once", Connection.reset),
    Fault("reset amid the body", _after_request(_LONG + b'{"keys":', reset=True)),
    Fault("hung up", _hang_up),
    Fault("never reads", _hang, hangs=True),
    Fault("never answers", _after_request(b""), hangs=True),
    Fault("stops amid the body", _after_request(_LONG + b'{"keys":'), hangs=True),
    Fault("drips a header", _after_request(_HEAD + b"X-Slow: ", b"x"), hangs=True),
    Fault("drips headers", _after_request(_HEAD, b"X-Slow: x\r\n"), hangs=True),
    Fault("drips the body", _after_request(_LONG, b" "), hangs=True),
    Fault("drips chunks", _chunks, hangs=True),
    Fault("drips interim answers", _after_request(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), hangs=True),
    Fault("headers without end", _after_request(_HEAD, b"X-Long: " + b"x" * 8192 + b"\r\n", every=0.0001)),
    Fault("body without end", _after_request(_HEAD + b"\r\n", b" " * 65_536, every=0.0001)),
    Fault("500", answer(status=500), tries=2),
    Fault("503 with Retry-After", answer(status=503, Retry_After="7")),
    Fault("429", answer(status=429), tries=2),
    Fault("404", answer(status=404)),
    Fault("204", answer(status=204)),
    Fault("304 that was not asked for", answer(status=304)),
    Fault("redirect", answer(published("a", "b"), status=302, Location="/elsewhere")),
    Fault("HTML", answer(b"<!doctype html><title>Maintenance</title>", Content_Type="text/html")),
    Fault("nothing", answer(b"")),
    Fault("not HTTP", _after_request(b"\x00\xff\x15 no protocol that anybody speaks\r\n\r\n")),
    Fault("not JSON", answer(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))),
    Fault("nested", answer(b'{"keys":' + b"[" * 100_000)),
    Fault("10 MB", answer({"keys": published("b")["keys"], "x": "x" * 10_000_000})),
    Fault("bomb", answer(_bomb(), Content_Encoding="gzip")),
    Fault("encoding nobody asked for", answer(published("b"), Content_Encoding="br")),
    Fault("no key", answer({"keys": []})),
    Fault("no usable key", answer({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "b"}]})),
    Fault("error object", answer({"error": "temporarily_unavailable"})),
]
