"""What was said on a call: words with times on two legs, and the gaps where nobody listened.

Promises:
1. A `Transcript` keeps its words in one order (start, then customer before agent, then as they were
   heard), so merging does not depend on the order in which the finals of two legs arrived.
2. Replacing a span neither doubles nor loses a word at its borders, and touches one leg only.
3. A span that was dropped (pause, withdrawal) leaves no word, and nothing is put back into it.

Times are seconds from the start of the recording.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

# Two hearings of one word differ by some tens of milliseconds at either end; two neighbouring words
# overlap by no more than that. Half of the shorter word lies well between the two.
SAME_SPEECH_SHARE = 0.5

PAUSED = "paused"
WITHDRAWN = "withdrawn"
# What must not be heard: nothing is filled in here, however good the later hearing is.
CLOSED_REASONS = frozenset({PAUSED, WITHDRAWN})


class Leg(str, Enum):
    """Where a sound came in."""

    CALLER = "caller"
    AGENT = "agent"


class Speaker(str, Enum):
    """Who is heard on a leg."""

    CUSTOMER = "customer"
    AGENT = "agent"

    @property
    def leg(self) -> Leg:
        return Leg.CALLER if self is Speaker.CUSTOMER else Leg.AGENT


SPEAKER_OF = {speaker.leg: speaker for speaker in Speaker}
_RANK = {speaker: rank for rank, speaker in enumerate(Speaker)}


@dataclass(frozen=True)
class Word:
    """One word as the recogniser wrote it, without white space in it.

    `confidence` is 0 to 1, None when the recogniser gives none.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float | None
    speaker: Speaker

    def __post_init__(self) -> None:
        if self.text.split() != [self.text]:
            raise ValueError("a word is not empty and has no white space in it")
        if any("\ud800" <= char <= "\udfff" for char in self.text):
            raise ValueError("a word can be written as UTF-8")
        if not 0 <= self.start_s <= self.end_s < math.inf:
            raise ValueError(f"a word cannot last from {self.start_s} to {self.end_s}")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError(f"a confidence is 0 to 1, not {self.confidence}")

    @property
    def leg(self) -> Leg:
        return self.speaker.leg

    @property
    def middle_s(self) -> float:
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True)
class Segment:
    """One final of one leg: the words between two silences, in the recogniser's order."""

    leg: Leg
    words: tuple[Word, ...]

    def __post_init__(self) -> None:
        if any(word.leg is not self.leg for word in self.words):
            raise ValueError(f"a word of another leg in a segment of the {self.leg.value} leg")


@dataclass(frozen=True)
class Gap:
    """A span of a leg that was not transcribed. `reason` is a code such as "lost" or `PAUSED`."""

    leg: Leg
    start_s: float
    end_s: float
    reason: str

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.end_s < math.inf:
            raise ValueError(f"a gap cannot last from {self.start_s} to {self.end_s}")


@dataclass(frozen=True)
class Transcript:
    """The words of both legs in order of time, and the gaps.

    `language` is a BCP 47 tag, `model` the name of the recogniser's model, `duration_s` the length of
    the recording.
    """

    words: tuple[Word, ...] = ()
    gaps: tuple[Gap, ...] = ()
    language: str = "da"
    model: str = ""
    duration_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.duration_s < math.inf:
            raise ValueError(f"a recording cannot last {self.duration_s} s")
        # Stable: words of one leg that begin together stay as they were heard.
        words = sorted(self.words, key=lambda word: (word.start_s, _RANK[word.speaker]))
        gaps = sorted(set(self.gaps), key=lambda gap: (gap.start_s, gap.end_s, gap.leg.value, gap.reason))
        object.__setattr__(self, "words", tuple(words))
        object.__setattr__(self, "gaps", tuple(gaps))

    def words_of(self, leg: Leg) -> tuple[Word, ...]:
        """The words of one leg, in order of time."""
        return tuple(word for word in self.words if word.leg is leg)


def merged(
    segments: Iterable[Segment],
    gaps: Iterable[Gap] = (),
    *,
    language: str = "da",
    model: str = "",
    duration_s: float = 0.0,
) -> Transcript:
    """The transcript of the finals of both legs, whatever order they arrived in.

    A final that arrived twice (a reply repeated after a reconnect) counts once.
    """
    distinct = sorted(dict.fromkeys(segment for segment in segments if segment.words), key=_order)
    words = tuple(word for segment in distinct for word in segment.words)
    return Transcript(words, tuple(gaps), language, model, duration_s)


