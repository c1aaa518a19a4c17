"""Calls a second: short calls at one rate after the other, up to the first rate that does not hold.

A call is answered, hears the greeting, is hung up by its caller after half a second, and is written down with
all that is written of a call without a recording. A rate holds when every call goes as SIPp's scenario says:
none is refused, none has to wait for a repetition too many.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks import load, processes
from benchmarks.asked import Asked, BenchmarkError
from benchmarks.measures import Spread
from benchmarks.page import in_markdown, measured_on, on_screen
from tests.ports import free_port
from tests.sip.gateway import running
from tests.sipp.process import Sipp, write_tone

RATES, QUICK_RATES = (1, 2, 5, 8, 12, 16), (2, 4)
SECONDS, QUICK_SECONDS = 20, 4
BUSY_S = 7  # that a worker is taken by such a call, and replaced
WRITTEN_S = 60.0  # how long the last call may take to be written down

HEADINGS = (
    "Calls a second",
    "Calls",
    "INVITE to 180, ms: median / p95 / p99",
    "INVITE to 200, ms: median / p95 / p99",
    "CPU-ms a call: gateway process",
    "Machine busy",
    "Written down, s after the last",
)


@dataclass(frozen=True)
class Rate:
    """What one rate showed. `written_s`: from the last hang-up to the last row, seconds."""

    per_second: int
    calls: int
    ringing: Spread
    answer: Spread
    gateway_ms: float  # CPU
    machine_busy: float  # share of all cores
    written_s: float


def run(asked: Asked) -> str:
    """Measure; the section of the page."""
    rates, seconds = (QUICK_RATES, QUICK_SECONDS) if asked.quick else (RATES, SECONDS)
    shutil.rmtree(asked.scratch, ignore_errors=True)
    held: list[Rate] = []
    fell = ""
    columns = (TextColumn("{task.fields[rate]:>14}"), BarColumn(20), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=asked.console) as progress:
        task = progress.add_task("", total=len(rates), rate="")
        for rate in rates:
            progress.update(task, rate=f"{rate} a second")
            tell = partial(_tell, progress, task)
            try:
                held.append(asyncio.run(_measure(rate, rate * seconds, asked.scratch / str(rate), tell)))
            except BenchmarkError as error:
                if not held:
                    raise
                fell = f"{rate} calls a second did not hold: {load.first_line(error)}"
                break
            progress.advance(task)
    asked.console.print(on_screen("Short calls, one after the other", HEADINGS, rows(held)))
    if fell:
        asked.console.print(fell, style="yellow", markup=False)
    return _section(asked, held, fell, seconds)


def _tell(progress: Progress, task: TaskID, what: str) -> None:
    progress.update(task, description=what)


async def _measure(rate: int, calls: int, folder: Path, tell: Callable[[str], None]) -> Rate:
    tell("starting the gateway and its workers")
    workers = rate * BUSY_S + load.SPARE_WORKERS
    async with running(folder, f"sip:agent@127.0.0.1:{free_port()}", workers=workers) as gateway:
        assert gateway.process is not None
        pid = gateway.process.pid
        sound = write_tone(folder / "caller.al", load.CALLER_HZ)
        callers = Sipp(
            folder / "sipp",
            "uac_silent",
            sound,
            talk_ms=load.SHORT_CALL_MS,
            calls=calls,
            rate=rate,
            target=f"127.0.0.1:{gateway.port}",
            arguments=("-trace_shortmsg",),
        )
        await asyncio.sleep(
            load.SETTLE_S
        )  # the edge drops new calls while workers of an earlier gateway report
        before, busy_before = processes.all_processes(), processes.PROC.joinpath("stat").read_text()
        tell(f"{calls} calls arrive")
        try:
            await callers.start()
            await load.went_well(callers)
        finally:
            await callers.end()
        after, busy_after = processes.all_processes(), processes.PROC.joinpath("stat").read_text()
        loop = asyncio.get_running_loop()
        ended = loop.time()
        tell("calls are written down")
        await gateway.closed_calls(calls, WRITTEN_S)
        return Rate(
            rate,
            calls,
            Spread.of(load.waits_ms(callers, 180)),
            Spread.of(load.waits_ms(callers)),
            (after[pid].cpu_s - before[pid].cpu_s) * 1000 / calls,
            processes.busy_share(busy_before, busy_after),
            loop.time() - ended,
        )


def rows(held: Sequence[Rate]) -> list[tuple[str, ...]]:
    """One row a rate, in the order of `HEADINGS`."""
    return [
        (
            f"{each.per_second}",
            f"{each.calls}",
            f"{each.ringing.median:.1f} / {each.ringing.p95:.1f} / {each.ringing.p99:.1f}",
            f"{each.answer.median:.1f} / {each.answer.p95:.1f} / {each.answer.p99:.1f}",
            f"{each.gateway_ms:.0f}",
            f"{each.machine_busy:.0%}",
            f"{each.written_s:.1f}",
        )
        for each in held
    ]


def _section(asked: Asked, held: Sequence[Rate], fell: str, seconds: int) -> str:
    return f"""## Calls a second

{in_markdown(HEADINGS, rows(held))}

{fell or "All of these rates held."}

{measured_on(asked.where, asked.command)}

* Calls come for {seconds} s at each rate, at a gateway that was started for it, with {BUSY_S} workers for
  each call a second and {load.SPARE_WORKERS} more: a worker serves one call and is replaced by a new process.
* Each call is answered, hears the greeting, and is hung up by its caller {load.SHORT_CALL_MS} ms after the
  200. What is written of it: its arrival, its answer, the decision (no consent), its end, what it came to.
* SIPp runs on the same cores, and so do all workers.
"""
