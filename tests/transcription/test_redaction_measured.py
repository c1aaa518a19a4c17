"""The benchmark of redaction on a small sample: it must not get worse than these floors."""

from __future__ import annotations

import pytest

from benchmarks.redaction import Result, measure, rows

SEED = 20250115  # not the benchmark's


@pytest.fixture(scope="module")
def result() -> Result:
    return measure(SEED, each=60, lookalikes=150, with_sound=False)


@pytest.mark.parametrize("kind", ["cpr", "card", "iban", "phone"])
def test_recall_and_precision_are_above_their_floors(result: Result, kind: str) -> None:
    score = result.scores[kind]
    assert score.numbers == 60 and score.spoken == 30
    assert score.recall >= 0.98, rows(result)
    assert score.precision >= 0.95, rows(result)


def test_look_alikes_stay_and_what_was_found_is_left_nowhere(result: Result) -> None:
    assert result.lookalikes == 150
    assert result.lookalikes_taken <= 0.02 * result.lookalikes
    assert result.leaks == 0
    assert result.other_words <= 0.1 * sum(score.numbers for score in result.scores.values())


def test_copies_of_the_sound_are_silent_at_the_numbers_and_nowhere_else() -> None:
    few = measure(SEED + 1, each=2, lookalikes=0)
    assert few.sounds == 8 and few.wrong_sounds == 0
