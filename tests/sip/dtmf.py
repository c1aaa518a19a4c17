"""Keys in sound: made as a telephone makes them, and found as a telephone exchange finds them.

The detector is its own, so that what erases keys is not judged by itself: Goertzel's algorithm over 205
samples (25.6 ms at 8 kHz, the block of the classic receivers), level, twist and purity as in ITU-T Q.24.
"""

from __future__ import annotations

import numpy as np

from tests.sip.signals import RATE_HZ, Pcm, tone

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")
BLOCK = 205


def keyed(keys: str, tone_s: float = 0.1, pause_s: float = 0.1, level: float = 0.2) -> Pcm:
    """These keys, one after the other."""
    pause = np.zeros(int(pause_s * RATE_HZ), np.int16)
    pieces = [pause]
    for key in keys:
        row = next(number for number, each in enumerate(KEYS) if key in each)
        column = KEYS[row].index(key)
        pieces += [tone(LOW_HZ[row], tone_s, level) + tone(HIGH_HZ[column], tone_s, level), pause]
    return np.concatenate(pieces).astype(np.int16)


def keys_in(pcm: Pcm) -> str:
    """The keys that are heard in a sound; a key lasts two blocks of half a block's distance."""
    found, last, run = "", "", 0
    for start in range(0, len(pcm) - BLOCK + 1, BLOCK // 2):
        key = _key_of(pcm[start : start + BLOCK].astype(float))
        run = run + 1 if key and key == last else 1
        if key and run == 2:
            found += key
        last = key
    return found


def _key_of(block: np.ndarray) -> str:
    total = float(np.sum(block**2))
    if total < BLOCK * 30.0**2:
        return ""
    low, high = ([_goertzel(block, hz) for hz in each] for each in (LOW_HZ, HIGH_HZ))
    row, column = int(np.argmax(low)), int(np.argmax(high))
    twist = low[row] / max(high[column], 1e-9)
    if not 0.1 < twist < 10 or low[row] + high[column] < 0.6 * total:
        return ""
    return KEYS[row][column]


def _goertzel(block: np.ndarray, frequency_hz: float) -> float:
    """The energy of the block at a frequency."""
    twice_cosine = 2 * np.cos(2 * np.pi * frequency_hz / RATE_HZ)
    one = two = 0.0
    for sample in block:
        one, two = sample + twice_cosine * one - two, one
    return float(one * one + two * two - twice_cosine * one * two) * 2 / len(block)
