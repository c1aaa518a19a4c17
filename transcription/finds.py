"""Finds in a run: what its number words can be, and the best way to divide them.

A window of a run is a candidate when one way to read its words is a CPR number, a card or a telephone
number. Candidates are then chosen so that most digits are explained, with rarer kinds first, and so
that each begins and ends where a number may (`Run.free`) or where another find does. Two telephone
numbers may not share a border in the middle of what was said in one go: most rows of sixteen digits
would be two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transcription.identifiers import (
    CARD_DIGITS,
    CPR_DIGITS,
    DANISH_PREFIXES,
    PHONE_DIGITS,
    Kind,
    is_card,
    is_cpr,
    is_date,
    is_phone,
)
from transcription.number_runs import Run
from transcription.numbers_da import Form, Number

_PLAIN = (Form.DIGIT, Form.PAIR, Form.FIGURES)
_PHONE_DIGITS_MAX = PHONE_DIGITS + max(map(len, DANISH_PREFIXES))
_CPR_DIGITS_MAX = CPR_DIGITS + 2  # the year with its century
_CENTURIES = ("18", "19", "20")
# How much a digit explained is worth: what has a check more than what has none.
_WORTH = {Kind.CPR: 4, Kind.CARD: 4, Kind.PHONE: 3}


@dataclass(frozen=True)
class Find:
    """A number in a run: what it is, the places it lies between, its digits, which never leave this
    package, and these as they were said ("syvende i syvende nitten enogtres" has a century too).

    `short`: a CPR number said with a day or month of one digit ("syv syv enogtres ..."), which is as weak
    as a telephone number.
    """

    kind: Kind
    begin: int
    end: int
    digits: str
    spoken: str
    short: bool

    @property
    def said(self) -> int:
        """How many digits were said."""
        return len(self.spoken)


def candidates(run: Run) -> list[Find]:
    """Every window of the run that can be a number of some kind."""
    found: dict[tuple[Kind, int, int], Find] = {}
    for begin in range(len(run.positions)):
        for numbers, end in run.readings(begin, CARD_DIGITS[-1]):
            for kind, digits in _kinds(numbers):
                spoken = "".join(number.digits for number in numbers)
                plain = all(number.form in _PLAIN for number in numbers)
                short = kind is Kind.CPR and plain and len(spoken) < CPR_DIGITS
                found.setdefault((kind, begin, end), Find(kind, begin, end, digits, spoken, short))
    return [find for find in found.values() if not run.line.is_quantity(run.positions[find.end - 1])]


def chosen(run: Run, finds: Sequence[Find]) -> list[Find]:
    """The candidates that together explain most of the run, none overlapping another."""
    by_begin: dict[int, list[Find]] = {}
    for find in finds:
        by_begin.setdefault(find.begin, []).append(find)
    count = len(run.positions)
    # At a place: how the best row of finds that reaches it ends (None: at a free place), what it is
    # worth, and the row.
    best: list[dict[Kind | None, tuple[int, tuple[Find, ...]]]] = [{} for _ in range(count + 1)]
    best[0][None] = (0, ())
    for place in range(count + 1):
        here = best[place]
        if place in run.free:
            free = max(here.values(), key=lambda row: row[0], default=(0, ()))
            here[None] = free
            following = min((k for k in run.free if k > place), default=None)
            if following is not None:
                _keep(best[following], None, free)
        if place in run.restarts and None in best[run.restarts[place]]:
            # As after a telephone number, none may begin here: digits that repeat by chance are common.
            _keep(here, Kind.PHONE, best[run.restarts[place]][None])
        for last, (worth, row) in list(here.items()):
            for find in by_begin.get(place, []):
                if last is not Kind.PHONE or find.kind is not Kind.PHONE:
                    # Of two readings that are worth the same, the one with more words in it, then the one
                    # that needs no article.
                    tie = 2 * (find.end - find.begin) - run.may_be_left_out(find.end - 1)
                    each = 1000 * _WORTH[find.kind] * find.said + tie
                    _keep(best[find.end], find.kind, (worth + each, (*row, find)))
    return list(best[count][None][1])


def _keep(
    here: dict[Kind | None, tuple[int, tuple[Find, ...]]],
    last: Kind | None,
    row: tuple[int, tuple[Find, ...]],
) -> None:
    if last not in here or here[last][0] < row[0]:
        here[last] = row


def _kinds(numbers: Sequence[Number]) -> Iterator[tuple[Kind, str]]:
    """What a row of numbers is, with the digits it has then."""
    if cpr := _cpr(numbers):
        yield Kind.CPR, cpr
    if all(number.form in _PLAIN for number in numbers):
        digits = "".join(number.digits for number in numbers)
        if is_card(digits):
            yield Kind.CARD, digits
        if len(digits) <= _PHONE_DIGITS_MAX and is_phone(digits):
            yield Kind.PHONE, digits


def _cpr(numbers: Sequence[Number]) -> str:
    """The ten digits, when the numbers are a CPR number; else "".

    Said as digits ("nul syv nul syv enogtres ..."), with or without the century; or as a date with
    days and months as one says them ("syvende i syvende enogtres", "syv juli nitten enogtres") and
    four digits.
    """
    size = sum(len(number.digits) for number in numbers)
    if size > _CPR_DIGITS_MAX:
        return ""
    as_digits = all(number.form in _PLAIN or number.form is Form.DATE for number in numbers)
    if as_digits and size in (CPR_DIGITS, _CPR_DIGITS_MAX):
        digits = _without_century("".join(number.digits for number in numbers))
        if is_cpr(digits):
            return digits
    return _dated_cpr(numbers)


def _without_century(digits: str) -> str:
    """ddmmyy and four more, of ddmmyyyy and four more."""
    return digits[:4] + digits[6:] if len(digits) > CPR_DIGITS and digits[4:6] in _CENTURIES else digits


def _dated_cpr(numbers: Sequence[Number]) -> str:
    if not 4 <= len(numbers) <= 10:
        return ""
    for day, rest in _up_to_two_digits(numbers):
        for month, later in _up_to_two_digits(rest):
            for year, serial in _year(later):
                # A day and an amount ("tolvte i tredje femogtyve fire tusind") is no CPR number.
                digits = "".join(number.digits for number in serial if number.form in _PLAIN)
                whole = len(digits) == sum(len(number.digits) for number in serial) == 4
                if whole and is_date(int(day), int(month), int(year)):
                    return day + month + year + digits
    return ""


_Rest = tuple[str, Sequence[Number]]


def _up_to_two_digits(numbers: Sequence[Number]) -> Iterator[_Rest]:
    """A day or a month at the beginning, filled up to two digits, and what follows."""
    if numbers and len(numbers[0].digits) <= 2:
        yield numbers[0].digits.zfill(2), numbers[1:]
    if len(numbers) > 1 and len(numbers[0].digits) == len(numbers[1].digits) == 1:
        yield numbers[0].digits + numbers[1].digits, numbers[2:]


def _year(numbers: Sequence[Number]) -> Iterator[_Rest]:
    """A year at the beginning, its last two digits, and what follows. A year of two digits is said as
    one number or begins with 0: other single digits after a day without its zero would be anything."""
    if not numbers or numbers[0].form in (Form.ORDINAL, Form.MONTH):
        return
    first = numbers[0].digits
    if len(first) == 2:
        yield first, numbers[1:]
        if first in _CENTURIES:
            yield from _two_digits(numbers[1:])
    if first == "0":
        yield from _two_digits(numbers)
    if len(first) == 4 and first[:2] in _CENTURIES:
        yield first[2:], numbers[1:]


def _two_digits(numbers: Sequence[Number]) -> Iterator[_Rest]:
    """Two digits at the beginning, not filled up, and what follows."""
    for digits, rest in _up_to_two_digits(numbers):
        if sum(len(number.digits) for number in numbers[: len(numbers) - len(rest)]) == 2:
            yield digits, rest
