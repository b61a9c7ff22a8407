"""What a guard may look at of a request: method, URL, headers, cookies, peer; never a body.

`Request` is the plain form. `WSGIRequest` and `ASGIRequest` read the two gateway interfaces of Python directly, and
only what is asked for, so that a guarded route pays for the one header it reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, cast
from urllib.parse import quote

_PATH: Final = "/;=,:@!$&'()*+~"  # what stays as it is in a path (RFC 3986 section 3.3)

_FIRST: Final = itemgetter(0)


class Request:
    """A request as a guard sees it.

    Args:
        method: The HTTP method; ``GET`` for the handshake of a WebSocket.
        url: The URL that the caller used.
        headers: Name and value of each header, repeated names in order.
        peer: The address of the other end of the connection.
        route: The route as the framework names it, such as ``/v1/sessions/{id}``; for telemetry only.
        view: The name of what answers the request, for rate limits of its own; by default `route`.
    """

    __slots__ = ("_fields", "_headers", "_method", "_peer", "_route", "_url", "_view")

    def __init__(  # noqa: PLR0913 - all that a guard may look at
        self,
        method: str = "GET",
        url: str = "",
        headers: Iterable[tuple[str, str]] | Mapping[str, str] = (),
        *,
        peer: str | None = None,
        route: str | None = None,
        view: str | None = None,
    ) -> None:
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self._method = method
        self._url = url
        self._headers = tuple((name.lower(), value) for name, value in pairs)
        self._peer = peer
        self._route = route
        self._view = view

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self._method

    @property
    def url(self) -> str:
        """The URL that the caller used, as far as the server knows it."""
        return self._url

    @property
    def peer(self) -> str | None:
        """The address of the other end of the connection."""
        return self._peer

    @property
    def route(self) -> str | None:
        """The route as the framework names it; None where it does not tell."""
        return self._route

    @property
    def view(self) -> str | None:
        """The name of what answers the request, the same for all of its URLs; None where nothing is known."""
        return getattr(self, "_view", None) or self.route

    @property
    def answer_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that the answer should have, if the request is let through; set by the guard that decides."""
        return getattr(self, "_fields", ())

    def note(self, headers: tuple[tuple[str, str], ...]) -> None:
        """Set `answer_headers`."""
        self._fields = headers

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies; none where the header is not well-formed."""
        from http.cookies import CookieError, SimpleCookie  # noqa: PLC0415 - few guards read cookies

        jar = SimpleCookie()
        try:
            jar.load("; ".join(self.values("cookie")))
        except CookieError:
            return {}
        return {name: morsel.value for name, morsel in jar.items()}

    @property
    def authorization(self) -> str | None:
        """The one ``Authorization`` header; None where there is none, or several."""
        values = self.values("authorization")
        return values[0] if len(values) == 1 else None

    def values(self, name: str) -> Sequence[str]:
        """Return every value of the header `name` (in small letters), in order."""
        return [value for key, value in self._headers if key == name]


@lru_cache(maxsize=64)
def _environ_name(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"


class WSGIRequest(Request):
    """A request read from a WSGI environ (PEP 3333). Servers join repeated headers with a comma."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    @property
    def method(self) -> str:
        """The HTTP method."""
        return cast("str", self._environ.get("REQUEST_METHOD", "GET"))

    @property
    def url(self) -> str:
        """The URL that the caller used, as far as the server knows it (PEP 3333, URL reconstruction)."""
        environ = self._environ
        host = environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME', '')}:{environ.get('SERVER_PORT', '')}"
        path = quote(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""), safe=_PATH, encoding="latin-1")
        query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
        return f"{environ.get('wsgi.url_scheme', 'http')}://{host}{path}{query}"

    @property
    def peer(self) -> str | None:
        """The address of the other end of the connection."""
        return self._environ.get("REMOTE_ADDR")

    @property
    def route(self) -> str | None:
        """Nothing: only a framework knows routes."""
        return None

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header, of several what the server made of them; None where there is none."""
        return self._environ.get("HTTP_AUTHORIZATION")

    def values(self, name: str) -> Sequence[str]:
        """Return every value of the header `name` (in small letters), in order."""
        value = self._environ.get(_environ_name(name))
        return () if value is None else (value,)


class ASGIRequest(Request):
    """A request or WebSocket handshake read from an ASGI connection scope."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._scope = scope

    @property
    def method(self) -> str:
        """The HTTP method; ``GET`` for a WebSocket handshake (RFC 6455 section 4.1)."""
        return cast("str", self._scope.get("method", "GET"))

    @property
    def url(self) -> str:
        """The URL that the caller used, as far as the server knows it."""
        scope = self._scope
        server = scope.get("server") or ("", None)
        host = next(iter(self.values("host")), None) or (f"{server[0]}:{server[1]}" if server[1] else server[0])
        raw = scope.get("raw_path")
        path = raw.decode("latin-1") if raw else quote(scope.get("path", ""), safe=_PATH)
        query = scope.get("query_string", b"").decode("latin-1")
        return f"{scope.get('scheme', 'http')}://{host}{path}{'?' + query if query else ''}"

    @property
    def peer(self) -> str | None:
        """The address of the other end of the connection."""
        client = self._scope.get("client")
        return client[0] if client else None

    @property
    def route(self) -> str | None:
        """Nothing: only a framework knows routes."""
        return None

    @property
    def authorization(self) -> str | None:
        """The one ``Authorization`` header; None where there is none, or several."""
        headers = self._scope["headers"]
        if type(headers) is not list:  # any iterable will do
            headers = [*headers]
        names = [*map(_FIRST, headers)]
        if names.count(b"authorization") != 1:
            return None
        found: bytes = headers[names.index(b"authorization")][1]
        return found.decode("latin-1")

    def values(self, name: str) -> Sequence[str]:
        """Return every value of the header `name` (in small letters), in order."""
        wanted = name.encode("latin-1")
        return [value.decode("latin-1") for key, value in self._scope["headers"] if key == wanted]
