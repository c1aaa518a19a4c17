"""Cepstra: the numbers that Kaldi computes."""

from __future__ import annotations

import numpy as np
import pytest

from transcription.models.features import CONFIG, mfcc


def rising_tone() -> np.ndarray:
    """From 200 Hz to 2600 Hz in a second, with a little noise; whole 16-bit values."""
    time = np.arange(8000) / 8000
    noise = (np.arange(8000) * 7919 % 1009) - 504.0
    return np.round(8000 * np.sin(2 * np.pi * (200 + 1200 * time) * time) + noise)


# Frame, coefficients and values of Kaldi's feature code (its C++ as the Python package kaldi-native-fbank).
KALDI = [
    (0, (0, 1, 2, 3, 4, 5), (90.508, -4.492, 32.094, 39.268, 43.126, 22.826)),
    (50, (0, 1, 2, 3, 4, 5), (86.571, -40.104, -39.766, 12.423, 27.396, -52.423)),
    (97, (0, 1, 2, 15, 28, 29), (85.428, -47.853, -3.924, -6.133, -8.422, 4.253)),
]


@pytest.mark.parametrize(("frame", "coefficients", "values"), KALDI)
def test_the_values_are_kaldis(frame: int, coefficients: tuple[int, ...], values: tuple[float, ...]) -> None:
    assert mfcc(rising_tone())[frame, list(coefficients)] == pytest.approx(values, abs=0.01)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (199, 0), (200, 1), (279, 1), (280, 2), (8000, 98)])
def test_only_whole_frames_count(samples: int, frames: int) -> None:
    assert mfcc(np.ones(samples)).shape == (frames, 30)


def test_silence_is_finite() -> None:
    assert np.isfinite(mfcc(np.zeros(800))).all()


def test_the_decoder_is_told_to_compute_the_same() -> None:
    assert "--dither=0.0\n" in CONFIG  # noise would give other words each time
    assert "--sample-frequency=8000\n" in CONFIG
    assert "--num-ceps=30\n" in CONFIG
