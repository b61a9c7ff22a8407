"""The benchmarks run and add up. How fast anything is, is not asked here."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import warnings
import xml.etree.ElementTree as ET
from itertools import cycle
from pathlib import Path

import pytest
from benchmarks import (
    api_keys,
    chart,
    fetches,
    flood,
    harness,
    imports,
    limits,
    memory,
    ours,
    report,
    revocation,
    stall,
    verify,
)
from benchmarks.__main__ import main
from benchmarks.harness import Candidate, Row, Samples, Subject, UnavailableError

from mindpeeker_guard import _key_state

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def keep_logging():
    """Benchmarks silence the logs of what they measure; other tests read them."""
    loggers = [logging.getLogger(name) for name in ("mindpeeker_guard", "django.request", "fastapi_azure_auth")]
    levels = [logger.level for logger in loggers]
    yield
    logging.disable(logging.NOTSET)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def _peers_may_warn():
    """What peers warn about is theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def steady(name, nanoseconds):
    """Make a subject of which every call takes so long."""
    return Subject(name, lambda count: count * nanoseconds)


def row(**changes):
    return Row(**{"group": "Verify RS256", "name": "x", "who": "ours", "value": 1.0} | changes)


def by_name(rows):
    return {row.name: row for row in rows}


def test_results_are_multiples_of_the_reference():
    """A subject's row is its time as a multiple of the reference; with `minus`, less the time of another subject."""
    candidates = [Candidate("slow", "peer", lambda: steady("slow", 3000), note="three times")]
    unit, bare = steady("unit", 1000), steady("bare", 500)

    alone = by_name(harness.compared("g", unit, candidates, 3, part_ns=1000))
    added = by_name(harness.compared("g", unit, candidates, 3, minus=bare, part_ns=1000))

    assert (1.0, 3.0, 2.5) == (alone["unit"].value, alone["slow"].value, added["slow"].value)
    assert ("three times", 3.0) == (alone["slow"].note, alone["slow"].micros)


def test_ratios_are_taken_within_a_round():
    """A machine that halves its speed between rounds changes no ratio."""
    samples = Samples({"raw": [10.0, 20.0], "x": [15.0, 30.0], "bare": [5.0, 10.0]})

    assert [1.5, 1.5] == samples.ratios("x", "raw")
    assert [1.0, 1.0] == samples.ratios("x", "raw", "bare")


def test_subjects_are_timed_in_turn():
    """Each round times every subject once; before that it is prepared, and called once for nothing."""
    seen = []

    def noted(name):
        return Subject(name, lambda count: seen.append(name) or count, lambda: seen.append(f"prepare {name}"))

    samples = harness.measure([noted("a"), noted("b")], 4, part_ns=1)

    parts = [tuple(seen[start : start + 3]) for start in range(0, len(seen), 3)][-8:]
    assert [4, 4] == [len(taken) for taken in samples.rounds.values()]
    assert {("prepare a", "a", "a"), ("prepare b", "b", "b")} == set(parts)
    assert all(first != second for first, second in zip(parts[::2], parts[1::2], strict=True))


def test_what_cannot_be_measured_has_a_row_that_says_why():
    """A peer that is missing, broken or lax never ends the run."""

    def missing():
        raise ImportError

    def lax():
        harness.check_verdicts(lambda: None, {"forged": lambda: None})

    candidates = [Candidate("missing", "peer", missing), Candidate("lax", "peer", lax)]

    rows = by_name(harness.compared("g", steady("unit", 1), candidates, 2, part_ns=1))

    assert "not installed" == rows["missing"].text
    assert "not measured: accepts a token that is forged" == rows["lax"].text
    assert rows["lax"].value is None


@pytest.mark.parametrize(
    ("changes", "met"),
    [
        ({"goal": 1.0}, True),
        ({"goal": 0.9}, False),
        ({}, None),
        ({"goal": 1.0, "value": None}, None),
        ({"value": None, "text": "accepted", "wanted": "accepted"}, True),
        ({"value": None, "text": "refused", "wanted": "accepted"}, False),
    ],
)
def test_goals(changes, met):
    """A goal is met, missed, or not to be judged."""
    assert met is row(**changes).met


def test_every_subject_of_verification_takes_good_tokens_only():
    """Ours are measured, and so is each peer that is installed: none is too lax to compare."""
    rows = verify.rows(2)

    assert not [row for row in rows if "accepts" in row.text]
    assert all(row.value for row in rows if row.who != "peer")
    assert ["Verify RS256", "Verify ES256", "Verify EdDSA"] == list(dict.fromkeys(row.group for row in rows))


def test_revocation():
    """The check is measured with a list in memory and, where there is a Redis, with one there and across processes."""
    rows = revocation.rows(2, processes=2, entries=50)

    assert 5 == len(rows)
    assert all(row.value is not None for row in rows[:3])
    assert all(row.value is not None or "edis" in row.text for row in rows[3:])


