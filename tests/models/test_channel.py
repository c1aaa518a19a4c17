"""The telephone line: band, level, G.711, noise, lost packets."""

from __future__ import annotations

import numpy as np
import pytest

from transcription.models.channel import A_LAW, LINEAR, MU_LAW, RATE_HZ, Line, coded, coloured, through

CLEAN = Line(peak_dbfs=-6.0, codec=LINEAR)


def tone(hz: float, seconds: float = 1.0, rate_hz: int = 22050) -> np.ndarray:
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    return (10_000 * np.sin(2 * np.pi * hz * time)).astype(np.int16)


def heard(samples: np.ndarray, line: Line, seed: int = 1) -> np.ndarray:
    return through(samples, 22050, line, np.random.default_rng(seed))


def test_a_second_stays_a_second() -> None:
    assert abs(len(heard(tone(1013), CLEAN)) - RATE_HZ) <= 160


def test_the_level_is_that_of_the_line() -> None:
    assert np.abs(heard(tone(1013), CLEAN)).max() == pytest.approx(32767 * 10 ** (-6 / 20), abs=1)


def test_what_the_telephone_does_not_carry_is_gone() -> None:
    both = tone(1013) + tone(50) + tone(6000)
    spectrum = np.abs(np.fft.rfft(heard(both, CLEAN)))
    hz = np.fft.rfftfreq(len(heard(both, CLEAN)), 1 / RATE_HZ)
    strong = spectrum[np.abs(hz - 1000) < 20].max()
    assert spectrum[np.abs(hz - 50) < 20].max() < strong / 30
    assert spectrum[hz > 1500].max() < strong / 30  # nothing is folded down


# ITU-T G.711: the smallest values, both ends, and the middle of a segment, as decoders give them.
@pytest.mark.parametrize(
    ("law", "value", "decoded"),
    [
        (A_LAW, 0, 8),
        (A_LAW, -1, -8),
        (A_LAW, 1000, 1008),
        (A_LAW, 32767, 32256),
        (A_LAW, -32767, -32256),
        (MU_LAW, 0, 0),
        (MU_LAW, 1000, 988),
        (MU_LAW, 32767, 32124),
        (MU_LAW, -32767, -32124),
    ],
)
def test_g711_gives_its_table_values(law: str, value: int, decoded: int) -> None:
    assert coded(np.array([float(value)]), law)[0] == decoded


def test_g711_twice_is_g711_once() -> None:
    values = np.arange(-32000, 32000, 7).astype(np.float64)
    for law in (A_LAW, MU_LAW):
        once = coded(values, law)
        assert (coded(once, law) == once).all()


def test_noise_is_as_far_below_the_speech_as_asked() -> None:
    line = Line(snr_db=20.0, codec=LINEAR)
    noise = heard(tone(1013), line) - heard(tone(1013), Line(codec=LINEAR))
    speech = heard(tone(1013), Line(codec=LINEAR))
    ratio = 10 * np.log10((speech**2).mean() / (noise**2).mean())
    assert ratio == pytest.approx(20, abs=0.5)


def test_brown_noise_is_mostly_low() -> None:
    spectrum = np.abs(np.fft.rfft(coloured(8000, 2.0, np.random.default_rng(1)))) ** 2
    assert spectrum[:500].sum() > 20 * spectrum[2000:].sum()


def test_lost_packets_are_silent_and_as_many_as_asked() -> None:
    out = heard(tone(1000, 20.0), Line(codec=LINEAR, loss=0.1))
    packets = out[: len(out) // 160 * 160].reshape(-1, 160)
    lost = (packets == 0).all(axis=1).mean()
    assert 0.05 < lost < 0.15


def test_the_same_seed_gives_the_same_sound() -> None:
    line = Line(snr_db=15.0, loss=0.02)
    assert (heard(tone(440), line) == heard(tone(440), line)).all()
    assert (heard(tone(440), line) != heard(tone(440), line, seed=2)).any()
