"""Keys that are heard as tones in the sound itself, for trunks that signal them in no other way. Pure.

Two tones at once, one of a low and one of a high group, are a key (ITU-T Q.23). What is a key and what is a
voice that sounds like one is settled by what Q.24 lists for a receiver; the limits are below. Sound comes in
frames of 20 ms and is looked at in windows of 40 ms, one each 5 ms.

Promises:
1. A tone of 40 ms and more is a key, one of 23 ms and less is none; an interruption of 20 ms, a lost
   packet, does not make two of one; 40 ms of silence between two tones do.
2. A key is reported when it has ended, about `LAG_MS` later.
3. Nothing older than 55 ms is held, and nothing of it after `forget`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
FRAME = 160
"""Samples that come at a time: 20 ms."""
WINDOW = 320
"""Samples that are judged together: 40 ms."""
HOP = 40
"""Samples from one window to the next: 5 ms, so that one of them fits a tone of 40 ms."""
LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")
LAG_MS = 70
"""From the end of a tone to its report, within 10 ms; the jitter buffer comes on top."""

_BIN_HZ = 5
_BINS = RATE_HZ // _BIN_HZ
# Q.24: a frequency may be off by 1.5 % (1.8 % in some networks) and must be refused from 3.5 % on.
_LOOK, _OFF = 0.04, 0.0275
# Q.24: tones down to -27 dBm0 each. A sine of full scale is +3.14 dBm0 in A-law (G.711).
_QUIETEST_DBM0 = -33.0
_FULL_SCALE_DBM0 = 3.14
_LOW_LOUDER_DB, _HIGH_LOUDER_DB = 10.0, 8.0
"""How much louder one group may be (twist). Q.24: 8 dB and 4 dB at AT&T, 6 dB in Denmark, 10 in Australia."""
_HARMONIC_DB = -10.0
"""A voice has overtones: the octave of each tone must be so far below it."""
_APART_HZ = 90.0  # further apart, two tones do not blur into each other in a window
_PURE, _NEARLY_PURE = 0.9, 0.62
"""Share of a window's energy that is in the two tones: of one window of a key, and of all of them."""
# Mean square of the step to the next sample, as a share of the samples' own: 4 sin²(pi f / 8000) for a tone.
# The lowest keys with the most twist and hum beside them have 0.20, the highest with noise 2.4. Most of a
# voice changes more slowly, which is seen much sooner than that there are no two tones in it.
_SLOWEST, _FASTEST = 0.17, 2.6
_AT_LEAST = 4  # windows of a key, one after the other
_UNLIKE = 10  # windows without the key after which it has ended: 40 ms of pause, not 20 ms of lost sound

Frame = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Tone:
    """A key that was heard to its end. `duration_ms`: how long it sounded, within 10 ms or so."""

    digit: str
    duration_ms: int


def _around(tone_hz: int, most: int) -> list[int]:
    """The bins in which a tone is looked for; filled up with its own to a number that all have in common."""
    near = range(round(tone_hz * (1 - _LOOK) / _BIN_HZ), round(tone_hz * (1 + _LOOK) / _BIN_HZ) + 1)
    return [*near, *[round(tone_hz / _BIN_HZ)] * (most - len(near))]


_TONES_HZ = np.array((*LOW_HZ, *HIGH_HZ))
_PLACES = np.array([_around(hz, 32) for hz in (*LOW_HZ, *HIGH_HZ)])
_QUIETEST = (32768**2 / 2) * 10 ** ((_QUIETEST_DBM0 - _FULL_SCALE_DBM0) / 10)


