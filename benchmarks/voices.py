"""`python -m benchmarks.voices`: make the speech of `tast1 demo` again, with espeak-ng.

Reads `gateway/worker/voices/lines.yaml` and writes the WAV files beside it: 8 kHz, 16 bits, one line each.
"""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
import soundfile
import soxr
import yaml

FOLDER = Path(__file__).resolve().parents[1] / "gateway" / "worker" / "voices"
RATE_HZ = 8000
WORDS_A_MINUTE = "145"
PEAK = 0.3
SILENCE_S = 0.2  # before and after the words


def main() -> None:
    """Write every line."""
    script = yaml.safe_load((FOLDER / "lines.yaml").read_text(encoding="utf-8"))
    for line in script["lines"]:
        soundfile.write(
            FOLDER / line["file"], spoken(line["text"], script["voices"][line["speaker"]]), RATE_HZ, "PCM_16"
        )


def spoken(text: str, voice: str) -> np.ndarray:
    """The text by an espeak-ng voice, as floats at 8 kHz."""
    told = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", WORDS_A_MINUTE, "--stdout", text], capture_output=True, check=True
    )
    sound, rate_hz = soundfile.read(io.BytesIO(told.stdout))
    sound = soxr.resample(sound, rate_hz, RATE_HZ)
    pause = np.zeros(int(SILENCE_S * RATE_HZ))
    return np.concatenate([pause, PEAK * sound / np.abs(sound).max(), pause])


if __name__ == "__main__":
    main()
