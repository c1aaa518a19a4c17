"""Redaction: how many of 2,000 generated numbers are taken out, and how much else is."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import soundfile
from rich.table import Table

from benchmarks import number_cases
from benchmarks.asked import Asked
from benchmarks.number_cases import HESITATION, MAKERS, Case
from benchmarks.page import measured_on
from storage.redaction import SilencedSound
from transcription.exports import to_json, to_text, to_webvtt
from transcription.redaction import Span, find, redact, silent_intervals
from transcription.segments import Leg, Word
from transcription.stored import silences

SEED = 7  # not the one that the rules were tried out with
EACH = 500
LOOKALIKES = 1200
RATE_HZ = 8000
NAMES = {"cpr": "CPR", "card": "Card", "iban": "IBAN", "phone": "Telephone"}


@dataclass
class Score:
    """What became of the numbers of one kind. Counts, but `Score.wrong`: which look-alikes were taken."""

    numbers: int = 0
    found: int = 0  # every word of it is gone
    spans: int = 0  # taken out as this kind
    right: int = 0  # of these, the ones that are such a number
    spoken: int = 0
    spoken_found: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        return self.found / self.numbers

    @property
    def precision(self) -> float:
        return self.right / self.spans if self.spans else 1.0


@dataclass
class Result:
    """All of a run. `other_words`: words of no number that were taken beside one; `leaks`: finds of which
    something was left in an export; `sounds` checked, `wrong_sounds` not silent there and there only."""

    scores: dict[str, Score]
    lookalikes: int = 0
    lookalikes_taken: int = 0
    other_words: int = 0
    leaks: int = 0
    sounds: int = 0
    wrong_sounds: int = 0
    missed: list[Case] = field(default_factory=list)
    taken: list[Case] = field(default_factory=list)


def run(asked: Asked) -> str:
    """Measure; the section of the page."""
    each, lookalikes = (50, 120) if asked.quick else (EACH, LOOKALIKES)
    result = measure(SEED, each, lookalikes)
    asked.console.print(table(result))
    return section(asked, result)


def measure(seed: int, each: int, lookalikes: int, with_sound: bool = True) -> Result:
    """Redact every conversation and count."""
    result = Result({kind: Score() for kind in MAKERS})
    for case in [*number_cases.numbers(seed, each), *number_cases.lookalikes(seed + 1, lookalikes)]:
        _count(case, find(case.transcript), result, with_sound)
    return result


def _count(case: Case, spans: Sequence[Span], result: Result, with_sound: bool) -> None:
    taken = {span: _places(case, span) for span in spans}
    all_taken = set().union(*taken.values())
    for span, places in taken.items():
        score = result.scores[span.kind.value]
        score.spans += 1
        right = case.kind == span.kind.value and bool(places & case.number)
        score.right += right
        if not right:
            score.wrong[case.what] += 1
    if not case.kind:
        result.lookalikes += 1
        result.lookalikes_taken += bool(spans)
        if spans:
            result.taken.append(case)
    else:
        score = result.scores[case.kind]
        found = case.number <= all_taken
        score.numbers += 1
        score.found += found
        score.spoken += case.spoken
        score.spoken_found += found and case.spoken
        others = (case.transcript.words[place].text for place in all_taken - case.number)
        result.other_words += sum(word != HESITATION for word in others)
        if found:
            result.leaks += _is_left(case, spans)
        else:
            result.missed.append(case)
    if with_sound and spans:
        result.sounds += 1
        result.wrong_sounds += not _sounds_right(case, spans)


def _places(case: Case, span: Span) -> set[int]:
    """The words of a span by their positions among the words of both legs."""
    of_leg = [place for place, word in enumerate(case.transcript.words) if word.leg is span.leg]
    return set(of_leg[span.first : span.last + 1])


def _is_left(case: Case, spans: Iterable[Span]) -> bool:
    """Whether a row of the number's words stands in any export still."""
    redacted = redact(case.transcript, spans)
    words = " ".join(word["text"] for word in json.loads(to_json(redacted))["words"])
    plain = re.sub(r"^\[[0-9:]+\] \w+:", "", to_text(redacted), flags=re.MULTILINE)
    cues = " ".join(re.findall(r"<v \w+>(.*?)</v>", to_webvtt(redacted), re.DOTALL))
    texts = [f" {' '.join(text.split())} " for text in (words, plain, cues)]
    return any(f" {row} " in text for row in _rows(case) for text in texts)


