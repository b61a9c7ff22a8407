"""What a `JWTBearer` holds tokens against, as a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mindpeeker_guard._keys import KeySource


class Rules(NamedTuple):
    """What a `JWTBearer` holds tokens against; see its arguments."""

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    leeway: float
    strict: bool
    keys: KeySource
    clock: Callable[[], float]
