"""What a client offers: one request to one application, and its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tests.contract.resources import METHODS

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: The HTTP status.
        headers: The headers, with names in small letters.
        body: The body, as a server would send it: none for HEAD.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client(Protocol):
    """Sends requests to an application of one framework."""

    def send(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """Send a request. Header values are characters of latin-1; `path` may have a query."""


ANY_METHOD = frozenset(METHODS)
HANDSHAKE = frozenset({"GET"})
"""A WebSocket handshake is a GET request without a body (RFC 6455 section 4.1)."""
