"""Live words: no number is shown to a watcher, and nothing else is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.live import MASK, masked
from transcription.numbers_da import digits_said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("jeg har en vandskade og et hus", "jeg har en vandskade og et hus"),
        ("nul syv nul syv enogtres en to", f"{MASK} {MASK} {MASK} {MASK} {MASK} {MASK} {MASK}"),
        ("det er 070761-1234 tak", f"det er {MASK} tak"),
        ("en to en", f"{MASK} {MASK} {MASK}"),
        ("", ""),
    ],
)
def test_numbers_are_masked_and_words_are_not(said: str, shown: str) -> None:
    assert masked(said) == shown


@given(st.lists(st.sampled_from(["nul", "en", "to", "seksogfyrre", "halvtreds", "øh", "og", "ja", "12"])))
def test_what_is_shown_says_no_two_digits(words: list[str]) -> None:
    shown = masked(" ".join(words))
    assert len(shown.split()) == len(words)
    for pair in zip(shown.split(), shown.split()[1:], strict=False):
        assert len(digits_said(" ".join(pair))) < 2
