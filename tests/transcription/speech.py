"""Danish speech of known words, said by espeak-ng, as telephone sound."""

from __future__ import annotations

import functools
import io
import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
import soxr

from tests.sip.signals import RATE_HZ, Pcm


def or_skip() -> None:
    """Skip where there is no espeak-ng; in CI nothing is skipped."""
    if shutil.which("espeak-ng") is None:
        if os.environ.get("CI"):
            pytest.fail("espeak-ng is not installed (apt-get install espeak-ng)")
        pytest.skip("espeak-ng is not installed (apt-get install espeak-ng)")


@functools.cache
def say(text: str, rate_hz: int = RATE_HZ) -> Pcm:
    """The text, and a second of silence."""
    or_skip()
    spoken = subprocess.run(
        ["espeak-ng", "-v", "da", "-s", "150", "--stdout", text], capture_output=True, check=True, timeout=60
    ).stdout
    samples, rate = soundfile.read(io.BytesIO(spoken), dtype="float32")
    at_rate = soxr.resample(samples, rate, rate_hz)
    return np.concatenate([at_rate * 12000, np.zeros(rate_hz)]).astype(np.int16)
