"""What makes guards see somebody else for the length of a test.

The core has no switch for this. While an override is active, the methods of `Guard` that decide are replaced, in the
open, by ones that ask a stand-in of the same guard: the same scope rules, realm and clock, but other authenticators.
The replacement is for the whole process, because test clients run applications in threads and event loops of their own,
which a context variable of the test would not reach. When the last override ends, `Guard` is as it was.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final
from weakref import WeakKeyDictionary

from mindpeeker_guard._guard import Guard
from mindpeeker_guard._logs import logger
from mindpeeker_guard._types import Authenticator
from mindpeeker_guard.errors import ConfigurationError

Authenticators = tuple[Authenticator, ...]

_METHODS: Final = ("check", "acheck", "revoke", "arevoke", "warm_up", "awarm_up", "health")


class Override:
    """Gives guards other authenticators while it is active; of several, the one that began last counts.

    Args:
        what: What it does, for the log.
        guard: The guard that it is about; None for all guards of this process.
        choose: Returns the authenticators of the stand-in; None leaves a guard alone.
    """

    def __init__(self, what: str, guard: Guard | None, choose: Callable[[Guard], Authenticators | None]) -> None:
        self._what = what
        self._guard = guard
        self._choose = choose
        self._stand_ins: WeakKeyDictionary[Guard, Guard] = WeakKeyDictionary()

    def __enter__(self) -> None:
        logger("mindpeeker_guard").info(
            "For a test: %s %s", "every guard" if self._guard is None else self._guard, self._what
        )
        _active.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _active.end(self)

    def stand_in(self, guard: Guard) -> Guard | None:
        """Return who decides in place of `guard`; None where this override is not about it."""
        if self._guard is not None and guard is not self._guard:
            return None
        found = self._stand_ins.get(guard)
        if found is None:
            chosen = self._choose(guard)
            if chosen is None:
                return None
            # A guard may be shared by threads: they agree on the one that was made first.
            found = self._stand_ins.setdefault(guard, guard._with(chosen))  # noqa: SLF001 - made for this module
        return found


class _Active:
    """The overrides that are active, and the methods of `Guard` as they are without them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Replaced, never changed: readers in other threads hold the old one.
        self._overrides: tuple[Override, ...] = ()
        self._originals: Mapping[str, Any] = {}

    def begin(self, override: Override) -> None:
        with self._lock:
            if not self._overrides:
                self._originals = {name: vars(Guard).get(name) for name in _METHODS}
                for name in _METHODS:
                    setattr(Guard, name, _by_stand_in(getattr(Guard, name)))
            self._overrides = (*self._overrides, override)

    def end(self, override: Override) -> None:
        with self._lock:
            # From the end: one that was begun twice ends once.
            left = list(reversed(self._overrides))
            left.remove(override)
            self._overrides = tuple(reversed(left))
            if not self._overrides:
                for name, original in self._originals.items():
                    if original is None:  # inherited
                        delattr(Guard, name)
                    else:
                        setattr(Guard, name, original)

    def stand_in(self, guard: Guard) -> Guard:
        for override in reversed(self._overrides):
            found = override.stand_in(guard)
            if found is not None:
                return found
        return guard


_active = _Active()


def _by_stand_in(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that does what `original` does, as the stand-in. What is awaited there is awaited here."""

    @functools.wraps(original)
    def method(guard: Guard, *args: Any, **options: Any) -> Any:
        return original(_active.stand_in(guard), *args, **options)

    return method


def guard_of(target: Any) -> Guard | None:
    """Return the guard that `target` is or has: a Flask or FastAPI application, or a `GuardMiddleware`; None for None.

    Raises:
        ConfigurationError: It has none.
    """
    if target is None or isinstance(target, Guard):
        return target
    extensions = getattr(target, "extensions", None)
    places = (
        extensions.get("mindpeeker_guard") if isinstance(extensions, Mapping) else None,
        getattr(getattr(target, "state", None), "mindpeeker_guard", None),
        getattr(target, "_guard", None),
    )
    for found in places:
        if isinstance(found, Guard):
            return found
    raise ConfigurationError(
        f"{target!r} has no guard: give a Guard, or an application after init_app(); nothing stands for all guards."
    )
