"""Danish numbers as they are said, and as recognisers write them, read as digits.

A recogniser with a small vocabulary writes words ("fem og tres", "enogtyve"), one with a big one
writes figures ("07", "070761-4285"), and both may mix. `Said` reads a row of words; for each word it
gives every number that can begin there, the likeliest first: "fem og tyve" is 25, or 5 with 20 to
follow, and only what the number is for can tell.

Promises:
1. A number covers whole words. "enogtyve" is never 1, and "tyveri" never 20.
2. Digits are as they would be dialled or typed: "nul syv" is 07, "to tusind og fem" 2005, and a day
   or month said as such has two digits ("tredje" is 03).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from transcription.identifiers import is_date


class Form(Enum):
    """How a number was said."""

    DIGIT = "digit"  # one digit, or the same one repeated ("dobbelt nul")
    PAIR = "pair"  # 10 to 99
    CARDINAL = "cardinal"  # with hundreds or thousands
    FIGURES = "figures"  # written as figures
    DATE = "date"  # written as a date, "7/7-61": its day and month have two digits here
    ORDINAL = "ordinal"  # 1 to 31, as a day or month
    MONTH = "month"  # by its name


@dataclass(frozen=True)
class Number:
    """A number and the words it covers, `first` to `last` inclusive."""

    digits: str
    form: Form
    first: int
    last: int


class Role(Enum):
    """What a word is among numbers."""

    NUMBER = "number"  # it is a number or a part of one
    AND = "and"
    HESITATION = "hesitation"
    SEPARATOR = "separator"  # a sign that is said: bindestreg, komma, plus
    OTHER = "other"


class _Sort(Enum):
    UNIT = 1
    TEEN = 2
    TENS = 3
    HUNDRED = 4
    THOUSAND = 5
    AND = 6
    TIMES = 7
    ORDINAL = 8
    ORDINAL_TENS = 9
    MONTH = 10
    FIGURES = 11
    DATE = 12


@dataclass(frozen=True)
class _Atom:
    """A piece of a word that has a meaning of its own: "enogtyve" has three."""

    sort: _Sort
    value: int = 0
    figures: str = ""


def _table(sort: _Sort, first: int, step: int, rows: str) -> dict[str, _Atom]:
    """Rows of spellings, one number after the other, spellings of one number joined by `/`."""
    return {
        name: _Atom(sort, first + step * index)
        for index, names in enumerate(rows.split())
        for name in names.split("/")
    }


# "sex" and "elve" are how recognisers, and some people, write what they hear.
_CARDINALS = {
    **_table(_Sort.UNIT, 0, 1, "nul en/én/een/et/ét/eet to tre fire fem seks/sex syv otte ni"),
    **_table(
        _Sort.TEEN, 10, 1, "ti elleve/elve tolv tretten fjorten femten seksten/sexten sytten atten nitten"
    ),
    **_table(
        _Sort.TENS,
        20,
        10,
        "tyve tredive/tredve fyrre/fyrretyve halvtreds/halvtredsindstyve tres/treds/tresindstyve"
        " halvfjerds/halvfjerdsindstyve firs/firsindstyve halvfems/halvfemsindstyve",
    ),
    **_table(_Sort.HUNDRED, 100, 0, "hundrede hundred"),
    **_table(_Sort.THOUSAND, 1000, 0, "tusind tusinde"),
    **_table(_Sort.AND, 0, 0, "og å"),
}
_ORDINALS = {
    **_table(
        _Sort.ORDINAL,
        1,
        1,
        "første/1ste anden/andet tredje fjerde femte sjette syvende ottende niende tiende ellevte/elvte"
        " tolvte trettende fjortende femtende sekstende syttende attende nittende",
    ),
    **_table(_Sort.ORDINAL_TENS, 20, 10, "tyvende tredivte/tredvte/tredivende"),
}
_MONTHS = _table(
    _Sort.MONTH,
    1,
    1,
    "januar/jan februar/feb marts april/apr maj juni juli august/aug september/sep/sept oktober/okt"
    " november/nov december/dec",
)
_TIMES = _table(_Sort.TIMES, 2, 1, "dobbelt/dobbelte tredobbelt/trippel/tripel")
_ATOMS = {**_CARDINALS, **_ORDINALS, **_MONTHS, **_TIMES}
_GLUED = {**_CARDINALS, **_ORDINALS}  # what may stand inside a longer word


def word_set(text: str) -> frozenset[str]:
    """The words of a text, to look words up in."""
    return frozenset(text.split())


HESITATIONS = word_set("øh øhh øhm øm æh æhm eh ehm hm hmm mm mmm")
SEPARATORS = word_set("bindestreg streg minus komma punktum skråstreg mellemrum plus")
ARTICLES = word_set("en et")  # also the number 1

_GLUED_CHARS_MAX = 80  # "nihundredeognioghalvfemstusindnihundredeognioghalvfems" has 53
_DASHES = "-‐‑‒–—−"
# No square brackets: "[CPR]" and "[unk]" are nothing that was said.
_EDGES = ".,;:!?\"'()«»„“”…" + _DASHES
_DATE = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]((?:18|19|20)[0-9]{2}|[0-9]{2})")
_DATED = re.compile(r"([0-9]{1,2}[./-][0-9]{1,2}[./-](?:[0-9]{4}|[0-9]{2}))-?([0-9]{4})")
_WITH_LETTERS = re.compile(r"[^0-9]*([0-9][-./0-9]{6,}[0-9])[^0-9]*")


class Said:
    """A row of words, read. Positions are those of the words given."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(plain(word) for word in words)
        self.roles = tuple(_role(word) for word in self.words)
        # Hesitations are left out: "fem og øh tyve" is still 25.
        heard = [i for i, role in enumerate(self.roles) if role is not Role.HESITATION]
        self._atoms: list[_Atom | None] = []
        self._word_of: list[int] = []
        self._first_atom: dict[int, int] = {}
        for index in heard:
            self._first_atom[index] = len(self._atoms)
            for atom in _atoms(self.words[index]) or (None,):
                self._atoms.append(atom)
                self._word_of.append(index)

    def numbers_from(self, position: int) -> list[Number]:
        """Every number that can begin with the word at `position`, the likeliest first."""
        begin = self._first_atom.get(position)
        if begin is None:
            return []
        found: dict[tuple[int, str], Number] = {}
        for end, digits, form in sorted(_readings(self._atoms, begin), key=lambda each: -each[0]):
            whole = end == len(self._atoms) or self._word_of[end] != self._word_of[end - 1]
            if whole:
                last = self._word_of[end - 1]
                found.setdefault((last, digits), Number(digits, form, position, last))
        return list(found.values())

    def digits(self) -> str:
        """The digits of all numbers in the row, each read as is likeliest."""
        digits, position = "", 0
        while position < len(self.words):
            numbers = self.numbers_from(position)
            digits += numbers[0].digits if numbers else ""
            position = numbers[0].last + 1 if numbers else position + 1
        return digits