def replaced(
    transcript: Transcript, leg: Leg, start_s: float, end_s: float, words: Iterable[Word]
) -> Transcript:
    """The transcript with the span of `leg` as a later hearing has it; gaps inside the span are closed.

    A word belongs to the span when its middle is in [start, end). Give the later hearing a second or
    more of sound around the span: words of `words` that lie outside it are context, and ignored. Both
    hearings time a word at the border a little differently, so speech is compared, not times alone:
    an old and a new word that share more than half of the shorter one's time are the same speech.
    Speech of which any word, old or new, belongs to the span is taken from the new hearing whole; all
    other speech stays as it was. Words in a closed gap (`CLOSED_REASONS`) are never taken.
    """
    closed = [gap for gap in transcript.gaps if gap.leg is leg and gap.reason in CLOSED_REASONS]
    new = sorted(words, key=lambda word: word.start_s)
    if any(word.leg is not leg for word in new):
        raise ValueError(f"a word of another leg for a span of the {leg.value} leg")
    old = transcript.words_of(leg)
    goes, comes = _same_speech(old, new, start_s, end_s)
    kept = [word for index, word in enumerate(old) if index not in goes]
    taken = [
        word
        for index, word in enumerate(new)
        if index in comes and not any(_touches(word, gap.start_s, gap.end_s) for gap in closed)
    ]
    others = [word for word in transcript.words if word.leg is not leg]
    gaps = [
        piece
        for gap in transcript.gaps
        for piece in (_without(gap, start_s, end_s) if gap.leg is leg and gap not in closed else [gap])
    ]
    return replace(transcript, words=tuple(kept + taken + others), gaps=tuple(gaps))


def dropped(
    transcript: Transcript,
    spans: Iterable[tuple[float, float]],
    reason: str,
    legs: Iterable[Leg] = tuple(Leg),
) -> Transcript:
    """The transcript without every word that has any part in one of `spans`, on `legs`.

    The spans become gaps with `reason`; what other gaps had there is no longer theirs to be filled.
    """
    spans, legs = [span for span in spans if span[0] < span[1]], list(legs)
    words = [
        word
        for word in transcript.words
        if word.leg not in legs or not any(_touches(word, start, end) for start, end in spans)
    ]
    gaps = list(transcript.gaps)
    for start, end in spans:
        gaps = [
            piece for gap in gaps for piece in (_without(gap, start, end) if gap.leg in legs else [gap])
        ] + [Gap(leg, start, end, reason) for leg in legs]
    return replace(transcript, words=tuple(words), gaps=tuple(gaps))


def _order(segment: Segment) -> tuple[object, ...]:
    """A total order of segments: by what they are, not by when they came."""
    words = [
        (word.start_s, word.end_s, word.text, -1.0 if word.confidence is None else word.confidence)
        for word in segment.words
    ]
    return words[0], segment.leg.value, words


def _same_speech(
    old: tuple[Word, ...], new: list[Word], start_s: float, end_s: float
) -> tuple[set[int], set[int]]:
    """The indices in `old` that go and in `new` that come: what belongs to the span, and what is the
    same speech as that, followed from one hearing to the other until nothing is added."""
    pairs = _pairs(old, new)
    goes = {index for index, word in enumerate(old) if start_s <= word.middle_s < end_s}
    comes = {index for index, word in enumerate(new) if start_s <= word.middle_s < end_s}
    size = -1
    while size != len(goes) + len(comes):
        size = len(goes) + len(comes)
        comes |= {n for o, n in pairs if o in goes}
        goes |= {o for o, n in pairs if n in comes}
    return goes, comes


def _pairs(old: tuple[Word, ...], new: list[Word]) -> list[tuple[int, int]]:
    """The indices of an old and a new word that are the same speech."""
    starts = [word.start_s for word in old]
    longest_s = max((word.end_s - word.start_s for word in old), default=0.0)
    return [
        (o, n)
        for n, word in enumerate(new)
        for o in range(bisect_left(starts, word.start_s - longest_s), bisect_right(starts, word.end_s))
        if _same(old[o], word)
    ]


def _same(one: Word, other: Word) -> bool:
    shorter_s = min(one.end_s - one.start_s, other.end_s - other.start_s)
    shared_s = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    return shared_s > SAME_SPEECH_SHARE * shorter_s


def _touches(word: Word, start_s: float, end_s: float) -> bool:
    """Whether any part of the word is in the span."""
    if word.start_s == word.end_s:
        return start_s <= word.start_s < end_s
    return word.start_s < end_s and word.end_s > start_s


def _without(gap: Gap, start_s: float, end_s: float) -> list[Gap]:
    """What is left of a gap outside the span."""
    if gap.end_s <= start_s or gap.start_s >= end_s:
        return [gap]
    pieces = ((gap.start_s, min(gap.end_s, start_s)), (max(gap.start_s, end_s), gap.end_s))
    return [replace(gap, start_s=start, end_s=end) for start, end in pieces if start < end]
