"""Traces: a call as OpenTelemetry tells it, one trace a call, one span a stage, sent when the call is over.

Promises:
1. The id of the trace is the id of the call, so a log line, a call and its trace are found by the same id.
2. Spans are told of borders and reasons, out of the call's timeline: no number, name, digit or word is in it.
3. Nothing waits for the collector. What it does not take is dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from gateway.calls.stages import stages_of
from gateway.calls.timeline import Entry
from storage.outcomes import Level, Outcome

TIMEOUT_S = 5
QUEUE_SPANS = 4096  # some hundred calls; more are dropped while a collector is away
_PATH = "/v1/traces"  # OTLP/HTTP: the path that is added to an endpoint without one

log = logging.getLogger(__name__)


class _CallIds(RandomIdGenerator):
    """Gives the next trace the id that it is told."""

    trace_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id or super().generate_trace_id()


class CallTraces:
    """Tells calls to one collector. `tell` from one thread; `close` sends what is left."""

    def __init__(self, endpoint: str, version: str) -> None:
        self._ids = _CallIds()
        resource = Resource.create({"service.name": "tast1", "service.version": version})
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, id_generator=self._ids)
        exporter = OTLPSpanExporter(endpoint_of(endpoint), timeout=TIMEOUT_S, compression=Compression.Gzip)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE_SPANS))
        self._tracer = self._provider.get_tracer("tast1.calls", version)

    def tell(self, call_id: str, timeline: Sequence[Entry], outcome: Outcome) -> None:
        """Send the trace of a finished call, some time soon."""
        self._ids.trace_id = int(call_id, 16)
        root = self._tracer.start_span(
            "call",
            kind=SpanKind.SERVER,
            attributes=_attributes(timeline[0].detail),
            start_time=_ns(timeline[0].at),
        )
        root.set_attribute("tast1.outcome", outcome.value)
        if outcome.level in (Level.FAULT, Level.ALARM):
            root.set_status(Status(StatusCode.ERROR, outcome.value))
        for entry in timeline[1:]:
            root.add_event(entry.name, _attributes(entry.detail), _ns(entry.at))
        within = set_span_in_context(root)
        for stage in stages_of(timeline):
            span = self._tracer.start_span(
                stage.name, within, attributes=_attributes(stage.detail), start_time=_ns(stage.start)
            )
            span.end(_ns(stage.end))
        root.end(_ns(timeline[-1].at))

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        self._provider.force_flush(TIMEOUT_S * 1000)
        self._provider.shutdown()


def endpoint_of(endpoint: str) -> str:
    """Where spans are sent: the endpoint itself when it names a path, else the usual path below it."""
    return endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + _PATH


def _attributes(detail: Mapping[str, str | int]) -> dict[str, str | int]:
    return {f"tast1.{name}": value for name, value in detail.items()}


def _ns(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000
