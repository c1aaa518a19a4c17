"""Traces: what a collector is sent of a call, and that none is no trouble."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from gateway.traces import CallTraces, endpoint_of
from storage.outcomes import Outcome
from tests.calls.test_stages import BEGAN, RECORDED, timeline
from tests.collector import collecting


def nanoseconds(seconds: float) -> int:
    return round(BEGAN.timestamp() * 1000 + seconds * 1000) * 1_000_000


async def test_a_call_is_one_trace_with_a_span_for_each_stage() -> None:
    call_id = uuid.uuid4().hex
    async with collecting() as collector:
        traces = CallTraces(collector.url, "1.2.3")
        traces.tell(call_id, timeline(RECORDED), Outcome.RECORDED)
        await asyncio.to_thread(traces.close)
    spans = collector.of_call(call_id)
    assert len(spans) == len(collector.spans)
    root = spans.pop("call")
    assert root.parent_span_id == b""
    assert (root.start_time_unix_nano, root.end_time_unix_nano) == (nanoseconds(0), nanoseconds(76.5))
    told = {attribute.key: attribute.value.string_value for attribute in root.attributes}
    assert told == {"tast1.flow": "customer", "tast1.outcome": "recorded"}
    names = {
        "answer",
        "greeting",
        "prompt",
        "question",
        "store_consent",
        "ring",
        "bridge",
        "capture",
        "pause",
    }
    assert spans.keys() == names
    assert {span.parent_span_id for span in spans.values()} == {root.span_id}
    ring = spans["ring"]
    assert (ring.start_time_unix_nano, ring.end_time_unix_nano) == (nanoseconds(10.6), nanoseconds(16))
    assert {event.name for event in root.events} >= {"key", "decision", "closed"}
    assert collector.resources[0]["service.name"] == "tast1"
    assert collector.resources[0]["service.version"] == "1.2.3"


async def test_two_calls_are_two_traces_and_a_fault_is_an_error() -> None:
    one, two = uuid.uuid4().hex, uuid.uuid4().hex
    async with collecting() as collector:
        traces = CallTraces(collector.url, "1")
        traces.tell(one, timeline(RECORDED), Outcome.WORKER_DIED)
        traces.tell(two, timeline(RECORDED), Outcome.ABANDONED)
        await asyncio.to_thread(traces.close)
    codes = {call: collector.of_call(call)["call"].status.code for call in (one, two)}
    assert codes == {one: 2, two: 0}


async def test_without_a_collector_nothing_waits_and_nothing_is_raised() -> None:
    traces = CallTraces("http://127.0.0.1:9", "1")  # nobody listens there
    for _ in range(1000):
        traces.tell(uuid.uuid4().hex, timeline(RECORDED), Outcome.RECORDED)
    await asyncio.wait_for(asyncio.to_thread(traces.close), 60)


@pytest.mark.parametrize(
    ("endpoint", "sent_to"),
    [
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("http://c:4318/", "http://c:4318/v1/traces"),
        ("https://c/otlp/v1/traces", "https://c/otlp/v1/traces"),
    ],
)
def test_an_endpoint_without_a_path_gets_the_usual_one(endpoint: str, sent_to: str) -> None:
    assert endpoint_of(endpoint) == sent_to
