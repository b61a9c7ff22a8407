"""The issuer of a simulated world: what it publishes, how it fails, and a shared cache in front of it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.simulation.pool import Key

from mindpeeker_guard._http import Answer, FetchError

OUTAGES: Final = (
    "refused",
    "status",
    "html",
    "empty",
    "no set",
    "no list",
    "secret keys",
    "too many",
    "retry after",
    "not modified",
)
_SECRET: Final = {"kty": "oct", "k": "AAAA", "kid": "sim-0", "alg": "HS256"}
_GARBAGE: Final[tuple[Any, ...]] = (_SECRET, "no key", {"kty": "EC", "crv": "P-256", "x": "", "y": "", "kid": "sim-0"})


@dataclass(frozen=True, slots=True)
class Document:
    """What was published at a time."""

    keys: frozenset[Key]
    tag: str
    since: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What one fetch comes to.

    Attributes:
        document: What was published when the issuer answered; None where the answer is not a good one.
        unchanged: Whether the answer only says that nothing has changed.
        outcome: What the network hands over.
        retry_after: The seconds that the issuer asked to wait.
        max_age: The seconds for which the issuer says that the answer stays fresh.
        delay: The seconds that it takes.
    """

    document: Document | None
    unchanged: bool
    outcome: Answer | FetchError
    retry_after: float
    max_age: float | None
    delay: float


class Issuer:
    """Publishes keys and signs with one of them. Times are those of a clock that nobody sets."""

    def __init__(self, rng: random.Random, keys: Iterable[Key]) -> None:
        self.rng = rng
        self.unused = list(keys)
        self.published: list[Key] = []
        self.published_at: dict[Key, float] = {}
        self.withdrawn_at: dict[Key, float] = {}
        self.signing: Key = self.unused[0]
        self.outage: str | None = None
        self.max_age: float | None = None
        self.sends_tags = True
        self.delays = (0.0, 0.0)
        self.cached_for = 0.0
        self._version = 0
        self._document = Document(frozenset(), "", 0)
        self._copy = self._document
        self._copied_at = float("-inf")

    def publish(self, now: float, *, use: bool) -> Key:
        """Publish another key, at once in use or not yet. Keys come back after a long time."""
        key = self.unused.pop(0)
        for twin in [other for other in self.published if other.kid == key.kid]:
            self.withdraw(twin, now)
        self.published.append(key)
        self.published_at[key] = now
        self.withdrawn_at.pop(key, None)
        if use or self.signing not in self.published:
            self.signing = key
        self._republish(now)
        return key

    def withdraw(self, key: Key, now: float) -> None:
        """Publish `key` no more."""
        self.published.remove(key)
        self.unused.append(key)
        self.withdrawn_at[key] = now
        self._republish(now)

    def reply(self, headers: Mapping[str, str], now: float) -> Reply:
        """Answer a fetch that arrives `now`."""
        delay = self.rng.uniform(*self.delays)
        if self.outage is not None:
            return self._failure(self.outage, headers, delay)
        if "no-cache" in headers.get("cache-control", "") or now >= self._copied_at + self.cached_for:
            self._copy, self._copied_at = self._document, now
        document = self._copy
        validators = {"if-none-match": document.tag} if self.sends_tags else {}
        unchanged = headers.get("if-none-match") == document.tag
        members = None if unchanged else {"keys": self._jwks(document)}
        answer = Answer(members, self.max_age, {} if unchanged else validators)
        return Reply(document, unchanged, answer, 0, self.max_age, delay)

    def _republish(self, now: float) -> None:
        self._version += 1
        self._document = Document(frozenset(self.published), f'"{self._version}"', now)

    def _jwks(self, document: Document) -> list[Any]:
        """Return the keys in any order, now and then with entries that nobody can use."""
        entries = [key.jwk for key in sorted(document.keys, key=lambda key: key.name)]
        if self.rng.random() < 0.2:
            entries += self.rng.sample(_GARBAGE, 2)
            self.rng.shuffle(entries)
        return entries

    def _failure(self, kind: str, headers: Mapping[str, str], delay: float) -> Reply:
        asked = self.rng.choice([0.5, 5, 60, 300, 4000]) if kind == "retry after" else 0
        documents: dict[str, dict[str, Any] | None] = {
            "empty": {"keys": []},
            "no set": {"error": "not here"},
            "no list": {"keys": {"kid": "sim-0"}},
            "secret keys": {"keys": [_SECRET] * 3},
            "too many": {"keys": [self.signing.jwk] * 129},
            "not modified": None,
        }
        if kind in documents:
            answer = Answer(documents[kind], self.max_age, {})
            unchanged = kind == "not modified" and "if-none-match" in headers
            return Reply(None, unchanged, answer, 0, self.max_age, delay)
        error = FetchError(kind, retry_after=asked, answered=kind != "refused")
        return Reply(None, False, error, asked, None, delay)
