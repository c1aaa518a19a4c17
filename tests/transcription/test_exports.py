"""A transcript comes back from JSON as it was; WebVTT and text hold every word once."""

from __future__ import annotations

import html
import json
import re

import pytest
from hypothesis import given

from tests.transcription.talk import heard, talk, transcripts
from transcription.exports import (
    CUE_LINES,
    CUE_S,
    LINE_CHARS,
    SCHEMA,
    TranscriptFormatError,
    from_json,
    to_json,
    to_text,
    to_webvtt,
)
from transcription.segments import Gap, Leg, Speaker, Transcript, Word

TIMES = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})")


def cues(webvtt: str) -> list[tuple[str, float, float, str, list[str]]]:
    """A WebVTT file read by its grammar: id, start, end, voice and lines of every cue; notes are left out."""
    header, *blocks = webvtt.rstrip("\n").split("\n\n")
    assert header == "WEBVTT"
    found = []
    for block in blocks:
        if block.startswith("NOTE "):
            assert "-->" not in block and "\n" not in block
            continue
        name, times, *lines = block.split("\n")
        match = TIMES.fullmatch(times)
        assert match and "-->" not in name
        h, m, s, ms, h2, m2, s2, ms2 = map(int, match.groups())
        voice = re.fullmatch(r"<v ([^>]+)>(.*)</v>", "\n".join(lines), re.DOTALL)
        assert voice and "<" not in voice[2]
        start_s, end_s = h * 3600 + m * 60 + s + ms / 1000, h2 * 3600 + m2 * 60 + s2 + ms2 / 1000
        found.append((name, start_s, end_s, voice[1], html.unescape(voice[2]).split("\n")))
    return found


@given(transcripts())
def test_json_comes_back_the_same(transcript: Transcript) -> None:
    assert from_json(to_json(transcript)) == transcript


@given(transcripts())
def test_webvtt_is_read_back_with_every_word_and_its_speaker(transcript: Transcript) -> None:
    read = cues(to_webvtt(transcript, "en"))
    for speaker, name in ((Speaker.CUSTOMER, "Caller"), (Speaker.AGENT, "Agent")):
        shown = [word for _, _, _, voice, lines in read if voice == name for word in " ".join(lines).split()]
        said = [
            word.text.replace("\0", "\N{REPLACEMENT CHARACTER}") for word in transcript.words_of(speaker.leg)
        ]
        assert shown == [part for word in said for part in html.unescape(html.escape(word, False)).split()]
    assert len({name for name, *_ in read}) == len(read)
    assert [start for _, start, *_ in read] == sorted(start for _, start, *_ in read)
    assert all(start < end for _, start, end, *_ in read)


def test_cues_fit_a_screen_and_a_reader() -> None:
    said = talk("K: " + "jeg ringer fordi der er kommet vand ind i kælderen " * 8)
    for _, start_s, end_s, _, lines in cues(to_webvtt(said)):
        assert len(lines) <= CUE_LINES and all(len(line) <= LINE_CHARS for line in lines)
        assert end_s - start_s <= CUE_S + 0.001


def test_signs_of_webvtt_are_escaped() -> None:
    webvtt = to_webvtt(Transcript((Word("<v>&-->", 0, 1, None, Speaker.CUSTOMER),)))
    assert "&lt;v&gt;&amp;--&gt;" in webvtt
    assert cues(webvtt)[0][4] == ["<v>&-->"]


def test_gaps_are_told_in_every_form() -> None:
    lost = Transcript((), (Gap(Leg.AGENT, 61.5, 3600, "lost --> ?"),), duration_s=4000)
    assert "NOTE agent 00:01:01.500 to 01:00:00.000: lost -- ?" in to_webvtt(lost)
    assert to_text(lost) == "[00:01:01–01:00:00] Medarbejder: (ikke udskrevet: lost --> ?)\n"
    assert from_json(to_json(lost)) == lost


def test_text_names_the_speakers_in_the_reader_s_language() -> None:
    said = talk("M: hvad kan jeg hjælpe med", "K: jeg har en skade på bilen")
    assert to_text(said) == (
        "[00:00:00] Medarbejder: hvad kan jeg hjælpe med\n[00:00:02] Kunde: jeg har en skade på bilen\n"
    )
    assert to_text(said, "en").splitlines()[1] == "[00:00:02] Caller: jeg har en skade på bilen"
    assert heard(said) == "hvad kan jeg hjælpe med jeg har en skade på bilen"


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        "{}",
        '{"schema": "other/1"}',
        json.dumps({"schema": SCHEMA, "words": []}),
        json.dumps(
            {"schema": SCHEMA, "language": "da", "model": "", "duration_s": True, "words": [], "gaps": []}
        ),
        json.dumps(
            {
                "schema": SCHEMA,
                "language": "da",
                "model": "",
                "duration_s": 1,
                "words": [
                    {"text": "hemmeligt", "start_s": 2, "end_s": 1, "confidence": 1, "speaker": "agent"}
                ],
                "gaps": [],
            }
        ),
        "[" * 100_000,
    ],
)
def test_what_is_no_transcript_is_refused_without_quoting_it(broken: str) -> None:
    with pytest.raises(TranscriptFormatError) as error:
        from_json(broken)
    assert "hemmeligt" not in str(error.value) and error.value.__cause__ is None
