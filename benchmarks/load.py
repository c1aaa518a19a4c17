"""One level of load: so many calls at once through a real gateway, and what was seen of them.

The gateway is `tast1 serve` in its own process; SIPp, a program in C, is every caller and every agent and
sends an A-law tone from both ends. Each call: prompt, key 1 by INFO, agent, bridge, recording. When all of
them record, CPU and memory are read over a quiet window; then short calls arrive beside them, and how long
each waits for its 200 is read; then all hang up, and the recordings are opened and their tones checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.asked import BenchmarkError
from benchmarks.measures import Frames, Spread, damaged_frames, invite_to_ms, per_call_minute
from tests.ports import free_port
from tests.sip.gateway import Gateway, running
from tests.sipp.process import Sipp, write_tone

CALLER_HZ, AGENT_HZ = 440, 620  # no whole number of periods in 20 ms, a whole number in a second
KEY_MS = 2500  # after the ACK: behind the marker of the prompt, before the end of its window
ISOLATION_MS = 1500
ARRIVALS_PER_S = 2.0  # calls a second, when they come in: 100 at once last 50 s each, on average
SHORT_CALL_MS = 500
SPARE_WORKERS = 8  # for the short calls, and for workers that are being replaced
SETTLE_S = 2.0  # from the last recording's start to the window
SLACK_S = 12.0  # how much later than planned the window may end

Told = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How long and how much. `window_s`: CPU and memory; `arrivals`: short calls for the waiting time."""

    window_s: float = 30.0
    arrivals: int = 100


@dataclass(frozen=True)
class Level:
    """What one level showed. CPU in CPU-seconds per call and minute, memory in MiB, times in ms."""

    calls: int
    gateway_cpu: float
    worker_cpu: float
    idle_share: float  # of a core, for each worker without a call
    machine_busy: float  # share of all cores in the window, load generator and everything else included
    gateway_mib: float
    worker_mib: float
    ringing: Spread
    answer: Spread
    capture: Spread
    recordings: int
    recorded_s: float
    frames: Frames


async def run(calls: int, plan: Plan, folder: Path, tell: Told) -> Level:
    """Make the load and measure it; `BenchmarkError` when calls were lost or the machine was too slow."""
    agent_port = free_port()
    tell("starting the gateway and its workers")
    async with running(
        folder,
        f"sip:agent@127.0.0.1:{agent_port}",
        workers=calls + SPARE_WORKERS,
        ivr={"isolation_ms": ISOLATION_MS},
    ) as gateway:
        target = f"127.0.0.1:{gateway.port}"
        agents, callers, short = phones(target, agent_port, calls, plan, folder / "sipp")
        try:
            await agents.start()
            await callers.start()
            seen = await _talking(gateway, calls, plan, tell)
            tell(f"{plan.arrivals} short calls arrive beside them")
            await short.start()
            await went_well(short)
            ringing, answer = Spread.of(waits_ms(short, 180)), Spread.of(waits_ms(short))
            tell("hanging up")
            await went_well(callers)
            await went_well(agents)
        finally:
            for phone in (agents, callers, short):
                await phone.end()
        await gateway.closed_calls(calls + plan.arrivals)
        tell("opening the recordings")
        recordings = await asyncio.to_thread(check_recordings, gateway)
    if len(recordings) != calls:
        raise BenchmarkError(f"{calls} calls were to be recorded, and {len(recordings)} were")
    return Level(
        calls=calls,
        ringing=ringing,
        answer=answer,
        recordings=len(recordings),
        recorded_s=sum(each.seconds for each in recordings),
        frames=Frames(sum(r.frames.whole for r in recordings), sum(r.frames.damaged for r in recordings)),
        **seen,
    )


def phones(
    target: str,
    agent_port: int,
    calls: int,
    plan: Plan,
    folder: Path,
    key_ms: int = KEY_MS,
    **more: Any,
) -> tuple[Sipp, Sipp, Sipp]:
    """Agents, callers who accept, and callers who come for a moment; none is started yet.

    `target`: HOST:PORT of the system that is called; `more`: of each `Sipp`.
    """
    folder.mkdir(parents=True)
    tones = {hz: write_tone(folder / f"{hz}.al", hz) for hz in (CALLER_HZ, AGENT_HZ)}
    talk_s = until_all_talk_s(calls) + plan.window_s + plan.arrivals / ARRIVALS_PER_S + SLACK_S
    common: dict[str, Any] = {"rate": ARRIVALS_PER_S, "timeout_s": int(talk_s) + 120, **more}
    agents = Sipp(folder, "uas_agent", tones[AGENT_HZ], calls=calls, port=agent_port, **common)
    callers = Sipp(
        folder, "uac_key", tones[CALLER_HZ], key_ms, int(talk_s * 1000), calls=calls, target=target, **common
    )
    short = Sipp(
        folder,
        "uac_silent",
        tones[CALLER_HZ],
        talk_ms=SHORT_CALL_MS,
        calls=plan.arrivals,
        target=target,
        arguments=("-trace_shortmsg",),
        **common,
    )
    return agents, callers, short


def until_all_talk_s(calls: int) -> float:
    """From the first key to when the last call may be expected to talk, in seconds."""
    return calls / ARRIVALS_PER_S + ISOLATION_MS / 1000 + SETTLE_S


