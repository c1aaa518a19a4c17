"""Words as they are stored, redacted in whatever form they have."""

from __future__ import annotations

import json

import pytest

from tests.transcription.talk import heard, talk
from transcription.exports import from_json, to_json
from transcription.redaction import MARGIN_S, find
from transcription.segments import PAUSED, Gap, Leg, Transcript
from transcription.stored import redacted_text, redacted_words, silences


def test_a_transcript_stays_a_transcript() -> None:
    said = talk("K: mit nummer er 20 30 40 50", "M: tak")
    left = from_json(redacted_words(to_json(said).encode()).decode())
    assert heard(left) == "mit nummer er [TELEFONNUMMER] tak"
    assert left.duration_s == said.duration_s


def test_a_summary_keeps_its_lines_and_loses_its_numbers() -> None:
    text = "Kunden  ringer.\n\n\tCPR: 070761-4285,\nringes op på 20 30 40 50.\n12345678\n"
    left = redacted_text(text)
    assert left.startswith("Kunden  ringer.\n\n\tCPR: [CPR]\n") and "20 30" not in left
    assert redacted_words(text.encode()).decode() == left


def test_every_text_of_other_json_is_read() -> None:
    summary = {"cpr": "0707614285", "list": ["ring på 20304050", 7, None, True, 2.5], "number": 707614285}
    left = json.loads(redacted_words(json.dumps({**summary, "070761-4285": 20304050}).encode()))
    assert left["cpr"] == "[CPR]"
    assert left["list"] == ["ring på [TELEFONNUMMER]", 7, None, True, 2.5]
    assert left["[CPR]"] == "[TELEFONNUMMER]"


@pytest.mark.parametrize("content", [b"\xff\xfe", b'{"schema": "tast1.transcript/1"}'])
def test_what_cannot_be_read_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(ValueError) as error:
        redacted_words(content)
    assert error.value.__cause__ is None
    with pytest.raises(ValueError):
        silences(content)


def test_silences_are_the_numbers_and_what_was_not_heard_on_each_leg() -> None:
    said = talk("K: ring på 20304050", "M: tak")
    gaps = (Gap(Leg.AGENT, 0.2, 0.5, "lost"), Gap(Leg.CALLER, 9.0, 9.5, PAUSED))
    said = Transcript(said.words, gaps, duration_s=10.0)
    (span,) = find(said)
    caller, agent = silences(to_json(said).encode())
    assert caller == ((span.start_s - MARGIN_S, span.end_s + MARGIN_S),)
    assert agent == ((0.2, 0.5),)
