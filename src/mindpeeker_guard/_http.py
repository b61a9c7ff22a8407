"""Fetch a JSON document within limits: https, no redirects, so many bytes, so many seconds.

Everything here blocks and runs in the key source's own worker thread. The HTTP client is imported at the first fetch.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from mindpeeker_guard._http_times import clock_offset as _clock_offset
from mindpeeker_guard._http_times import max_age as _max_age
from mindpeeker_guard._http_times import retry_after as _retry_after
from mindpeeker_guard._http_times import seconds as _seconds
from mindpeeker_guard._json import InvalidJSONError, load_object
from mindpeeker_guard._version import __version__
from mindpeeker_guard._worker import fork_gate
from mindpeeker_guard.errors import ConfigurationError

T = TypeVar("T")

_OK: Final = 200
_NOT_MODIFIED: Final = 304
_RETRYABLE: Final = frozenset({429, 500, 502, 503, 504})


class FetchError(Exception):
    """A document could not be had.

    Attributes:
        retry_after: The seconds that the server asked to wait, at most 300; 0 where it did not ask.
        answered: Whether an HTTP answer came at all.
    """

    def __init__(self, reason: str, *, retry_after: float = 0.0, answered: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.answered = answered


class Answer(NamedTuple):
    """A good answer.

    Attributes:
        members: The document; None where the server says that nothing has changed.
        max_age: The seconds for which the answer stays fresh, as far as the server tells.
        validators: Request headers that ask for a document only if it has changed.
        clock_offset: How many seconds the server's clock is ahead of ours; None where it does not tell.
    """

    members: dict[str, Any] | None
    max_age: float | None
    validators: Mapping[str, str]
    clock_offset: float | None = None


class Posted(NamedTuple):
    """What came of a form: the HTTP status, good or bad, and the JSON object of the answer."""

    status: int
    members: dict[str, Any]


class Limits(NamedTuple):
    """How long and how much one fetch may take: seconds, and bytes after decompression."""

    connect_timeout: float
    timeout: float
    max_bytes: int


def check_url(url: str, setting: str) -> str:
    """Return `url`, if it is https, or http to a loopback address.

    Raises:
        ConfigurationError: It is neither; the text names `setting`.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except (ValueError, AttributeError, TypeError):
        host, parts = None, urlsplit("")
    if (
        not host
        or parts.username is not None
        or parts.fragment
        or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))
    ):
        # A password in it is none of the log's business.
        shown = "" if "@" in str(url) else f": {url!r}"
        raise ConfigurationError(f"{setting} must be an https URL (http only for a loopback address){shown}.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Fetcher:
    """Opens sessions: one client and one deadline for everything that one refresh needs.

    Args:
        limits: Timeouts and size.
        client: An ``httpx`` (or ``httpx2``) client to use; by default a new one for each refresh.
    """

    def __init__(self, limits: Limits, client: Any = None) -> None:
        self._limits = limits
        self._client = client

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a client, start the deadline, and yield what fetches until then."""
        with ExitStack() as stack:
            with fork_gate:  # a new client reads the certificates of all authorities
                client = self._client or http_library().Client(follow_redirects=False)
            if client is not self._client:
                stack.enter_context(client)
            session = Session(client, self._limits)
            stack.callback(session.handshake.close)
            # Timeouts of the client are for each read: a server that drips a byte at a time would never meet them.
            watchdog = threading.Timer(self._limits.timeout, session.abort)
            watchdog.daemon = True
            watchdog.start()
            stack.callback(watchdog.cancel)
            yield session


class Session:
    """Fetches JSON documents until a deadline. `handshake` is open while a fork must wait for one."""

    def __init__(self, client: Any, limits: Limits) -> None:
        self._client = client
        self._limits = limits
        self._deadline = time.monotonic() + limits.timeout
        self._sockets: list[socket.socket] = []
        self._aborted = False
        self.handshake = ExitStack()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Fetch `url`, with one retry where the connection failed or the server said that it is busy.

        Raises:
            FetchError: It could not be had, or is no JSON object within the limits.
        """
        try:
            return self._try(url, headers or {})
        except _BusyError:
            return self._try(url, headers or {})

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Posted:
        """Send a form, once: what a second try would do is not ours to know.

        Raises:
            FetchError: There was no answer, or it is no JSON object within the limits.
        """
        return self._exchange(
            lambda response: Posted(response.status_code, self._members(response)), "POST", url, headers or {}, form
        )

    def abort(self) -> None:
        """End what is under way, from another thread."""
        self._aborted = True
        for connected in self._sockets:
            with suppress(OSError):
                # Not SSLSocket.shutdown: it takes the encryption off first, and what is read then is anybody's.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)

    def _try(self, url: str, headers: Mapping[str, str]) -> Answer:
        return self._exchange(self._read, "GET", url, headers)

    def _exchange(
        self, read: Callable[[Any], T], method: str, url: str, headers: Mapping[str, str], data: Any = None
    ) -> T:
        library = _library_of(self._client)
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise FetchError("timed out")
        options = {
            "headers": {**_HEADERS, **headers},
            "timeout": library.Timeout(remaining, connect=min(remaining, self._limits.connect_timeout)),
            "follow_redirects": False,
            "extensions": {"trace": self._trace},
        }
        try:
            with self._client.stream(method, url, data=data, **options) as response:
                answer = read(response)
        except (library.ConnectError, library.ConnectTimeout) as error:
            raise _BusyError(type(error).__name__) from None
        except (library.HTTPError, library.InvalidURL, library.StreamError, *_BROKEN) as error:
            raise FetchError("timed out" if self._aborted else type(error).__name__) from None
        if self._aborted:
            raise FetchError("timed out")
        return answer

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Note each connection that is made, for `abort`, and let nobody fork amid a handshake (httpx, "trace")."""
        if event.endswith("start_tls.started"):
            self.handshake.enter_context(fork_gate)
        elif event.endswith(("start_tls.complete", "start_tls.failed")):
            self.handshake.close()
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self._aborted:
                self.abort()

    def _read(self, response: Any) -> Answer:
        retry_after = _retry_after(response.headers.get("retry-after"))
        if response.status_code in _RETRYABLE and not retry_after:
            raise _BusyError(f"HTTP status {response.status_code}", answered=True)
        if response.status_code not in {_OK, _NOT_MODIFIED}:
            raise FetchError(f"HTTP status {response.status_code}", retry_after=retry_after, answered=True)
        members = self._members(response) if response.status_code == _OK else None
        names = {"etag": "if-none-match", "last-modified": "if-modified-since"}
        validators = {sent: response.headers[got] for got, sent in names.items() if got in response.headers}
        age = _seconds(response.headers.get("age"))
        max_age = _max_age(response.headers.get("cache-control", ""))
        return Answer(
            members,
            max_age=None if max_age is None else max(0.0, max_age - age),
            validators=validators,
            clock_offset=_clock_offset(response.headers.get("date"), age),
        )

    def _members(self, response: Any) -> dict[str, Any]:
        try:
            return load_object(self._body(response))
        except InvalidJSONError as error:
            raise FetchError(f"JSON: {error}", answered=True) from None

    def _body(self, response: Any) -> bytes:
        unpack = _unpacker(response.headers.get("content-encoding", "identity"))
        body = bytearray()
        for chunk in response.iter_raw():
            # One byte over the limit is enough to know: a compressed answer never unfolds further than that.
            body += unpack(chunk, self._limits.max_bytes + 1 - len(body))
            if len(body) > self._limits.max_bytes:
                raise FetchError(f"more than {self._limits.max_bytes} bytes", answered=True)
            if time.monotonic() > self._deadline:
                raise FetchError("timed out", answered=True)
        return bytes(body)


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """Return a function that unpacks a chunk into at most so many bytes."""
    if encoding.lower() in {"gzip", "x-gzip", "deflate"}:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress
    if encoding.lower() == "identity":
        return lambda chunk, most: chunk[:most]
    raise FetchError("an encoding that was not asked for", answered=True)


class _BusyError(FetchError):
    """Worth one more try at once."""


_BROKEN: Final = (OSError, RuntimeError, ValueError, zlib.error)
_HEADERS: Final = {
    "accept": "application/json, application/jwk-set+json",
    "accept-encoding": "identity",
    # Minutes lie between two fetches, and a connection that is kept would be shared with processes forked meanwhile.
    "connection": "close",
    "user-agent": f"mindpeeker-guard/{__version__}",
}


def http_library() -> ModuleType:
    """Return ``httpx2`` where it is installed, else ``httpx``: the two have the same API."""
    try:
        import httpx2 as library  # noqa: PLC0415 - loaded at the first fetch, not with the package
    except ImportError:
        import httpx as library  # type: ignore[no-redef]  # noqa: PLC0415
    return library


def _library_of(client: Any) -> ModuleType:
    """Return the library that `client` is of: the application may give one of either."""
    roots = (cls.__module__.partition(".")[0] for cls in type(client).__mro__)
    return next((sys.modules[root] for root in roots if root in {"httpx", "httpx2"}), http_library())
