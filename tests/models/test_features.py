"""Cepstra: the numbers that Kaldi computes."""

from __future__ import annotations

import numpy as np


def chirp() -> np.ndarray:
    time = np.arange(8000) / 8000
    return np.round(8000 * np.sin(2 * np.pi * (200 + 1200 * time) * time))
