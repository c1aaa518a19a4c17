"""Which number words of a leg may belong to one number: runs.

A number is said in pieces: with "øh" and "bindestreg" in it, with a "ja" of the other side between its
halves, with a pause to find the card. A run goes on as long as nothing is said that a number cannot
have in it. Whether a run *is* a number, or two, or none, is decided in `transcription.redaction`.

Rules:
1. Between two number words of a leg there may be hesitations, signs that are said, `BRIDGES` and
   `CORRECTIONS`, no more than `BRIDGE_WORDS` of them; any other word of the same leg ends the run.
2. A pause of up to `PAUSE_S` does not end it. A longer one, up to `LONG_PAUSE_S`, does not if the
   other side is silent, says a few words only, or only listens, repeats figures or asks for more of
   the same ("og de sidste fire?"). Whatever the pause, the run ends when the other side asks for
   another thing ("og postnummeret?", "hvornår var det?").
3. "de sidste fire", "de første seks" announce figures and are none.
4. Within a run a number may begin and end where the run does, and at a free place: after a pause, a
   sentence, a correction, two bridges and more, beside figures that are long enough to be a number of
   their own; never in the middle of what was said in one go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from transcription.labels import LISTENING, QUESTIONS, is_foreign
from transcription.numbers_da import ARTICLES, Form, Number, Role, Said, word_set
from transcription.segments import Word

PAUSE_S = 2.5
LONG_PAUSE_S = 15.0
SILENT_PAUSE_S = 8.0
FREE_PAUSE_S = 1.0
FEW_WORDS = 4
BRIDGE_WORDS = 8
BRIDGES = word_set(
    "ja jo jah jep okay ok nå så det er der de dem sidste resten altså derefter dernæst bagefter ikke"
    " ik lige efterfulgt af"
)
CORRECTIONS = word_set("nej næ undskyld vent forkert eller")
# What follows a quantity. A number with one of these behind it was counted or paid, not dialled.
UNITS = word_set(
    "kroner kr krone øre euro dollar dollars pund procent promille kilometer km meter m centimeter cm"
    " millimeter mm kvadratmeter m2 kubikmeter kilo kg gram liter kilowatt kilowattimer hestekræfter"
    " dag dage uge uger måned måneder år årig årige time timer minut minutter sekund sekunder grader"
    " gang øjeblik stk styk stykker gange personer mennesker børn sal cifre tal point"
    " million millioner milliard milliarder"
)
# Readings of one number tried before giving up: far more than speech has, few enough to be quick.
READINGS_MAX = 1000
WHOLE_DIGITS = 8
RESTART_DIGITS = range(2, 9)


class Line:
    """The words of one leg in order of time, read, beside those of the other leg."""

    def __init__(self, words: Sequence[Word], other: Sequence[Word]) -> None:
        self.words = words
        self.said = Said([word.text for word in words])
        self.plain = self.said.words
        self.announced = _announced(self.plain)
        self._other = Said([word.text for word in other])
        self._other_starts = [word.start_s for word in other]

    def runs(self) -> Iterator[Run]:
        """The runs of the leg, in order."""
        positions: list[int] = []
        for index in range(len(self.plain)):
            if self.said.roles[index] is not Role.NUMBER or index in self.announced:
                continue
            if positions and not self.joined(positions[-1], index):
                yield Run(self, tuple(positions))
                positions = []
            positions.append(index)
        if positions:
            yield Run(self, tuple(positions))

    def joined(self, left: int, right: int) -> bool:
        """Rules 1 and 2: whether a number can have both words in it."""
        between = range(left + 1, right)
        if sum(self.said.roles[i] is not Role.HESITATION for i in between) > BRIDGE_WORDS:
            return False
        dated = any(n.form in (Form.ORDINAL, Form.MONTH) for n in self.said.numbers_from(right))
        if not all(self.is_bridge(i) or (dated and self.plain[i] in ("i", "den")) for i in between):
            return False
        return self.kept_open(left, right)

    def is_free(self, left: int, right: int) -> bool:
        """Rule 4, for neighbouring number words of a run."""
        between = [self.plain[i] for i in range(left + 1, right)]
        return (
            self.words[right].start_s - self.words[left].end_s >= FREE_PAUSE_S
            or self.words[left].text[-1] in ".?!"
            or any(len(self.plain[i]) >= WHOLE_DIGITS and self.plain[i].isdigit() for i in (left, right))
            or not CORRECTIONS.isdisjoint(between)
            or sum(word in BRIDGES for word in between) > 1
        )

    def is_corrected(self, left: int, right: int) -> bool:
        return not CORRECTIONS.isdisjoint(self.plain[left + 1 : right])

    def is_quantity(self, last: int) -> bool:
        """Whether a unit follows the word at `last`."""
        for index in range(last + 1, len(self.plain)):
            if self.said.roles[index] is not Role.HESITATION:
                return self.plain[index] in UNITS
        return False

    def is_bridge(self, index: int) -> bool:
        return (
            self.said.roles[index] in (Role.HESITATION, Role.SEPARATOR, Role.AND)
            or index in self.announced
            or self.plain[index] in BRIDGES
            or self.plain[index] in CORRECTIONS
        )

    def kept_open(self, left: int, right: int) -> bool:
        pause_s = self.words[right].start_s - self.words[left].end_s
        begin = bisect_left(self._other_starts, self.words[left].middle_s)
        end = bisect_left(self._other_starts, self.words[right].start_s, begin)
        said = self._other.words[begin:end]
        if is_foreign(said) or not QUESTIONS.isdisjoint(said) or pause_s > LONG_PAUSE_S:
            return False
        if pause_s <= PAUSE_S:
            return True
        if not said:
            return pause_s <= SILENT_PAUSE_S
        listening = (
            word in LISTENING or role is not Role.OTHER
            for word, role in zip(said, self._other.roles[begin:end], strict=True)
        )
        return len(said) <= FEW_WORDS or all(listening)


@dataclass(frozen=True)
class Run:
    """Number words of a leg, by their positions in it, that nothing keeps apart.

    Places in a run are counted between its words: place 0 is before the first, place `len(positions)`
    after the last.
    """

    line: Line
    positions: tuple[int, ...]

    @cached_property
    def free(self) -> frozenset[int]:
        """The places where a number may begin and end (rule 4).

        An article, an ordinal or a month at either edge of what was said in one go may be left out:
        in "en tyve tredive fyrre halvtreds" the "en" is no 1.
        """
        count = len(self.positions)
        free = {0, count}
        free |= {k for k in range(1, count) if self.line.is_free(self.positions[k - 1], self.positions[k])}
        for place in sorted(free):
            inward = place
            while inward < count and self.may_be_left_out(inward):
                inward += 1
                free.add(inward)
        for place in sorted(free, reverse=True):
            while place > 0 and self.may_be_left_out(place - 1):
                place -= 1
                free.add(place)
        return frozenset(free)

    @cached_property
    def restarts(self) -> dict[int, int]:
        """Rule 5: where a number may begin anew, with the place where it was begun first."""
        found: dict[int, int] = {}
        for begin in sorted(self.free, reverse=True):
            place, said = begin, ""
            while place < len(self.positions) and self.steps(place) and len(said) <= RESTART_DIGITS[-1]:
                number, place = self.steps(place)[0]
                said += number.digits
                if len(said) in RESTART_DIGITS and self.likeliest(place).startswith(said):
                    found.setdefault(place, begin)
        return found

    def begun(self, begin: int, after: int) -> int:
        """The place, not before `after`, from which the number at `begin` was begun: in vain, to be
        corrected, or only to be said again."""
        while begin > after:
            earlier = self.restarts.get(begin, -1)
            if self.is_corrected(begin):
                earlier = max(place for place in self.free if place < begin)
            if earlier < after:
                break
            begin = earlier
        return begin

    def likeliest(self, place: int) -> str:
        """The digits from a place to the end of the run, each number read as is likeliest; "" when
        there is no such reading."""
        digits = ""
        while place < len(self.positions):
            if not self.steps(place):
                return ""
            number, place = self.steps(place)[0]
            digits += number.digits
        return digits

    def is_corrected(self, place: int) -> bool:
        """Whether what was said before a place was taken back there."""
        return self.line.is_corrected(self.positions[place - 1], self.positions[place])

    def steps(self, place: int) -> list[tuple[Number, int]]:
        """The numbers that can begin at a place, with the place after each, the likeliest first."""
        return self._steps[place]

    def readings(self, place: int, digits_max: int) -> Iterator[tuple[tuple[Number, ...], int]]:
        """Every row of numbers from a place on, with the place after it, as long as it has no more than
        `digits_max` digits; the likeliest first. A correction takes back some of what was said before
        it: "nul syv nul seks nej nul syv" is 0707 in one reading."""
        left = READINGS_MAX
        stack: list[tuple[tuple[Number, ...], int]] = [((), place)]
        while stack and left:
            numbers, end = stack.pop()
            if numbers:
                left -= 1
                yield numbers, end
            if end == len(self.positions):
                continue
            rows = [numbers]
            if numbers and self.is_corrected(end):
                rows += [numbers[:kept] for kept in range(len(numbers) - 1, 0, -1)]
            for row in reversed(rows):
                size = sum(len(number.digits) for number in row)
                for number, after in reversed(self.steps(end)):
                    # "fem og tyve" is 25 to everybody; 5 and 20 only where the 5 belongs to a 0 before it.
                    torn = any(to > after and n.form is Form.PAIR for n, to in self.steps(end))
                    if torn and not (row and row[-1].digits == "0"):
                        continue
                    if size + len(number.digits) <= digits_max:
                        stack.append(((*row, number), after))

    def may_be_left_out(self, place: int) -> bool:
        """Whether a word at the edge of a number may be none of it (see `free`)."""
        # Only as a whole: the "en" of "en og tyve" is no article.
        whole = [number for number, after in self.steps(place)[:1] if after == place + 1]
        return any(
            number.form in (Form.ORDINAL, Form.MONTH) or self.line.plain[number.first] in ARTICLES
            for number in whole
        )

    @cached_property
    def _steps(self) -> list[list[tuple[Number, int]]]:
        place_after = {position: place + 1 for place, position in enumerate(self.positions)}
        return [
            [
                (number, place_after[number.last])
                for number in self.line.said.numbers_from(position)
                if number.last in place_after
            ]
            for position in self.positions
        ]


def _announced(plain: Sequence[str]) -> frozenset[int]:
    """Rule 3: the words that say how many figures follow."""
    found: set[int] = set()
    for i, word in enumerate(plain[1:], 1):
        asked = plain[i - 2] if i > 1 else ""
        after = plain[i + 1] if i + 1 < len(plain) else ""
        named = after in ("cifre", "tal")
        last = plain[i - 1] == "sidste"
        first = plain[i - 1] == "første" and (asked == "de" or named)
        if word in ("to", "fire", "seks", "2", "4", "6") and (last or first):
            found |= {i - 1, i, i + named}
    return frozenset(found)
