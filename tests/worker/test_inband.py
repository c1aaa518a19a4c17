"""Keys in the sound: tones that are keys are heard, once; what is none is not; and nothing of it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from benchmarks import keys
from benchmarks.keys import LENGTHS_MS, LINES, NO_KEYS, Line, heard, sent
from gateway.worker.inband import FRAME, KEYS, LAG_MS, RATE_HZ, InbandDetector
from tests.sip.dtmf import keyed
from tests.sip.signals import Pcm, chirp, tone

ROOT = Path(__file__).parents[2]
SEED = 20261128  # not the benchmark's
ALL = "".join(KEYS)


def digits(pcm: Pcm) -> str:
    return "".join(found.digit for found in heard(pcm))


def silence(seconds: float) -> Pcm:
    return np.zeros(int(seconds * RATE_HZ), np.int16)


def test_all_sixteen_keys_are_heard_in_their_order() -> None:
    assert digits(np.concatenate([keyed(ALL, 0.08, 0.08), silence(0.1)])) == ALL


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
@pytest.mark.parametrize("length_ms", LENGTHS_MS)
def test_a_tone_is_the_key_that_it_is(line: Line, length_ms: int) -> None:
    score = keys.tones(SEED, 64, [line], [length_ms]).scores[line.name, length_ms]
    floor = 0.8 if length_ms == 40 and line.noise_db == 15.0 else 0.98
    assert score.sent == 64
    assert score.recall >= floor, (line, score)
    assert score.wrong == 0, (line, score)


@pytest.mark.parametrize(
    "line", [*NO_KEYS, Line("one tone", twist_db=(60.0, 60.0))], ids=lambda line: line.name
)
def test_what_is_no_key_is_refused(line: Line) -> None:
    rng = np.random.default_rng(SEED)
    assert [digits(sent(key, 100, line, rng)) for key in ALL] == [""] * len(ALL)


@given(st.sampled_from(ALL), st.integers(0, 23), st.integers(0, 2**32 - 1))
@trying(max_examples=60, deadline=None)
def test_a_tone_of_23_ms_or_less_is_none(key: str, length_ms: int, seed: int) -> None:
    assert digits(sent(key, length_ms, Line("clean"), np.random.default_rng(seed))) == ""


@given(st.sampled_from(ALL), st.integers(40, 2000), st.integers(0, 2**32 - 1))
@trying(max_examples=60, deadline=None)
def test_how_long_a_key_was_down_is_told_within_15_ms(key: str, length_ms: int, seed: int) -> None:
    (found,) = heard(sent(key, length_ms, Line("clean"), np.random.default_rng(seed)))
    assert found.digit == key
    assert abs(found.duration_ms - length_ms) <= 15


def test_a_lost_packet_does_not_make_two_keys_and_a_pause_of_40_ms_does() -> None:
    down = keyed("1", 0.2, 0.1)
    for start in range(800 + FRAME, 800 + 1600 - 2 * FRAME, 40):
        holed = down.copy()
        holed[start : start + FRAME] = 0
        assert digits(holed) == "1", start
    assert digits(np.concatenate([keyed("11", 0.06, 0.04), silence(0.1)])) == "11"


@given(st.integers(40, 400), st.integers(0, FRAME - 1))
@trying(max_examples=40, deadline=None)
def test_a_key_is_told_its_lag_after_its_end(length_ms: int, before: int) -> None:
    tone_ = keyed("5", length_ms / 1000, 0.0)
    pcm = np.concatenate([np.zeros(2 * FRAME + before, np.int16), tone_, silence(0.3)])
    end = 2 * FRAME + before + len(tone_)
    detector = InbandDetector()
    for start in range(0, len(pcm) - FRAME + 1, FRAME):
        if detector.hear(pcm[start : start + FRAME]):
            assert abs((start + FRAME - end) * 1000 / RATE_HZ - LAG_MS) <= 25
            return
    raise AssertionError("the key was not heard")


def test_a_key_is_told_only_when_it_has_ended() -> None:
    detector = InbandDetector()
    assert heard(keyed("1", 0.5, 0.1)[: 8 * RATE_HZ // 20], detector) == []
    assert detector.sounding


def test_no_key_is_heard_in_what_people_and_prompts_say() -> None:
    files = [*ROOT.glob("gateway/worker/voices/*.wav"), *ROOT.glob("ivr_prompts/*/*.wav")]
    assert len(files) > 20
    for file in files:
        pcm, rate_hz = soundfile.read(file, dtype="int16")
        assert rate_hz == RATE_HZ
        assert digits(pcm) == "", file


def test_no_key_is_heard_in_minutes_of_speech() -> None:
    result = keys.Result()
    keys.listen(result, SEED, 180.0)
    assert result.speech_s == pytest.approx(180.0)
    assert result.talked == ""


def test_a_sweep_through_all_frequencies_and_noise_are_no_keys() -> None:
    assert digits(chirp(300, 3400, 3.0)) == ""
    noise = np.random.default_rng(SEED).normal(0, 3000, 5 * RATE_HZ)
    assert digits(noise.astype(np.int16)) == ""
    assert digits(tone(697, 0.3)) == digits(tone(425, 0.3)) == digits(tone(697, 0.3) + tone(770, 0.3)) == ""


def test_a_tone_with_overtones_is_a_voice() -> None:
    clean = tone(770, 0.2, 0.15) + tone(1336, 0.2, 0.15)
    assert digits(np.concatenate([silence(0.1), clean, silence(0.1)])) == "5"
    sung = clean + tone(1540, 0.2, 0.08) + tone(2672, 0.2, 0.08)
    assert digits(np.concatenate([silence(0.1), sung, silence(0.1)])) == ""


def test_nothing_is_left_of_what_was_heard() -> None:
    detector = InbandDetector()
    heard(np.concatenate([tone(300, 0.4), keyed("1", 0.2, 0.0)]), detector)
    assert detector.sounding
    held = [each for each in vars(detector).values() if isinstance(each, np.ndarray)]
    assert sum(each.size for each in held) == 440, "55 ms, and no more"
    detector.forget()
    assert not any(each.any() for each in held)
    assert not detector.sounding
    assert heard(silence(0.2), detector) == []
