"""The chart in the README: horizontal bars on one scale, drawn by hand, readable on light and on dark ground."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.harness import Row
from benchmarks.report import machine, shown, today, versions

_WIDTH: Final = 800
_BARS_FROM: Final = 262
_BARS_TO: Final = 720
_ROW: Final = 22
_GAP: Final = 40
_TOP: Final = 64
_TITLE: Final = "What checking a token costs: 1 = one bare RSA signature check"
_GROUPS: Final = {
    "Verify RS256": "Verify one token (RS256)",
    "Flask, added per request": "Added to a Flask request",
    "Django, added per request": "Added to a Django request",
    "FastAPI, added per request": "Added to a FastAPI request",
}
_LEGEND: Final = "Shorter is better. Cold: the token is verified. Hot: it was verified before and is remembered."
# Mid greys carry the text where a viewer does not say whether it is light or dark.
_STYLE: Final = """
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 13px; fill: #57606a }
.title { font-size: 17px; font-weight: 600 } .group { font-weight: 600 } .small { font-size: 11px }
.value { font-variant-numeric: tabular-nums } .end { text-anchor: end }
.ours { fill: #1a7f6b } .peer { fill: #a3abb5 } .one { stroke: #8b949e; stroke-width: 1; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #c9d1d9 } .ours { fill: #3fb99f } .peer { fill: #6e7681 }
}
"""


def draw(rows: Sequence[Row]) -> str:
    """Return the chart of the rows that it has a place for, as SVG."""
    chosen = [row for row in rows if row.group in _GROUPS and row.value is not None and _has_place(row)]
    longest = max((row.value or 0 for row in chosen), default=1.0)
    body, bottom = _panels(chosen, (_BARS_TO - _BARS_FROM) / max(longest, 1.0))
    prints = list(_small_print(bottom + 24))
    height = bottom + 24 + 16 * len(prints)
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(_TITLE)}">',
            f"<title>{escape(_TITLE)}</title>",
            f"<style>{_STYLE}</style>",
            _text(16, 28, _TITLE, "title"),
            _text(16, 48, _LEGEND, "small"),
            *body,
            *prints,
            "</svg>\n",
        ]
    )


def _has_place(row: Row) -> bool:
    return row.goal is not None if row.who == "ours" else row.who == "peer"


def _panels(rows: Sequence[Row], scale: float) -> tuple[list[str], int]:
    """Draw one panel for each group; return them and where they end."""
    drawn: list[str] = []
    y = _TOP
    for group, members in groupby(rows, key=lambda row: row.group):
        found = list(members)
        drawn.append(_text(16, y + 18, _GROUPS[group], "group"))
        y += _GAP - 12
        one, end = _BARS_FROM + scale, y + _ROW * len(found)
        drawn += [part for number, row in enumerate(found) for part in _bar(row, y + _ROW * number, scale)]
        drawn.append(f'<line class="one" x1="{one:.1f}" y1="{y}" x2="{one:.1f}" y2="{end}"/>')
        y = end + 12
    return drawn, y


def _bar(row: Row, y: int, scale: float) -> Iterator[str]:
    length = max((row.value or 0) * scale, 1.0)
    kind = "ours" if row.who == "ours" else "peer"
    yield _text(_BARS_FROM - 10, y + 15, row.name, "end")
    yield f'<rect class="{kind}" x="{_BARS_FROM}" y="{y + 4}" width="{length:.1f}" height="{_ROW - 8}" rx="2"/>'
    # The value of a short bar stands beyond the line at one, which would run through it.
    yield _text(_BARS_FROM + max(length, scale) + 6, y + 15, shown(row), "value")


def _small_print(y: int) -> Iterator[str]:
    lines = (
        f"{today()}. {machine()}. Ratios, since times differ from machine to machine.",
        f"{versions()}.",
        "Medians of interleaved rounds on a shared machine, token of some 785 characters, keys prepared; applications",
        "called directly, guarded route minus bare route. Drawn by `python -m benchmarks`, which also measures other",
        "algorithms, fetches, stalls, import time and memory.",
    )
    for number, line in enumerate(lines):
        yield _text(16, y + 16 * number, line, "small")


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'
