"""What real calls came to, what they add to the metrics, and what a collector is told of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.tables import Call
from tests.collector import Collector, collecting
from tests.sip.gateway import PROMPT_HZ, Gateway, running
from tests.sip.softphone import Behaviour, Softphone
from tests.sip.test_calls import Stage

pytestmark = [pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> AsyncIterator[Stage]:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        folder: Path = tmp_path_factory.mktemp("signals")
        more = {"traces": {"endpoint": collector.url}}
        async with running(folder, agent.uri, workers=2, more=more) as gateway:
            yield Stage(gateway, caller, agent)
            assert gateway.audit_is_intact()


def outcome(name: str, result: str, level: str = "none") -> str:
    return f'tast1_call_outcomes_total{{level="{level}",outcome="{name}",result="{result}"}}'


async def judged(gateway: Gateway, count: int) -> list[Call]:
    """The calls, once `count` of them are judged."""
    found: list[Call] = []

    async def look() -> bool:
        found[:] = await gateway.closed_calls(count)
        return sum(call.outcome is not None for call in found) >= count

    await gateway.until(look, 30, "the calls were not judged")
    return found


async def test_a_recorded_call_is_counted_timed_and_traced(stage: Stage, collector: Collector) -> None:
    dialog = await stage.dial()
    leg = await stage.accept(dialog)
    await stage.talk(dialog, leg, 4.0)
    await dialog.hang_up()
    await asyncio.wait_for(leg.ended.wait(), 10)
    call = (await judged(stage.gateway, stage.calls))[-1]
    assert call.outcome == "recorded"
    metric = stage.gateway.metric
    assert await metric(outcome("recorded", "recorded")) == 1
    for name in ("answer", "prompt_to_key", "consent_to_capture", "agent_ring", "call"):
        assert await metric(f"tast1_{name}_duration_seconds_count") == 1, name
    assert 4 <= await metric("tast1_call_duration_seconds_sum") <= 60
    await stage.gateway.until(lambda: "call" in collector.of_call(call.id), 30, "no trace came")
    spans = collector.of_call(call.id)
    assert spans.keys() >= {"call", "answer", "question", "ring", "bridge", "capture"}
    assert spans["capture"].parent_span_id == spans["call"].span_id
    told = b"".join(collector.raw)
    assert b"70101010" not in told and b"127.0.0.1" not in told and b"caller@" not in told


async def test_a_silent_call_is_not_recorded_as_expected(stage: Stage) -> None:
    dialog = await stage.dial()
    await stage.agent_leg()
    await dialog.hang_up()
    call = (await judged(stage.gateway, stage.calls))[-1]
    assert call.outcome == "declined"
    assert await stage.gateway.metric(outcome("declined", "not_recorded")) == 1


async def test_who_hangs_up_in_the_greeting_is_a_note(stage: Stage) -> None:
    dialog = await stage.dial()
    await stage.heard(dialog, PROMPT_HZ["greeting"], 0.1)
    await dialog.hang_up()
    call = (await judged(stage.gateway, stage.calls))[-1]
    assert call.outcome == "abandoned"


async def test_a_yes_and_nobody_there_is_no_deviation(stage: Stage) -> None:
    dialog = await stage.dial()
    stage.agent.behaviour = Behaviour(status=486)
    await stage.heard(dialog, PROMPT_HZ["consent"], 1.0)
    await dialog.press("1")
    await asyncio.wait_for(dialog.ended.wait(), 30)
    call = (await judged(stage.gateway, stage.calls))[-1]
    assert (call.decision, call.outcome) == ("accepted", "nobody_to_record")


async def test_a_withdrawal_is_no_deviation(stage: Stage) -> None:
    dialog, _ = await stage.recorded()
    call_id = (await stage.gateway.control("GET", "/calls"))["up"][-1]["call"]
    await stage.gateway.control("POST", f"/calls/{call_id}/stop")
    await stage.gateway.until(
        lambda: (
            stage.gateway.recordings(call_id) == []
            or all(row.state == "erased" for row in stage.gateway.recordings(call_id))
        ),
        20,
        "it was not erased",
    )
    await dialog.hang_up()
    call = (await judged(stage.gateway, stage.calls))[-1]
    assert call.outcome == "withdrawn"


async def test_a_dead_worker_is_a_fault(stage: Stage) -> None:
    dialog, leg = await stage.recorded()
    await stage.talk(dialog, leg, 1.0)
    up = (await stage.gateway.control("GET", "/calls"))["up"][-1]
    os.kill(up["worker_pid"], signal.SIGKILL)
    call = (await judged(stage.gateway, stage.calls))[-1]
    assert call.outcome == "worker_died"
    assert await stage.gateway.metric(outcome("worker_died", "deviation", "fault")) == 1
    assert await stage.gateway.metric("tast1_workers_died_total") == 1
    died = [record for record in stage.gateway.logged() if record["message"] == "a call worker has died"]
    assert len(died) == 1


async def test_what_is_logged_of_a_call_names_it_and_its_trace(stage: Stage) -> None:
    about = [record for record in stage.gateway.logged() if "call_id" in record]
    assert all(record["trace_id"] == record["call_id"] for record in about)


async def test_when_every_worker_is_busy_the_refusal_is_counted_once(stage: Stage) -> None:
    free = 'tast1_workers{state="free"}'

    async def all_free() -> bool:
        return await stage.gateway.metric(free) == 2

    await stage.gateway.until(all_free, 20, "the workers of the last calls did not come back")
    one, two = await stage.dial(), await stage.dial()
    third = await stage.caller.call(stage.gateway.uri)
    await asyncio.wait_for(third.ended.wait(), 20)
    assert await stage.gateway.metric('tast1_calls_refused_total{reason="no_worker"}') == 1
    assert await stage.gateway.metric(free) == 0
    await one.hang_up()
    await two.hang_up()
    await judged(stage.gateway, stage.calls)


async def test_metrics_tell_what_is_kept_and_what_room_there_is(stage: Stage) -> None:
    async def told() -> bool:
        text = (await stage.gateway.get("/metrics"))[1]
        return "tast1_volume_free_bytes{" in text and "tast1_overdue_artifacts 0.0" in text

    await stage.gateway.until(told, 90, "nothing was told of the archive")
    assert await stage.gateway.metric("tast1_sweep_last_success_timestamp_seconds") > 1.7e9


async def test_a_call_whose_gateway_dies_is_judged_at_the_next_start(tmp_path: Path) -> None:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        gateway = Gateway(tmp_path / "dies", agent.uri, workers=1)
        try:
            stage = Stage(await gateway.start(), caller, agent)
            await stage.recorded()
            await gateway.kill_and_wait()
            await gateway.start()
            (call,) = await judged(gateway, 1)
            assert call.outcome == "gateway_died"
            assert await gateway.metric(outcome("gateway_died", "deviation", "fault")) == 1
        finally:
            await gateway.stop()
