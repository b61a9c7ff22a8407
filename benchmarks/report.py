"""The table: plain text, one line for each result. It tells whether goals are met; judging is left to the reader."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from benchmarks.harness import Row, labelled

NOISE: Final = (
    "Ratios are medians over interleaved rounds: each subject is timed for 2 ms (requests: 10 ms), in turn.",
    "On a shared machine they still move between runs: by some 5 % (verify), 10 to 30 % (requests), more for stalls.",
    'Goals are a reader\'s yardstick: "missed" fails nothing.',
)
_DISTRIBUTIONS: Final = ("cryptography", "PyJWT", "Flask", "FastAPI", "Starlette", "Django")
_DIGITS: Final = {"requests": 0, "bytes": 0, "ms": 1}
_TEXT_WIDTH: Final = 14


def machine() -> str:
    """Say where the run took place, without naming the machine."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def versions() -> str:
    """List what everything else stands on."""
    return ", ".join(labelled(name) for name in _DISTRIBUTIONS)


def today() -> str:
    """Return the date."""
    return datetime.now(UTC).date().isoformat()


def table(rows: Sequence[Row]) -> str:
    """Return the whole report."""
    lines = [f"mindpeeker-guard benchmarks, {today()}", machine(), versions(), *NOISE]
    width = max((len(row.name) for row in rows), default=0)
    for group, members in groupby(rows, key=lambda row: row.group):
        lines += ["", *_section(group, list(members), width)]
    judged = [row.met for row in rows if row.met is not None]
    return "\n".join([*lines, "", f"{sum(judged)} of {len(judged)} goals met."])


def as_json(rows: Iterable[Row]) -> dict[str, Any]:
    """Return everything that was measured, for a machine to read."""
    return {
        "date": today(),
        "machine": machine(),
        "versions": versions(),
        "rows": [asdict(row) | {"met": row.met} for row in rows],
    }


def shown(row: Row) -> str:
    """Return a row's result as a reader sees it."""
    return row.text if row.value is None else _number(row.value, row.unit)


def _section(group: str, rows: list[Row], width: int) -> list[str]:
    unit = rows[0].unit
    lines = [group, _line(("row", "who", unit, "goal", "met", ""), width)]
    for row in rows:
        met = {True: "met", False: "missed", None: ""}[row.met]
        note = f"{row.micros:.1f} us here" if row.note == "unit" else row.note
        result, _, reason = shown(row).partition(": ")
        lines.append(_line((row.name, row.who, result, _goal(row), met, reason or note), width))
    return lines


def _goal(row: Row) -> str:
    return row.wanted if row.goal is None else f"<= {_number(row.goal, row.unit)}"


def _line(cells: tuple[str, str, str, str, str, str], width: int) -> str:
    name, who, result, goal, met, note = cells
    return f"  {name:<{width}}  {who:<9}  {result:>{_TEXT_WIDTH}}  {goal:>10}  {met:<6}  {note}".rstrip()


def _number(value: float, unit: str) -> str:
    return f"{value:,.{_DIGITS.get(unit, 2)}f}"
