"""Which digits can be a CPR number, a payment card, an IBAN, a Danish telephone number.

Pure arithmetic on digits, nothing about how they were said. Every check is about what a number can
be, never about whose it is.
"""

from __future__ import annotations

from enum import Enum


class Kind(str, Enum):
    """What a number identifies."""

    CPR = "cpr"
    CARD = "card"
    IBAN = "iban"
    PHONE = "phone"


CPR_DIGITS = 10
CARD_DIGITS = range(13, 20)
PHONE_DIGITS = 8
DANISH_PREFIXES = ("45", "0045")

# From the IBAN registry: the length for each country.
_IBAN_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29
ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20
LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25
QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20
"""
IBAN_LENGTHS = {each[:2]: int(each[2:]) for each in _IBAN_LENGTHS.split()}
IBAN_CHARS_MAX = max(IBAN_LENGTHS.values())
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_date(day: int, month: int, year: int) -> bool:
    """Whether a day exists; `year` may be of two digits, of whatever century makes it exist."""
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return False
    return (day, month) != (29, 2) or year % 4 == 0


def is_cpr(digits: str) -> bool:
    """Ten digits ddmmyyxxxx of a day that exists.

    The last digit is not checked: since October 2007 the CPR office gives out numbers that fail the
    modulus 11 test, and they are as valid as others. Nor is the century that the seventh digit
    gives, for one digit heard wrong must not leave the other nine to be read.
    """
    return len(digits) == CPR_DIGITS and is_date(int(digits[:2]), int(digits[2:4]), int(digits[4:6]))


def is_card(digits: str) -> bool:
    """13 to 19 digits that satisfy Luhn and begin as cards do that people pay with (ISO/IEC 7812: 2 to
    6; others are airlines, petrol, health, national)."""
    return len(digits) in CARD_DIGITS and digits[0] in "23456" and luhn(digits)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_iban(chars: str) -> bool:
    """Capital letters and digits of the length of their country, remainder 1 (ISO 13616, mod 97)."""
    if len(chars) != IBAN_LENGTHS.get(chars[:2]) or not chars[2:4].isdigit():
        return False
    return int("".join(str(int(char, 36)) for char in chars[4:] + chars[:4])) % 97 == 1


def is_phone(digits: str) -> bool:
    """A Danish number: eight digits, the first 2 to 9; also with 45 or 0045 in front."""
    for prefix in DANISH_PREFIXES:
        if len(digits) == PHONE_DIGITS + len(prefix) and digits.startswith(prefix):
            digits = digits[len(prefix) :]
    return len(digits) == PHONE_DIGITS and digits[0] in "23456789"