@pytest.mark.parametrize("framework", ["flask", "fastapi"])
def test_requests(framework):
    """Ours is measured in each framework."""
    pytest.importorskip(framework)
    module = pytest.importorskip(f"benchmarks.requests_{framework}")

    rows = by_name(module.rows(2))

    assert all(rows[name].micros for name in ("mindpeeker-guard, cold", "mindpeeker-guard, hot"))


def test_django_and_the_command_line(tmp_path):
    """The module runs in a process of its own, as Django's settings need, and writes what it is asked to."""
    pytest.importorskip("django")
    options = [
        "--quick",
        "--only",
        "django",
        "--rounds",
        "1",
        "--json",
        str(tmp_path / "j"),
        "--svg",
        str(tmp_path / "s"),
    ]

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )

    rows = json.loads((tmp_path / "j").read_text())["rows"]
    assert "Django, added per request" in done.stdout
    assert {"mindpeeker-guard, cold", "mindpeeker-guard, hot"} <= {row["name"] for row in rows if row["micros"]}
    assert ET.parse(tmp_path / "s").getroot().tag.endswith("svg")


def test_limits(monkeypatch):
    """Ours is measured in memory; a request with four limits is one command of Redis, where there is one."""
    pytest.importorskip("limits")
    monkeypatch.setattr(flood, "rows", lambda rounds: [])

    rows = by_name(limits.rows(2))

    assert all(rows[name].micros for name in ("one limit, moving window", "one limit, fixed window"))
    assert rows["four limits"].value in {1.0, None}


def test_a_flood(monkeypatch):
    """Callers are served during a flood, which reaches the application."""
    pytest.importorskip("uvicorn")
    monkeypatch.setattr(flood, "_CALLS", 5)

    with_shield, without = flood.rows(1)

    assert ("", "") == (with_shield.text, without.text)
    assert "junk requests" in with_shield.note


def test_fetches(monkeypatch):
    """Ours asks once, and takes the first token of a new key; a peer is counted by the same scenarios."""
    monkeypatch.setattr(fetches, "_ON_LOOP", ("ours", "pyjwkclient"))
    monkeypatch.setattr(fetches, "_IN_THREADS", ("ours",))
    monkeypatch.setattr(fetches, "_DELAY", 0.01)
    monkeypatch.setattr(_key_state, "_LEAST_PAUSE", 60.0)  # a failed fetch is not tried again by a caller that is late

    rows = fetches.rows(asyncs=3, threads=3, kids=5)

    assert [1, 3, 0] == [row.value for row in rows if row.who == "peer"][:3]
    assert [True] * 7 == [row.met for row in rows if row.who == "ours"]


def test_api_keys():
    """Ours is measured; a cold look-up is one query, and what is no key of ours causes none."""
    pytest.importorskip("sqlalchemy")

    rows = api_keys.rows(2)

    assert all(row.value is not None for row in rows)
    assert [1, 0, 0, 0] == [row.value for row in rows if row.unit == "requests"]


def test_stall():
    """The loop is watched in a process of its own."""
    start = time.monotonic()

    longest = stall.in_a_process("ours", delay=0.05)

    assert 0 <= longest <= (time.monotonic() - start) * 1000


def test_imports():
    """A module that is there is timed, one that is not is None."""
    assert imports.timed_import("json")[0] > 0
    assert imports.timed_import("no_such_module") is None


def test_memory():
    """One row: bytes, or the reason why there are none."""
    (found,) = memory.rows(5)

    assert (found.value is not None) == ours.has_token_cache()


def test_table():
    """The table has each row with goal and verdict, and counts the verdicts."""
    rows = [row(name="cold", goal=0.5), row(name="peer", who="peer", value=None, text="not measured: reasons")]

    text = report.table(rows)

    assert ["cold", "ours", "1.00", "<=", "0.50", "missed"] == text.splitlines()[-4].split()
    assert ["peer", "peer", "not", "measured", "reasons"] == text.splitlines()[-3].split()
    assert text.endswith("0 of 1 goals met.")


def test_chart():
    """The chart is well-formed, has a bar for each row that it has a place for, and fetches nothing."""
    names = cycle(["ours & <peers>", "peer"])
    rows = [
        row(name=next(names), group=group, goal=1.0) for group in ("Verify RS256", "Import", "Flask, added per request")
    ]

    drawn = chart.draw(rows)

    assert 2 == len(ET.fromstring(drawn).findall("{http://www.w3.org/2000/svg}rect"))
    assert "href" not in drawn
    assert "url(" not in drawn


def test_failing_subjects_are_named_not_raised():
    """The reason is short enough for a table."""
    assert "not measured: ValueError: x" == harness.why(ValueError("x"))
    assert 80 > len(harness.why(UnavailableError("y" * 500)))


def test_an_unknown_group_is_refused(capsys):
    """The command line names the groups."""
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])

    assert "verify" in capsys.readouterr().err
