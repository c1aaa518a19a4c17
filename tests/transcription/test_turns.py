"""Two legs of words read as a conversation."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.transcription.talk import talk, transcripts
from transcription.segments import Speaker, Transcript, Word
from transcription.turns import TURN_PAUSE_S, turns

K, M = Speaker.CUSTOMER, Speaker.AGENT


def read(transcript: Transcript) -> list[str]:
    return [f"{'K' if turn.speaker is K else 'M'}: {turn.text}" for turn in turns(transcript)]


def row(speaker: Speaker, start_s: float, text: str) -> tuple[Word, ...]:
    return tuple(
        Word(each, start_s + 0.4 * n, start_s + 0.4 * n + 0.3, None, speaker)
        for n, each in enumerate(text.split())
    )


def test_question_and_answer_are_turns_of_their_own() -> None:
    lines = ["M: har du været ude for noget", "K: nej", "M: så er det godt med det", "K: ja tak skal du have"]
    assert read(talk(*lines)) == lines


def test_an_interjection_does_not_break_what_the_other_says() -> None:
    agent = row(M, 0.0, "så skal du bare sende os billederne af bilen her til os")
    said = Transcript((*agent, *row(K, 2.1, "ja")))
    assert read(said) == ["M: så skal du bare sende os billederne af bilen her til os", "K: ja"]


def test_who_takes_the_floor_divides_what_the_other_says() -> None:
    agent = row(M, 0.0, "jeg skal lige se på din sag her og så vender jeg tilbage")
    customer = row(K, 1.5, "undskyld men jeg har travlt")
    assert read(Transcript((*agent, *customer))) == [
        "M: jeg skal lige se på din sag her og",
        "K: undskyld men jeg har travlt",
        "M: så vender jeg tilbage",
    ]


@pytest.mark.parametrize(("pause_s", "count"), [(TURN_PAUSE_S - 0.1, 1), (TURN_PAUSE_S + 0.1, 2)])
def test_a_long_pause_ends_a_turn(pause_s: float, count: int) -> None:
    said = Transcript((*row(K, 0.0, "vent lidt mens jeg"), *row(K, 1.5 + pause_s, "her er den så")))
    assert len(turns(said)) == count


def test_no_words_are_no_turns() -> None:
    assert turns(Transcript()) == ()


@given(transcripts())
def test_every_word_is_in_one_turn_and_turns_follow_each_other(transcript: Transcript) -> None:
    found = turns(transcript)
    for speaker in Speaker:
        words = tuple(word for turn in found if turn.speaker is speaker for word in turn.words)
        assert words == transcript.words_of(speaker.leg)
    assert [turn.start_s for turn in found] == sorted(turn.start_s for turn in found)
    assert all(turn.words for turn in found)
