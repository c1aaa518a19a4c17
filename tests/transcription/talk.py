"""Conversations for tests: lines of "K: words" (the customer) and "M: words" (the agent), in turn."""

from __future__ import annotations

from hypothesis import strategies as st

from transcription.redaction import find, redact
from transcription.segments import CLOSED_REASONS, Gap, Leg, Segment, Speaker, Transcript, Word, merged

WORD_S = 0.3
PAUSE_S = 0.1
LINE_S = 0.4
SPEAKERS = {"K": Speaker.CUSTOMER, "M": Speaker.AGENT}


def talk(*lines: str, borders: bool = False) -> Transcript:
    """The transcript of the lines. "(2.0)" in a line is a pause of so many seconds; with `borders` a segment
    ends at each pause, otherwise with each line."""
    at_s, segments = 0.0, []
    for line in lines:
        speaker, words = SPEAKERS[line[0]], []
        for text in line[2:].split():
            if text.startswith("("):
                at_s += float(text.strip("()"))
                if borders and words:
                    segments.append(Segment(speaker.leg, tuple(words)))
                    words = []
                continue
            words.append(Word(text, round(at_s, 3), round(at_s + WORD_S, 3), 0.9, speaker))
            at_s += WORD_S + PAUSE_S
        segments.append(Segment(speaker.leg, tuple(words)))
        at_s += LINE_S
    return merged(segments, duration_s=round(at_s, 3))


def heard(transcript: Transcript, leg: Leg | None = None) -> str:
    """The words of both legs, or of one, in order."""
    return " ".join(word.text for word in transcript.words if leg in (None, word.leg))


def redacted(*lines: str, borders: bool = False) -> str:
    """What is left of a conversation."""
    transcript = talk(*lines, borders=borders)
    return heard(redact(transcript, find(transcript)))


@st.composite
def words(draw: st.DrawFn, texts: st.SearchStrategy[str], most: int = 40) -> tuple[Word, ...]:
    """Words of both speakers, each after the one before, with all sorts of pauses."""
    at_s, made = 0.0, []
    for text in draw(st.lists(texts, max_size=most)):
        at_s = round(at_s + draw(st.sampled_from((0.0, 0.1, 0.4, 1.2, 3.0, 9.0))), 3)
        length_s = draw(st.sampled_from((0.0, 0.1, 0.35, 0.8)))
        speaker = draw(st.sampled_from(tuple(Speaker)))
        confidence = draw(st.none() | st.floats(0, 1))
        made.append(Word(text, at_s, round(at_s + length_s, 3), confidence, speaker))
        at_s = made[-1].end_s
    return tuple(made)


ANY_WORD = (
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
    .map(lambda text: "".join(text.split()))
    .filter(bool)
)


@st.composite
def transcripts(draw: st.DrawFn, texts: st.SearchStrategy[str] = ANY_WORD) -> Transcript:
    """Any transcript of up to 40 words, with gaps."""
    made = draw(words(texts))
    gaps = [
        Gap(draw(st.sampled_from(tuple(Leg))), start, start + length, draw(st.sampled_from(REASONS)))
        for start, length in draw(st.lists(st.tuples(st.floats(0, 500), st.floats(0.01, 60)), max_size=3))
    ]
    end_s = max((word.end_s for word in made), default=0.0)
    return Transcript(made, tuple(gaps), draw(st.sampled_from(("da", "en"))), "model", end_s + 1)


REASONS = ("lost", *sorted(CLOSED_REASONS))
