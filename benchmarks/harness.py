"""Interleaved rounds, and ratios within a round.

A shared machine changes its speed from second to second, so a time says little and a ratio of two times taken within a
few milliseconds of each other says much. Every round times each subject once, for about two milliseconds; what is
reported is the median over many rounds of *subject / reference in the same round*. The order is drawn anew for each
round and one call before each part is not counted, so that nobody gains or pays by what ran before; the garbage
collector rests while a part is timed.
"""

from __future__ import annotations

import gc
import importlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from itertools import repeat
from random import Random
from statistics import median, quantiles
from time import perf_counter_ns
from types import ModuleType
from typing import Any, Final, Literal

PART_NS: Final = 2_000_000
REQUESTS_PART_NS: Final = 10_000_000
"""For requests: a server runs one application, so its code may warm the processor's caches after another's."""
"""How long one subject is timed in one round, about."""

Timed = Callable[[int], int]
"""Runs a subject so many times and returns the nanoseconds that it took."""

Who = Literal["ours", "peer", "reference"]


class UnavailableError(Exception):
    """A subject cannot be measured here; the text says why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to time.

    Attributes:
        name: What the table calls it.
        timed: Runs it so many times.
        prepare: Is called before each part, untimed.
    """

    name: str
    timed: Timed
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject that may turn out not to be installed, or not to do what is compared.

    Attributes:
        name: What the table calls it.
        who: Ours, a peer's, or a reference that has no goal.
        make: Sets the subject up; raises ImportError or UnavailableError where that is impossible.
        goal: The most that the result may be.
        note: What a reader must know.
    """

    name: str
    who: Who
    make: Callable[[], Subject]
    goal: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report.

    Attributes:
        group: The heading it stands under.
        name: What was measured.
        who: Ours, a peer's, or a reference that has no goal.
        value: The result, in the group's unit; None where there is none.
        text: The result in words, where it is no number.
        goal: The most that `value` may be.
        wanted: What `text` must be.
        note: What a reader must know.
        micros: The median time of one call in microseconds, for the curious: it differs from machine to machine.
        spread: The quartiles of `value` over the rounds.
        unit: What `value` counts.
    """

    group: str
    name: str
    who: Who
    value: float | None = None
    text: str = ""
    goal: float | None = None
    wanted: str = ""
    note: str = ""
    micros: float | None = None
    spread: tuple[float, float] | None = None
    unit: str = "x raw"

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is no goal, or no result."""
        if self.goal is not None and self.value is not None:
            return self.value <= self.goal
        if self.wanted and self.text:
            return self.text == self.wanted
        return None


@dataclass(slots=True)
class Samples:
    """Nanoseconds for one call of each subject, by round."""

    rounds: dict[str, list[float]] = field(default_factory=dict)

    def ratios(self, name: str, reference: str, minus: str | None = None) -> list[float]:
        """Return, for each round, what `name` took (less what `minus` took) as a multiple of `reference`."""
        less = self.rounds[minus] if minus is not None else [0.0] * len(self.rounds[name])
        return [
            (taken - base) / unit
            for taken, base, unit in zip(self.rounds[name], less, self.rounds[reference], strict=True)
        ]

    def micros(self, name: str) -> float:
        """Return the median time of one call, in microseconds."""
        return median(self.rounds[name]) / 1000


def peer(name: str) -> ModuleType:
    """Import a module of a peer's, without its deprecation notices.

    Raises:
        ImportError: It is not installed.
    """
    # Recorded, not filtered: some peers install a filter of their own that shows theirs always.
    with warnings.catch_warnings(record=True):
        return importlib.import_module(name)


def labelled(distribution: str) -> str:
    """Return the name of a distribution with its version, if it is installed."""
    try:
        return f"{distribution} {metadata.version(distribution)}"
    except metadata.PackageNotFoundError:
        return distribution


def loop(call: Callable[[], object]) -> Timed:
    """Return a function that times plain calls of `call`."""

    def timed(count: int) -> int:
        start = perf_counter_ns()
        for _ in repeat(None, count):
            call()
        return perf_counter_ns() - start

    return timed


def check_verdicts(good: Callable[[], object], bad: dict[str, Callable[[], object]]) -> None:
    """Make sure that a subject does the whole job: it takes the good token, and none of the bad ones.

    Raises:
        UnavailableError: It does not, so that its time would mean nothing.
    """
    good()
    for name, call in bad.items():
        try:
            call()
        except Exception:  # noqa: BLE001 - each library refuses in its own way
            continue
        raise UnavailableError(f"accepts a token that is {name}")


def ready(candidates: Sequence[Candidate], group: str) -> tuple[list[Subject], list[Row]]:
    """Set the candidates up; return the subjects, and a row for each one that cannot be measured."""
    subjects, rows = [], []
    for candidate in candidates:
        try:
            subjects.append(candidate.make())
        except Exception as error:  # noqa: BLE001 - a peer that does not work here must not end the run
            rows.append(Row(group=group, name=candidate.name, who=candidate.who, text=why(error)))
    return subjects, rows


def why(error: Exception) -> str:
    """Say in a few words why something was not measured."""
    if isinstance(error, ImportError):
        return "not installed"
    text = str(error) if isinstance(error, UnavailableError) else f"{type(error).__name__}: {error}"
    return f"not measured: {text[:60]}"


def measure(subjects: Sequence[Subject], rounds: int, part_ns: int = PART_NS) -> Samples:
    """Time `subjects` in interleaved rounds."""
    counts = {subject.name: _calibrated(subject, part_ns) for subject in subjects}
    samples = Samples({subject.name: [] for subject in subjects})
    with _quiet():
        draw = Random(rounds)  # no secret: the same order in each run
        for _ in range(rounds):
            for subject in draw.sample(subjects, len(subjects)):
                count = counts[subject.name]
                samples.rounds[subject.name].append(_part(subject, count) / count)
            gc.collect(0)
    return samples


def compared(  # noqa: PLR0913 - each says one thing about the table
    group: str,
    reference: Subject,
    candidates: Sequence[Candidate],
    rounds: int,
    *,
    minus: Subject | None = None,
    part_ns: int = PART_NS,
) -> list[Row]:
    """Time `candidates` (less `minus`) as multiples of `reference`; return their rows, in order."""
    subjects, missing = ready(candidates, group)
    extra = [minus] if minus is not None else []
    samples = measure([reference, *extra, *subjects], rounds, part_ns)
    done = {row.name: row for row in missing}
    known = {candidate.name: candidate for candidate in candidates}
    for subject in subjects:
        ratios = samples.ratios(subject.name, reference.name, minus.name if minus is not None else None)
        done[subject.name] = _row(group, known[subject.name], ratios, samples.micros(subject.name))
    base = Row(
        group=group, name=reference.name, who="reference", value=1.0, micros=samples.micros(reference.name), note="unit"
    )
    return [base, *(done[candidate.name] for candidate in candidates)]


def _row(group: str, candidate: Candidate, ratios: Sequence[float], micros: float) -> Row:
    low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    return Row(
        group=group,
        name=candidate.name,
        who=candidate.who,
        value=median(ratios),
        goal=candidate.goal,
        note=candidate.note,
        micros=micros,
        spread=(low, high),
    )


def _part(subject: Subject, count: int) -> int:
    if subject.prepare is not None:
        subject.prepare()
    subject.timed(1)
    return subject.timed(count)


def _calibrated(subject: Subject, part_ns: int) -> int:
    """Warm `subject` up, and return how many calls fill one part."""
    for count in (1, 5, 20):
        taken = max(_part(subject, count), 1)
        if taken > part_ns:
            break
    return max(1, min(100_000, part_ns * count // taken))


@contextmanager
def _quiet() -> Iterator[None]:
    """Let the garbage collector rest, and forget what is there already, so that collecting between rounds is cheap."""
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def given(module: ModuleType, *names: str) -> Any:
    """Return attributes of a peer's module, of any type: peers are compared, not type-checked."""
    found = tuple(getattr(module, name) for name in names)
    return found[0] if len(found) == 1 else found