@dataclass
class _Key:
    """Windows that sounded like one key."""

    digit: str
    purest: float
    windows: int = 1
    """From the first that did to the last."""
    together: int = 1
    """Those that did so since the last one that did not."""
    unlike: int = 0
    """Those that did not, since the last one that did."""
    certain: bool = False
    """Whether enough of them did so together."""

    def again(self, purity: float) -> None:
        """Another one does."""
        self.together = self.together + 1 if self.unlike == 0 else 1
        self.windows += 1 + self.unlike
        self.unlike = 0
        self.purest = max(self.purest, purity)
        self.certain = self.certain or self.together >= _AT_LEAST

    def ended(self) -> list[Tone]:
        """What it was: a key, or nothing."""
        if not self.certain or self.purest < _PURE:
            return []
        # A window is the key from two thirds of it on: a tone of T ms is that for about T - 12 ms.
        return [Tone(self.digit, self.windows * HOP * 1000 // RATE_HZ + 12)]


class InbandDetector:
    """The keys of one leg. Not thread-safe."""

    def __init__(self) -> None:
        self._sound = np.zeros(WINDOW - HOP + FRAME, np.float32)
        self._key: _Key | None = None
        self._rival: _Key | None = None

    @property
    def sounding(self) -> bool:
        """Whether a key is down, or was some moments ago."""
        return self._key is not None and self._key.certain

    def forget(self) -> None:
        """Begin anew: of what was heard, nothing is left."""
        self._sound[:] = 0
        self._key = self._rival = None

    def hear(self, frame: Frame | None) -> list[Tone]:
        """The next 20 ms (None: nothing came); returns the keys that have ended."""
        self._sound[:-FRAME] = self._sound[FRAME:]
        self._sound[-FRAME:] = 0 if frame is None else frame
        found = []
        for start in range(0, FRAME, HOP):
            found += self._note(*_judge(self._sound[start : start + WINDOW]))
        return found

    def _note(self, digit: str, purity: float) -> list[Tone]:
        """A window was judged."""
        key = self._key
        if key is not None and digit == key.digit:
            key.again(purity)
            self._rival = None
            return []
        if key is not None:
            key.unlike += 1
        if not digit:
            self._rival = None
        elif self._rival is not None and self._rival.digit == digit:
            self._rival.again(purity)
        else:
            self._rival = _Key(digit, purity)
        # Between two keys a window may sound like a third: one is not enough to end what is certain.
        rival = self._rival
        if rival is not None and (rival.certain or key is None or not key.certain):
            self._key, self._rival = rival, None
            return key.ended() if key is not None else []
        if key is not None and key.unlike >= _UNLIKE:
            self._key = None
            return key.ended()
        return []


def _judge(window: npt.NDArray[np.float32]) -> tuple[str, float]:
    """The key that a window of 40 ms sounds like ("" for none), and how purely (0 to 1)."""
    total = float(np.dot(window, window)) / WINDOW
    if total < _QUIETEST:
        return "", 0.0
    steps = window[1:] - window[:-1]
    if not _SLOWEST < float(np.dot(steps, steps)) / WINDOW / total < _FASTEST:
        return "", 0.0
    # The mean square of a tone at each frequency; a matrix product would wake the threads of a BLAS.
    spectrum = np.abs(np.fft.rfft(window, _BINS)) ** 2 * (2 / WINDOW**2)
    energy = spectrum[_PLACES]
    best = energy.max(axis=1)
    row, column = int(np.argmax(best[:4])), 4 + int(np.argmax(best[4:]))
    low, high = float(best[row]), float(best[column])
    purity = (low + high) / total
    loud = min(low, high) >= _QUIETEST / 2
    even = low <= high * 10 ** (_LOW_LOUDER_DB / 10) and high <= low * 10 ** (_HIGH_LOUDER_DB / 10)
    if purity < _NEARLY_PURE or not loud or not even:
        return "", 0.0
    bins = [int(_PLACES[tone, np.argmax(energy[tone])]) for tone in (row, column)]
    for tone, place, power in ((row, bins[0], low), (column, bins[1], high)):
        if abs(place * _BIN_HZ / _TONES_HZ[tone] - 1) > _OFF:
            return "", 0.0
        # The octave of a low tone may lie beside the high one (keys 2, 6 and C): it tells nothing there.
        beside = abs(2 * place - bins[1]) * _BIN_HZ < _APART_HZ
        if not beside and spectrum[2 * place] > power * 10 ** (_HARMONIC_DB / 10):
            return "", 0.0
    return KEYS[row][column - 4], purity
