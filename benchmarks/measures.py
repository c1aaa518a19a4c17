"""From what was observed to the figures of the report. Pure: numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
FRAME = 160  # samples, 20 ms
OFF_TONE = 0.1  # of the tone's amplitude; the noise of G.711 is a tenth of this
PHASE_JUMP_RAD = 0.2  # one sample lost at 400 Hz is 0.31 rad

Pcm = npt.NDArray[np.int16]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("a percentile of no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True)
class Spread:
    """How values lie. Same unit as the values."""

    count: int
    median: float
    p95: float
    p99: float
    worst: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """`ValueError` without values."""
        return cls(
            len(values),
            percentile(values, 0.5),
            percentile(values, 0.95),
            percentile(values, 0.99),
            max(values),
        )


def per_call_minute(cpu_s: float, calls: int, seconds: float) -> float:
    """CPU-seconds for each minute of each call."""
    return cpu_s / (calls * seconds / 60)


@dataclass(frozen=True)
class Frames:
    """20 ms frames of one leg, from the first with the tone to the last."""

    whole: int
    damaged: int


def damaged_frames(pcm: Pcm, tone_hz: float) -> Frames:
    """Count the frames of a recorded tone that are not the tone, or do not go on where the last one ended.

    A frame is damaged when anything but the tone is in it, when its loudness is not the tone's, or when
    its phase is not the last good frame's carried on: so a lost, an added and a shifted frame count, if the
    tone has no whole number of periods in 20 ms. What is before the first good frame and after the last
    one is the other phone's beginning and end, and is not counted.
    """
    if (tone_hz * FRAME / RATE_HZ) % 1 == 0:
        raise ValueError("a tone with whole periods in a frame does not show a lost frame")
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    if len(frames) == 0:
        return Frames(0, 0)
    step = 2 * np.pi * tone_hz / RATE_HZ
    basis = np.stack([np.cos(step * np.arange(FRAME)), np.sin(step * np.arange(FRAME))], axis=1)
    fitted = frames @ np.linalg.pinv(basis).T
    amplitude = np.hypot(fitted[:, 0], fitted[:, 1])
    noise = np.sqrt(np.mean((frames - fitted @ basis.T) ** 2, axis=1))
    loud = amplitude[amplitude > 100]
    if len(loud) == 0:
        return Frames(0, 0)
    level = float(np.median(loud))
    good = (noise < OFF_TONE * level) & (np.abs(amplitude - level) < OFF_TONE * level)
    places = np.flatnonzero(good)
    if len(places) == 0:
        return Frames(0, 0)
    first, last = int(places[0]), int(places[-1])
    phase = np.arctan2(-fitted[places, 1], fitted[places, 0])
    carried_on = phase[:-1] + step * FRAME * np.diff(places)
    off = np.abs((phase[1:] - carried_on + np.pi) % (2 * np.pi) - np.pi)
    jumps = int((off > PHASE_JUMP_RAD).sum())
    return Frames(last - first + 1, last - first + 1 - len(places) + jumps)


def invite_to_ms(messages: str, status: int) -> list[float]:
    """The waits of SIPp's callers in milliseconds, out of what its -trace_shortmsg wrote.

    A line is: date, time, seconds, S or R, Call-ID, CSeq, first line; with tabs between. Counted from the
    first INVITE of a call, so a repeated one does not shorten the wait, to its first answer of that status. A
    call without one is left out.
    """
    sent: dict[str, float] = {}
    waits: dict[str, float] = {}
    for line in messages.splitlines():
        fields = line.split("\t")
        if len(fields) < 7 or not fields[5].endswith(" INVITE"):
            continue
        at, way, call, first = float(fields[2]), fields[3], fields[4], fields[6]
        if way == "S" and first.startswith("INVITE "):
            sent.setdefault(call, at)
        elif way == "R" and first.startswith(f"SIP/2.0 {status}") and call in sent:
            waits.setdefault(call, (at - sent[call]) * 1000)
    return list(waits.values())
