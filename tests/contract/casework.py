"""What a case is, and how its tokens are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contract.expected import Expected
from tests.contract.guards import NOW
from tests.support.tokens import token

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Case:
    """One request and its answer.

    Attributes:
        name: What is tried.
        expected: The answer.
        headers: Name and value of each header, in order.
        path: The resource, perhaps with a query.
        method: The HTTP method.
        guard: The name of the guard that decides.
        body: The body of the request.
    """

    name: str
    expected: Expected
    headers: Headers = ()
    path: str = "/read"
    method: str = "GET"
    guard: str = "plain"
    body: bytes = b""


def authorization(*values: str) -> Headers:
    """Return that many ``Authorization`` headers."""
    return tuple(("Authorization", value) for value in values)


def bearer(**changes: Any) -> Headers:
    """Return the header with a good token, but for the changes named; see `tests.support.tokens.token`."""
    return authorization(f"Bearer {token(now=NOW, **changes)}")