def first_line(error: BenchmarkError) -> str:
    """What went wrong, without what SIPp wrote down of it."""
    return str(error).partition("\n")[0]


async def went_well(phone: Sipp) -> None:
    """Wait for its end; `BenchmarkError` with what went otherwise than its scenario says."""
    if wrong := await phone.ended():
        raise BenchmarkError(wrong)


async def calls_up(gateway: Gateway, calls: int, tell: Told) -> list[dict[str, Any]]:
    """The calls that are up, when so many of them record; an empty list until then."""
    up: list[dict[str, Any]] = (await gateway.control("GET", "/calls"))["up"]
    recording = sum(call["recording"] for call in up)
    tell(f"{recording} of {calls} calls record")
    return up if recording == calls else []


async def all_record(gateway: Gateway, calls: int, tell: Told) -> list[dict[str, Any]]:
    """Wait until so many calls record; `BenchmarkError` when they do not come to."""
    for _ in range(int(calls / ARRIVALS_PER_S + SLACK_S + 20) * 4):
        if up := await calls_up(gateway, calls, tell):
            return up
        await asyncio.sleep(0.25)
    raise BenchmarkError(f"{calls} calls did not come to record: the machine is too slow or too busy")


async def _talking(gateway: Gateway, calls: int, plan: Plan, tell: Told) -> dict[str, Any]:
    """Wait until all calls record, then read CPU and memory over the window."""
    up = await all_record(gateway, calls, tell)
    capture = Spread.of([await _key_to_capture_ms(gateway, call["call"]) for call in up])
    await asyncio.sleep(SETTLE_S)
    assert gateway.process is not None
    gateway_pid, worker_pids = gateway.process.pid, [int(call["worker_pid"]) for call in up]
    loop = asyncio.get_running_loop()
    before, busy_before, began = (
        processes.all_processes(),
        processes.PROC.joinpath("stat").read_text(),
        loop.time(),
    )
    while (left := began + plan.window_s - loop.time()) > 0:
        tell(f"{calls} calls talk: {plan.window_s - left:.0f} of {plan.window_s:.0f} s")
        await asyncio.sleep(min(1.0, left))
    seconds = loop.time() - began
    after, busy_after = processes.all_processes(), processes.PROC.joinpath("stat").read_text()
    worker_mib = [processes.pss_mib_of(pid) for pid in worker_pids]
    gateway_mib = processes.pss_mib_of(gateway_pid)
    if not await calls_up(gateway, calls, tell):
        raise BenchmarkError("calls ended in the window: the machine is too slow or too busy")
    # What has no call: the spare workers, and the parent that all were forked from.
    idle = (processes.descendants(before, gateway_pid) & after.keys()) - set(worker_pids)
    return {
        "gateway_cpu": per_call_minute(_spent(before, after, [gateway_pid]), calls, seconds),
        "worker_cpu": per_call_minute(_spent(before, after, worker_pids), calls, seconds),
        "idle_share": _spent(before, after, idle) / seconds / SPARE_WORKERS,
        "machine_busy": processes.busy_share(busy_before, busy_after),
        "gateway_mib": gateway_mib,
        "worker_mib": sum(worker_mib) / len(worker_mib),
        "capture": capture,
    }


def _spent(before: dict[int, processes.Stat], after: dict[int, processes.Stat], pids: Iterable[int]) -> float:
    return sum(after[pid].cpu_s - before[pid].cpu_s for pid in pids)


async def _key_to_capture_ms(gateway: Gateway, call_id: str) -> float:
    """From the key to the first sound recorded, without the time in which no other digit may come."""
    for _ in range(50):
        at: dict[str, datetime] = {}
        for entry in await gateway.timeline(call_id):
            at.setdefault(entry["name"], datetime.fromisoformat(entry["at"]))
        if {"key", "capture_started"} <= at.keys():
            break
        await asyncio.sleep(0.2)
    else:
        raise BenchmarkError("a call that records has no key or no start of its recording in its timeline")
    return (at["capture_started"] - at["key"]).total_seconds() * 1000 - ISOLATION_MS


def waits_ms(phone: Sipp, status: int = 200) -> list[float]:
    """INVITE to that answer of each call; `BenchmarkError` when one is missing."""
    traces = list(phone.folder.glob(f"{phone.scenario}-{phone.port}_*_shortmessages.log"))
    waits = [wait for trace in traces for wait in invite_to_ms(trace.read_text(), status)]
    if len(waits) != phone.calls:
        raise BenchmarkError(f"SIPp wrote down {len(waits)} answers of {phone.calls} calls")
    return waits


@dataclass(frozen=True)
class Recorded:
    """One recording, opened and looked at."""

    seconds: float
    frames: Frames


def check_recordings(gateway: Gateway, last: int | None = None) -> list[Recorded]:
    """Open recordings, the `last` ones or all, and look at every frame."""
    found = []
    for artifact in gateway.recordings()[:last]:
        caller, agent = gateway.sound(artifact.id)
        legs = [damaged_frames(caller, CALLER_HZ), damaged_frames(agent, AGENT_HZ)]
        frames = Frames(sum(leg.whole for leg in legs), sum(leg.damaged for leg in legs))
        found.append(Recorded(len(caller) / 8000, frames))
    return found
