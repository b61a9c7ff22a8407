"""What tests of API keys share: a clock, stores that count or fail, services, keys written by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zlib import crc32

from mindpeeker_guard.api_keys import APIKeys, MemoryStore

NOW: Final = 1_700_000_000.0
PEPPER: Final = "a pepper of the tests, and nothing else"
OPERATIONS: Final = ("add", "get", "list", "revoke", "rotate", "touch")
DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Clock:
    """The time, as the test sets it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def after(self, seconds: float) -> datetime:
        return self.moment + timedelta(seconds=seconds)


class Store:
    """A memory store that counts what it is asked, and does what the test wants before it answers, or after."""

    def __init__(self) -> None:
        self.inner = MemoryStore()
        self.asked: Counter[str] = Counter()
        self.before: dict[str, Callable[[], Any]] = {}
        self.after: dict[str, Callable[[], Any]] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in OPERATIONS:
            raise AttributeError(name)

        def operation(*args: Any, **options: Any) -> Any:
            self.asked[name] += 1
            self.before.get(name, bool)()
            result = getattr(self.inner, name)(*args, **options)
            self.after.get(name, bool)()
            return result

        return operation

    def fail(self, error: BaseException, *names: str) -> None:
        """Let the operations named, or all, raise `error` instead of answering."""

        def throw() -> None:
            raise error

        self.before = dict.fromkeys(names or OPERATIONS, throw)


class AsyncStore(Store):
    """The same with coroutine functions."""

    def __getattr__(self, name: str) -> Any:
        plain = super().__getattr__(name)

        async def operation(*args: Any, **options: Any) -> Any:
            return plain(*args, **options)

        return operation


def service(store: Any = None, **options: Any) -> APIKeys:
    """Return a service with a clock that stands at `NOW`, unless the test says otherwise."""
    return APIKeys(MemoryStore() if store is None else store, **({"pepper": PEPPER, "clock": Clock()} | options))


def sealed(body: str) -> str:
    """Put the checksum behind `body`, worked out by hand."""
    number, digits = crc32(body.encode()), []
    while number:
        number, digit = divmod(number, 62)
        digits.append(DIGITS[digit])
    return body + "".join(reversed(digits)).rjust(6, "0")


def with_secret(key: str, secret: str = "A" * 32) -> str:
    """Return a key with the environment and id of `key`, another secret, and the right checksum."""
    return sealed(f"{key[:-38]}{secret}")
