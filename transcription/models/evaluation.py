"""How well a model hears sentences and voices that it was not trained on.

    python -m transcription.models.evaluation [FOLDER]      make model-eval

Word error rate is substitutions, deletions and insertions by words said. Needs espeak-ng and Vosk. What is
played is drawn from a fixed seed; no sentence is of a template and no voice is one that training uses.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transcription.models import card, channel, dataset
from transcription.models.catalogue import BUILT_IN, folder_of
from transcription.models.corpus import UNKNOWN, Corpus, Sentence
from transcription.models.espeak import Espeak, EspeakError
from transcription.protocol import Final, StreamConfig

SEED = 4711
SENTENCES = 400
CHUNK_BYTES = 640  # 40 ms
MIXED_SNR_DB = (10.0, 40.0)
NOISY_SNR_DB = (8.0, 20.0)
TARGET = 0.05


@dataclass(frozen=True)
class Clip:
    """What is said, and how it arrives: 16-bit samples at 8 kHz."""

    words: Sentence
    pcm: bytes


@dataclass(frozen=True)
class Score:
    """Errors against words said; `heard_known` and `heard_unknown` count what was written."""

    said: int
    errors: int
    heard_known: int
    heard_unknown: int

    @property
    def rate(self) -> float:
        """Word error rate."""
        return self.errors / max(self.said, 1)


Decoder = Callable[[bytes], tuple[str, ...]]


def held_out_clips(count: int = SENTENCES, snr_db: tuple[float, float] = MIXED_SNR_DB) -> Iterator[Clip]:
    """Sentences of held-out templates by held-out voices over random lines."""
    corpus = Corpus.load()
    for index in range(count):
        rng = np.random.default_rng((SEED, index))
        template = corpus.held_out[index % len(corpus.held_out)]
        yield _clip(corpus.fill(template, rng, held_out=True), rng, snr_db)


def foreign_clips(count: int = 100) -> Iterator[Clip]:
    """Three words each that the model does not know and was not trained on."""
    corpus = Corpus.load()
    for index in range(count):
        rng = np.random.default_rng((SEED, 1, index))
        yield _clip(corpus.strings(rng, corpus.foreign_held_out, 3), rng, MIXED_SNR_DB)


def _clip(words: Sentence, rng: np.random.Generator, snr_db: tuple[float, float]) -> Clip:
    voice = dataset.random_voice(rng, dataset.HELD_OUT_VOICES)
    line = channel.random_line(rng, snr_db)
    spoken, _ = dataset.speech([words], voice, rng)
    heard = channel.through(spoken, dataset.ESPEAK_RATE_HZ, line, rng)
    return Clip(words, heard.astype("<i2").tobytes())


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """The least number of words to change, leave out or put in."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def score(clips: Sequence[Clip], decode: Decoder, threads: int = 2) -> Score:
    """All of them, decoded on a few threads."""
    with ThreadPoolExecutor(threads) as pool:
        heard = list(pool.map(decode, (clip.pcm for clip in clips)))
    return Score(
        said=sum(len(clip.words) for clip in clips),
        errors=sum(errors(clip.words, words) for clip, words in zip(clips, heard, strict=True)),
        heard_known=sum(word != UNKNOWN for words in heard for word in words),
        heard_unknown=sum(word == UNKNOWN for words in heard for word in words),
    )


def decoder(folder: Path, phrases: tuple[str, ...] = ()) -> Decoder:
    """Decodes one clip with the model in the folder, in pieces as they come from a call."""
    from transcription.recogniser import Model

    model = Model(folder)
    config = StreamConfig(channel.RATE_HZ, phrases=phrases)

    def decode(pcm: bytes) -> tuple[str, ...]:
        recogniser = model.recogniser(config)
        heard = [recogniser.feed(pcm[at : at + CHUNK_BYTES]) for at in range(0, len(pcm), CHUNK_BYTES)]
        finals = [result for result in (*heard, recogniser.flush()) if isinstance(result, Final)]
        return tuple(word for final in finals for word in final.text.split())

    return decode


def evaluate(folder: Path, count: int = SENTENCES) -> dict[str, Any]:
    """The figures of the card."""
    decode = decoder(folder)
    mixed = score(list(held_out_clips(count)), decode)
    noisy = score(list(held_out_clips(count // 2, NOISY_SNR_DB)), decode)
    foreign = score(list(foreign_clips()), decode)
    return {
        "espeak_ng": Espeak().version,
        "sentences": count,
        "sentences_noisy": count // 2,
        "words": mixed.said,
        "word_error_rate": round(mixed.rate, 4),
        "word_error_rate_noisy": round(noisy.rate, 4),
        "foreign_words": foreign.said,
        "forced_into_vocabulary": round(foreign.heard_known / foreign.said, 4),
        "written_unk": round(foreign.heard_unknown / foreign.said, 4),
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure; 0 when the target is met, 1 when not, 2 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m transcription.models.evaluation", description=__doc__.split("\n")[0]
    )
    parser.add_argument("folder", type=Path, nargs="?", default=folder_of(BUILT_IN[0]), help="the model")
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="how many (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write the model's card and figures.json")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)
    try:
        found = evaluate(options.folder, options.sentences)
    except EspeakError as error:
        print(error, file=sys.stderr)
        return 2
    if options.write:
        card.write(options.folder, found)
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{k}: {v}" for k, v in found.items()))
    return 0 if found["word_error_rate"] <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
