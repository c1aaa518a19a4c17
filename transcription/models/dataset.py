"""Training material: sentences said by many voices over many lines, with the phone of every frame.

Promise: example `i` of a seed is the same whoever makes it, so the material does not depend on how many
processes share the work.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from transcription.models import channel
from transcription.models.corpus import Corpus, Sentence
from transcription.models.espeak import Espeak, Voice
from transcription.models.features import mfcc

SILENCE = "SIL"
EVERY = 3  # input frames for one output frame
ESPEAK_RATE_HZ = 22050
FRAME_S = 0.03
CENTRE_S = 0.0125  # the middle of the first input frame

HELD_OUT_VOICES = (
    "f3", "m4", "klatt4", "Andrea", "paul", "victor", "john", "steph2", "iven3", "edward2", "Hugo", "michel",
)  # fmt: skip
VOICES = (
    "", "Alex", "Alicia", "Andy", "Annie", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Jacky",
    "Lee", "Marco", "Mario", "Michael", "Mike", "Nguyen", "adam", "anika", "announcer", "antonio",
    "aunty", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "f1", "f2", "f4",
    "f5", "gustave", "iven", "iven2", "iven4", "kaukovalta", "klatt", "klatt2", "klatt3", "klatt5",
    "klatt6", "linda", "m1", "m2", "m3", "m5", "m6", "m7", "m8", "marcelo", "max", "miguel",
    "norbert", "pablo", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph3",
    "travis", "zac",
)  # fmt: skip
"""Files of espeak-ng's voices/!v. Whispers and robots are left out."""


@dataclass
class Example:
    """One piece of audio: a row of features each 10 ms, and the phone of every third."""

    features: NDArray[np.float32]
    labels: list[str]


@lru_cache(maxsize=1)
def _espeak() -> Espeak:
    return Espeak()


@lru_cache(maxsize=1)
def _corpus() -> Corpus:
    return Corpus.load()


def random_voice(rng: np.random.Generator, variants: tuple[str, ...] = VOICES) -> Voice:
    """A voice, how fast and how high it speaks."""
    return Voice(
        variant=variants[rng.integers(len(variants))],
        words_a_minute=int(rng.integers(115, 196)),
        pitch=int(rng.integers(15, 86)),
        pitch_range=int(rng.integers(20, 81)),
        word_gap=int(rng.choice([0, 0, 0, 1, 2, 4, 6])),
    )


def examples(count: int, seed: int, processes: int = 2) -> Iterator[Example]:
    """The material, in order."""
    work = ((seed, index) for index in range(count))
    with multiprocessing.Pool(processes) as pool:
        yield from pool.imap(_example, work, chunksize=16)


def _example(place: tuple[int, int]) -> Example:
    rng = np.random.default_rng(place)
    kind = rng.random()
    if kind < 0.03:
        return _without_speech(rng)
    corpus = _corpus()
    if kind < 0.35:
        sentences = [corpus.strings(rng, corpus.vocabulary, int(rng.integers(3, 9)))]
    elif kind < 0.43:
        mixed = corpus.foreign + corpus.vocabulary
        sentences = [corpus.strings(rng, mixed, int(rng.integers(2, 6)))]
    else:
        sentences = [corpus.draw(rng) for _ in range(1 if kind < 0.75 else 2)]
    return example(sentences, random_voice(rng), channel.random_line(rng), rng)


def example(sentences: list[Sentence], voice: Voice, line: channel.Line, rng: np.random.Generator) -> Example:
    """The sentences said one after the other, with silence around them."""
    spoken, starts = speech(sentences, voice, rng)
    features = mfcc(channel.through(spoken, ESPEAK_RATE_HZ, line, rng))
    return Example(features, labels(starts, ESPEAK_RATE_HZ, len(features)))


def speech(
    sentences: list[Sentence], voice: Voice, rng: np.random.Generator
) -> tuple[NDArray[np.int16], list[tuple[str, int]]]:
    """Samples at espeak-ng's rate, and the sample where each phone begins."""
    pieces, starts = [_pause(rng)], [(SILENCE, 0)]
    at = len(pieces[0])
    for sentence in sentences:
        spoken = _espeak().speak(" ".join(sentence), voice)
        starts += [(phone or SILENCE, at + sample) for phone, sample in spoken.phones]
        starts.append((SILENCE, at + len(spoken.samples)))
        pieces += [spoken.samples, _pause(rng)]
        at += len(spoken.samples) + len(pieces[-1])
    return np.concatenate(pieces), starts


def _pause(rng: np.random.Generator) -> NDArray[np.int16]:
    return np.zeros(int(rng.uniform(0.05, 0.9) * ESPEAK_RATE_HZ), dtype=np.int16)


def labels(starts: list[tuple[str, int]], rate_hz: int, frames: int) -> list[str]:
    """The phone of every third frame. Each phone has one at least, unless the audio ends before."""
    count = -(-frames // EVERY)
    out: list[str] = []
    name = SILENCE
    for following, sample in starts:
        if following == name:
            continue
        begins = max(round((sample / rate_hz - CENTRE_S) / FRAME_S), len(out) + (1 if out else 0))
        out += [name] * (begins - len(out))
        name = following
    out += [name] * max(count - len(out), 0)
    return out[:count]


def pronounced(corpus: Corpus, count: int, seed: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """How words are said, in sentences and among others; nothing is spoken."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        sentence = corpus.draw(rng) if index % 2 else corpus.strings(rng, corpus.vocabulary, 5)
        groups = _espeak().phones(" ".join(sentence))
        if len(groups) == len(sentence):
            yield from ((word, tuple(phones)) for word, phones in zip(sentence, groups, strict=True))


def _without_speech(rng: np.random.Generator) -> Example:
    """Noise, tones and telephone keys: a model that never heard them takes them for words."""
    count = int(rng.uniform(2, 6) * channel.RATE_HZ)
    time = np.arange(count) / channel.RATE_HZ
    loud = channel.FULL_SCALE * 10 ** (rng.uniform(-60, -6) / 20)
    kind = rng.integers(4)
    if kind == 0:
        sound = channel.coloured(count, rng.uniform(0, 2), rng) / 3
    elif kind == 1:
        sound = np.sin(2 * np.pi * rng.uniform(200, 3000) * time)
    elif kind == 2:
        low, high = rng.choice([697, 770, 852, 941]), rng.choice([1209, 1336, 1477])
        keys = ((time % rng.uniform(0.15, 0.5)) < rng.uniform(0.08, 0.3)).astype(np.float64)
        sound = keys * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)) / 2
    else:
        sound = np.where(time % 5 < 1, np.sin(2 * np.pi * 425 * time), 0.0)  # ringing
    noise = channel.coloured(count, 1.0, rng) * rng.choice([0, 1, 10, 100])
    line = channel.random_line(rng)
    heard = channel.coded(np.clip(np.round(sound * loud + noise), -32768, 32767), line.codec)
    features = mfcc(heard)
    return Example(features, [SILENCE] * -(-len(features) // EVERY))


def pronunciations(
    found: Counter[tuple[str, tuple[str, ...]]], least: float = 0.03
) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """For each word how it was said and how often, without what is rarer than `least`."""
    total: Counter[str] = Counter()
    for (word, _), count in found.items():
        total[word] += count
    lexicon: dict[str, list[tuple[tuple[str, ...], float]]] = {}
    for (word, phones), count in sorted(found.items()):
        if count / total[word] >= least:
            lexicon.setdefault(word, []).append((phones, count / total[word]))
    return lexicon
