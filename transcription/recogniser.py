"""Vosk: one model in memory, and recognisers that each listen to one stream. The only importer of vosk.

Promises:
1. A recogniser is used by one thread at a time; the model is shared (vosk's own rule).
2. Memory stays flat over hours: a recogniser is replaced at the end of an utterance after `RECYCLE_S`.
3. Times are seconds from the start of the stream, whatever was replaced meanwhile.

Loading a broken model can end the process (Kaldi aborts), so `transcription.models.check` loads an unknown
one in a process of its own first.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# OpenBLAS would start a pool of threads for each decode; streams run in parallel as it is.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soxr
import vosk

from transcription.models.catalogue import why_no_model, words_file
from transcription.protocol import Final, HeardWord, Partial, StreamConfig

RECYCLE_S = 600.0
SAMPLE_BYTES = 2
UNKNOWN_WORD = "[unk]"
DEFAULT_RATE_HZ = 16000  # what Kaldi assumes when a model does not say


class ModelError(Exception):
    """The model cannot be used. The message says why, and what to do."""


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model from its folder."""

    name: str
    rate_hz: int
    phrases: bool  # whether it can be restricted to a list of phrases while it runs
    vocabulary: int  # words

    @classmethod
    def of(cls, folder: Path) -> ModelFacts:
        """Look at the folder; `ModelError` when a file is missing. Loads nothing."""
        if why := why_no_model(folder):
            raise ModelError(why)
        words = words_file(folder)
        runtime = any((base / "Gr.fst").is_file() for base in (folder / "graph", folder))
        return cls(folder.name, _rate_hz(folder), runtime, _count(words) if words else 0)


def _count(words: Path) -> int:
    """How many words are in words.txt; <eps>, [unk], #0 and the like are none."""
    with words.open(encoding="utf-8") as lines:
        return sum(line[0] not in "<[#!" for line in lines if line.strip())


def _rate_hz(folder: Path) -> int:
    for name in ("conf/mfcc.conf", "conf/fbank.conf", "mfcc.conf"):
        conf = folder / name
        if conf.is_file():
            found = re.search(r"--sample-frequency=(\d+)", conf.read_text(encoding="utf-8"))
            return int(found.group(1)) if found else DEFAULT_RATE_HZ
    return DEFAULT_RATE_HZ


class Model:
    """A loaded model. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self.facts = ModelFacts.of(folder)
        vosk.SetLogLevel(-1)
        try:
            self._model = vosk.Model(str(folder))
        except Exception as error:
            raise ModelError("vosk cannot load that model (tast1 model check says more)") from error

    def recogniser(self, config: StreamConfig) -> Recogniser:
        """A recogniser for one stream."""
        return Recogniser(self._model, self.facts, config)


class Recogniser:
    """Listens to one stream of PCM. Not thread-safe."""

    def __init__(self, model: Any, facts: ModelFacts, config: StreamConfig) -> None:
        self._model = model
        self._facts = facts
        self._config = config
        # A model cannot hear what its rate has no room for, but vosk refuses too low a rate.
        self._rate_hz = max(config.sample_rate_hz, facts.rate_hz)
        self._up = (
            soxr.ResampleStream(config.sample_rate_hz, self._rate_hz, 1, dtype="int16")
            if self._rate_hz != config.sample_rate_hz
            else None
        )
        self._odd = b""  # a byte that waits for the other half of its sample
        self._fed_s = 0.0  # by this recogniser
        self._before_s = 0.0  # by those it replaced
        self._inner = self._new()

    def _new(self) -> Any:
        grammar = self._grammar()
        arguments = (self._model, self._rate_hz, grammar) if grammar else (self._model, self._rate_hz)
        try:
            inner = vosk.KaldiRecognizer(*arguments)
        except Exception as error:
            raise ModelError("vosk cannot make a recogniser of that model") from error
        inner.SetWords(True)
        if self._config.max_alternatives:
            inner.SetMaxAlternatives(self._config.max_alternatives)
        return inner

    def _grammar(self) -> str:
        if not self._config.phrases or not self._facts.phrases:
            return ""
        return json.dumps([*self._config.phrases, UNKNOWN_WORD], ensure_ascii=False)

    def feed(self, pcm: bytes) -> Partial | Final:
        """Listen to some more; a final result when an utterance has ended."""
        data = self._odd + pcm
        whole = len(data) - len(data) % SAMPLE_BYTES
        self._odd = data[whole:]
        self._fed_s += whole / SAMPLE_BYTES / self._config.sample_rate_hz
        audio = data[:whole]
        if self._up is not None:
            audio = self._up.resample_chunk(np.frombuffer(audio, dtype="<i2")).astype("<i2").tobytes()
        try:
            ended = self._inner.AcceptWaveform(audio)
        except Exception as error:
            raise ModelError("vosk cannot decode with that model") from error
        if ended:
            final = self._final(self._inner.Result())
            if self._fed_s >= RECYCLE_S:
                self._recycle()
            return final
        return Partial(json.loads(self._inner.PartialResult()).get("partial", ""))

    def flush(self) -> Final:
        """What was heard and not yet told; the stream may go on."""
        final = self._final(self._inner.FinalResult())
        self._recycle()
        return final

    def _recycle(self) -> None:
        self._before_s += self._fed_s
        self._fed_s = 0.0
        self._inner = self._new()

    def _final(self, text: str) -> Final:
        told = json.loads(text)
        if "alternatives" in told:
            told = told["alternatives"][0] if told["alternatives"] else {"text": ""}
        words = [
            HeardWord(
                word["word"],
                round(self._before_s + word["start"], 3),
                round(self._before_s + word["end"], 3),
                min(1.0, word.get("conf", 1.0)),
            )
            for word in told.get("result", [])
        ]
        return Final(told.get("text", ""), tuple(words))


def spoken(words: Sequence[HeardWord]) -> str:
    """The words as a text, without those that stand for something not in the vocabulary."""
    return " ".join(word.text for word in words if word.text != UNKNOWN_WORD)
