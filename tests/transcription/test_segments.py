"""Words of two legs become one transcript, and spans of it are replaced and dropped."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcription.talk import heard, talk, words
from transcription.segments import (
    PAUSED,
    WITHDRAWN,
    Gap,
    Leg,
    Segment,
    Speaker,
    Transcript,
    Word,
    dropped,
    merged,
    replaced,
)

K, M = Speaker.CUSTOMER, Speaker.AGENT


def word(text: str, start_s: float, end_s: float, speaker: Speaker = K) -> Word:
    return Word(text, start_s, end_s, 0.9, speaker)


@pytest.mark.parametrize("text", ["", "to ord", " ja", "ja\n", "\ud800"])
def test_a_word_is_one_word_that_can_be_written(text: str) -> None:
    with pytest.raises(ValueError):
        word(text, 0, 1)


@pytest.mark.parametrize(("start_s", "end_s"), [(-0.1, 1), (1, 0.5), (0, float("inf")), (float("nan"), 1)])
def test_a_word_has_a_time_that_can_be(start_s: float, end_s: float) -> None:
    with pytest.raises(ValueError, match="cannot last"):
        word("ja", start_s, end_s)


def test_an_error_quotes_no_word() -> None:
    with pytest.raises(ValueError) as error:
        Word("hemmeligt", 2, 1, None, K)
    assert "hemmeligt" not in str(error.value)
    with pytest.raises(ValueError, match="confidence"):
        Word("ja", 0, 1, 1.5, K)


def test_a_segment_has_the_words_of_its_own_leg() -> None:
    with pytest.raises(ValueError, match="another leg"):
        Segment(Leg.CALLER, (word("ja", 0, 1, M),))


@given(st.lists(words(st.sampled_from(["ja", "nej", "tak"]), most=6), max_size=6), st.randoms())
def test_the_order_in_which_finals_arrive_does_not_matter(
    rows: list[tuple[Word, ...]], rng: random.Random
) -> None:
    segments = [Segment(leg, tuple(w for w in row if w.leg is leg)) for row in rows for leg in Leg if row]
    shuffled = list(segments)
    rng.shuffle(shuffled)
    assert merged(shuffled) == merged(segments)
    assert merged([*segments, *segments]) == merged(segments), "a final that arrives twice counts once"


def test_words_that_begin_together_stand_customer_first() -> None:
    both = Transcript((word("to", 1, 2, M), word("en", 1, 2, K)))
    assert heard(both) == "en to"


OLD = talk("K: jeg har en skade på min bil", "M: det hører jeg")


def test_a_span_is_heard_again_without_doubling_or_losing_a_word() -> None:
    new = [Word(w.text.upper(), w.start_s + 0.03, w.end_s + 0.03, 0.5, K) for w in OLD.words_of(Leg.CALLER)]
    changed = replaced(OLD, Leg.CALLER, 0.75, 1.65, new)
    assert heard(changed, Leg.CALLER) == "jeg har EN SKADE på min bil"
    assert changed.words_of(Leg.AGENT) == OLD.words_of(Leg.AGENT)


@given(st.floats(0, 3), st.floats(0, 3), st.floats(-0.08, 0.08))
def test_wherever_a_span_begins_each_word_stands_once(one: float, other: float, shift: float) -> None:
    start_s, end_s = sorted((one, other))
    again = [
        Word(w.text, max(0.0, w.start_s + shift), w.end_s + shift, 0.5, K) for w in OLD.words_of(Leg.CALLER)
    ]
    assert heard(replaced(OLD, Leg.CALLER, start_s, end_s, again)) == heard(OLD)


def test_a_gap_is_filled_as_far_as_it_was_heard_again() -> None:
    lost = Transcript((), (Gap(Leg.CALLER, 1, 5, "lost"), Gap(Leg.AGENT, 1, 5, "lost")))
    filled = replaced(lost, Leg.CALLER, 2, 5, [word("hej", 3, 3.4)])
    assert heard(filled) == "hej"
    assert filled.gaps == (Gap(Leg.CALLER, 1, 2, "lost"), Gap(Leg.AGENT, 1, 5, "lost"))


def test_what_was_paused_or_withdrawn_is_not_put_back() -> None:
    for reason in (PAUSED, WITHDRAWN):
        closed = dropped(OLD, [(0.6, 1.5)], reason)
        assert heard(closed, Leg.CALLER) == "jeg på min bil"
        again = replaced(closed, Leg.CALLER, 0.0, 3.0, OLD.words_of(Leg.CALLER))
        assert heard(again, Leg.CALLER) == "jeg på min bil"
        assert Gap(Leg.CALLER, 0.6, 1.5, reason) in again.gaps


def test_a_word_that_only_touches_a_dropped_span_goes_whole() -> None:
    one = Transcript((word("firetusind", 1, 2),))
    assert dropped(one, [(1.9, 3)], PAUSED).words == ()
    assert dropped(one, [(2, 3)], PAUSED).words == one.words
    assert dropped(one, [(0, 1)], PAUSED, [Leg.CALLER]).words == one.words
    assert dropped(one, [(1, 2)], PAUSED, [Leg.AGENT]).words == one.words


def test_an_empty_span_drops_nothing() -> None:
    assert dropped(OLD, [(1.0, 1.0)], PAUSED) == OLD
