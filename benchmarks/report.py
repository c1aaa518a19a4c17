"""The figures of calls under load as a table for the screen and as a section of `docs/performance.md`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from benchmarks import load
from benchmarks.load import Level, Plan
from benchmarks.machine import Machine
from benchmarks.page import in_markdown, measured_on, on_screen
from benchmarks.processes import TICKS_PER_S

HEADINGS = (
    "Calls at once",
    "CPU-s per call-minute: gateway process + worker = both",
    "Idle worker, % of a core",
    "Machine busy",
    "MiB: gateway",
    "MiB: a worker",
    "INVITE to 180, ms: median / p95 / p99",
    "INVITE to 200, ms: median / p95 / p99",
    "Key to recording, ms: median / p95 / worst",
    "Damaged frames",
)


def rows(levels: Sequence[Level]) -> list[tuple[str, ...]]:
    """One row a level, in the order of `HEADINGS`."""
    return [
        (
            f"{level.calls}",
            f"{level.gateway_cpu:.2f} + {level.worker_cpu:.2f} = {level.gateway_cpu + level.worker_cpu:.2f}",
            f"{level.idle_share * 100:.2f}",
            f"{level.machine_busy:.0%}",
            f"{level.gateway_mib:.0f}",
            f"{level.worker_mib:.1f}",
            f"{level.ringing.median:.1f} / {level.ringing.p95:.1f} / {level.ringing.p99:.1f}",
            f"{level.answer.median:.1f} / {level.answer.p95:.1f} / {level.answer.p99:.1f}",
            f"{level.capture.median:.0f} / {level.capture.p95:.0f} / {level.capture.worst:.0f}",
            f"{level.frames.damaged} of {level.frames.whole}",
        )
        for level in levels
    ]


def table(levels: Sequence[Level]) -> Table:
    """For the screen."""
    return on_screen("Bridged, recorded calls", HEADINGS, rows(levels))


def section(where: Machine, plan: Plan, levels: Sequence[Level], command: str, fell: str = "") -> str:
    """The section of the page. `fell`: what went wrong at the first level that did not hold."""
    return PAGE.format(
        measured=measured_on(where, command),
        table=in_markdown(HEADINGS, rows(levels)),
        fell=f"{fell}\n\n" if fell else "",
        recordings=sum(level.recordings for level in levels),
        minutes=f"{sum(level.recorded_s for level in levels) / 60:.1f}",
        window_s=f"{plan.window_s:.0f}",
        arrivals=plan.arrivals,
        per_s=f"{load.ARRIVALS_PER_S:.0f}",
        isolation_ms=load.ISOLATION_MS,
        caller_hz=load.CALLER_HZ,
        agent_hz=load.AGENT_HZ,
        spare=load.SPARE_WORKERS,
        tick_ms=1000 // TICKS_PER_S,
    )


PAGE = """## Calls under load

{table}

{fell}{recordings} recordings, {minutes} minutes of sound on two legs each, were opened and checked frame by
frame.

{measured}

The load generator runs on the same cores. A load average well above 0 before the run means that other
work ran beside it; then times and damaged frames are worse than the gateway's own.

* The gateway is `tast1 serve` in its own process with as many workers as calls and {spare} more. SIPp, in C,
  is every caller and every agent. All of it is SIP and RTP over UDP on loopback; G.711 A-law, 20 ms.
* Each call: greeting and consent prompt (tones, 1.9 s), key `1` by SIP INFO, {isolation_ms} ms in which no
  other digit may come, consent record committed, agent dialled, bridge, both legs recorded, sealed on disk.
* The caller sends {caller_hz} Hz and the agent {agent_hz} Hz without a pause: every frame has sound.
* **CPU**: user and system time from `/proc/PID/stat` (steps of {tick_ms} ms) over {window_s} s in which all
  calls talk and record, divided by calls and minutes. *Idle worker* is what has no call: spare workers and
  their parent. *Machine busy* is all cores in that time, SIPp and everything else included.
* **Memory**: proportional set size from `/proc/PID/smaps_rollup` at the end of that time; pages that forked
  workers share are counted once.
* **INVITE to 180**, **to 200**: as SIPp's message trace says (microseconds), of {arrivals} short calls that
  arrive at {per_s} a second while the others talk.
* **Key to recording**: from the call's timeline, from the key to the first recorded sound, minus the
  {isolation_ms} ms. Commit of the consent record, dialling and answer of the agent, and bridge are in it; the
  agent answers at once.
* **Damaged frames**: 20 ms frames of both legs of every recording, from first to last sound, in which
  anything but the tone is heard, or whose phase does not carry on from the frame before: lost, repeated,
  shifted or concealed. Packets that SIPp sends too late count here too: loopback has no jitter, so the
  jitter buffers hold next to nothing, and a pause of SIPp is heard in many calls at the same moment.

For orientation: figures noted for usual systems under the same kind of load (20 bridged calls at once,
G.711 A-law, prompt, key, agent, both legs recorded; November 2026, two cores), in CPU-seconds per
call-minute: Asterisk 22 0.46 to
0.50, FreeSWITCH 1.11 0.37 to 0.46. They are not of this run. Both are one process in C for all calls; Tast1
has a process for each call, so that a fault in a native SIP stack costs one caller one call, and seals
recordings as they grow.
"""
