"""Run the benchmarks, print the table, and draw the chart that the README shows."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from benchmarks import chart, report
from benchmarks.harness import Row, why

_SVG: Final = Path("docs/benchmarks.svg")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    rounds: int
    requests_of_peers: int
    stalls: int
    imports: int
    tokens: int


_FULL: Final = Plan(rounds=300, requests_of_peers=100, stalls=5, imports=15, tokens=2000)
_QUICK: Final = Plan(rounds=40, requests_of_peers=10, stalls=1, imports=2, tokens=400)

Measure = Callable[[Any, Plan], list[Row]]

# In the order in which they run; requests are noisier than verification and get more rounds. Authlib's validator is
# slower once somebody has imported its deprecated ``jose``, as `verify` does and Auth0's package, so those two come
# after the requests that Authlib guards.
_GROUPS: Final[dict[str, tuple[str, Measure]]] = {
    "flask": ("requests_flask", lambda module, plan: module.rows(2 * plan.rounds)),
    "django": ("requests_django", lambda module, plan: module.rows(2 * plan.rounds)),
    "fastapi": ("requests_fastapi", lambda module, plan: module.rows(2 * plan.rounds)),
    "verify": ("verify", lambda module, plan: module.rows(plan.rounds)),
    "keys": ("api_keys", lambda module, plan: module.rows(plan.rounds)),
    "revocation": ("revocation", lambda module, plan: module.rows(plan.rounds, processes=min(8, plan.rounds))),
    "limits": ("limits", lambda module, plan: module.rows(plan.rounds, floods=plan.stalls)),
    "fetches": ("fetches", lambda module, plan: module.rows(most_for_peers=plan.requests_of_peers)),
    "stall": ("stall", lambda module, plan: module.rows(plan.stalls)),
    "import": ("imports", lambda module, plan: module.rows(plan.imports)),
    "memory": ("memory", lambda module, plan: module.rows(plan.tokens)),
}
_SHOWN: Final = (
    "verify",
    "flask",
    "django",
    "fastapi",
    "keys",
    "revocation",
    "limits",
    "fetches",
    "stall",
    "import",
    "memory",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 0 whether or not goals are met."""
    options = _parser().parse_args(arguments)
    warnings.simplefilter("ignore")  # peers warn about themselves, some at each call
    wanted = options.only or list(_GROUPS)
    plan = _plan(options)
    results = {name: _run(name, plan) for name in _GROUPS if name in wanted}
    rows = [row for name in _SHOWN for row in results.get(name, [])]
    print(report.table(rows))
    if options.json is not None:
        options.json.write_text(json.dumps(report.as_json(rows), indent=1) + "\n", encoding="utf-8")
    svg = options.svg if options.svg is not None else _default_svg(options)
    if svg is not None:
        svg.parent.mkdir(parents=True, exist_ok=True)
        svg.write_text(chart.draw(rows), encoding="utf-8")
        print(f"Chart: {svg}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: half a minute instead of some three")
    parser.add_argument("--only", action="append", choices=sorted(_GROUPS), metavar="GROUP", help=", ".join(_GROUPS))
    parser.add_argument("--rounds", type=int, help=f"interleaved rounds ({_FULL.rounds}, quick {_QUICK.rounds})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--svg", type=Path, metavar="FILE", help=f"draw the chart; a full run draws {_SVG}")
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    plan = _QUICK if options.quick else _FULL
    if options.rounds is None:
        return plan
    rounds = max(1, options.rounds)
    return Plan(rounds, plan.requests_of_peers, min(rounds, plan.stalls), min(rounds, plan.imports), plan.tokens)


def _default_svg(options: argparse.Namespace) -> Path | None:
    """Return where a run draws unasked: only a full one, so that a hasty one does not replace a good chart."""
    return None if options.quick or options.only or options.rounds else _SVG


def _run(name: str, plan: Plan) -> list[Row]:
    module, measure = _GROUPS[name]
    print(f"{name} …", end=" ", file=sys.stderr, flush=True)
    start = perf_counter()
    try:
        rows = measure(importlib.import_module(f"benchmarks.{module}"), plan)
    except Exception as error:  # noqa: BLE001 - a framework that is not installed must not end the run
        rows = [Row(group=name, name=name, who="ours", text=why(error))]
    print(f"{perf_counter() - start:.1f} s", file=sys.stderr)
    return rows


if __name__ == "__main__":
    sys.exit(main())
