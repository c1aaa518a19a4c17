"""Recordings for tests: a good one as a studio would send it, and how to damage it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ivr_prompts.catalogue import Catalogue, Prompt
from ivr_prompts.studio import from_wav

Samples = NDArray[np.float64]
RATE_HZ = 48000


def shipped(role: str = "goodbye", language: str = "da") -> Prompt:
    """A prompt that comes with Tast1."""
    return Catalogue.load()[language][role]


def spoken(role: str = "goodbye", language: str = "da", rate_hz: int = RATE_HZ) -> Samples:
    """Its sound, at the sample rate of a studio."""
    samples = from_wav(shipped(role, language).path.read_bytes()).samples
    return np.asarray(soxr.resample(samples, 8000, rate_hz, quality="VHQ"))


def silence(ms: float, rate_hz: int = RATE_HZ) -> Samples:
    return np.zeros(round(ms * rate_hz / 1000))


def write(path: Path, samples: Samples, rate_hz: int = RATE_HZ, subtype: str = "PCM_24") -> Path:
    """A file of `samples` (frames, or frames by channels), in the format that the name says."""
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path
