"""What is wrong, as a text that a person reads once and knows what to do."""

from __future__ import annotations

from collections.abc import Iterable

from mindpeeker_guard.testing._flaws import IMPLIED, Flaw
from mindpeeker_guard.testing._judge import Finding

_EXAMPLES = 3


def report(route: str, findings: Iterable[Finding], sent: int) -> str:
    """Return the text: each kind of flaw once, the worst first, with examples, cause and fix."""
    grouped: dict[Flaw, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.flaw, []).append(finding)
    named = _worth_naming(grouped)
    wrong = sum(len(found) for found in grouped.values())
    things = "1 thing is" if wrong == 1 else f"{wrong} things are"
    lines = [f"{route} is not guarded as it should be: {sent} requests were sent, {things} wrong."]
    for number, flaw in enumerate(named, 1):
        lines += ["", f"{number}. {_sentences(grouped[flaw])}"]
        lines += [f"   Likely cause: {flaw.advice.cause}", f"   Fix: {flaw.advice.fix}"]
    hidden = wrong - sum(len(grouped[flaw]) for flaw in named)
    if hidden:
        lines += ["", f"{hidden} more follow from these; they are named once these are gone."]
    return "\n".join(lines)


def _worth_naming(grouped: Iterable[Flaw]) -> list[Flaw]:
    """Return the kinds of flaws that do not follow from another one, the worst first."""
    found = set(grouped)
    if Flaw.NO_ROUTE in found:
        return [Flaw.NO_ROUTE]
    implied = frozenset[Flaw]().union(*(IMPLIED.get(flaw, frozenset()) for flaw in found))
    return [flaw for flaw in Flaw if flaw in found and flaw not in implied]


def _sentences(findings: list[Finding]) -> str:
    shown = [finding.sentence for finding in findings[:_EXAMPLES]]
    more = len(findings) - len(shown)
    return "\n   ".join([*shown, f"… and {more} more like this."] if more else shown)
