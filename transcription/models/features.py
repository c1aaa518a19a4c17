"""Mel-frequency cepstra as Kaldi computes them (feat/feature-mfcc.cc), for the options that the models ship.

The decoder computes them itself; training must feed the network the same numbers. Input is 16-bit values
as floats at 8 kHz, not scaled to one. Frames of 25 ms every 10 ms, only those that fit whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
SHIFT, LENGTH, PADDED = 80, 200, 256  # samples
CEPSTRA = FILTERS = 30
LOW_HZ, HIGH_HZ = 100.0, 3800.0
PRE_EMPHASIS = 0.97
LIFTER = 22
FLOOR = 1.1920929e-07  # the smallest difference of a float of four bytes from one

CONFIG = f"""\
--sample-frequency={RATE_HZ}
--use-energy=false
--num-mel-bins={FILTERS}
--num-ceps={CEPSTRA}
--low-freq={LOW_HZ:.0f}
--high-freq={HIGH_HZ:.0f}
--dither=0.0
--snip-edges=true
--max-feature-vectors=1000
"""
"""conf/mfcc.conf. Without dither the same audio always gives the same words."""

Matrix = NDArray[np.float32]


def mfcc(samples: NDArray[np.float64]) -> Matrix:
    """One row of 30 coefficients for each frame; no rows when there are fewer than 200 samples."""
    count = 1 + (len(samples) - LENGTH) // SHIFT if len(samples) >= LENGTH else 0
    at = np.arange(count)[:, None] * SHIFT + np.arange(LENGTH)[None, :]
    frames = samples[at] if count else np.zeros((0, LENGTH))
    frames = frames - frames.mean(axis=1, keepdims=True) if count else frames
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - PRE_EMPHASIS * before) * _WINDOW
    power = np.abs(np.fft.rfft(frames, PADDED)) ** 2
    energies = np.log(np.maximum(power[:, : PADDED // 2] @ _MEL.T, FLOOR))
    cepstra: Matrix = (energies @ _DCT.T).astype(np.float32)
    return cepstra


def _window() -> NDArray[np.float64]:
    """Kaldi's own window, "povey": a Hann window to the power of 0.85."""
    angle = 2 * np.pi * np.arange(LENGTH) / (LENGTH - 1)
    return (0.5 - 0.5 * np.cos(angle)) ** 0.85


def _filters() -> NDArray[np.float64]:
    """Triangles over the mel scale, a row a filter, a column a bin of the spectrum below the highest."""

    def mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1127.0 * np.log(1.0 + hz / 700.0)

    low, high = mel(np.array([LOW_HZ, HIGH_HZ]))
    corners = np.linspace(low, high, FILTERS + 2)
    bins = mel(np.arange(PADDED // 2) * RATE_HZ / PADDED)[None, :]
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    slope = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    triangles: NDArray[np.float64] = np.maximum(slope, 0.0)
    return triangles


def _cosines() -> NDArray[np.float64]:
    """The orthonormal cosine transform with the lifter in it, a row a coefficient."""
    k, n = np.arange(CEPSTRA)[:, None], np.arange(FILTERS)[None, :]
    transform = np.sqrt(2 / FILTERS) * np.cos(np.pi / FILTERS * (n + 0.5) * k)
    transform[0] = np.sqrt(1 / FILTERS)
    liftered: NDArray[np.float64] = transform * (1 + LIFTER / 2 * np.sin(np.pi * k / LIFTER))
    return liftered


_WINDOW, _MEL, _DCT = _window(), _filters(), _cosines()