def _rows(case: Case) -> list[str]:
    """What is said of the number in one go each time; without a country and two digits, which may stay."""
    rows: list[list[Word]] = []
    last = -2
    for place in sorted(case.number):
        word = case.transcript.words[place]
        if place != last + 1 or rows[-1][-1].leg is not word.leg:
            rows.append([])
        rows[-1].append(word)
        last = place
    texts = [" ".join(word.text for word in row) for row in rows]
    return texts[1:] if case.kind == "iban" and len(rows) > 1 else texts


def _sounds_right(case: Case, spans: Iterable[Span]) -> bool:
    """Whether a copy of a sound without a silent sample is silent at every span, and nowhere else."""
    duration_s = case.transcript.duration_s
    before = np.full((round(duration_s * RATE_HZ), 2), 1000, np.int16)
    sound, copy = io.BytesIO(), io.BytesIO()
    soundfile.write(sound, before, RATE_HZ, format="FLAC", subtype="PCM_16")
    sound.seek(0)
    SilencedSound(sound, silences(to_json(case.transcript).encode())).write(copy)
    copy.seek(0)
    after, _ = soundfile.read(copy, dtype="int16", always_2d=True)
    wanted = before.copy()
    for channel, leg in enumerate((Leg.CALLER, Leg.AGENT)):
        for start_s, end_s in silent_intervals(spans, duration_s=duration_s)[leg]:
            wanted[int(np.floor(start_s * RATE_HZ)) : int(np.ceil(end_s * RATE_HZ)), channel] = 0
    heard = all(
        not after[
            round(word.start_s * RATE_HZ) : round(word.end_s * RATE_HZ), int(word.leg is Leg.AGENT)
        ].any()
        for span in spans
        for word in case.transcript.words_of(span.leg)[span.first : span.last + 1]
    )
    return heard and bool((after == wanted).all())


HEADINGS = ("Kind", "Numbers", "Recall", "in figures", "in words", "Precision", "Taken in error")


def rows(result: Result) -> list[tuple[str, ...]]:
    """One row a kind, in the order of `HEADINGS`."""
    return [
        (
            NAMES[kind],
            f"{score.numbers}",
            f"{score.recall:.1%}",
            _share(score.found - score.spoken_found, score.numbers - score.spoken),
            _share(score.spoken_found, score.spoken),
            f"{score.precision:.1%}",
            ", ".join(f"{what} {count}" for what, count in score.wrong.most_common(4)) or "nothing",
        )
        for kind, score in result.scores.items()
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def table(result: Result) -> Table:
    """For the screen."""
    shown = Table(title="Redaction", caption=_others(result))
    for heading in HEADINGS:
        shown.add_column(heading)
    for row in rows(result):
        shown.add_row(*row)
    return shown


def _others(result: Result) -> str:
    return (
        f"{result.lookalikes_taken} of {result.lookalikes} look-alikes were taken for a number."
        f" Beside numbers {result.other_words} other words went."
        f" After redaction {result.leaks} found numbers stood in JSON, WebVTT or text;"
        f" {result.wrong_sounds} of {result.sounds} copies of the sound were wrong: not silent at the"
        " numbers, or changed elsewhere."
    )


def section(asked: Asked, result: Result) -> str:
    """The section of the page."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows(result)]
    shown = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return PAGE.format(table=shown, others=_others(result), measured=measured_on(asked.where, asked.command))


PAGE = """## Redaction

{table}

{others}

{measured}

* Each number stands in a small conversation of its own: asked for or not, named or not, said in one go, with
  pauses between its groups, with "øh" in it, with the other side listening or repeating in between, or all of
  it repeated by the agent. Half are written in figures, half said in Danish number words. Numbers, words and
  conversations come from `benchmarks/number_cases.py`, which shares nothing with what is measured but the
  form of a transcript. The words are as a recogniser without errors would write them: in real calls what is
  misheard comes on top. The rules were tried out on conversations of this generator, of another seed.
* **Recall**: numbers of which no word is left, repetitions included. **Precision**: of what was taken out as
  this kind, the share that is such a number. Look-alikes are as natural: some ten-digit account and invoice
  numbers are a CPR number by their digits, and are taken for one.
"""
