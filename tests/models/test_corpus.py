"""What is said in training and what in evaluation: sentences, voices and foreign words are kept apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transcription.models.corpus import FILE, Corpus, number_word, ordinal_word
from transcription.models.dataset import HELD_OUT_VOICES, SILENCE, VOICES, labels, pronunciations


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.load()


def test_numbers_are_said_as_danes_say_them() -> None:
    assert [number_word(n) for n in (0, 7, 12, 20, 46, 50, 71, 99)] == [
        *("nul", "syv", "tolv", "tyve", "seksogfyrre", "halvtreds", "enoghalvfjerds", "nioghalvfems")
    ]
    assert [ordinal_word(n) for n in (1, 2, 12, 20, 22, 30, 31)] == [
        *("første", "anden", "tolvte", "tyvende", "toogtyvende", "tredivte", "enogtredivte")
    ]


def test_no_sentence_of_evaluation_is_one_of_training(corpus: Corpus) -> None:
    rng = np.random.default_rng(1)
    training = {corpus.draw(rng) for _ in range(20_000)}
    evaluation = {corpus.draw(rng, held_out=True) for _ in range(2_000)}
    assert len(evaluation) > 500
    assert not training & evaluation


def test_no_voice_of_evaluation_is_one_of_training() -> None:
    assert len(HELD_OUT_VOICES) >= 10 and len(VOICES) >= 50
    assert not set(HELD_OUT_VOICES) & set(VOICES)


def test_foreign_words_are_foreign(corpus: Corpus) -> None:
    assert len(corpus.foreign_held_out) > 100
    assert not set(corpus.foreign) & set(corpus.foreign_held_out)
    assert not {*corpus.foreign, *corpus.foreign_held_out} & set(corpus.vocabulary)


def test_every_held_out_word_is_in_the_vocabulary(corpus: Corpus) -> None:
    rng = np.random.default_rng(2)
    words = {word for _ in range(2_000) for word in corpus.draw(rng, held_out=True)}
    assert words <= set(corpus.vocabulary)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("  - goddag\n", "  - goddag\n  - nej jeg vil ikke give mit samtykke\n", "for training and held out"),
        ("held_out:\n", "held_out:\n  - min giraf er syg\n", "no word of training"),
        ("training: [", "training: [forsikring, ", "yet in the vocabulary"),
        ("training: [", "training: [paraply, ", "in training and held out"),
    ],
)
def test_a_corpus_that_mixes_them_is_refused(old: str, new: str, why: str, tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "da.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=why):
        Corpus.load(tmp_path / "da.yaml")


def test_what_is_drawn_depends_on_the_seed_alone(corpus: Corpus) -> None:
    def draw(seed: int) -> list[tuple[str, ...]]:
        rng = np.random.default_rng(seed)
        return [corpus.draw(rng) for _ in range(20)]

    assert draw(1) == draw(1) != draw(2)


def test_a_phone_covers_the_frames_from_its_start_to_the_next() -> None:
    # frame k is centred at 12.5 ms + 30 ms k; 8000 samples a second here
    starts = [(SILENCE, 0), ("j", 800), ("a", 1600), (SILENCE, 2400)]
    assert labels(starts, 8000, 45) == [*[SILENCE] * 3, *["j"] * 3, *["a"] * 4, *[SILENCE] * 5]


def test_a_phone_shorter_than_a_frame_still_gets_one() -> None:
    starts = [(SILENCE, 0), ("t", 800), ("s", 810), ("a", 820), (SILENCE, 2400)]
    assert {"t", "s", "a"} <= set(labels(starts, 8000, 45))


def test_pronunciations_that_are_rare_are_left_out() -> None:
    from collections import Counter

    found = Counter({("tak", ("t", "a", "g")): 97, ("tak", ("t", "a")): 2, ("ja", ("j", "a")): 1})
    assert pronunciations(found) == {"tak": [(("t", "a", "g"), 97 / 99)], "ja": [(("j", "a"), 1.0)]}
