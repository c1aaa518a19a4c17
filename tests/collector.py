"""An OpenTelemetry collector for tests: takes OTLP over HTTP and keeps the spans it was sent."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What was sent so far. `status` other than 200: it refuses."""

    status: int = 200
    url: str = ""
    raw: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()  # aiohttp has unpacked it already
        body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        self.raw.append(body)
        told = ExportTraceServiceRequest.FromString(body)
        for resource_spans in told.resource_spans:
            self.resources.append({a.key: a.value.string_value for a in resource_spans.resource.attributes})
            for scope_spans in resource_spans.scope_spans:
                self.spans += scope_spans.spans
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, status=self.status, content_type="application/x-protobuf")

    def of_call(self, call_id: str) -> dict[str, Span]:
        """The spans of a call by their names."""
        return {span.name: span for span in self.spans if span.trace_id.hex() == call_id}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector for the length of a block."""
    collector = Collector()
    app = web.Application()
    app.add_routes([web.post("/v1/traces", collector.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()
