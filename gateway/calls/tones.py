"""Key tones are taken out of recordings: a card number that is keyed in can be read off its tones.

Digits that the network signals apart from the sound (RFC 4733, SIP INFO) are in no recording anyway; many
telephones and gateways send the tones too, or their first part. `StereoEraser` finds two tones of the keypad
(ITU-T Q.23) where nearly nothing else sounds, and puts silence in their place.

Promises:
1. A tone of `SHORTEST_MS` and more is gone, with `MARGIN_MS` on both sides.
2. What comes out is as long as what went in; it comes `HELD_MS` later, and the rest with `last`.

A tone that speech covers is heard by a decoder no better than here; a shorter one is no digit to any (Q.24).
Most sound is seen to be no key without looking for the tones in it, which costs a fifth: it is too quiet, or
changes too slowly from sample to sample, or too fast.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
BLOCK = 160  # samples that are judged together: 20 ms tell neighbouring tones apart
HOP = 40
HOPS = BLOCK // HOP
SHORTEST_MS = 25
MARGIN_MS = 15
HELD_MS = 60

PURITY = 0.82  # of the block's energy lies in the two tones
TWIST_DB = 12.0  # one tone may be so much louder than the other
QUIETEST = 40.0  # root mean square of 16-bit samples: some 58 dB below the loudest
# Mean square of the step to the next sample, as a share of the samples' own: 4 sin²(pi f / 8000) for a tone.
# The lowest two tones with the most twist and hum beside them have 0.26, the highest with noise 1.9.
SLOWEST, FASTEST = 0.22, 2.2

LEGS = 2
_MARGIN = MARGIN_MS * RATE_HZ // 1000
_HELD = HELD_MS * RATE_HZ // 1000
# Tones may be off by 1.5 per cent (Q.24), which is why each is looked for at three frequencies.
_OFFSETS = (0.985, 1.0, 1.015)

Samples = npt.NDArray[np.int16]
Sound = npt.NDArray[np.float32]
Judged = npt.NDArray[np.bool_]
Span = tuple[int, int]
"""First sample, and the one behind the last."""


def _probes() -> npt.NDArray[np.float32]:
    """A column a frequency, cosines, then sines: what a block has of both, squared, is the energy there."""
    time_s = np.arange(BLOCK) / RATE_HZ
    frequencies = [tone * offset for offset in _OFFSETS for tone in (*LOW_HZ, *HIGH_HZ)]
    angles = 2 * np.pi * np.outer(time_s, frequencies)
    probes: npt.NDArray[np.float32] = (
        np.hstack([np.cos(angles), np.sin(angles)]) * np.sqrt(2) / BLOCK
    ).astype(np.float32)
    return probes


_PROBES = _probes()


class StereoEraser:
    """The key tones of both legs, erased as the sound passes. Not thread-safe."""

    def __init__(self) -> None:
        self._held = np.zeros((0, LEGS), dtype=np.int16)
        self._judged = 0  # samples of `_held` from which blocks were judged already
        self._run = [0] * LEGS  # blocks in a row that were tones
        self._goes: list[list[Span]] = [[] for _ in range(LEGS)]  # of `_held`: what is to be erased
        self.erased = 0
        """Samples that were silenced so far, on either leg."""

    def take(self, stereo: bytes, last: bool = False) -> bytes:
        """Interleaved 16-bit PCM in; what is settled of it out, without tones. `last`: all that is left."""
        samples = np.frombuffer(stereo, dtype="<i2").reshape(-1, LEGS)
        self._held = np.concatenate([self._held, samples])
        blocks = max(0, (len(self._held) - BLOCK - self._judged) // HOP + 1)
        if blocks > 0:
            self._judge(blocks)
            self._judged += blocks * HOP
        out = len(self._held) if last else max(0, min(len(self._held) - _HELD, self._judged - _MARGIN))
        settled = self._held[:out].astype("<i2")
        for leg in range(LEGS):
            self._erase(leg, settled)
        self._held = self._held[out:]
        self._judged = max(0, self._judged - out)
        return settled.tobytes()

    def _judge(self, blocks: int) -> None:
        """Look at the next blocks of each leg."""
        end = self._judged + BLOCK + (blocks - 1) * HOP
        tones = find_tones(self._held[self._judged : end])
        for leg, found in enumerate(tones):
            if not found.any():
                self._run[leg] = 0
                continue
            for number, tone in enumerate(found):
                self._note(leg, self._judged + number * HOP, bool(tone))

    def _note(self, leg: int, start: int, tone: bool) -> None:
        """A block was judged; two in a row are a key."""
        self._run[leg] = self._run[leg] + 1 if tone else 0
        if self._run[leg] < 2:
            return
        first = start - HOP if self._run[leg] == 2 else start
        span = (max(0, first - _MARGIN), start + BLOCK + _MARGIN)
        spans = self._goes[leg]
        if spans and span[0] <= spans[-1][1]:
            span = (spans.pop()[0], span[1])
        spans.append(span)

    def _erase(self, leg: int, settled: Samples) -> None:
        """Silence what goes of the first samples held; the rest of it is to be done later."""
        out, later = len(settled), []
        for begin, end in self._goes[leg]:
            settled[begin:end, leg] = 0
            self.erased += max(0, min(end, out) - begin)
            if end > out:
                later.append((max(0, begin - out), end - out))
        self._goes[leg] = later


def find_tones(held: Samples) -> Judged:
    """Which blocks, one each `HOP`, are two tones of the keypad: (samples, legs) in, (legs, blocks) out."""
    hops = held.T.astype(np.float32, order="C").reshape(LEGS, -1, HOP)
    steps, line = np.zeros_like(hops), hops.reshape(LEGS, -1)
    np.subtract(line[:, 1:], line[:, :-1], out=steps.reshape(LEGS, -1)[:, 1:])
    power, change = _of_blocks(hops), _of_blocks(steps)
    tones = (power > QUIETEST**2 * BLOCK) & (change > SLOWEST * power) & (change < FASTEST * power)
    legs, numbers = np.nonzero(tones)
    if len(legs):
        blocks = hops[legs[:, None], numbers[:, None] + np.arange(HOPS)].reshape(-1, BLOCK)
        tones[legs, numbers] = _are_tones(blocks, power[legs, numbers] / np.float32(BLOCK))
    return tones


def _of_blocks(hops: Sound) -> Sound:
    """Sum of squares in each block: (legs, hops, samples) in, (legs, blocks) out."""
    squares = np.einsum("lht,lht->lh", hops, hops)
    blocks = squares.shape[1] - HOPS + 1
    total: Sound = squares[:, :blocks].copy()
    for place in range(1, HOPS):
        total += squares[:, place : place + blocks]
    return total


def _are_tones(blocks: Sound, mean_square: Sound) -> Judged:
    """Whether each of the blocks (blocks, samples) is two tones of the keypad and little else."""
    parts = (blocks @ _PROBES) ** 2
    middle = parts.shape[1] // 2
    at_offsets = (parts[:, :middle] + parts[:, middle:]).reshape(len(parts), len(_OFFSETS), -1)
    tones = at_offsets.max(axis=1)
    low, high = tones[:, : len(LOW_HZ)].max(axis=1), tones[:, len(LOW_HZ) :].max(axis=1)
    twist = 10 ** (TWIST_DB / 10)
    even = (low < high * twist) & (high < low * twist)
    judged: Judged = even & (low + high > PURITY * mean_square)
    return judged
