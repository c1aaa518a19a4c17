"""The load that other SIP systems are measured with runs, against one of which all is known: this."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import load, others
from benchmarks.asked import BenchmarkError
from tests.ports import free_port
from tests.sip.gateway import running
from tests.sipp.process import installed

pytestmark = [pytest.mark.sip, pytest.mark.skipif(not installed(), reason="SIPp is not installed")]


async def test_calls_are_answered_bridged_and_ended_and_cpu_is_that_of_the_system(tmp_path: Path) -> None:
    agent_port = free_port()
    agent = f"sip:agent@127.0.0.1:{agent_port}"
    async with running(tmp_path, agent, workers=5, ivr={"isolation_ms": load.ISOLATION_MS}) as gateway:
        assert gateway.process is not None
        system = others.System(f"127.0.0.1:{gateway.port}", agent_port, pid=gateway.process.pid)
        told: list[str] = []
        seen = await others.measure(system, 2, load.Plan(2.0, 3), tmp_path / "load", told.append)
        calls = await gateway.closed_calls(5)
        recorded = [call for call in calls if gateway.recordings(call.id)]
    assert len(recorded) == 2 and len(told) == 3
    assert seen.calls == 2 and seen.answer.count == 3 and seen.cpu is not None and seen.cpu > 0


async def test_a_system_that_is_not_there_is_told(tmp_path: Path) -> None:
    system = others.System(f"127.0.0.1:{free_port()}", free_port(), key_ms=100)
    with pytest.raises(BenchmarkError, match="SIPp ended with"):
        await others.measure(system, 1, load.Plan(0.5, 1), tmp_path / "load", lambda what: None)
