"""IBANs in the words of a leg: two letters and digits, written or spelled in any pieces.

An IBAN may hold letters ("DK" alone, or "ABNA" further in), so it does not follow number words only:
letters are read as such, as names ("de kå") or within a word ("DK50 0040 ...").
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from transcription.identifiers import IBAN_LENGTHS, is_iban
from transcription.number_runs import BRIDGE_WORDS, Line
from transcription.numbers_da import Form

_LETTER_NAMES = {
    "be": "B",
    "ce": "C",
    "de": "D",
    "æf": "F",
    "ef": "F",
    "ge": "G",
    "hå": "H",
    "jod": "J",
    "kå": "K",
    "ko": "K",
    "el": "L",
    "æl": "L",
    "em": "M",
    "æm": "M",
    "en": "N",
    "æn": "N",
    "pe": "P",
    "ku": "Q",
    "er": "R",
    "ær": "R",
    "es": "S",
    "æs": "S",
    "te": "T",
    "ve": "V",
    "dobbeltve": "W",
    "æks": "X",
    "zet": "Z",
}
_TRIES_MAX = 20_000
_BANK_CODE = re.compile(r"[a-z]{4}|(?=[a-z]*[0-9])[a-z0-9]{2,}")
_Piece = tuple[str, int]  # characters, and the last word they cover


def ibans(line: Line) -> Iterator[tuple[int, int, str]]:
    """The first and last word and the characters of every IBAN, none overlapping another."""
    index = 0
    while index < len(line.plain):
        found = _iban_from(line, index)
        if found is None:
            index += 1
        else:
            last, chars = found
            yield index, last, chars
            index = last + 1


def _iban_from(line: Line, first: int) -> tuple[int, str] | None:
    stack = list(_openings(line, first))
    tries = _TRIES_MAX
    while stack and tries:
        tries -= 1
        chars, last = stack.pop()
        length = IBAN_LENGTHS[chars[:2]]
        if is_iban(chars):
            return last, chars
        following = _after(line, last) if len(chars) < length else None
        if following is not None:
            for piece, end in reversed(list(_pieces(line, following))):
                longer = chars + piece
                if len(longer) <= length and not (len(longer) > 3 and not longer[2:4].isdigit()):
                    stack.append((longer, end))
    return None


def _openings(line: Line, first: int) -> Iterator[_Piece]:
    """A country at a word: a word of two letters or more, or two letters one by one."""
    word = line.plain[first].replace("-", "").upper()
    if word[:2] in IBAN_LENGTHS and re.fullmatch("[A-Z]{2}([0-9]{2}[A-Z0-9]*)?", word):
        yield word, first
    letter, second = _letter(line.plain[first]), _after(line, first)
    if letter and second is not None and letter + _letter(line.plain[second]) in IBAN_LENGTHS:
        yield letter + _letter(line.plain[second]), second


def _pieces(line: Line, index: int) -> Iterator[_Piece]:
    """What the word at `index` may add: digits first, then letters."""
    for number in line.said.numbers_from(index):
        if number.form in (Form.DIGIT, Form.PAIR, Form.FIGURES):
            yield number.digits, number.last
    word = line.plain[index].replace("-", "")
    if letter := _letter(word):
        yield letter, index
    elif _BANK_CODE.fullmatch(word) and not word.isdigit():
        yield word.upper(), index


def _letter(word: str) -> str:
    return word.upper() if re.fullmatch("[a-z]", word) else _LETTER_NAMES.get(word, "")


def _after(line: Line, last: int) -> int | None:
    """The next word that is not only a bridge, when nothing keeps it apart."""
    for index in range(last + 1, min(last + 2 + BRIDGE_WORDS, len(line.plain))):
        if not line.is_bridge(index) or _letter(line.plain[index]):
            return index if line.kept_open(last, index) else None
    return None
