"""What a telephone line does to speech: band, level, noise, G.711, lost packets.

Samples are 16-bit values as floats. Everything random comes from the generator that is passed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE_HZ = 8000
FULL_SCALE = 32767.0
PACKET = 160  # samples: 20 ms
A_LAW, MU_LAW, LINEAR = "a-law", "mu-law", "linear"


@dataclass(frozen=True)
class Line:
    """One telephone line."""

    high_pass_hz: float = 200.0
    low_pass_hz: float = 3500.0
    tilt_db: float = 0.0  # an octave, from 1 kHz
    peak_dbfs: float = -9.0
    snr_db: float | None = None  # none: no noise
    noise: float = 1.0  # spectrum 1/f^noise: 0 white, 1 pink, 2 brown
    hum_hz: float | None = None
    codec: str = A_LAW
    loss: float = 0.0  # share of 20 ms packets that do not arrive


def random_line(rng: np.random.Generator, snr_db: tuple[float, float] = (10.0, 40.0)) -> Line:
    """A line as calls come by: mostly A-law, three in four with audible noise, some with loss."""
    return Line(
        high_pass_hz=rng.uniform(120, 330),
        low_pass_hz=rng.uniform(3200, 3900),
        tilt_db=rng.uniform(-4, 4),
        peak_dbfs=rng.uniform(-26, -2),
        snr_db=rng.uniform(*snr_db) if rng.random() < 0.75 else None,
        noise=rng.uniform(0, 2),
        hum_hz=50.0 * rng.integers(1, 4) if rng.random() < 0.1 else None,
        codec=str(rng.choice([A_LAW, MU_LAW, LINEAR], p=[0.65, 0.25, 0.10])),
        loss=rng.uniform(0.005, 0.03) if rng.random() < 0.25 else 0.0,
    )


def through(samples: NDArray[np.int16], rate_hz: int, line: Line, rng: np.random.Generator) -> Samples:
    """The samples as they arrive at 8 kHz, as many milliseconds as before."""
    out = _level(_band(samples.astype(np.float64), rate_hz, line), line.peak_dbfs)
    if line.snr_db is not None:
        out = out + _noise(out, line, rng)
    out = coded(np.clip(np.round(out), -FULL_SCALE - 1, FULL_SCALE), line.codec)
    return _with_loss(out, line.loss, rng)


def _band(samples: Samples, rate_hz: int, line: Line) -> Samples:
    """Another sample rate, and a band with soft edges, by way of the spectrum."""
    block = rate_hz // math.gcd(rate_hz, RATE_HZ)
    blocks = -(-len(samples) // block)
    out = blocks * RATE_HZ // math.gcd(rate_hz, RATE_HZ)
    spectrum = np.fft.rfft(samples, blocks * block)
    bins = out // 2 + 1
    kept = np.zeros(bins, dtype=np.complex128)
    kept[: min(bins, len(spectrum))] = spectrum[:bins]
    hz = np.arange(bins) * RATE_HZ / out
    low = 1 / np.sqrt(1 + (line.high_pass_hz / np.maximum(hz, 1)) ** 6)
    high = 1 / np.sqrt(1 + (hz / line.low_pass_hz) ** 24)
    tilt = 10 ** (line.tilt_db * np.log2(np.maximum(hz, 50) / 1000) / 20)
    return np.fft.irfft(kept * low * high * tilt, out) * out / (blocks * block)


def _level(samples: Samples, peak_dbfs: float) -> Samples:
    peak = np.abs(samples).max(initial=0.0)
    return samples * (FULL_SCALE * 10 ** (peak_dbfs / 20) / peak) if peak else samples


def _noise(samples: Samples, line: Line, rng: np.random.Generator) -> Samples:
    """Coloured noise, and hum, as much below the speech as the line says."""
    assert line.snr_db is not None
    noise = coloured(len(samples), line.noise, rng)
    if line.hum_hz is not None:
        time = np.arange(len(samples)) / RATE_HZ
        noise = noise + 2 * np.sin(2 * np.pi * line.hum_hz * time)
    loud = np.abs(samples) > 0.02 * np.abs(samples).max(initial=0.0)
    speech = np.sqrt(np.mean(samples[loud] ** 2)) if loud.any() else FULL_SCALE / 30
    return noise * speech * 10 ** (-line.snr_db / 20) / max(float(np.sqrt(np.mean(noise**2))), 1e-9)


def coloured(count: int, slope: float, rng: np.random.Generator) -> Samples:
    """Noise whose power falls with frequency to the power of `slope`, of root mean square 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hz = np.maximum(np.arange(len(spectrum)) * RATE_HZ / max(count, 1), 60.0)
    noise = np.fft.irfft(spectrum * hz ** (-slope / 2), count)
    return noise / max(float(np.sqrt(np.mean(noise**2))), 1e-9)


def coded(samples: Samples, codec: str) -> Samples:
    """There and back through a G.711 law (ITU-T G.711, tables 1 and 2), or unchanged."""
    if codec == A_LAW:
        size = np.minimum(np.abs(samples), 32767) // 16
        step = 2.0 ** np.maximum(np.floor(np.log2(np.maximum(size, 1))) - 4, 0)
        samples = _sign(samples) * 16 * (np.floor(size / step) * step + step / 2)
    elif codec == MU_LAW:
        size = np.minimum(np.abs(samples), 32635) + 132
        step = 2.0 ** (np.floor(np.log2(size)) - 4)
        samples = _sign(samples) * (np.floor(size / step) * step + step / 2 - 132)
    return samples


def _sign(samples: Samples) -> Samples:
    return np.where(samples < 0, -1.0, 1.0)


def _with_loss(samples: Samples, loss: float, rng: np.random.Generator) -> Samples:
    """Packets that did not arrive are silent."""
    if not loss:
        return samples
    packets = -(-len(samples) // PACKET)
    return samples * np.repeat(rng.random(packets) >= loss, PACKET)[: len(samples)]
