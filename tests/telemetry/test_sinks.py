"""The sinks: what becomes of a decision in logs, lines, metrics and text."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support.server import Reply
from tests.support.tokens import jwks, token

from mindpeeker_guard import (
    AnswerError,
    ConfigurationError,
    Decision,
    Guard,
    JWTBearer,
    KeyEvent,
    RemoteKeySet,
    Request,
)
from mindpeeker_guard.api_keys import APIKeys, MemoryStore
from mindpeeker_guard.state import MemoryState
from mindpeeker_guard.telemetry import JSONLines, LogRecords, prometheus_text, several
from mindpeeker_guard.telemetry.otel import OpenTelemetry

AT = datetime(2026, 11, 22, 15, 46, 48, 250_000, UTC).timestamp()
ALLOWED = Decision("allowed", None, "Bearer", "https://issuer", "GET", "/v1/x", ("profile",), 0.00002, True, AT)
REFUSED = ALLOWED._replace(outcome="token_expired", status=401, issuer=None, remembered=False, reason="exp")
DOWN = REFUSED._replace(outcome="keys_unavailable", status=503)


@pytest.fixture
def spans():
    """Return an exporter, and a tracer whose spans it gets."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter, provider.get_tracer("test")


def measured(*decisions):
    """Return metric name to its data points, after these decisions."""
    reader = InMemoryMetricReader()
    hook = OpenTelemetry(MeterProvider([reader]).get_meter("test"))
    for decision in decisions:
        hook(decision)
    [resource] = reader.get_metrics_data().resource_metrics
    return {metric.name: metric for metric in resource.scope_metrics[0].metrics}


def test_records_have_the_fields(caplog):
    """
    A record says what happened in its message, and has every field as an attribute.
    """
    with caplog.at_level(logging.DEBUG, "mindpeeker_guard.decisions"):
        for decision in (ALLOWED, REFUSED, DOWN):
            LogRecords()(decision)

    assert [logging.DEBUG, logging.INFO, logging.WARNING] == [record.levelno for record in caplog.records]
    assert ["GET /v1/x: allowed", "GET /v1/x: token_expired", "GET /v1/x: keys_unavailable"] == caplog.messages
    assert ("Bearer", 0.00002, "exp") == tuple(
        getattr(caplog.records[1], f"guard_{name}") for name in ("scheme", "duration", "reason")
    )
    assert not hasattr(caplog.records[1], "guard_issuer")


@pytest.mark.parametrize("method", ["GET\nERROR forged", "GET\x1b[2J", "G\u00c9T", "X" * 33])
def test_no_client_writes_into_the_message(caplog, method):
    """
    A method that would begin a line of its own, or steer a terminal, is a question mark.
    """
    with caplog.at_level(logging.DEBUG, "mindpeeker_guard.decisions"):
        LogRecords()(ALLOWED._replace(method=method))

    assert ["? /v1/x: allowed"] == caplog.messages


def test_records_go_where_they_are_told(caplog):
    """
    Logger and levels can be chosen, and nothing is made of a record that nobody wants.
    """
    own = logging.getLogger("audit")
    with caplog.at_level(logging.ERROR, "audit"):
        LogRecords(own, allowed=logging.ERROR, refused=logging.INFO)(ALLOWED)
        LogRecords(own, refused=logging.INFO)(REFUSED)
        LogRecords(own, refused=logging.ERROR)(DOWN)

    assert [("audit", "allowed"), ("audit", "keys_unavailable")] == [
        (record.name, record.guard_outcome) for record in caplog.records
    ]


def test_a_line_for_each_event():
    """
    Each line is one object with the time first; what says nothing is left out.
    """
    stream = io.StringIO()
    sink = JSONLines(stream)
    sink(ALLOWED)
    sink(REFUSED._replace(claims={"sub": "user\n1"}, route=None))

    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first == {
        "time": "2026-11-22T15:46:48.250Z",
        "event": "Decision",
        "outcome": "allowed",
        "scheme": "Bearer",
        "issuer": "https://issuer",
        "method": "GET",
        "route": "/v1/x",
        "scopes": ["profile"],
        "duration": 0.00002,
        "remembered": True,
    }
    assert ({"sub": "user\n1"}, 401, False) == (second["claims"], second["status"], "route" in second)


