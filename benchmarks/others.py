"""`python -m benchmarks.others HOST:PORT`: the load of `--only calls` for any SIP system, beside Tast1.

The system answers calls to 70101010 at HOST:PORT over UDP with G.711 A-law, plays something, takes the key 1
by SIP INFO (`application/dtmf-relay`) so many milliseconds after the ACK, dials
`sip:agent@THIS-MACHINE:AGENT-PORT` and bridges the two; whether and how it records is its own affair. SIPp is
every caller and every agent, as in `benchmarks.load`.

What is told is what the phones see, and the CPU of the system where its process is on this machine (`--pid`):
whether each call was answered, came to its agent and was ended in order; INVITE to 200 of short calls that
arrive beside the talking ones; CPU-seconds a call and minute. Nothing is written to docs/performance.md:
figures of other systems are for who measured them to tell, with their settings.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import load, machine, processes
from benchmarks.asked import BenchmarkError
from benchmarks.measures import Spread, per_call_minute
from tests.sipp.process import HOW_TO_GET_IT, installed

HEADINGS = ("Calls at once", "CPU-s per call-minute", "Machine busy", "INVITE to 200, ms: median / p95 / p99")


@dataclass(frozen=True)
class System:
    """What is measured, and where. `pid`: of its parent process on this machine; None: it is elsewhere."""

    target: str
    agent_port: int
    host: str = "127.0.0.1"
    key_ms: int = load.KEY_MS
    pid: int | None = None


@dataclass(frozen=True)
class Seen:
    """One level of load. CPU in CPU-seconds per call and minute (None: no process was named), times in ms."""

    calls: int
    cpu: float | None
    busy: float  # share of all cores of this machine, SIPp included
    answer: Spread


async def measure(system: System, calls: int, plan: load.Plan, folder: Path, tell: load.Told) -> Seen:
    """Make the load and see what comes of it; `BenchmarkError` names what went otherwise than it should."""
    more: dict[str, Any] = {"host": system.host}
    agents, callers, short = load.phones(
        system.target, system.agent_port, calls, plan, folder / "sipp", system.key_ms, **more
    )
    try:
        await agents.start()
        await callers.start()
        tell(f"{calls} calls arrive")
        await asyncio.sleep(system.key_ms / 1000 + load.until_all_talk_s(calls))
        before, busy_before = processes.all_processes(), processes.PROC.joinpath("stat").read_text()
        tell(f"{calls} calls talk for {plan.window_s:g} s")
        await asyncio.sleep(plan.window_s)
        after, busy_after = processes.all_processes(), processes.PROC.joinpath("stat").read_text()
        tell(f"{plan.arrivals} short calls arrive beside them")
        await short.start()
        for phone in (short, callers, agents):
            await load.went_well(phone)
    finally:
        for phone in (agents, callers, short):
            await phone.end()
    cpu = None
    if system.pid is not None:
        spent_s = _spent_s(before, after, system.pid)
        cpu = per_call_minute(spent_s, calls, plan.window_s)
    return Seen(calls, cpu, processes.busy_share(busy_before, busy_after), Spread.of(load.waits_ms(short)))


def _spent_s(before: dict[int, processes.Stat], after: dict[int, processes.Stat], pid: int) -> float:
    """CPU-seconds of a process and all that it started, as far as they were there before and after."""
    if pid not in before or pid not in after:
        raise BenchmarkError(f"there is no process {pid} here (name the system's parent process, or none)")
    ours = {pid, *processes.descendants(before, pid)} & after.keys()
    return sum(after[each].cpu_s - before[each].cpu_s for each in ours)


def table(seen: list[Seen]) -> Table:
    """The figures, a row for each level."""
    shown = Table(title="Calls under load")
    for heading in HEADINGS:
        shown.add_column(heading, justify="right")
    for each in seen:
        answer = each.answer
        shown.add_row(
            str(each.calls),
            "-" if each.cpu is None else f"{each.cpu:.2f}",
            f"{each.busy:.0%}",
            f"{answer.median:.1f} / {answer.p95:.1f} / {answer.p99:.1f}",
        )
    return shown


def main() -> int:
    """Exit status 0, or 1 when something went wrong with the calls."""
    options = _arguments()
    console = Console()
    if not installed():
        console.print(HOW_TO_GET_IT, style="red")
        return 1
    system = System(options.target, options.agent_port, options.host, options.key_ms, options.pid)
    plan = load.Plan(options.seconds, options.arrivals)
    where = machine.describe()
    console.print(f"{where.cpu}, fixed loop {where.loop_ms:.0f} ms, load average {where.load}")
    seen: list[Seen] = []
    with tempfile.TemporaryDirectory() as folder:
        for calls in options.calls:
            try:
                place = Path(folder) / str(calls)
                seen.append(asyncio.run(measure(system, calls, plan, place, console.print)))
            except BenchmarkError as error:
                console.print(f"{calls} calls: {error}", style="red", markup=False)
                break
    console.print(table(seen))
    return 0 if len(seen) == len(options.calls) else 1


def _arguments() -> argparse.Namespace:
    summary = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.others",
        description="\n\n".join(summary[1:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="HOST:PORT", help="where the system takes calls")
    parser.add_argument("--agent-port", type=int, default=5090, help="where its agents are (5090)")
    parser.add_argument("--host", default="127.0.0.1", help="this machine's address (127.0.0.1)")
    parser.add_argument("--calls", type=_numbers, default=(1, 10, 25, 50), help="calls at once (1,10,25,50)")
    parser.add_argument("--key-ms", type=int, default=load.KEY_MS, help="from ACK to key, ms (2500)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of talk in which CPU is read (30)")
    parser.add_argument("--arrivals", type=int, default=100, help="short calls beside them (100)")
    parser.add_argument("--pid", type=int, help="the system's parent process, if it is on this machine")
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
