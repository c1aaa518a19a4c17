"""Measures of a prompt's sound: loudness, true peak, where it is audible. Numpy; samples from -1 to 1.

Loudness is the integrated loudness of EBU R 128 (ITU-R BS.1770-4), gated, in LUFS. Its shortest piece is a
block of 400 ms. A prompt that is shorter (a confirming tone) is measured as if it were repeated end to end
until it fills a block: padding it with silence would tell a lower loudness than is heard.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float64]

BLOCK_S = 0.4  # BS.1770-4: the gating block
FRAME_MS = 10
SILENCE_DBFS = -50.0  # a frame below is silence ...
SILENCE_BELOW_DB = 30.0  # ... or so far below the loud ones, when there is noise
PAUSE_MS = 120  # shorter gaps are within words
OVERSAMPLING = 4  # BS.1770-4 annex 2, for the true peak
NEVER = -120.0  # dB: what there is none of


@dataclass(frozen=True)
class Sound:
    """One channel of sound."""

    samples: Samples
    rate_hz: int

    @property
    def length_ms(self) -> int:
        """Milliseconds, rounded down."""
        return len(self.samples) * 1000 // self.rate_hz

    @cached_property
    def peak_dbfs(self) -> float:
        """The largest sample."""
        return decibels(float(np.abs(self.samples).max(initial=0.0)))

    @cached_property
    def peak_dbtp(self) -> float:
        """The true peak: what a converter makes of it between the samples."""
        finer = soxr.resample(self.samples, self.rate_hz, self.rate_hz * OVERSAMPLING, quality="VHQ")
        return max(self.peak_dbfs, decibels(float(np.abs(finer).max(initial=0.0))))

    @cached_property
    def loudness_lufs(self) -> float:
        """Integrated loudness; `NEVER` when nothing is above the gate."""
        import pyloudnorm  # with SciPy behind it, a second; most commands measure nothing

        samples, least = self.samples, math.ceil(BLOCK_S * self.rate_hz) + 1
        if not samples.any():
            return NEVER
        if len(samples) < least:
            samples = np.tile(samples, math.ceil(least / len(samples)))
        with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of means over no block
            lufs = float(pyloudnorm.Meter(self.rate_hz).integrated_loudness(samples))
        return lufs if math.isfinite(lufs) else NEVER

    @cached_property
    def audible(self) -> NDArray[np.bool_]:
        """Whether each frame of `FRAME_MS` is more than silence."""
        size = self.rate_hz * FRAME_MS // 1000
        count = len(self.samples) // size
        frames = self.samples[: count * size].reshape(count, size)
        if not count:
            return np.zeros(0, np.bool_)
        frames = frames - self.samples.mean()  # a constant offset is not heard
        levels = 10 * np.log10(np.maximum(np.mean(frames**2, axis=1), 1e-12))
        threshold = max(SILENCE_DBFS, float(np.percentile(levels, 95)) - SILENCE_BELOW_DB)
        return np.asarray(levels > threshold)

    @cached_property
    def spoken_ms(self) -> tuple[int, int] | None:
        """From the first to the last thing heard; None: nothing is."""
        heard = np.flatnonzero(self.audible)
        return (int(heard[0]) * FRAME_MS, (int(heard[-1]) + 1) * FRAME_MS) if len(heard) else None

    @cached_property
    def pauses_ms(self) -> tuple[tuple[int, int], ...]:
        """The silences between the first and the last thing heard, `PAUSE_MS` or longer: from, to."""
        heard = np.flatnonzero(self.audible)
        gaps = np.flatnonzero(np.diff(heard) * FRAME_MS > PAUSE_MS)
        return tuple(((int(heard[at]) + 1) * FRAME_MS, int(heard[at + 1]) * FRAME_MS) for at in gaps)

    def power_share(self, low_hz: float, high_hz: float) -> float:
        """How much of the power lies between two frequencies, 0 to 1; 0 of silence."""
        power = np.abs(np.fft.rfft(self.samples)) ** 2
        power[0] = 0.0  # a constant offset is no sound
        at_hz = np.fft.rfftfreq(len(self.samples), 1 / self.rate_hz)
        inside = power[(at_hz >= low_hz) & (at_hz <= high_hz)].sum()
        return float(inside / power.sum()) if power.sum() > 0 else 0.0


def decibels(amplitude: float) -> float:
    """Decibels relative to full scale."""
    return 20 * math.log10(amplitude) if amplitude > 10 ** (NEVER / 20) else NEVER
