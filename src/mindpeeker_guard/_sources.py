"""Where a request comes from: the address that budgets are kept by.

A header that tells the caller's address is believed only from a proxy on the list, and only as far as proxies on the
list wrote it: it is read from its end, to the first address that is no such proxy's. Whatever stands before that, the
caller may have made up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from mindpeeker_guard._requests import Request
from mindpeeker_guard.errors import ConfigurationError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNIX: Final = "unix"
"""In place of a network: the proxy at the other end of a Unix socket, which has no address."""

UNKNOWN: Final = "unknown"
"""The source of requests whose address is none, all of them together."""

_HEADERS: Final = ("x-forwarded-for", "forwarded")
_HOPS: Final = 32  # longer chains are cut at the caller's end
_LONGEST: Final = 64  # characters; no address is longer, with its port and its brackets
_SUBSCRIBER_BITS: Final = 64  # of an IPv6 address: who has one of these networks has all its addresses


class TrustedProxies:
    """The proxies in front of the application, whose word on the caller's address counts.

    Args:
        networks: Their addresses or networks, such as ``"10.0.0.0/8"``; ``"unix"`` for one that connects through a Unix
            socket.
        header: The header in which they put the address: ``X-Forwarded-For``, or ``Forwarded`` (RFC 7239). Only one
            counts: a proxy that writes one may pass on the other as the caller made it up.

    Raises:
        ConfigurationError: A network is none, or the header is neither of the two.
    """

    __slots__ = ("_header", "_networks", "_unix", "trusts")

    def __init__(self, *networks: str, header: str = "X-Forwarded-For") -> None:
        if not isinstance(header, str) or header.lower() not in _HEADERS:
            raise ConfigurationError(f"header must be 'X-Forwarded-For' or 'Forwarded': {header!r}.")
        self._header = header.lower()
        self._unix = UNIX in networks
        self._networks = tuple(_network(text) for text in networks if text != UNIX)
        # Tells whether an address, or None for a Unix socket, is a proxy's; the same few are asked about all the time.
        self.trusts: Callable[[Address | None], bool] = lru_cache(maxsize=1024)(self._trusts)

    @classmethod
    def of(cls, value: TrustedProxies | Iterable[str]) -> TrustedProxies:
        """Return `value`, or proxies made of the networks in it.

        Raises:
            ConfigurationError: See above.
        """
        if isinstance(value, TrustedProxies):
            return value
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ConfigurationError(f"trusted_proxies must be a list of networks: {value!r}.")
        return cls(*value)

    def hops(self, request: Request) -> list[str]:
        """Return what the header says, the nearest hop first."""
        read = _forwarded if self._header == "forwarded" else _x_forwarded_for
        return read(request.values(self._header))[: -_HOPS - 1 : -1]

    def _trusts(self, address: Address | None) -> bool:
        if address is None:
            return self._unix
        return any(address in network for network in self._networks if network.version == address.version)

    def __repr__(self) -> str:
        names = [*map(str, self._networks), *([UNIX] if self._unix else [])]
        return f"TrustedProxies({', '.join(map(repr, names))})"


class Sources:
    """Tells where requests come from.

    Args:
        trusted: The proxies in front; empty for none, None where nobody has said whether there are any.
    """

    __slots__ = ("_trusted", "declared")

    def __init__(self, trusted: TrustedProxies | Iterable[str] | None) -> None:
        self.declared: Final = trusted is not None
        self._trusted = TrustedProxies.of(() if trusted is None else trusted)

    def of(self, request: Request) -> str:
        """Return the caller's IPv4 address or IPv6 /64 network, or `UNKNOWN`."""
        peer = request.peer
        address = None if peer is None else parse_address(peer)
        if (address is None and peer is not None) or not self._trusted.trusts(address):
            return UNKNOWN if address is None else _source(address)
        return _source_or_unknown(self._behind(address, request))

    def of_somebody(self, request: Request) -> str | None:
        """Return the same, but None where many callers may share it: whoever is cut off there is cut off with them.

        That is so for an address of a proxy; and, where nobody has said which proxies there are, for each that is not
        a public one: it may be a proxy's that is not known, whether it adds a header or not.
        """
        source = self.of(request)
        if self.declared:
            peer = request.peer
            is_proxy = peer is None or source == UNKNOWN or self._is_proxys(source)
            return None if is_proxy else source
        return source if _is_public(source) else None

    def _is_proxys(self, source: str) -> bool:
        return self._trusted.trusts(_first_address(source))

    def _behind(self, address: Address | None, request: Request) -> Address | None:
        """Return the first address that is no proxy's, from the near end; the last proxy's where there is none."""
        for text in self._trusted.hops(request):
            hop = parse_address(text)
            if hop is None:
                return address  # a proxy that does not know, or does not tell
            address = hop
            if not self._trusted.trusts(hop):
                break
        return address


def parse_address(text: str) -> Address | None:
    """Return the address in `text`, with or without a port, brackets, or a zone; None where it is none."""
    return _parsed(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    text = text.strip(" \t")
    if text.startswith("["):
        text, closed, port = text[1:].partition("]")
        if not closed or (port and not _is_port(port)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit()


@lru_cache(maxsize=4096)
def _source(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> _SUBSCRIBER_BITS << _SUBSCRIBER_BITS, _SUBSCRIBER_BITS)))


def _source_or_unknown(address: Address | None) -> str:
    return UNKNOWN if address is None else _source(address)


@lru_cache(maxsize=4096)
def _first_address(source: str) -> Address:
    return ip_address(source.partition("/")[0])


@lru_cache(maxsize=4096)
def _is_public(source: str) -> bool:
    return source != UNKNOWN and _first_address(source).is_global


def _x_forwarded_for(values: Sequence[str]) -> list[str]:
    return [hop for value in values for hop in value.split(",")]


def _forwarded(values: Sequence[str]) -> list[str]:
    """Return the ``for`` of each element (RFC 7239 section 4); an empty string where an element has none."""
    return [_for(element) for value in values for element in value.split(",")]


def _for(element: str) -> str:
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip(" \t").lower() == "for":
            return value.strip(" \t").strip('"')
    return ""


def _network(text: Any) -> Network:
    try:
        # A number would be taken for an address.
        return ip_network(text if isinstance(text, str) else "")
    except ValueError as error:
        raise ConfigurationError(f"trusted_proxies has {text!r}, which is no network: {error}") from None
