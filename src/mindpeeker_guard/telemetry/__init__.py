"""Sinks for what a guard tells: log records, JSON lines, OpenTelemetry, and Prometheus text of its health."""

from mindpeeker_guard._decisions import Decision
from mindpeeker_guard.telemetry._lines import JSONLines
from mindpeeker_guard.telemetry._logging import LogRecords
from mindpeeker_guard.telemetry._prometheus import prometheus_text
from mindpeeker_guard.telemetry._several import several

__all__ = ["Decision", "JSONLines", "LogRecords", "prometheus_text", "several"]
