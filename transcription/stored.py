"""Words as the archive keeps them, redacted: a transcript, or whatever else was written from one.

Promises:
1. What comes in is read as a transcript if it is one, else every text in it is, as JSON or as it stands; a
   form that is not known is no way around redaction.
2. A sound that was not transcribed is silenced like a number: nobody knows what is said in it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from transcription.exports import SCHEMA, from_json, to_json
from transcription.redaction import MARGIN_S, PLACEHOLDERS, find, redact, silent_intervals
from transcription.segments import CLOSED_REASONS, Leg, Speaker, Transcript, Word

Intervals = tuple[tuple[float, float], ...]

# Words of a text have no times; these keep what stands together together, and lines apart.
_WORD_S = 0.3
_LINE_PAUSE_S = 1.5


def redacted_words(content: bytes) -> bytes:
    """The same without the numbers that identify people. `ValueError` for what is no UTF-8, and for a
    transcript that is broken."""
    text = _text(content)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return redacted_text(text).encode()
    if isinstance(document, dict) and document.get("schema") == SCHEMA:
        transcript = from_json(text)
        return to_json(redact(transcript, find(transcript))).encode()
    return json.dumps(_redacted(document), ensure_ascii=False).encode()


def silences(content: bytes) -> tuple[Intervals, Intervals]:
    """What to silence on the caller's and on the agent's leg of the recording of a transcript, in seconds:
    the numbers that identify people, and what was not transcribed. `ValueError` for what is no transcript."""
    transcript = from_json(_text(content))
    numbers = silent_intervals(find(transcript), MARGIN_S, transcript.duration_s or None)
    return _with_gaps(transcript, Leg.CALLER, numbers), _with_gaps(transcript, Leg.AGENT, numbers)


def redacted_text(text: str) -> str:
    """A text that somebody wrote, without the numbers that identify people; otherwise as it was."""
    words: list[Word] = []
    places: list[tuple[int, int]] = []
    at_s = 0.0
    for match in re.finditer(r"\S+", text):
        if places and "\n" in text[places[-1][1] : match.start()]:
            at_s += _LINE_PAUSE_S
        words.append(Word(_writable(match[0]), at_s, at_s + _WORD_S, None, Speaker.CUSTOMER))
        places.append(match.span())
        at_s += _WORD_S
    for span in reversed(find(Transcript(tuple(words), duration_s=at_s))):
        start, end = places[span.first][0], places[span.last][1]
        text = text[:start] + PLACEHOLDERS[span.kind] + text[end:]
    return text


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    if isinstance(value, dict):
        return {redacted_text(key): _redacted(each) for key, each in value.items()}
    if isinstance(value, int) and not isinstance(value, bool) and redacted_text(str(value)) != str(value):
        return redacted_text(str(value))
    return value


def _with_gaps(transcript: Transcript, leg: Leg, numbers: dict[Leg, Intervals]) -> Intervals:
    unheard = [
        (gap.start_s, gap.end_s)
        for gap in transcript.gaps
        if gap.leg is leg and gap.reason not in CLOSED_REASONS
    ]
    joined: list[tuple[float, float]] = []
    for start_s, end_s in sorted([*numbers[leg], *unheard]):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((start_s, end_s))
    return tuple(joined)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        # Without the cause: its message would quote what was said.
        raise ValueError("it is no text") from None


def _writable(word: str) -> str:
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", word)
