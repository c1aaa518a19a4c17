"""Finds numbers that identify people in a transcript, and takes them out of words and sound.

One list of `Span`s (`find`) drives everything: the words (`redact`), whose exports then agree, and the
stretches of sound to silence (`silent_intervals`).

Promises:
1. A span covers whole words of one leg; spans never overlap; a span never says its digits.
2. What `redact` leaves holds nothing that `find` would find: redacting again changes nothing.
3. The digits of a find do not stay elsewhere: said again they go too, wherever that is, and so does
   a part of four digits and more that either side repeats within `ECHO_S`, and of two and more while
   the number is being said or right after it.

What it cannot know: numbers in gaps of the transcript, numbers misheard when nobody named them, names
and addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from transcription.context import Context
from transcription.finds import candidates, chosen
from transcription.ibans import ibans
from transcription.identifiers import Kind
from transcription.number_runs import Line, Run
from transcription.numbers_da import Form
from transcription.segments import Leg, Transcript, Word

PLACEHOLDERS: Mapping[Kind, str] = {
    Kind.CPR: "[CPR]",
    Kind.CARD: "[KORTNUMMER]",
    Kind.IBAN: "[IBAN]",
    Kind.PHONE: "[TELEFONNUMMER]",
}
ECHO_S = 30.0
ECHO_DIGITS_MIN = 4
# Who listens repeats each pair of a number as it comes, so that its pairs would stand there again.
ECHO_AT_ONCE_S = 3.0
ECHO_AT_ONCE_DIGITS_MIN = 2
# A recogniser's times are a few hundredths of a second off, and a digit is heard in a tenth.
MARGIN_S = 0.15


_DATED = (Form.ORDINAL, Form.MONTH, Form.DATE)


@dataclass(frozen=True)
class Span:
    """A number to take out: the words `first` to `last` (inclusive) of `transcript.words_of(leg)`."""

    kind: Kind
    leg: Leg
    first: int
    last: int
    start_s: float
    end_s: float


def find(transcript: Transcript) -> tuple[Span, ...]:
    """The numbers that identify people, by start."""
    items = {
        leg: [_Item(word, index, index) for index, word in enumerate(transcript.words_of(leg))] for leg in Leg
    }
    spans: list[Span] = []
    # What was found is masked, and the rest read again, until nothing is found: a number may stand
    # free only when the one beside it is gone.
    while hits := _hits({leg: [item.word for item in items[leg]] for leg in Leg}):
        for leg in Leg:
            found = [hit for hit in hits if hit.leg is leg]
            spans += [_span(hit, items[leg]) for hit in found]
            items[leg] = _masked(items[leg], found)
    return tuple(sorted(spans, key=lambda span: (span.start_s, span.leg.value)))


def redact(transcript: Transcript, spans: Iterable[Span]) -> Transcript:
    """The transcript with one placeholder for each span, over the time of its words."""
    by_leg: dict[Leg, list[_Hit]] = {leg: [] for leg in Leg}
    for span in spans:
        by_leg[span.leg].append(_Hit(span.kind, span.leg, span.first, span.last, "", ""))
    words: list[Word] = []
    for leg, hits in by_leg.items():
        items = [_Item(word, index, index) for index, word in enumerate(transcript.words_of(leg))]
        hits.sort(key=lambda hit: hit.first)
        ends = [-1, *(hit.last for hit in hits)]
        if any(not end < hit.first <= hit.last < len(items) for end, hit in zip(ends, hits, strict=False)):
            raise ValueError("spans of another transcript")
        words += [item.word for item in _masked(items, hits)]
    return replace(transcript, words=tuple(words))


def silent_intervals(
    spans: Iterable[Span], margin_s: float = MARGIN_S, duration_s: float | None = None
) -> dict[Leg, tuple[tuple[float, float], ...]]:
    """For each leg, the stretches (start_s, end_s) to silence in an exported copy: the spans with a
    margin on both sides, within the recording, joined where they meet."""
    found: dict[Leg, list[tuple[float, float]]] = {leg: [] for leg in Leg}
    for span in sorted(spans, key=lambda span: span.start_s):
        start_s = max(0.0, span.start_s - margin_s)
        end_s = span.end_s + margin_s if duration_s is None else min(duration_s, span.end_s + margin_s)
        intervals = found[span.leg]
        if intervals and start_s <= intervals[-1][1]:
            start_s, end_s = intervals[-1][0], max(intervals.pop()[1], end_s)
        if start_s < end_s:
            intervals.append((start_s, end_s))
    return {leg: tuple(intervals) for leg, intervals in found.items()}


@dataclass(frozen=True)
class _Item:
    """A word, or a placeholder, and the words of the transcript that it stands for."""

    word: Word
    first: int
    last: int


@dataclass(frozen=True)
class _Hit:
    """A find by the positions of its words in what was read, and its digits, also as they were said."""

    kind: Kind
    leg: Leg
    first: int
    last: int
    digits: str
    spoken: str

    def has(self, part: str) -> bool:
        return part in self.digits or part in self.spoken


def _span(hit: _Hit, items: Sequence[_Item]) -> Span:
    covered = items[hit.first : hit.last + 1]
    end_s = max(item.word.end_s for item in covered)
    return Span(hit.kind, hit.leg, covered[0].first, covered[-1].last, covered[0].word.start_s, end_s)


def _masked(items: Sequence[_Item], hits: Sequence[_Hit]) -> list[_Item]:
    by_first = {hit.first: hit for hit in hits}
    masked: list[_Item] = []
    index = 0
    while index < len(items):
        hit = by_first.get(index)
        if hit is None:
            masked.append(items[index])
            index += 1
        else:
            span = _span(hit, items)
            word = Word(PLACEHOLDERS[hit.kind], span.start_s, span.end_s, None, items[index].word.speaker)
            masked.append(_Item(word, span.first, span.last))
            index = hit.last + 1
    return masked


def _hits(words: Mapping[Leg, Sequence[Word]]) -> list[_Hit]:
    """What one reading of both legs finds: IBANs, else other numbers, else what was asked for by name."""
    customer, agent = words[Leg.CALLER], words[Leg.AGENT]
    lines = {Leg.CALLER: Line(customer, agent), Leg.AGENT: Line(agent, customer)}
    context = Context(lines)
    runs = [(leg, run) for leg, line in lines.items() for run in line.runs()]
    hits = [
        _Hit(Kind.IBAN, leg, first, last, chars, chars)
        for leg, line in lines.items()
        for first, last, chars in ibans(line)
    ]
    if not hits:
        hits = [hit for leg, run in runs for hit in _numbers(leg, run, context)]
    if not hits:
        hits = [hit for leg, run in runs for hit in _asked_for(leg, run, context)]
    hits = [replace(hit, kind=_kind_of_whole(hit, hits, lines)) for hit in hits]
    return hits + list(_echoes(lines, runs, hits))


def _kind_of_whole(hit: _Hit, hits: Sequence[_Hit], lines: Mapping[Leg, Line]) -> Kind:
    """What a find is: as the longer one of the other leg that it repeats while that is said. Some groups of
    a card said again look like a telephone number."""
    for other in hits:
        if other.leg is not hit.leg and len(other.digits) > len(hit.digits):
            during = _begin_s(other, lines) <= _begin_s(hit, lines) <= _end_s(other, lines) + ECHO_AT_ONCE_S
            digits = iter(other.digits)
            if during and all(digit in digits for digit in hit.digits):
                return other.kind
    return hit.kind


def _begin_s(hit: _Hit, lines: Mapping[Leg, Line]) -> float:
    return lines[hit.leg].words[hit.first].start_s


def _end_s(hit: _Hit, lines: Mapping[Leg, Line]) -> float:
    return lines[hit.leg].words[hit.last].end_s


def _numbers(leg: Leg, run: Run, context: Context) -> Iterator[_Hit]:
    finds = chosen(run, context.likely(leg, run, candidates(run)))
    end = 0
    for each in finds:
        begin = run.begun(each.begin, end)
        first, last = run.positions[begin], run.positions[each.end - 1]
        yield _Hit(each.kind, leg, first, last, each.digits, each.spoken)
        end = each.end


def _asked_for(leg: Leg, run: Run, context: Context) -> Iterator[_Hit]:
    kind = context.asked_for(leg, run)
    if kind is not None:
        digits = run.likeliest(0)
        yield _Hit(kind, leg, run.positions[0], run.positions[-1], digits, digits)


def _echoes(
    lines: Mapping[Leg, Line], runs: Sequence[tuple[Leg, Run]], hits: Sequence[_Hit]
) -> Iterator[_Hit]:
    """Promise 3, outside the hits themselves."""
    if not hits:
        return
    longest = max(len(digits) for hit in hits for digits in (hit.digits, hit.spoken))
    times = [(_begin_s(hit, lines), _end_s(hit, lines)) for hit in hits]
    for leg, run in runs:
        taken = [False] * len(run.positions)
        for place, position in enumerate(run.positions):
            taken[place] = any(hit.leg is leg and hit.first <= position <= hit.last for hit in hits)
        for begin in range(len(run.positions)):
            best: tuple[int, _Hit] | None = None
            for numbers, end in run.readings(begin, longest):
                if any(taken[begin:end]):
                    continue
                said = "".join(number.digits for number in numbers)
                whole_words = begin in run.free and end in run.free
                start_s = lines[leg].words[run.positions[begin]].start_s
                for hit, (from_s, to_s) in zip(hits, times, strict=True):
                    near = from_s - ECHO_S <= start_s <= to_s + ECHO_S
                    at_once = leg is not hit.leg and from_s <= start_s <= to_s + ECHO_AT_ONCE_S
                    shortest = ECHO_AT_ONCE_DIGITS_MIN if at_once else ECHO_DIGITS_MIN
                    # "i maj" repeats no part of a telephone number; a birthday may be a part of a CPR number.
                    dated = any(number.form in _DATED for number in numbers)
                    if dated:
                        shortest = ECHO_DIGITS_MIN if hit.kind is Kind.CPR else longest + 1
                    part = near and whole_words and len(said) >= shortest and hit.has(said)
                    if (said in (hit.digits, hit.spoken) or part) and (best is None or best[0] < end):
                        first, last = run.positions[begin], run.positions[end - 1]
                        best = (end, replace(hit, leg=leg, first=first, last=last))
            if best is not None:
                taken[begin : best[0]] = [True] * (best[0] - begin)
                yield best[1]
