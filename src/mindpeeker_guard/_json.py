"""Strict JSON: an object, in UTF-8, with unique names, finite numbers, whole characters and modest depth (RFC 8259)."""

from __future__ import annotations

import json
import json.scanner
import math
from collections.abc import Callable
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 32


class InvalidJSONError(ValueError):
    """The text is not the JSON object that was expected."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJSONError("a name stands twice in one object")
    return members


def _refuse(constant: str) -> NoReturn:
    raise InvalidJSONError(f"{constant} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise InvalidJSONError("a number that is too large")


# The scanner under json.loads(); what that adds, a search for blanks on both sides, is rarely needed.
_scan: Final[Callable[[str, int], tuple[Any, int]]] = json.scanner.make_scanner(
    json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse)  # type: ignore[arg-type]
)
scan: Final[Callable[[str, int], tuple[Any, int]]] = json.scanner.make_scanner(
    json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)  # type: ignore[arg-type]
)
"""Reads a JSON value from a text that starts with it; returns it and its end. Of equal names the last one counts."""

_BLANKS: Final = " \t\n\r"


def load_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`.

    Raises:
        InvalidJSONError: It is none, or a strict reader and a lenient one could read it differently.
    """
    try:
        text = raw.decode("utf-8")
        if text[:1] != "{":
            text = text.lstrip(_BLANKS)
        value, end = _scan(text, 0)
    except InvalidJSONError:
        raise
    except (ValueError, RecursionError, StopIteration) as error:
        raise InvalidJSONError(type(error).__name__) from None
    if end != len(text) and text[end:].strip(_BLANKS):
        raise InvalidJSONError("more than one value")
    if type(value) is not dict:
        raise InvalidJSONError("not a JSON object")
    if (raw.rfind(b"{") > 0 or b"[" in raw) and _deeper_than(value, MAX_DEPTH):
        raise InvalidJSONError(f"nested more than {MAX_DEPTH} deep")
    if b"\\" in raw and _has_lone_surrogate(value):
        raise InvalidJSONError("half a character")
    return value


def _deeper_than(value: Any, limit: int) -> bool:
    level: list[Any] = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
