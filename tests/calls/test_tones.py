"""Key tones are taken out of recordings, whatever the pieces in which the sound comes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.calls.tones import HIGH_HZ, LOW_HZ, MARGIN_MS, StereoEraser
from tests.sip.dtmf import KEYS, keys_in
from tests.sip.signals import RATE_HZ, Pcm, tone

SILENCE = np.zeros(RATE_HZ // 2, np.int16)
TONE_S = 0.1


def key(digit: str, off: float = 1.0, twist_db: float = 0.0, hum: float = 0.0) -> Pcm:
    """A key on a line: its frequencies off by a factor, its high tone louder by so much, hum beside it."""
    row = next(number for number, each in enumerate(KEYS) if digit in each)
    high = 0.2 * 10 ** (twist_db / 20)
    sound = tone(LOW_HZ[row] * off, TONE_S, 0.2) + tone(HIGH_HZ[KEYS[row].index(digit)] * off, TONE_S, high)
    return (sound + tone(50.0, TONE_S, hum)).astype(np.int16)


def erased(caller: Pcm, agent: Pcm, cuts: Sequence[int] = ()) -> tuple[Pcm, Pcm, int]:
    """Both legs behind the eraser, given in pieces that end at these samples, and how many it silenced."""
    stereo, eraser = np.stack([caller, agent], axis=1), StereoEraser()
    ends = [0, *sorted(cuts), len(stereo)]
    pieces = [eraser.take(stereo[a:b].tobytes()) for a, b in pairwise(ends)]
    out = np.frombuffer(b"".join(pieces) + eraser.take(b"", last=True), "<i2").reshape(-1, 2)
    return out[:, 0], out[:, 1], eraser.erased


@pytest.mark.parametrize("off", [0.985, 1.0, 1.015])
@pytest.mark.parametrize(
    ("twist_db", "hum"), [(0.0, 0.0), (-8.0, 0.0), (4.0, 0.0), (-8.0, 0.07), (4.0, 0.07)]
)
@pytest.mark.parametrize("digit", list("".join(KEYS)))
def test_every_key_goes_with_its_margins(digit: str, twist_db: float, hum: float, off: float) -> None:
    caller = np.concatenate([SILENCE, key(digit, off, twist_db, hum), SILENCE])
    if off == 1.0:  # the other detector hears no other frequencies
        assert keys_in(caller) == digit
    out, other, samples = erased(caller, np.zeros_like(caller))
    assert not out.any()
    assert not other.any()
    assert samples >= (TONE_S * 1000 + 2 * MARGIN_MS - 10) * RATE_HZ / 1000


@pytest.mark.parametrize("hz", [200.0, 440.0, 620.0, 941.0, 1209.0, 2600.0])
def test_what_is_no_key_stays(hz: float) -> None:
    sound = np.concatenate([SILENCE, tone(hz, 0.5), SILENCE])
    caller, agent, samples = erased(sound, sound)
    assert samples == 0
    assert (caller == sound).all()
    assert (agent == sound).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, RATE_HZ + int(TONE_S * RATE_HZ)), max_size=12))
def test_the_pieces_in_which_sound_comes_make_no_difference(cuts: list[int]) -> None:
    caller = np.concatenate([SILENCE, key("5"), SILENCE])
    agent = np.concatenate([tone(440.0, 0.6), key("9")[:400], SILENCE])[: len(caller)]
    agent = np.concatenate([agent, np.zeros(len(caller) - len(agent), np.int16)])
    whole, pieces = erased(caller, agent), erased(caller, agent, cuts)
    assert (pieces[0] == whole[0]).all()
    assert (pieces[1] == whole[1]).all()
    assert pieces[2] == whole[2] > 0
