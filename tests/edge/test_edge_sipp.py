"""SIPp at both ends of the edge: fifty calls with re-INVITE, each ended by its caller."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path

import pytest

from gateway.edge.edge import Edge
from gateway.edge.settings import EdgeSettings, LimitSettings
from tests.edge.peers import FakeWorkers
from tests.ports import free_port

CALLS = 50
SCENARIOS = Path(__file__).with_name("sipp")

pytestmark = [
    pytest.mark.sip,
    pytest.mark.skipif(not shutil.which("sipp"), reason="SIPp is not installed (apt install sip-tester)"),
]


async def sipp(scenario: str, *arguments: str) -> asyncio.subprocess.Process:
    command = ["sipp", "-sf", str(SCENARIOS / scenario), "-i", "127.0.0.1", "-m", str(CALLS), "-nostdin"]
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, *arguments, stdout=quiet, stderr=quiet)


async def test_sipp_calls_through_the_edge_and_hangs_up() -> None:
    port = free_port()
    workers = FakeWorkers(port)
    workers.free = [port] * CALLS
    limits = LimitSettings(invites_per_s=1000.0, invite_burst=CALLS)
    edge = Edge(
        EdgeSettings(udp="127.0.0.1:0", worker_side="127.0.0.1:0", settle_s=0.0, limits=limits), workers
    )
    await edge.start()
    worker = await sipp("worker.xml", "-p", str(port), "-timeout", "100s")
    caller = await sipp("caller.xml", f"127.0.0.1:{edge.listening['UDP'][1]}", "-r", "25", "-timeout", "100s")
    try:
        ended = await asyncio.wait_for(asyncio.gather(caller.wait(), worker.wait()), 120)
    finally:
        for process in (caller, worker):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await edge.stop()
    assert ended == [0, 0]
    assert edge.counts["accepted"] == CALLS
