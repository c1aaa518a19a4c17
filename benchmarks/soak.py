"""Hours of load: round after round of calls, and whether memory, descriptors and folders stay as they were.

The load of each round is that of `benchmarks.load`: all calls talk at once and are recorded on both legs.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select

from benchmarks import load, processes
from benchmarks.asked import Asked, BenchmarkError
from benchmarks.measures import Frames
from benchmarks.page import in_markdown, measured_on, on_screen
from storage.model import ArtifactKind
from storage.tables import Artifact, Call
from tests.ports import free_port
from tests.sip.gateway import Gateway, running

CALLS, QUICK_CALLS = 70, 3
MINUTES, QUICK_MINUTES = 60.0, 0.5
ROUND_S = 120.0  # all calls of a round talk at once for so long
ROWS = 12  # of the table


@dataclass(frozen=True)
class Sample:
    """The gateway while a round talks. Memory in MiB; what is in memory for recordings in MiB too."""

    minute: float
    calls: int  # so far
    gateway_mib: float
    workers_mib: float  # of all that have a call
    descriptors: int  # of the gateway's process
    sound_mib: float


def run(asked: Asked) -> str:
    """Measure; the section of the page."""
    calls = asked.calls[0] if asked.calls else QUICK_CALLS if asked.quick else CALLS
    minutes = asked.minutes or (QUICK_MINUTES if asked.quick else MINUTES)
    shutil.rmtree(asked.scratch, ignore_errors=True)
    asked.scratch.mkdir(parents=True)
    columns = (TextColumn("{task.fields[round]:>14}"), BarColumn(20), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=asked.console) as progress:
        task = progress.add_task("", total=minutes, round="")

        def tell(minute: float, number: int, what: str) -> None:
            progress.update(task, completed=minute, round=f"round {number}", description=what)

        samples, frames = asyncio.run(_soak(calls, minutes, asked.scratch, tell))
    asked.console.print(on_screen("Rounds of calls", HEADINGS, rows(samples)))
    asked.console.print(f"{frames.damaged} of {frames.whole} frames of the last round are damaged")
    return _section(asked, calls, samples, frames)


async def _soak(
    calls: int, minutes: float, folder: Path, tell: Callable[[float, int, str], None]
) -> tuple[list[Sample], Frames]:
    agent_port = free_port()
    talk_s = min(ROUND_S, minutes * 60)
    # One round's window; what comes before and after is the arriving and the leaving.
    plan = load.Plan(window_s=talk_s, arrivals=0)
    samples: list[Sample] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with running(
        folder / "gateway",
        f"sip:agent@127.0.0.1:{agent_port}",
        workers=calls + load.SPARE_WORKERS,
        ivr={"isolation_ms": load.ISOLATION_MS},
    ) as gateway:
        number = 0
        while (passed := (loop.time() - began) / 60) < minutes:
            number += 1
            tell(passed, number, "calls arrive")
            agents, callers, _ = load.phones(
                f"127.0.0.1:{gateway.port}", agent_port, calls, plan, folder / f"sipp-{number}"
            )
            try:
                await agents.start()
                await callers.start()
                await load.all_record(gateway, calls, partial(tell, passed, number))
                await asyncio.sleep(talk_s / 2)
                samples.append(await _sample(gateway, (loop.time() - began) / 60, number * calls))
                for phone in (callers, agents):
                    await load.went_well(phone)
            finally:
                for phone in (agents, callers):
                    await phone.end()
            await gateway.until(partial(_closed, gateway, number * calls), 60, "calls were not closed")
        tell(minutes, number, "opening the recordings of the last round")
        recordings = await asyncio.to_thread(load.check_recordings, gateway, calls)
        kept = _recordings(gateway)
    if kept != number * calls:
        raise BenchmarkError(f"{number * calls} calls were to be recorded, and {kept} were")
    return samples, Frames(
        sum(each.frames.whole for each in recordings), sum(each.frames.damaged for each in recordings)
    )


def _closed(gateway: Gateway, calls: int) -> bool:
    ended = select(func.count()).select_from(Call).where(Call.ended_at.is_not(None))
    with gateway.archive() as opened:
        return bool(opened.database.read_sync(lambda s: s.scalar(ended)) == calls)


def _recordings(gateway: Gateway) -> int:
    stored = select(func.count()).select_from(Artifact).where(Artifact.kind == ArtifactKind.AUDIO.value)
    with gateway.archive() as opened:
        return int(opened.database.read_sync(lambda s: s.scalar(stored)))


async def _sample(gateway: Gateway, minute: float, calls: int) -> Sample:
    assert gateway.process is not None
    pid = gateway.process.pid
    up = (await gateway.control("GET", "/calls"))["up"]
    sound = Path(gateway.settings().storage.memory_folder)
    held = sum(path.stat().st_blocks * 512 for path in sound.rglob("*.wav")) if sound.is_dir() else 0
    return Sample(
        minute,
        calls,
        processes.pss_mib_of(pid),
        sum(processes.pss_mib_of(int(call["worker_pid"])) for call in up),
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        held / 2**20,
    )


HEADINGS = (
    "Minute",
    "Calls so far",
    "MiB: gateway",
    "MiB: all workers",
    "Descriptors",
    "MiB: sound in memory",
)


def rows(samples: Sequence[Sample]) -> list[tuple[str, ...]]:
    """Rows in the order of `HEADINGS`: the first and the last round, and some between them."""
    every = max(1, -(-(len(samples) - 1) // (ROWS - 1)))
    chosen = [*samples[:-1:every], samples[-1]] if samples else []
    return [
        (
            f"{each.minute:.1f}",
            f"{each.calls}",
            f"{each.gateway_mib:.1f}",
            f"{each.workers_mib:.0f}",
            f"{each.descriptors}",
            f"{each.sound_mib:.1f}",
        )
        for each in chosen
    ]


def _section(asked: Asked, calls: int, samples: Sequence[Sample], frames: Frames) -> str:
    return f"""## Load for long

{calls} bridged calls at once, recorded on both legs, round after round; each row is the middle of a round.

{in_markdown(HEADINGS, rows(samples))}

Every call of every round was bridged, recorded and hung up as its scenario says: {samples[-1].calls}. In the
last round {frames.damaged} of {frames.whole} frames were damaged.

{measured_on(asked.where, asked.command)}

* The load is that of the section on calls; one gateway process serves all rounds, and its workers are
  replaced as they are in service. Memory is proportional set size.
* The gateway's memory grows by the pages of its database that its five connections keep, at most 32 MiB in
  the one that writes and 8 MiB in each that reads, and by the timelines of the last 200 calls.
* **Sound in memory** is what recordings that run have in the memory folder: it is given back as it is read.
"""
