"""Danish numbers, said and written, are read as the digits that one would dial."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.number_cases import ORDINALS, TEENS, TENS, UNITS
from transcription.numbers_da import Form, Role, Said, cardinal, digits_said, plain


def below_hundred(value: int, glued: bool) -> str:
    """A number as it is said, made from the tables of the benchmark."""
    if value < 20:
        return (UNITS + TEENS)[value]
    tens, unit = divmod(value, 10)
    if not unit:
        return TENS[tens]
    return f"{UNITS[unit]}og{TENS[tens]}" if glued else f"{UNITS[unit]} og {TENS[tens]}"


@pytest.mark.parametrize("value", range(100))
def test_every_number_below_a_hundred(value: int) -> None:
    for glued in (True, False):
        assert cardinal(below_hundred(value, glued)) == value
        assert digits_said(below_hundred(value, glued)) == str(value)


@given(st.integers(1, 999), st.integers(0, 999), st.booleans(), st.booleans())
def test_every_number_below_a_million(thousands: int, rest: int, glued: bool, joined: bool) -> None:
    def said(value: int) -> list[str]:
        hundreds, below = divmod(value, 100)
        words = [UNITS[hundreds] if hundreds > 1 else "et", "hundrede"] if hundreds else []
        return words + (["og"] * (joined and bool(words)) + [below_hundred(below, glued)] if below else [])

    words = [*said(thousands), "tusind", *said(rest)]
    assert cardinal(" ".join(words)) == thousands * 1000 + rest
    together = "".join(" ".join(words).split())
    assert len(together) > 80 or cardinal(together) == thousands * 1000 + rest


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("nul syv nul syv enogtres", "070761"),
        ("tyve tredive, øh, to", "20302"),
        ("fem og øh tyve", "25"),
        ("dobbelt nul syv", "007"),
        ("tredobbelt fire", "444"),
        ("nitten hundrede enogtres", "1961"),
        ("nittenhundredeogenogtres", "1961"),
        ("to tusind og fem", "2005"),
        ("syvende i syvende", "0707"),
        ("enogtredivte december", "3112"),
        ("den fem og tyvende maj", "2505"),
        ("sexten elve", "1611"),
        ("07.07.61-4285", "0707614285"),
        ("7/7-61", "070761"),
        ("nr.070761-4285", "0707614285"),
        ("070761–4285", "0707614285"),
        ("+4520304050", "4520304050"),
        ("EN, TO; TRE!", "123"),
        ("ti\u00adl", ""),
    ],
)
def test_numbers_as_people_say_and_recognisers_write_them(said: str, digits: str) -> None:
    assert digits_said(said) == digits


@pytest.mark.parametrize(
    "word",
    [
        "tyveri",
        "firserne",
        "tien",
        "enhver",
        "sekser",
        "ottekantet",
        "toget",
        "femte-",
        "12.500",
        "14.30",
        "3,5",
    ],
)
def test_words_that_only_contain_a_number_amounts_and_times_are_not_read_as_digits(word: str) -> None:
    number = Said([word]).numbers_from(0)
    assert not number or number[0].form is Form.ORDINAL


def test_a_number_has_every_reading_the_likeliest_first() -> None:
    readings = Said(["fem", "og", "tyve"]).numbers_from(0)
    assert [(number.digits, number.last) for number in readings] == [("25", 2), ("5", 0)]
    hundreds = {number.digits for number in Said(["to", "hundrede", "fem"]).numbers_from(0)}
    assert hundreds == {"205", "200", "2"}


def test_what_words_are_among_numbers() -> None:
    roles = Said(["fem", "og", "øh", "bindestreg", "bil", "-", "[CPR]", "[unk]"]).roles
    assert roles == (
        Role.NUMBER,
        Role.AND,
        Role.HESITATION,
        Role.SEPARATOR,
        Role.OTHER,
        Role.SEPARATOR,
        Role.OTHER,
        Role.OTHER,
    )


@pytest.mark.parametrize(("day", "said"), list(enumerate(ORDINALS, 1)))
def test_every_day_of_a_month(day: int, said: str) -> None:
    assert digits_said(said) == f"{day:02}"


def test_full_width_figures_are_figures() -> None:
    assert plain("０７０７６１") == "070761"
    assert digits_said("０７０７６１") == "070761"


@given(st.text(max_size=40))
def test_any_text_can_be_read(text: str) -> None:
    assert all(char.isascii() and char.isdigit() for char in digits_said(text))
