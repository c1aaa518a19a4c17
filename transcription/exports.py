"""A transcript as JSON, as WebVTT and as plain text.

Every export is made of a transcript's words, each once and unchanged; what may not be read is taken
out before (`transcription.redaction`). JSON is for machines and comes back the same (`from_json`);
WebVTT shows the words under the recording; text is for reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transcription.segments import SPEAKER_OF, Gap, Leg, Speaker, Transcript, Word
from transcription.turns import Turn, turns

SCHEMA = "tast1.transcript/1"
SPEAKER_NAMES: Mapping[str, Mapping[Speaker, str]] = {
    "da": {Speaker.CUSTOMER: "Kunde", Speaker.AGENT: "Medarbejder"},
    "en": {Speaker.CUSTOMER: "Caller", Speaker.AGENT: "Agent"},
}
NOT_TRANSCRIBED = {"da": "ikke udskrevet", "en": "not transcribed"}
# Two lines of 42 characters for seven seconds are what broadcasters ask a reader to take in.
LINE_CHARS = 42
CUE_LINES = 2
CUE_S = 7.0
CUE_PAUSE_S = 2.0


class TranscriptFormatError(ValueError):
    """What was given is no transcript in a schema that is known here."""


def to_json(transcript: Transcript) -> str:
    """The transcript in schema `tast1.transcript/1`: `schema`, `language`, `model`, `duration_s`,
    `words` (`text`, `start_s`, `end_s`, `confidence`, `speaker`) and `gaps` (`leg`, `start_s`,
    `end_s`, `reason`), in order of time."""
    words = [
        {
            "text": word.text,
            "start_s": word.start_s,
            "end_s": word.end_s,
            "confidence": word.confidence,
            "speaker": word.speaker.value,
        }
        for word in transcript.words
    ]
    gaps = [
        {"leg": gap.leg.value, "start_s": gap.start_s, "end_s": gap.end_s, "reason": gap.reason}
        for gap in transcript.gaps
    ]
    document = {
        "schema": SCHEMA,
        "language": transcript.language,
        "model": transcript.model,
        "duration_s": transcript.duration_s,
        "words": words,
        "gaps": gaps,
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)


def from_json(text: str) -> Transcript:
    """The transcript that `to_json` wrote. Unknown schemas and broken documents are refused."""
    try:
        document = json.loads(text)
        if document["schema"] != SCHEMA:
            raise TranscriptFormatError(f"unknown schema; {SCHEMA} is known here")
        return Transcript(
            words=tuple(_word(each) for each in document["words"]),
            gaps=tuple(_gap(each) for each in document["gaps"]),
            language=_text(document["language"]),
            model=_text(document["model"]),
            duration_s=_seconds(document["duration_s"]),
        )
    except TranscriptFormatError:
        raise
    # Without the cause: its message would quote the words of a call.
    except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise TranscriptFormatError(f"not a transcript ({type(error).__name__})") from None


def to_text(transcript: Transcript, display: str = "da") -> str:
    """One line a turn, `[hh:mm:ss] Kunde: ...`, and one a gap, in order of time."""
    names = SPEAKER_NAMES[display]
    lines = [
        (turn.start_s, f"[{_second(turn.start_s)}] {names[turn.speaker]}: {turn.text}")
        for turn in turns(transcript)
    ]
    for gap in transcript.gaps:
        span = f"[{_second(gap.start_s)}–{_second(gap.end_s)}]"
        what = f"({NOT_TRANSCRIBED[display]}: {_one_line(gap.reason)})"
        lines.append((gap.start_s, f"{span} {names[SPEAKER_OF[gap.leg]]}: {what}"))
    return "".join(line + "\n" for _, line in sorted(lines, key=lambda line: line[0]))


def to_webvtt(transcript: Transcript, display: str = "da") -> str:
    """WebVTT with a voice tag in every cue; a cue's id is `turn-part`. Gaps are notes."""
    names = SPEAKER_NAMES[display]
    blocks = ["WEBVTT"]
    for gap in transcript.gaps:
        span = f"{_clock(_ms(gap.start_s))} to {_clock(_ms(gap.end_s))}"
        # A comment may not hold the arrow that marks a cue's times.
        blocks.append(f"NOTE {gap.leg.value} {span}: {_one_line(gap.reason)}".replace("-->", "--"))
    cues = [
        (words[0].start_s, f"{number}-{part}", turn.speaker, words)
        for number, turn in enumerate(turns(transcript), 1)
        for part, words in enumerate(_cues(turn), 1)
    ]
    # WebVTT wants cues by start; a turn that goes on around another one has cues on both sides of it.
    for _, name, speaker, words in sorted(cues, key=lambda cue: cue[0]):
        start_ms = _ms(words[0].start_s)
        end_ms = max(start_ms + 1, *(_ms(word.end_s) for word in words))  # a cue has some length
        times = f"{_clock(start_ms)} --> {_clock(end_ms)}"
        lines = "\n".join(_lines(words))
        blocks.append(f"{name}\n{times}\n<v {_escaped(names[speaker])}>{_escaped(lines)}</v>")
    return "\n\n".join(blocks) + "\n"


def _cues(turn: Turn) -> Iterator[tuple[Word, ...]]:
    """A turn in pieces that fit a cue. A single word is never divided, however long it is."""
    cue: list[Word] = []
    end_s = 0.0
    for word in turn.words:
        full = cue and (
            len(_lines([*cue, word])) > CUE_LINES
            or word.end_s - cue[0].start_s > CUE_S
            or word.start_s - end_s > CUE_PAUSE_S
        )
        if full:
            yield tuple(cue)
            cue, end_s = [], 0.0
        cue.append(word)
        end_s = max(end_s, word.end_s)
    yield tuple(cue)


def _lines(words: Sequence[Word]) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word.text) <= LINE_CHARS:
            lines[-1] += " " + word.text
        else:
            lines.append(word.text)
    return lines


def _escaped(text: str) -> str:
    # U+0000 would end the text in some readers; WebVTT replaces it as well.
    for char, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\0", "\N{REPLACEMENT CHARACTER}")):
        text = text.replace(char, name)
    return text


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _clock(ms: int) -> str:
    """`hh:mm:ss.mmm`; hours may have more digits."""
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def _second(seconds: float) -> str:
    return _clock(int(seconds) * 1000).removesuffix(".000")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _word(each: Any) -> Word:
    confidence = each["confidence"]
    return Word(
        text=_text(each["text"]),
        start_s=_seconds(each["start_s"]),
        end_s=_seconds(each["end_s"]),
        confidence=None if confidence is None else _seconds(confidence),
        speaker=Speaker(each["speaker"]),
    )


def _gap(each: Any) -> Gap:
    leg, start_s, end_s = Leg(each["leg"]), _seconds(each["start_s"]), _seconds(each["end_s"])
    return Gap(leg, start_s, end_s, _text(each["reason"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("a number was expected")
    return float(value)
