"""Several hooks as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def several(*hooks: Callable[[Any], object]) -> Callable[[Any], None]:
    """Return a hook that calls each of `hooks`, whatever becomes of the others.

    Raises:
        Exception: What the hooks raised, as a group, once all have been called.
    """

    def call(event: Any) -> None:
        errors: list[Exception] = []
        for hook in hooks:
            try:
                hook(event)
            except Exception as error:  # noqa: BLE001 - the other hooks have nothing to do with it
                errors.append(error)
        if errors:
            raise ExceptionGroup("hooks failed", errors)

    return call
