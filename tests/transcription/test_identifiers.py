"""What can be a CPR number, a card, an IBAN, a Danish telephone number, by its digits alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.identifiers import IBAN_LENGTHS, is_card, is_cpr, is_date, is_iban, is_phone, luhn

DIGITS = st.text("0123456789", min_size=1, max_size=19)


@pytest.mark.parametrize("digits", ["0707614285", "2902000000", "2902041234", "3112991111", "0101010101"])
def test_ten_digits_of_a_day_that_exists_can_be_a_cpr_number(digits: str) -> None:
    assert is_cpr(digits)


@pytest.mark.parametrize("digits", ["3002614285", "0713614285", "0007614285", "070761428", "2902611234"])
def test_no_day_no_cpr_number(digits: str) -> None:
    assert not is_cpr(digits)


@pytest.mark.parametrize(
    "digits",
    ["4111111111111111", "5500005555555559", "371449635398431", "6011000990139424", "5019717010103742"],
)
def test_published_test_cards_are_cards(digits: str) -> None:
    assert is_card(digits)


@given(DIGITS.filter(lambda digits: len(digits) >= 12), st.integers(1, 9))
def test_one_digit_wrong_is_no_luhn_number(body: str, off: int) -> None:
    right = next(body + check for check in "0123456789" if luhn(body + check))
    for place in range(len(right)):
        wrong = right[:place] + str((int(right[place]) + off) % 10) + right[place + 1 :]
        assert not luhn(wrong)


@pytest.mark.parametrize("digits", ["0111111111111113", "9111111111111111", "411111111111", "4" * 20])
def test_what_no_card_begins_with_or_is_long_as_is_no_card(digits: str) -> None:
    assert not is_card(digits)


@pytest.mark.parametrize(
    "iban",
    ["DK5000400440116243", "DE89370400440532013000", "NO9386011117947", "GB29NWBK60161331926819"],
)
def test_ibans_of_the_registry_s_examples(iban: str) -> None:
    assert is_iban(iban)
    assert not is_iban(iban[:-1]) and not is_iban(iban + "0")
    assert not is_iban(iban[:-1] + str((int(iban[-1]) + 1) % 10))
    assert not is_iban("XX" + iban[2:])


def test_every_country_has_a_length_that_an_iban_can_have() -> None:
    assert len(IBAN_LENGTHS) > 70 and all(15 <= length <= 34 for length in IBAN_LENGTHS.values())


@pytest.mark.parametrize("digits", ["20304050", "4520304050", "004520304050", "45454545"])
def test_danish_telephone_numbers(digits: str) -> None:
    assert is_phone(digits)


@pytest.mark.parametrize(
    "digits", ["10304050", "00304050", "2030405", "203040506", "4510304050", "4620304050"]
)
def test_other_digits_are_no_danish_telephone_number(digits: str) -> None:
    assert not is_phone(digits)


def test_the_leap_day_needs_a_leap_year() -> None:
    assert is_date(29, 2, 2024) and not is_date(29, 2, 2023)
    assert not is_date(31, 4, 99) and not is_date(1, 13, 99) and not is_date(0, 1, 99)
