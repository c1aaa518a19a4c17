"""Key tones are taken out of recordings: a card number that is keyed in can be read off its tones.

Digits that the network signals apart from the sound (RFC 4733, SIP INFO) are in no recording anyway; many
telephones and gateways send the tones too, or their first part. `ToneEraser` finds two tones of the keypad
(ITU-T Q.23) where nearly nothing else sounds, and puts silence in their place.

Promises:
1. A tone of `SHORTEST_MS` and more is gone, with `MARGIN_MS` on both sides.
2. What comes out is as long as what went in; it comes `HELD_MS` later, and the rest with `last`.

A tone that speech covers is heard by a decoder no better than here; a shorter one is no digit to any (Q.24).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
BLOCK = 160  # samples that are judged together: 20 ms tell neighbouring tones apart
HOP = 40
SHORTEST_MS = 25
MARGIN_MS = 15
HELD_MS = 60

PURITY = 0.82  # of the block's energy lies in the two tones
TWIST_DB = 12.0  # one tone may be so much louder than the other
QUIETEST = 40.0  # root mean square of 16-bit samples: some 58 dB below the loudest

_MARGIN = MARGIN_MS * RATE_HZ // 1000
_HELD = HELD_MS * RATE_HZ // 1000
# Tones may be off by 1.5 per cent (Q.24), which is why each is looked for at three frequencies.
_OFFSETS = (0.985, 1.0, 1.015)

Samples = npt.NDArray[np.int16]


def _probes() -> npt.NDArray[np.float32]:
    """A column a frequency, cosines, then sines: what a block has of both, squared, is the energy there."""
    time_s = np.arange(BLOCK) / RATE_HZ
    frequencies = [tone * offset for tone in (*LOW_HZ, *HIGH_HZ) for offset in _OFFSETS]
    angles = 2 * np.pi * np.outer(time_s, frequencies)
    probes: npt.NDArray[np.float32] = (
        np.hstack([np.cos(angles), np.sin(angles)]) * np.sqrt(2) / BLOCK
    ).astype(np.float32)
    return probes


_PROBES = _probes()


class ToneEraser:
    """One leg's key tones, erased as the sound passes. Not thread-safe."""

    def __init__(self) -> None:
        self._held = np.zeros(0, dtype=np.int16)
        self._goes = np.zeros(0, dtype=np.bool_)  # of `_held`: what is to be erased
        self._judged = 0  # samples of `_held` from which blocks were judged already
        self._run = 0  # blocks in a row that were tones
        self.erased = 0  # samples

    def take(self, samples: Samples, last: bool = False) -> Samples:
        """Some more sound in; the sound that is settled out."""
        self._held = np.concatenate([self._held, samples])
        self._goes = np.concatenate([self._goes, np.zeros(len(samples), dtype=np.bool_)])
        blocks = max(0, (len(self._held) - BLOCK - self._judged) // HOP + 1)
        if blocks > 0:
            starts = self._judged + HOP * np.arange(blocks)
            are_tones = self._are_tones(starts)
            if are_tones.any():
                for start, tone in zip(starts, are_tones, strict=True):
                    self._note(int(start), bool(tone))
            else:
                self._run = 0
            self._judged = int(starts[-1]) + HOP
        out = len(self._held) if last else max(0, min(len(self._held) - _HELD, self._judged - _MARGIN))
        settled = np.where(self._goes[:out], np.int16(0), self._held[:out])
        self.erased += int(np.count_nonzero(self._goes[:out]))
        self._held, self._goes = self._held[out:], self._goes[out:]
        self._judged = max(0, self._judged - out)
        return settled

    def _are_tones(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        sound = self._held.astype(np.float32)
        blocks = np.lib.stride_tricks.sliding_window_view(sound, BLOCK)[starts]
        total = np.mean(blocks**2, axis=1)
        parts = (blocks @ _PROBES) ** 2
        tones = parts.reshape(len(starts), 2, 8, len(_OFFSETS)).sum(axis=1).max(axis=2)
        low, high = tones[:, :4].max(axis=1), tones[:, 4:].max(axis=1)
        loud = total > QUIETEST**2
        twist = 10 ** (TWIST_DB / 10)
        even = (low < high * twist) & (high < low * twist)
        judged: npt.NDArray[np.bool_] = loud & even & (low + high > PURITY * total)
        return judged

    def _note(self, start: int, tone: bool) -> None:
        """A block was judged; two in a row are a key."""
        self._run = self._run + 1 if tone else 0
        if self._run < 2:
            return
        first = start - HOP if self._run == 2 else start
        self._goes[max(0, first - _MARGIN) : start + BLOCK + _MARGIN] = True


class StereoEraser:
    """The key tones of both legs, erased as the sound passes."""

    def __init__(self) -> None:
        self._legs = (ToneEraser(), ToneEraser())

    @property
    def erased(self) -> int:
        """Samples that were silenced so far, on either leg."""
        return sum(leg.erased for leg in self._legs)

    def take(self, stereo: bytes, last: bool = False) -> bytes:
        """Interleaved 16-bit PCM in, the same without tones out; see `ToneEraser.take`."""
        samples = np.frombuffer(stereo, dtype="<i2").reshape(-1, 2)
        legs = [leg.take(samples[:, number], last) for number, leg in enumerate(self._legs)]
        return np.stack(legs, axis=1).astype("<i2").tobytes()