def digits_said(text: str) -> str:
    """The digits of all numbers in a text, in order: "tyve tredive, øh, to" is 20302."""
    return Said(text.split()).digits()


def cardinal(text: str) -> int | None:
    """The value of a text that is one cardinal number: "nitten hundrede enogtres" is 1961."""
    words = text.split()
    for number in Said(words).numbers_from(0) if words else []:
        if number.last == len(words) - 1 and number.form not in (Form.ORDINAL, Form.MONTH):
            return int(number.digits)
    return None


@lru_cache(maxsize=4096)
def plain(word: str) -> str:
    """A word in small letters without the punctuation around it; "-" and the like become ""."""
    return unicodedata.normalize("NFKC", word).lower().strip(_EDGES)


def _role(word: str) -> Role:
    if word in HESITATIONS:
        return Role.HESITATION
    if word in SEPARATORS or word in ("", "+"):
        return Role.SEPARATOR
    atoms = _atoms(word)
    if not atoms:
        return Role.OTHER
    return Role.AND if all(atom.sort is _Sort.AND for atom in atoms) else Role.NUMBER


@lru_cache(maxsize=4096)
def _atoms(word: str) -> tuple[_Atom, ...]:
    """What a word is made of; nothing when it is no number."""
    if word in _ATOMS:
        return (_ATOMS[word],)
    if date := _date(word):
        return (_Atom(_Sort.DATE, figures=date),)
    if figures := _figures(word):
        return (_Atom(_Sort.FIGURES, figures=figures),)
    atoms = _split(_dashed(word).replace("-", "")) if len(word) <= _GLUED_CHARS_MAX else ()
    return atoms if atoms and _is_one_number(atoms) else ()


def _dashed(word: str) -> str:
    return re.sub(f"[{_DASHES}]", "-", word)


@lru_cache(maxsize=4096)
def _split(word: str) -> tuple[_Atom, ...]:
    """A glued word in its pieces ("nittenhundredeogfem"); nothing when something is left over."""
    if word in _GLUED:
        return (_GLUED[word],)
    # The longest first piece: "syttende" is not "sytten" and a rest.
    for cut in range(len(word) - 1, 0, -1):
        if word[:cut] in _GLUED and (rest := _split(word[cut:])):
            return (_GLUED[word[:cut]], *rest)
    return ()


def _is_one_number(atoms: tuple[_Atom, ...]) -> bool:
    """Whether the pieces are one number, or one that its neighbours complete ("enog", "ogtyve");
    "tien" is a coin and not 10 and 1."""
    inner = atoms[1:] if atoms[0].sort is _Sort.AND else atoms
    inner = inner[:-1] if inner and inner[-1].sort is _Sort.AND else inner
    return bool(inner) and any(end == len(inner) for end, _, _ in _readings(inner, 0))


