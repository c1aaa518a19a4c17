"""Speech for the benchmark of transcription: sentences and voices that the model was not trained on."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from benchmarks.asked import BenchmarkError
from tests.sip.signals import RATE_HZ, Pcm
from transcription.models.corpus import Corpus
from transcription.models.dataset import HELD_OUT_VOICES

SEED = 2611
BEFORE_S, AFTER_S = 0.3, 0.9
"""Silence around a sentence: long enough for an utterance to end."""
PEAK = 0.25


@dataclass(frozen=True)
class Told:
    """What one side of a call says: sentences one after the other, as words and as 8 kHz sound."""

    sentences: tuple[tuple[str, ...], ...]
    pcm: Pcm

    @property
    def words(self) -> tuple[str, ...]:
        """All words."""
        return tuple(word for sentence in self.sentences for word in sentence)

    @property
    def onset(self) -> int:
        """The sample at which something is heard first."""
        return onset(self.pcm)


def onset(pcm: Pcm) -> int:
    """The first sample of sound that is more than noise."""
    loud = np.abs(pcm.astype(np.int32)) > 600
    return int(np.argmax(loud)) if loud.any() else 0


def told(leg: int, sentences: int) -> Told:
    """What leg number `leg` says, in a voice of its own; the same each time."""
    corpus = Corpus.load()
    rng = np.random.default_rng((SEED, leg))
    voice = HELD_OUT_VOICES[leg % len(HELD_OUT_VOICES)]
    said, pieces = [], []
    for number in range(sentences):
        template = corpus.held_out[(leg * sentences + number) % len(corpus.held_out)]
        words = tuple(corpus.fill(template, rng, held_out=True))
        said.append(words)
        pieces += [_silence(BEFORE_S), _spoken(" ".join(words), voice, rng), _silence(AFTER_S)]
    return Told(tuple(said), np.concatenate(pieces))


def _silence(seconds: float) -> Pcm:
    return np.zeros(int(seconds * RATE_HZ), np.int16)


def _spoken(text: str, voice: str, rng: np.random.Generator) -> Pcm:
    speed, pitch = str(rng.integers(120, 181)), str(rng.integers(25, 76))
    command = ["espeak-ng", "-v", f"da+{voice}", "-s", speed, "-p", pitch, "--stdout", text]
    try:
        wav = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    except FileNotFoundError:
        raise BenchmarkError("espeak-ng is not installed (apt-get install espeak-ng)") from None
    sound, rate_hz = soundfile.read(io.BytesIO(wav))
    sound = soxr.resample(sound, rate_hz, RATE_HZ)
    return np.asarray(sound * 32767 * PEAK / np.abs(sound).max()).astype(np.int16)
