"""Decisions as OpenTelemetry metrics and span attributes."""

from __future__ import annotations

from typing import Final

try:
    from opentelemetry import metrics, trace
    from opentelemetry.metrics import Meter
    from opentelemetry.util.types import AttributeValue
except ImportError as error:
    raise ImportError(
        "mindpeeker_guard.telemetry.otel needs the extra 'otel': pip install 'mindpeeker-guard[otel]'."
    ) from error

from mindpeeker_guard._decisions import Decision
from mindpeeker_guard._key_events import KeyEvent
from mindpeeker_guard._version import __version__

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
_BOUNDARIES: Final = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1, 1.0, 5.0)

Attributes = dict[str, AttributeValue]


class OpenTelemetry:
    """A hook that counts and times decisions, and notes them on the span of the request.

    Metrics: ``mindpeeker_guard.decisions`` (counter), ``mindpeeker_guard.decision.duration`` (histogram, seconds), and,
    as the ``on_event`` of a `RemoteKeySet`, ``mindpeeker_guard.key_events`` (counter).
    Attributes are those of the semantic conventions for HTTP where there is one (``http.request.method``,
    ``http.route``, ``http.response.status_code``, ``error.type``), and ``mindpeeker_guard.outcome``, ``.scheme`` and
    ``.remembered``. Each has few values, whatever a client sends.

    Args:
        meter: Makes the instruments; by default the application's meter provider does.
    """

    def __init__(self, meter: Meter | None = None) -> None:
        made = meter if meter is not None else metrics.get_meter("mindpeeker_guard", __version__)
        self._count = made.create_counter(
            "mindpeeker_guard.decisions", unit="{decision}", description="Decisions of the guard."
        )
        self._events = made.create_counter(
            "mindpeeker_guard.key_events", unit="{event}", description="What happened to the issuer's keys."
        )
        self._time = made.create_histogram(
            "mindpeeker_guard.decision.duration",
            unit="s",
            description="How long the guard took to decide.",
            explicit_bucket_boundaries_advisory=_BOUNDARIES,
        )

    def __call__(self, event: Decision | KeyEvent) -> None:
        """Count a decision, and note it on the current span; or count an event of a key set."""
        if isinstance(event, KeyEvent):
            self._events.add(1, {"mindpeeker_guard.key_event": event.kind})
        else:
            self._decided(event)

    def _decided(self, decision: Decision) -> None:
        attributes = _attributes(decision)
        self._count.add(1, attributes)
        self._time.record(decision.duration, attributes)
        span = trace.get_current_span()
        if span.is_recording():
            span.set_attributes({name: value for name, value in attributes.items() if name.startswith("mindpeeker")})


def _attributes(decision: Decision) -> Attributes:
    attributes: Attributes = {
        "mindpeeker_guard.outcome": decision.outcome,
        "mindpeeker_guard.remembered": decision.remembered,
    }
    if decision.scheme is not None:
        attributes["mindpeeker_guard.scheme"] = decision.scheme
    if decision.method is not None:
        # A client may send any method: one name for all that nobody knows.
        attributes["http.request.method"] = decision.method if decision.method in _METHODS else "_OTHER"
    if decision.route is not None:
        attributes["http.route"] = decision.route
    if decision.status is not None:
        attributes["http.response.status_code"] = decision.status
        attributes["error.type"] = decision.outcome
    return attributes
