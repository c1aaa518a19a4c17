"""What is true of redaction whatever is said."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transcription.talk import transcripts
from transcription.exports import from_json, to_json, to_text, to_webvtt
from transcription.numbers_da import digits_said, word_set
from transcription.redaction import PLACEHOLDERS, find, redact, silent_intervals
from transcription.segments import Leg, Transcript
from transcription.stored import redacted_text, redacted_words

LIKELY = st.sampled_from(
    sorted(
        word_set(
            "nul en to tre fire fem syv otte ni tyve tredive enogtres toogfyrre femogfirs hundrede tusind og"
            " øh ja nej de kå dk50 07 0707 61 4285 070761-4285 20304050 4111 1111 1111111111111111"
            " DK5000400440116243 syvende i juli cpr-nummer telefonnummer skadenummer kortet kroner hvad er"
            " hej undskyld sidste"
        )
    )
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ANY = transcripts(LIKELY)


@QUICK
@given(ANY)
def test_redacting_again_changes_nothing(transcript: Transcript) -> None:
    once = redact(transcript, find(transcript))
    assert find(once) == ()
    content = to_json(once).encode()
    assert redacted_words(content) == content


@QUICK
@given(ANY)
def test_spans_never_overlap_and_their_words_are_gone_and_no_other(transcript: Transcript) -> None:
    spans = find(transcript)
    once = redact(transcript, spans)
    for leg in Leg:
        words, expected, place = transcript.words_of(leg), [], 0
        for span in sorted((s for s in spans if s.leg is leg), key=lambda s: s.first):
            assert place <= span.first <= span.last < len(words)
            expected += [word.text for word in words[place : span.first]] + [PLACEHOLDERS[span.kind]]
            place = span.last + 1
        assert [word.text for word in once.words_of(leg)] == expected + [word.text for word in words[place:]]


@QUICK
@given(ANY)
def test_every_export_says_the_same_words(transcript: Transcript) -> None:
    once = redact(transcript, find(transcript))
    left = sorted(word.text for word in once.words)
    assert sorted(word.text for word in from_json(to_json(once)).words) == left
    voices = re.findall(r"<v \w+>(.*?)</v>", to_webvtt(once), re.DOTALL)
    assert sorted(" ".join(voices).split()) == left
    lines = re.findall(r"^\[[0-9:]+\] \w+: (.*)$", to_text(once), re.MULTILINE)
    assert sorted(" ".join(lines).split()) == left


@QUICK
@given(ANY)
def test_silence_covers_every_span_on_its_leg(transcript: Transcript) -> None:
    spans = find(transcript)
    intervals = silent_intervals(spans, duration_s=transcript.duration_s)
    for span in spans:
        assert any(start <= span.start_s and span.end_s <= end for start, end in intervals[span.leg])
    for stretches in intervals.values():
        assert all(stretches[n][1] < stretches[n + 1][0] for n in range(len(stretches) - 1))


@given(st.from_regex(r"(0[1-9]|1[0-9]|2[0-8])(0[1-9]|1[0-2])[0-9]{2}-?[0-9]{4}", fullmatch=True))
def test_a_cpr_number_in_figures_never_stays(number: str) -> None:
    left = redacted_text(f"kunden oplyste {number} i dag")
    assert left == "kunden oplyste [CPR] i dag"


@QUICK
@given(st.text(max_size=60))
def test_a_text_without_a_figure_or_number_word_stays_as_it_is(text: str) -> None:
    if not digits_said(text):
        assert redacted_text(text) == text
