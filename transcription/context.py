"""What the words before a number say about it, on either leg.

Rules:
1. Eight digits are no telephone number, and no CPR number said short, when the nearest label says that
   they are something else, when a time of day was announced, or when they are two years said as such;
   they are a date when they can be one with its century, and nobody called them a telephone number.
2. Digits that are a telephone number or a CPR number said with a short date ("syv syv enogtres ...")
   are what they were called; when nobody said, eight single figures are a telephone number, others a CPR
   number.
3. What was asked for by name ("cpr-nummer?") and has about the right number of digits is taken for it,
   although no check holds: one digit misheard must not leave the others to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from transcription.finds import Find
from transcription.identifiers import CPR_DIGITS, Kind, is_date
from transcription.labels import CLOCKS, YEARS, Foreign, Label, label_at
from transcription.number_runs import Line, Run
from transcription.numbers_da import Form, Role
from transcription.segments import Leg

NEAR_WORDS = 8
ASKED_WORDS = 16
LABEL_S = 20.0
# Digits that an answer may have: some too few or too many, for figures are lost and doubled.
_ABOUT = {
    Kind.CPR: range(CPR_DIGITS - 2, CPR_DIGITS + 3),
    Kind.CARD: range(12, 21),
    Kind.PHONE: range(7, 10),
    Kind.IBAN: range(12, 35),
}
_SERIAL_DIGITS = 4


class Context:
    """Both legs' words in order of time, to look back in."""

    def __init__(self, lines: Mapping[Leg, Line]) -> None:
        self._lines = lines
        self._order = sorted(
            (word.start_s, rank, index, leg)
            for rank, (leg, line) in enumerate(lines.items())
            for index, word in enumerate(line.words)
        )
        self._place = {(leg, index): place for place, (_, _, index, leg) in enumerate(self._order)}

    def likely(self, leg: Leg, run: Run, finds: Iterable[Find]) -> list[Find]:
        """The finds without those that rules 1 and 2 exclude."""
        left = [
            find
            for find in finds
            if not (find.short or find.kind is Kind.PHONE) or not self._is_something_else(leg, run, find)
        ]
        phones = {
            (find.begin, find.end)
            for find in left
            if find.kind is Kind.PHONE and self._is_rather_phone(leg, run, find)
        }
        return [find for find in left if find.kind is Kind.PHONE or (find.begin, find.end) not in phones]

    def asked_for(self, leg: Leg, run: Run) -> Kind | None:
        """What the whole run is by rule 3."""
        first, last = run.positions[0], run.positions[-1]
        digits = run.likeliest(0)
        label = self._label(leg, first, ASKED_WORDS)
        if label is Kind.PHONE:  # "ring" is said for many reasons
            label = self._label(leg, first)
        if not digits or not isinstance(label, Kind) or run.line.is_quantity(last):
            return None
        forms = {number.form for place in range(len(run.positions)) for number, _ in run.steps(place)[:1]}
        if Form.CARDINAL in forms:
            return None
        if label is Kind.CPR and len(digits) == _SERIAL_DIGITS and not forms & {Form.ORDINAL, Form.MONTH}:
            return label if self._asked_for_the_last(leg, first) else None
        dated = len(digits) == 8 and is_date(int(digits[:2]), int(digits[2:4]), int(digits[4:]))
        if len(digits) not in _ABOUT[label] or (label is Kind.CPR and dated):
            return None
        return label

    def _is_rather_phone(self, leg: Leg, run: Run, find: Find) -> bool:
        """Rule 2."""
        label = self._label(leg, run.positions[find.begin])
        single = find.end - find.begin == len(find.spoken)
        return label is Kind.PHONE or (single and label is not Kind.CPR)

    def _is_something_else(self, leg: Leg, run: Run, find: Find) -> bool:
        """Rule 1."""
        first, plain = run.positions[find.begin], run.line.plain
        before = plain[max(0, first - 2) : first]
        years = find.digits[:2] in ("19", "20") and find.digits[4:6] in ("19", "20")
        if any(word in CLOCKS or (years and word in YEARS) for word in before):
            return True
        label = self._label(leg, first)
        return label is Foreign.FOREIGN or (label is not Kind.PHONE and _is_whole_date(find.digits))

    def _label(self, leg: Leg, index: int, reach: int = NEAR_WORDS) -> Label | None:
        """The nearest label before a word, on either leg."""
        for where, at in self._before(leg, index, reach):
            label = label_at(self._lines[where].plain, at)
            if label is not None:
                return label
        return None

    def _asked_for_the_last(self, leg: Leg, index: int) -> bool:
        return any(
            self._lines[where].plain[at] == "sidste" for where, at in self._before(leg, index, ASKED_WORDS)
        )

    def _before(self, leg: Leg, index: int, reach: int) -> Iterator[tuple[Leg, int]]:
        """The words before a word, on both legs, the latest first; hesitations and numbers are not counted:
        what is called "referencenummer" is so to its last digit."""
        place = self._place[leg, index]
        start_s = self._lines[leg].words[index].start_s
        for _, _, at, where in reversed(self._order[:place]):
            line = self._lines[where]
            if reach == 0 or start_s - line.words[at].start_s > LABEL_S:
                return
            if line.said.roles[at] not in (Role.HESITATION, Role.NUMBER):
                reach -= 1
            yield where, at


def _is_whole_date(digits: str) -> bool:
    """Whether eight digits are a day, a month and a year with its century."""
    if len(digits) != 8 or digits[4:6] not in ("19", "20"):
        return False
    return is_date(int(digits[:2]), int(digits[2:4]), int(digits[4:]))