def _date(word: str) -> str:
    """The digits of a word that is a date; "" for another."""
    date = _DATE.fullmatch(_dashed(word))
    if not date or not is_date(*(int(part) for part in date.groups())):
        return ""
    day, month, year = date.groups()
    return day.zfill(2) + month.zfill(2) + year


def _figures(word: str) -> str:
    """The digits of a word written with figures; "" for a word without, an amount, or a time of day.

    A date before other figures ("7.7.61-4285") has its day and month filled up to two digits.
    """
    word = _dashed(word.removeprefix("+"))
    if (whole := _DATED.fullmatch(word)) and (date := _date(whole[1])):
        return date + whole[2]
    if inside := _WITH_LETTERS.fullmatch(word):  # "nr.070761-4285": glued to what it is called
        word = inside[1]
    groups = re.split("[-./,]", word)
    if not all(re.fullmatch("[0-9]+", group) for group in groups):
        return ""
    if "," in word and (len(groups) == 2 or any(len(group) > 2 for group in groups)):
        return ""  # a decimal fraction
    if "." in word:
        thousands = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
        clock = len(groups) == 2 and len(groups[0]) <= 2 and len(groups[1]) == 2
        if thousands or clock:
            return ""
    return "".join(groups)


_Reading = tuple[int, str, Form]  # where it ends (exclusive), digits, form


def _readings(atoms: Sequence[_Atom | None], begin: int) -> list[_Reading]:
    """The numbers that begin at an atom."""
    atom = atoms[begin]
    if atom is None or atom.sort is _Sort.AND:
        return []
    if atom.sort is _Sort.FIGURES:
        return [(begin + 1, atom.figures, Form.FIGURES)]
    if atom.sort is _Sort.DATE:
        return [(begin + 1, atom.figures, Form.DATE)]
    if atom.sort is _Sort.MONTH:
        return [(begin + 1, f"{atom.value:02}", Form.MONTH)]
    if atom.sort in (_Sort.ORDINAL, _Sort.ORDINAL_TENS):
        return [(begin + 1, f"{atom.value:02}", Form.ORDINAL)]
    if atom.sort is _Sort.TIMES:
        digit = _at(atoms, begin + 1, _Sort.UNIT)
        return [(begin + 2, str(digit.value) * atom.value, Form.DIGIT)] if digit else []
    found: list[_Reading] = []
    for end, value in _below_million(atoms, begin):
        large = any(a and a.sort in (_Sort.HUNDRED, _Sort.THOUSAND) for a in atoms[begin:end])
        form = Form.CARDINAL if large else Form.PAIR if value > 9 else Form.DIGIT
        found.append((end, str(value), form))
    tens = _at(atoms, begin + 2, _Sort.ORDINAL_TENS)
    if atom.sort is _Sort.UNIT and _at(atoms, begin + 1, _Sort.AND) and tens:
        found.append((begin + 3, str(atom.value + tens.value), Form.ORDINAL))
    return found


def _at(atoms: Sequence[_Atom | None], index: int, *sorts: _Sort) -> _Atom | None:
    atom = atoms[index] if index < len(atoms) else None
    return atom if atom is not None and atom.sort in sorts else None


_Values = list[tuple[int, int]]  # where it ends (exclusive), value


def _below_hundred(atoms: Sequence[_Atom | None], begin: int) -> _Values:
    atom = _at(atoms, begin, _Sort.UNIT, _Sort.TEEN, _Sort.TENS)
    if atom is None:
        return []
    found = [(begin + 1, atom.value)]
    tens = _at(atoms, begin + 2, _Sort.TENS)
    if atom.sort is _Sort.UNIT and atom.value and _at(atoms, begin + 1, _Sort.AND) and tens:
        found.append((begin + 3, atom.value + tens.value))
    return found


def _below_million(atoms: Sequence[_Atom | None], begin: int) -> _Values:
    hundreds = _with_scale(atoms, begin, _below_hundred(atoms, begin), _Sort.HUNDRED, _below_hundred)
    return _with_scale(atoms, begin, hundreds, _Sort.THOUSAND, _below_thousand)


def _below_thousand(atoms: Sequence[_Atom | None], begin: int) -> _Values:
    return _with_scale(atoms, begin, _below_hundred(atoms, begin), _Sort.HUNDRED, _below_hundred)


def _with_scale(
    atoms: Sequence[_Atom | None],
    begin: int,
    before: _Values,
    scale: _Sort,
    below: Callable[[Sequence[_Atom | None], int], _Values],
) -> _Values:
    """The values `before`, and with the scale after them or alone: "to hundrede", "hundrede og fem"."""
    found = list(before)
    for end, value in [*before, (begin, 1)]:
        atom = _at(atoms, end, scale)
        if atom is None or value == 0:
            continue
        found.append((end + 1, value * atom.value))
        for start in (end + 1, end + 2) if _at(atoms, end + 1, _Sort.AND) else (end + 1,):
            found += [(stop, value * atom.value + rest) for stop, rest in below(atoms, start) if rest]
    return found
