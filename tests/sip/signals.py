"""Sounds that can be found again: tones, chirps, and how much of one is in another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
Pcm = npt.NDArray[np.int16]


def tone(frequency_hz: float, seconds: float, level: float = 0.3) -> Pcm:
    """A sine."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (level * 32767 * np.sin(2 * np.pi * frequency_hz * t)).astype(np.int16)


def chirp(from_hz: float, to_hz: float, seconds: float, level: float = 0.3) -> Pcm:
    """A linear sweep: unlike a tone it can only be found at one place."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * (from_hz * t + (to_hz - from_hz) * t**2 / (2 * seconds))
    return (level * 32767 * np.sin(phase)).astype(np.int16)


def power_near(pcm: Pcm, frequency_hz: float, width_hz: float = 40.0) -> float:
    """The share of the power of `pcm` within `width_hz` of a frequency, 0 to 1; 0 for silence."""
    if len(pcm) == 0 or not pcm.any():
        return 0.0
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    at_hz = np.fft.rfftfreq(len(pcm), 1 / RATE_HZ)
    near = np.abs(at_hz - frequency_hz) <= width_hz
    return float(spectrum[near].sum() / max(spectrum.sum(), 1.0))


def best_match(haystack: Pcm, needle: Pcm) -> tuple[float, int]:
    """The greatest normalised correlation of `needle` anywhere in `haystack`, and where (samples)."""
    if len(haystack) < len(needle):
        haystack = np.concatenate([haystack, np.zeros(len(needle) - len(haystack), np.int16)])
    h, n = haystack.astype(float), needle.astype(float)
    size = 1 << (len(h) + len(n)).bit_length()
    product = np.fft.irfft(np.fft.rfft(h, size) * np.conj(np.fft.rfft(n, size)), size)
    product = product[: len(h) - len(n) + 1]
    energy = np.cumsum(np.concatenate([[0.0], h**2]))
    local = np.maximum(energy[len(n) :] - energy[: -len(n)], 0.0)
    norm = np.sqrt(local * np.sum(n**2))
    # Where there is (almost) nothing, nothing is found; rounding must not invent a match.
    score = np.where(local > len(n) * 25.0, product / np.maximum(norm, 1e-9), 0.0)
    place = int(np.argmax(np.abs(score)))
    return float(abs(score[place])), place


def pieces_found(haystack: Pcm, needle: Pcm, piece_ms: int = 20, threshold: float = 0.9) -> int:
    """How many of the consecutive pieces of `needle` are found in `haystack`.

    For a chirp, no piece is like another, so one 20 ms frame that slipped through is enough to show.
    """
    size = RATE_HZ * piece_ms // 1000
    if not haystack.any():
        return 0
    whole = len(needle) // size
    return sum(best_match(haystack, needle[i * size : (i + 1) * size])[0] >= threshold for i in range(whole))