def test_lines_of_changes_to_api_keys(tmp_path):
    """
    The same sink serves as the audit hook of API keys: who did what to which key, and nothing secret.
    """
    path = tmp_path / "audit.jsonl"
    sink = JSONLines(path)
    keys = APIKeys(MemoryStore(), pepper="p" * 32, audit=sink)
    made = keys.issue("robot", ["profile"], owner="user-1", actor="admin-1")
    keys.revoke(made.record.id)
    sink.close()

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [("AuditEvent", "issued", "admin-1"), ("AuditEvent", "revoked", None)] == [
        (line["event"], line["action"], line.get("actor")) for line in lines
    ]
    assert lines[0]["time"].endswith("Z")
    assert made.key not in path.read_text()


def test_lines_can_be_chosen():
    """
    ``only`` decides which events are written.
    """
    stream = io.StringIO()
    sink = JSONLines(stream, only=lambda event: not event.is_allowed)
    sink(ALLOWED)
    sink(REFUSED)

    assert ["token_expired"] == [json.loads(line)["outcome"] for line in stream.getvalue().splitlines()]


def test_lines_of_many_threads_and_processes_stay_whole(tmp_path):
    """
    Threads, and a forked process, may share a file: no line is torn.
    """
    path = tmp_path / "audit.jsonl"
    code = (
        "import os, sys, threading\n"
        "from tests.telemetry.test_sinks import REFUSED\n"
        "from mindpeeker_guard.telemetry import JSONLines\n"
        "sink = JSONLines(sys.argv[1])\n"
        "child = os.fork()\n"
        "threads = [threading.Thread(target=lambda: [sink(REFUSED) for _ in range(200)]) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "if not child: os._exit(0)\n"
        "os.waitpid(child, 0)\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(path)], check=True, timeout=60)

    lines = path.read_text().splitlines()
    assert len(lines) == 2 * 4 * 200
    assert {"token_expired"} == {json.loads(line)["outcome"] for line in lines}


def test_a_file_that_cannot_be_written(tmp_path):
    """
    A path in a folder that does not exist is an error at start; what is no event is refused.
    """
    with pytest.raises(ConfigurationError, match="cannot be written to"):
        JSONLines(tmp_path / "nowhere" / "audit.jsonl")
    with pytest.raises(TypeError):
        JSONLines(io.StringIO())("text")


def test_metrics_by_the_semantic_conventions():
    """
    Decisions are counted and timed, with attributes that dashboards know.
    """
    metrics = measured(ALLOWED, ALLOWED, REFUSED)

    counted = {
        point.attributes["mindpeeker_guard.outcome"]: point
        for point in metrics["mindpeeker_guard.decisions"].data.data_points
    }
    assert (2, 1) == (counted["allowed"].value, counted["token_expired"].value)
    assert dict(counted["token_expired"].attributes) == {
        "mindpeeker_guard.outcome": "token_expired",
        "mindpeeker_guard.remembered": False,
        "mindpeeker_guard.scheme": "Bearer",
        "http.request.method": "GET",
        "http.route": "/v1/x",
        "http.response.status_code": 401,
        "error.type": "token_expired",
    }
    timed = metrics["mindpeeker_guard.decision.duration"]
    assert timed.unit == "s"
    assert max(timed.data.data_points[0].explicit_bounds) == 5.0


def test_events_of_key_sets_are_counted_and_written():
    """
    The hooks for decisions take the events of key sets as well.
    """
    events = [KeyEvent(kind, "https://issuer/keys", ("a",), "", AT) for kind in ("fetched", "fetched", "rotated")]
    stream = io.StringIO()
    for event in events:
        JSONLines(stream)(event)

    points = measured(*events)["mindpeeker_guard.key_events"].data.data_points
    assert {"fetched": 2, "rotated": 1} == {
        point.attributes["mindpeeker_guard.key_event"]: point.value for point in points
    }
    assert ["KeyEvent"] * 3 == [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def test_a_client_cannot_make_series():
    """
    Whatever method a client invents, and wherever it goes, there is one series for it.
    """
    odd = [REFUSED._replace(method=f"X{number}", route=None, scheme=None) for number in range(50)]

    [point] = measured(*odd)["mindpeeker_guard.decisions"].data.data_points
    assert (50, "_OTHER") == (point.value, point.attributes["http.request.method"])


def test_spans_are_told(spans):
    """
    The span of the request, if one is recorded, has the outcome.
    """
    exporter, tracer = spans
    hook = OpenTelemetry()
    hook(ALLOWED)
    with tracer.start_as_current_span("request"):
        hook(REFUSED)

    [span] = exporter.get_finished_spans()
    assert dict(span.attributes) == {
        "mindpeeker_guard.outcome": "token_expired",
        "mindpeeker_guard.remembered": False,
        "mindpeeker_guard.scheme": "Bearer",
    }


SAMPLE = re.compile(r'^mindpeeker_guard_[a-z_]+\{scheme="[^"\\]*"\} -?[0-9.e+-]+$')


def test_health_as_text(server):
    """
    Every line is a comment or a sample; the numbers are those of the guard's health.
    """
    server.answer(Reply(jwks()))
    guard = Guard(JWTBearer(keys=RemoteKeySet(server.url())))
    before = prometheus_text(guard)
    guard.warm_up()
    after = prometheus_text(guard)

    assert 'mindpeeker_guard_keys_usable{scheme="Bearer"} 0\n' in before
    assert "keys_age_seconds" not in before
    assert 'mindpeeker_guard_keys_in_force{scheme="Bearer"} 1\n' in after
    assert 'mindpeeker_guard_key_fetches_total{scheme="Bearer"} 1\n' in after
    assert after.endswith("\n")
    for line in after.splitlines():
        assert line.startswith(("# HELP mindpeeker_guard_", "# TYPE mindpeeker_guard_")) or SAMPLE.match(line)


def test_health_of_revocations():
    """
    A guard with a list of revocations tells how many there are, and whether the list is heard of.
    """
    guard = Guard(JWTBearer(keys=jwks()), revocations=MemoryState().revocations)
    guard.revoke(token_id="t-1")
    text = prometheus_text(guard)

    assert "mindpeeker_guard_revocations 1\n" in text
    assert "mindpeeker_guard_revocations_usable 1\n" in text
    assert "mindpeeker_guard_revocations_age_seconds 0\n" in text


def test_health_without_remote_keys():
    """
    A guard whose keys were given in code has nothing to tell.
    """
    assert prometheus_text(Guard(JWTBearer(keys=jwks()))) == ""


def test_several_hooks():
    """
    Each hook is called, whatever the others raise; then all errors are raised as one.
    """
    seen = []

    def failing(event):
        raise LookupError(event)

    several(seen.append, seen.append)(ALLOWED)
    with pytest.raises(ExceptionGroup) as caught:
        several(failing, seen.append, failing)(REFUSED)

    assert [ALLOWED, ALLOWED, REFUSED] == seen
    assert len(caught.value.exceptions) == 2


def test_a_whole_guard_with_every_sink(tmp_path, caplog):
    """
    Real checks go into every sink at once, and no sink sees the token.
    """
    path = tmp_path / "decisions.jsonl"
    reader = InMemoryMetricReader()
    sinks = several(
        JSONLines(path), LogRecords(refused=logging.WARNING), OpenTelemetry(MeterProvider([reader]).get_meter("t"))
    )
    guard = Guard(JWTBearer(keys=jwks()), on_decision=sinks)
    good, bad = token(), token(exp=1)
    with caplog.at_level(logging.DEBUG):
        guard.check(Request(headers={"Authorization": f"Bearer {good}"}))
        with pytest.raises(AnswerError):
            guard.check(Request(headers={"Authorization": f"Bearer {bad}"}))

    assert path.stat().st_mode & 0o077 == 0
    assert ["allowed", "token_expired"] == [json.loads(line)["outcome"] for line in path.read_text().splitlines()]
    everything = path.read_text() + caplog.text + str(reader.get_metrics_data().to_json())
    for text in (good, bad):
        assert not any(part in everything for part in text.split("."))


def test_the_missing_extra():
    """
    Without OpenTelemetry one sentence names the extra, and the other sinks work.
    """
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import mindpeeker_guard.telemetry\n"
        "try: import mindpeeker_guard.telemetry.otel\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=dict(os.environ)
    )

    assert "needs the extra 'otel': pip install 'mindpeeker-guard[otel]'." in done.stdout


def test_hooks_run_in_the_callers_thread():
    """
    The hook runs where the request does, so that spans and context variables are the request's.
    """
    threads = []
    guard = Guard(JWTBearer(keys=jwks()), on_decision=lambda _: threads.append(threading.get_ident()))
    guard.check(Request(headers={"Authorization": f"Bearer {token()}"}))

    assert [threading.get_ident()] == threads
