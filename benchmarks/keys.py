"""Keys in the sound: how many tones are heard as the key they are, and how often speech is taken for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import soxr
from rich.progress import track
from rich.table import Table

from benchmarks.asked import Asked, BenchmarkError
from benchmarks.page import measured_on
from gateway.worker.inband import FRAME, HIGH_HZ, KEYS, LOW_HZ, RATE_HZ, InbandDetector, Tone
from tests.sip import g711
from tests.sip.signals import Pcm
from transcription.models.corpus import Corpus
from transcription.models.dataset import random_voice
from transcription.models.espeak import Espeak, EspeakError

SEED = 7077  # not one that the limits were tried out with
EACH = 400
SPEECH_S = 3600.0
LENGTHS_MS = (40, 60, 100)
FULL_SCALE_DBM0 = 3.14  # of a sine in A-law (G.711)
SPEECH_DBM0 = -15.0  # mean level of what is heard of a speaker


@dataclass(frozen=True)
class Line:
    """What a tone went through. Each pair is a range that is drawn from, evenly."""

    name: str
    level_dbm0: tuple[float, float] = (-12.0, -6.0)  # of each of the two tones
    twist_db: tuple[float, float] = (0.0, 0.0)  # how much louder the high one is
    offset_percent: tuple[float, float] = (0.0, 0.0)  # of each frequency; either way
    noise_db: float | None = None  # white, so far below the two tones together
    is_key: bool = True


LINES = (
    Line("clean"),
    Line("quiet: -25 dBm0", level_dbm0=(-25.0, -25.0)),
    Line("loud: 0 dBm0", level_dbm0=(0.0, 0.0)),
    Line("high tone 6 dB louder", twist_db=(6.0, 6.0)),
    Line("low tone 8 dB louder", twist_db=(-8.0, -8.0)),
    Line("1.5 % off", offset_percent=(1.5, 1.5)),
    Line("noise 20 dB below", noise_db=20.0),
    Line("noise 15 dB below", noise_db=15.0),
    Line("all at once", (-22.0, -3.0), (-6.0, 4.0), (0.0, 1.5), 20.0),
)
NO_KEYS = (
    Line("4 % off", offset_percent=(4.0, 4.0), is_key=False),
    Line("twist of 20 dB", twist_db=(20.0, 20.0), is_key=False),
)
SHORT_MS = 20


@dataclass
class Score:
    """Tones of one line and length: sent, found as what they are, and found as anything else besides."""

    sent: int = 0
    found: int = 0
    wrong: int = 0

    @property
    def recall(self) -> float:
        return self.found / self.sent

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0


@dataclass
class Result:
    """All of a run. `refused`: of tones that are no key, by what they are, sent and taken for a key."""

    scores: dict[tuple[str, int], Score] = field(default_factory=dict)
    refused: dict[str, tuple[int, int]] = field(default_factory=dict)
    speech_s: float = 0.0
    talked: str = ""  # the keys that speech was taken for


def heard(pcm: Pcm, detector: InbandDetector | None = None) -> list[Tone]:
    """The keys in a sound, which is what a trunk sends: after A-law, frame by frame."""
    detector = detector or InbandDetector()
    found = []
    for start in range(0, len(pcm) - FRAME + 1, FRAME):
        found += detector.hear(pcm[start : start + FRAME])
    return found


def sent(key: str, length_ms: int, line: Line, rng: np.random.Generator) -> Pcm:
    """A tone with silence around it, as a receiver gets it: anywhere in a frame, through A-law."""
    row = next(number for number, each in enumerate(KEYS) if key in each)
    frequencies = np.array([LOW_HZ[row], HIGH_HZ[KEYS[row].index(key)]])
    off = rng.uniform(*line.offset_percent, 2) * rng.choice([-1, 1], 2) / 100
    level, twist = rng.uniform(*line.level_dbm0), rng.uniform(*line.twist_db)
    levels = level + np.array([-twist, twist]) / 2
    peaks = 32767 * 10 ** ((levels - FULL_SCALE_DBM0) / 20)
    samples = length_ms * RATE_HZ // 1000
    turns = np.outer(frequencies * (1 + off), np.arange(samples) / RATE_HZ) + rng.uniform(0, 1, (2, 1))
    tone = peaks @ np.sin(2 * np.pi * turns)
    before = 6 * FRAME + int(rng.integers(FRAME))
    pcm = np.zeros(before + samples + 8 * FRAME)
    pcm[before : before + samples] = tone
    if line.noise_db is not None:
        power = float(np.sum(peaks**2)) / 2 * 10 ** (-line.noise_db / 10)
        pcm += rng.normal(0, np.sqrt(power), len(pcm))
    return g711.decode(g711.encode(np.clip(pcm, -32768, 32767).astype(np.int16)))


def tones(seed: int, each: int, lines: Sequence[Line] = LINES, lengths: Sequence[int] = LENGTHS_MS) -> Result:
    """Send `each` tones over every line, in every length, and those that are no keys."""
    result = Result()
    rng = np.random.default_rng(seed)
    all_keys = "".join(KEYS)
    for line in lines:
        for length_ms in lengths:
            score = result.scores.setdefault((line.name, length_ms), Score())
            for number in range(each):
                key = all_keys[number % len(all_keys)]
                found = [tone.digit for tone in heard(sent(key, length_ms, line, rng))]
                score.sent += 1
                score.found += found[:1] == [key]
                score.wrong += len(found) - (found[:1] == [key])
    for line, length_ms in [*((line, 100) for line in NO_KEYS), (Line(f"{SHORT_MS} ms long"), SHORT_MS)]:
        taken = sum(
            bool(heard(sent(all_keys[number % len(all_keys)], length_ms, line, rng)))
            for number in range(each)
        )
        result.refused[line.name] = (each, taken)
    return result


def speech(seed: int, seconds: float) -> Iterator[Pcm]:
    """Danish sentences in many voices, at the level of a speaker, through A-law; `seconds` in all."""
    try:
        espeak = Espeak()
    except EspeakError as error:
        raise BenchmarkError(str(error)) from None
    corpus = Corpus.load()
    rng = np.random.default_rng(seed)
    left = int(seconds * RATE_HZ)
    while left > 0:
        words = " ".join(" ".join(corpus.draw(rng)) for _ in range(4))
        spoken = espeak.speak(words, random_voice(rng))
        sound = soxr.resample(spoken.samples.astype(np.float64), spoken.rate_hz, RATE_HZ)
        aloud = sound[np.abs(sound) > 100]
        level = 32768 / np.sqrt(2) * 10 ** ((SPEECH_DBM0 - FULL_SCALE_DBM0) / 20)
        sound *= level / np.sqrt(np.mean(aloud**2))
        pcm = g711.decode(g711.encode(np.clip(sound, -32768, 32767).astype(np.int16)))[:left]
        left -= len(pcm)
        yield pcm


def listen(result: Result, seed: int, seconds: float) -> None:
    """Count the keys that are heard in speech in which there are none."""
    detector = InbandDetector()
    for pcm in speech(seed, seconds):
        result.talked += "".join(tone.digit for tone in heard(pcm, detector))
        result.speech_s += len(pcm) / RATE_HZ


def run(asked: Asked) -> str:
    """Measure, print, and return the section of the page."""
    result = tones(SEED, 48 if asked.quick else EACH, list(track(LINES, "tones", console=asked.console)))
    with asked.console.status("speech"):
        listen(result, SEED, 60.0 if asked.quick else SPEECH_S)
    shown = Table(title="Keys in the sound")
    for heading in HEADINGS:
        shown.add_column(heading, justify="right")
    for row in rows(result):
        shown.add_row(*row)
    asked.console.print(shown)
    asked.console.print(told(result), markup=False)
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows(result)]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return PAGE.format(
        table=table,
        told=told(result),
        each=next(iter(result.scores.values())).sent,
        level=f"{-SPEECH_DBM0:.0f}",
        measured=measured_on(asked.where, asked.command),
    )


HEADINGS = ("Tones", *(f"{length} ms: recall / precision" for length in LENGTHS_MS))


def rows(result: Result) -> list[tuple[str, ...]]:
    """One row a line."""
    names = dict.fromkeys(name for name, _ in result.scores)
    return [
        (
            name,
            *(
                f"{score.recall:.1%} / {score.precision:.1%}"
                for (of, _), score in result.scores.items()
                if of == name
            ),
        )
        for name in names
    ]


def told(result: Result) -> str:
    """What was taken for a key and is none."""
    no_keys = "; ".join(f"{name}: {taken} of {count}" for name, (count, taken) in result.refused.items())
    minutes = result.speech_s / 60
    ones = result.talked.count("1")
    return (
        f"No keys, and taken for one: {no_keys}. In {minutes:.0f} minutes of Danish speech"
        f" {len(result.talked)} keys were heard, {ones} of them the key 1."
    )


PAGE = """## Keys in the sound

{table}

{told}

{measured}

* Each cell: {each} tones of the sixteen keys, each alone, beginning anywhere in a frame, through G.711 A-law.
  **Recall**: heard once, as the key it is. **Precision**: of what was heard, the share that was sent. Levels
  are those of each tone; noise is white, so far below both together. *All at once* draws level (-22 to -3
  dBm0), twist (-6 to 4 dB) and offset (up to 1.5 %), with noise 20 dB below.
* ITU-T Q.24 wants 40 ms, -25 dBm0, a twist of 4 to 8 dB and 1.5 % heard, and 3.5 % and about 20 ms refused.
* **Speech**: sentences and voices of espeak-ng as the speech model is trained on, at a mean level of
  -{level} dBm0 while somebody speaks, without a pause between them. People are not espeak-ng: it shows that
  vowels alone are not taken for keys, not what a year of calls holds. Q.24 counts a receiver good that hears
  46 keys in 100 hours of real speech. Keys are listened for while the question is open: some 20 s a call.
* The limits were tried out on tones and speech of the same generators, of another seed.
"""
