"""Studio recordings: whatever soundfile reads, made into a telephone prompt; and how a caller hears one."""

from __future__ import annotations

import io
import math
import subprocess
import tempfile
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ivr_prompts.catalogue import SAMPLE_RATE_HZ
from ivr_prompts.render import BAND_LEAD, WordsMissing, band, speak, wav_bytes
from ivr_prompts.sound import NEVER, Sound, decibels

LONGEST_S = 300
MOST_SAMPLES = LONGEST_S * 48000 * 2
LEVEL_LUFS = -22.0
"""What `level` brings a recording to: as loud as the shipped prompts."""

REASONS = (
    *("unreadable", "empty", "endless", "too_large", "not_finite"),
    *("no_voice", "no_espeak", "words_missing", "nothing_said"),
)
"""Why a file or a text makes no prompt; `gateway/texts/prompts.py` says it, under `studio.REASON`."""


class StudioError(ValueError):
    """A file or a text of which no prompt can be made. `reason` is one of `REASONS`."""

    def __init__(self, reason: str, **values: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values


@dataclass(frozen=True)
class Recording:
    """A studio recording: its channels as one, and what it was."""

    sound: Sound
    channels: int
    kind: str  # WAV PCM_24, FLAC PCM_16, ...
    mixed_loss_db: float  # by how much mixing the channels made it quieter than the louder of them


@dataclass(frozen=True)
class Upload:
    """A recording that is no file here: what would be in it, and what it is called in a complaint."""

    content: bytes = field(repr=False)
    name: str


def read(path: Path | Upload) -> Recording:
    """A recording; `StudioError` says why it is none."""
    source = io.BytesIO(path.content) if isinstance(path, Upload) else str(path)
    try:
        with soundfile.SoundFile(source) as file:
            if not file.frames:
                raise StudioError("empty", file=path.name)
            if file.frames > LONGEST_S * file.samplerate:
                raise StudioError("endless", file=path.name, most_s=str(LONGEST_S))
            if file.frames * file.channels > MOST_SAMPLES:  # a few bytes of FLAC can be gigabytes of silence
                raise StudioError("too_large", file=path.name)
            samples = file.read(dtype="float64", always_2d=True)
            kind = f"{file.format} {file.subtype}"
            rate_hz = int(file.samplerate)
    except (OSError, soundfile.SoundFileError) as error:
        raise StudioError("unreadable", file=path.name) from error
    if not len(samples):
        raise StudioError("empty", file=path.name)
    if not np.isfinite(samples).all():
        raise StudioError("not_finite", file=path.name)
    mixed = samples.mean(axis=1)
    loudest = max(_rms_db(channel) for channel in samples.T)
    loss_db = max(0.0, loudest - _rms_db(mixed)) if loudest > NEVER else 0.0
    return Recording(Sound(mixed, rate_hz), samples.shape[1], kind, loss_db)


def for_telephone(recording: Recording, level: bool = False) -> Sound:
    """8 kHz; with `level` brought to `LEVEL_LUFS`, or as near to it as its peaks allow (-1 dBTP)."""
    sound = recording.sound
    if sound.rate_hz != SAMPLE_RATE_HZ:
        samples = soxr.resample(sound.samples, sound.rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
        sound = Sound(np.asarray(samples, np.float64), SAMPLE_RATE_HZ)
    if not level or sound.loudness_lufs <= NEVER:
        return sound
    gain_db = min(LEVEL_LUFS - sound.loudness_lufs, -1.0 - sound.peak_dbtp)
    return Sound(sound.samples * 10 ** (gain_db / 20), SAMPLE_RATE_HZ)


def to_wav(sound: Sound) -> bytes:
    """A WAV file, mono, 16-bit PCM; what is above full scale is cut off there."""
    return wav_bytes(sound.samples, sound.rate_hz)


def from_wav(audio: bytes) -> Sound:
    """The sound of a mono 16-bit WAV file."""
    with wave.open(io.BytesIO(audio)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return Sound(samples.astype(np.float64) / 32768, file.getframerate())


def voice(text: str, language: str, after: Mapping[str, str]) -> tuple[Sound, dict[str, int]]:
    """A text spoken by espeak-ng, and where the words of `after` have ended: milliseconds by marker."""
    try:
        samples, marks = speak(text, language, after)
    except KeyError as error:
        raise StudioError("no_voice", language=language) from error
    except WordsMissing as error:
        raise StudioError("words_missing", marker=error.marker, words=error.words) from error
    except IndexError as error:
        raise StudioError("nothing_said") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise StudioError("no_espeak") from error
    return Sound(samples, SAMPLE_RATE_HZ), marks


def as_heard(sound: Sound) -> Sound:
    """What comes out of the caller's telephone: through the band of 300 to 3400 Hz and G.711 A-law."""
    length = math.ceil(len(sound.samples) * SAMPLE_RATE_HZ / sound.rate_hz)
    through = band(sound.samples, sound.rate_hz)[BAND_LEAD:][:length]
    with tempfile.TemporaryFile() as coded:
        soundfile.write(coded, np.clip(through, -1, 1), SAMPLE_RATE_HZ, subtype="ALAW", format="WAV")
        coded.seek(0)
        samples, rate_hz = soundfile.read(coded, dtype="float64")
    return Sound(samples, int(rate_hz))


def _rms_db(samples: np.ndarray) -> float:
    return decibels(float(np.sqrt(np.mean(samples**2))))
