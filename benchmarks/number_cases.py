"""Small conversations with one number in each: CPR, card, IBAN, telephone, or one that only looks like it.

The numbers and the Danish they are said in are made here from nothing but their definitions; nothing of
`transcription` but the words and transcripts that it is given is used, so that a mistake there is no mistake
here as well. The same seed makes the same conversations.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from transcription.segments import Speaker, Transcript, Word

CUSTOMER, AGENT = Speaker.CUSTOMER, Speaker.AGENT


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


UNITS = _split("nul en to tre fire fem seks syv otte ni")
TEENS = _split("ti elleve tolv tretten fjorten femten seksten sytten atten nitten")
TENS = {
    2: "tyve",
    3: "tredive",
    4: "fyrre",
    5: "halvtreds",
    6: "tres",
    7: "halvfjerds",
    8: "firs",
    9: "halvfems",
}
ORDINALS = _split(
    "første anden tredje fjerde femte sjette syvende ottende niende tiende ellevte tolvte trettende fjortende"
    " femtende sekstende syttende attende nittende tyvende enogtyvende toogtyvende treogtyvende fireogtyvende"
    " femogtyvende seksogtyvende syvogtyvende otteogtyvende niogtyvende tredivte enogtredivte"
)
MONTHS = _split("januar februar marts april maj juni juli august september oktober november december")

Group = list[str]
"""Words that are said in one go."""


@dataclass(frozen=True)
class Case:
    """A conversation. `kind` is cpr, card, iban or phone, or "" for a look-alike; `what` says which;
    `number` are the positions of the number's words in `transcript.words`; `spoken`: in words."""

    kind: str
    what: str
    spoken: bool
    transcript: Transcript
    number: frozenset[int]


def numbers(seed: int, each: int) -> list[Case]:
    """`each` numbers of every kind, every second one in words."""
    rng = random.Random(seed)
    made = []
    for kind, make in MAKERS.items():
        for index in range(each):
            spoken = index % 2 == 1
            what, groups = make(rng, spoken)
            made.append(_conversation(rng, kind, what, spoken, groups, _frame(rng, kind)))
    return made


def lookalikes(seed: int, count: int) -> list[Case]:
    """Numbers that identify nobody here, in turn of every sort, every second one in words."""
    rng = random.Random(seed)
    made = []
    for index in range(count):
        what, make = LOOKALIKES[index // 2 % len(LOOKALIKES)]
        spoken = index % 2 == 1
        frame, groups = make(rng, spoken)
        made.append(_conversation(rng, "", what, spoken, groups, frame))
    return made


# --- Danish ---------------------------------------------------------------------------------------


def below_hundred(rng: random.Random, value: int) -> list[str]:
    """A number from 0 to 99, compounds as one word or as three, as recognisers write either."""
    if value < 10:
        return [UNITS[value]]
    if value < 20:
        return [TEENS[value - 10]]
    tens, unit = TENS[value // 10], value % 10
    if unit == 0:
        return [tens]
    return [UNITS[unit], "og", tens] if rng.random() < 0.3 else [f"{UNITS[unit]}og{tens}"]


def pair(rng: random.Random, two: str) -> list[str]:
    """Two digits as one number, with its zero if it begins with one."""
    return [UNITS[0], UNITS[int(two[1])]] if two[0] == "0" else below_hundred(rng, int(two))


def below_thousand(rng: random.Random, value: int) -> list[str]:
    hundreds, rest = divmod(value, 100)
    words = [UNITS[hundreds] if hundreds > 1 else "et", "hundrede"] if hundreds else []
    if rest:
        words += ["og"] if words and rng.random() < 0.6 else []
        words += below_hundred(rng, rest)
    return words


def cardinal(rng: random.Random, value: int) -> list[str]:
    """A number from 1 to 999,999 as one counts."""
    thousands, rest = divmod(value, 1000)
    words = [*below_thousand(rng, thousands), "tusind"] if thousands else []
    return words + (below_thousand(rng, rest) if rest else [])


def as_digits(digits: str) -> list[str]:
    return [UNITS[int(digit)] for digit in digits]


def said(rng: random.Random, digits: str, sizes: Sequence[int]) -> list[Group]:
    """Digits in groups of these sizes, each group digit by digit or in pairs."""
    in_pairs, groups, at = rng.random() < 0.6, [], 0
    for size in sizes:
        group, at = digits[at : at + size], at + size
        if in_pairs and size % 2 == 0:
            groups.append([word for i in range(0, size, 2) for word in pair(rng, group[i : i + 2])])
        else:
            groups.append(as_digits(group))
    return groups


def written(rng: random.Random, digits: str, sizes: Sequence[int]) -> list[Group]:
    """Digits in groups of these sizes, as words of figures."""
    groups, at = [], 0
    for size in sizes:
        groups.append([digits[at : at + size]])
        at += size
    return groups


# --- numbers --------------------------------------------------------------------------------------


def _random_digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def _day(rng: random.Random, first: int = 1925, last: int = 2015) -> date:
    begin = date(first, 1, 1)
    return begin + timedelta(days=rng.randrange((date(last, 12, 31) - begin).days))


def _cpr(rng: random.Random, spoken: bool) -> tuple[str, list[Group]]:
    born, serial = _day(rng), _random_digits(rng, 4)
    digits = born.strftime("%d%m%y") + serial
    if not spoken:
        form = rng.randrange(4)
        if form == 0:
            return "figures with a dash", [[f"{digits[:6]}-{serial}"]]
        if form == 1:
            return "figures in one", [[digits]]
        return (
            ("figures in two", [[digits[:6], serial]])
            if form == 2
            else (
                "figures in pairs",
                written(rng, digits, (2, 2, 2, 2, 2)),
            )
        )
    form = rng.randrange(4)
    if form == 0:
        return "digit by digit", [as_digits(digits[:6]), as_digits(serial)]
    if form == 1:
        return "in pairs", said(rng, digits, (2, 2, 2, 4))
    rest = said(rng, serial, (4,))[0]
    year = pair(rng, digits[4:6])
    day = ORDINALS[born.day - 1]
    if form == 2:
        month = ORDINALS[born.month - 1]
        return "as a date in ordinals", [[day, *rng.choice(([], ["i"])), month, *year], rest]
    century = (
        [*below_hundred(rng, born.year // 100), *rng.choice(([], ["hundrede"]))] if born.year < 2000 else []
    )
    return "as a date with its month", [[day, MONTHS[born.month - 1], *century, *year], rest]


def _with_luhn(digits: str) -> str:
    """The digits and the check digit that makes them a card."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return digits + str(-total % 10)


def _card(rng: random.Random, spoken: bool) -> tuple[str, list[Group]]:
    start = rng.choice(("4571", "4", "5019", "51", "55", "2221"))
    digits = _with_luhn(start + _random_digits(rng, 15 - len(start)))
    if spoken:
        return "in fours", said(rng, digits, (4, 4, 4, 4))
    if rng.random() < 0.4:
        return "figures in one", [[digits]]
    return "figures in fours", written(rng, digits, (4, 4, 4, 4))


def _with_mod_97(country: str, account: str) -> str:
    moved = "".join(str(int(char, 36)) for char in account + country) + "00"
    return f"{country}{98 - int(moved) % 97:02}{account}"


def _iban(rng: random.Random, spoken: bool) -> tuple[str, list[Group]]:
    country, size = rng.choice((("DK", 14), ("DK", 14), ("DK", 14), ("DE", 18), ("NO", 11), ("SE", 20)))
    iban = _with_mod_97(country, _random_digits(rng, size))
    if not spoken:
        if rng.random() < 0.4:
            return "figures in one", [[iban]]
        return "figures in fours", [[iban[at : at + 4]] for at in range(0, len(iban), 4)]
    digits = iban[2:]
    sizes = [2] + [4] * ((len(digits) - 2) // 4)
    sizes += [len(digits) - sum(sizes)] if len(digits) > sum(sizes) else []
    letters = {"D": "de", "K": "kå", "E": "e", "N": "en", "O": "o", "S": "es"}
    named = [letters[char] for char in country] if rng.random() < 0.5 else [country.lower()]
    return "spelled", [named, *said(rng, digits, sizes)]


def _phone(rng: random.Random, spoken: bool) -> tuple[str, list[Group]]:
    digits = rng.choice("23456789") + _random_digits(rng, 7)
    if spoken:
        prefix = [pair(rng, "45")] if rng.random() < 0.15 else []
        sizes = rng.choice(((2, 2, 2, 2), (8,), (4, 4)))
        return "said", prefix + said(rng, digits, sizes)
    prefix = [["+45"]] if rng.random() < 0.2 else []
    sizes = rng.choice(((8,), (2, 2, 2, 2), (4, 4)))
    return "figures", prefix + written(rng, digits, sizes)


MAKERS: dict[str, Callable[[random.Random, bool], tuple[str, list[Group]]]] = {
    "cpr": _cpr,
    "card": _card,
    "iban": _iban,
    "phone": _phone,
}


# --- look-alikes ----------------------------------------------------------------------------------

Frame = tuple[str, str, str]
"""What the agent asks, what the customer says before the number and after it; each may be ""."""
_Made = tuple[Frame, list[Group]]


def _called(*names: str, sizes: Sequence[Sequence[int]]) -> Callable[[random.Random, bool], _Made]:
    """A number that is called by a name of its own."""

    def make(rng: random.Random, spoken: bool) -> _Made:
        name, parts = rng.choice(names), rng.choice(sizes)
        digits = _random_digits(rng, sum(parts))
        groups = (said if spoken else written)(rng, digits, parts)
        frames = (
            ("", f"mit {name} er", "kan du finde det"),
            (f"hvad er dit {name}", "det er", ""),
            ("", f"det drejer sig om {name}", "fra sidste år"),
            (f"har du et {name}", "ja det er", "tror jeg"),
        )
        return rng.choice(frames), groups

    return make


def _amount(rng: random.Random, spoken: bool) -> _Made:
    value = rng.choice((rng.randrange(100, 1000), rng.randrange(1000, 1000000)))
    if spoken:
        words = cardinal(rng, value)
    else:
        words = [rng.choice((str(value), f"{value:,}".replace(",", "."), f"{value},50"))]
    frames = (("hvad kostede den", "den kostede", "kroner"), ("", "jeg betalte", "kroner for den i går"))
    return rng.choice(frames), [words]


def _date(rng: random.Random, spoken: bool) -> _Made:
    day = _day(rng, 1990, 2026)
    if spoken:
        month = rng.choice((MONTHS[day.month - 1], ORDINALS[day.month - 1]))
        year = (
            ["to", "tusind", "og", *below_hundred(rng, day.year % 100)]
            if day.year > 2000
            else pair(rng, f"{day:%y}")
        )
        words = [ORDINALS[day.day - 1], *(["i"] if month in ORDINALS else []), month, *year]
    else:
        words = [day.strftime(rng.choice(("%d.%m.%Y", "%d/%m-%Y", "%d-%m-%Y", "%d%m%Y")))]
    frames = (("hvornår skete skaden", "det var den", "om aftenen"), ("", "den er købt den", "i en butik"))
    return rng.choice(frames), [words]


def _years(rng: random.Random, spoken: bool) -> _Made:
    first = rng.randrange(1985, 2020)
    last = rng.randrange(first, 2027)
    if spoken:
        groups = [_year_said(rng, first), ["til"], _year_said(rng, last)]
    else:
        groups = [[str(first)], ["til"], [str(last)]]
    return ("", "jeg var kunde fra", "hos jer"), groups


def _year_said(rng: random.Random, year: int) -> list[str]:
    head = ["nitten", "hundrede"] if year < 2000 else ["to", "tusind"]
    rest = year % 100
    return head + (["og", *below_hundred(rng, rest)] if rest else [])


def _time(rng: random.Random, spoken: bool) -> _Made:
    hours = sorted(rng.sample(range(8, 22), 2))
    minutes = [rng.choice((0, 15, 30, 45)) for _ in hours]
    if spoken:
        first, last = (
            [*below_hundred(rng, hour), *(below_hundred(rng, minute) if minute else [])]
            for hour, minute in zip(hours, minutes, strict=True)
        )
    else:
        first, last = ([f"{hour}.{minute:02}"] for hour, minute in zip(hours, minutes, strict=True))
    return ("hvornår kan vi ringe", "mellem klokken", "passer fint"), [first, ["og"], last]


def _distance(rng: random.Random, spoken: bool) -> _Made:
    value = rng.randrange(10000, 300000)
    words = cardinal(rng, value) if spoken else [f"{value:,}".replace(",", ".")]
    return ("hvor langt har den kørt", "den har kørt", "kilometer"), [words]


def _plate(rng: random.Random, spoken: bool) -> _Made:
    letters, digits = "".join(rng.choices("abcdefgh", k=2)), _random_digits(rng, 5)
    groups = [list(letters), *said(rng, digits, (2, 3))] if spoken else [[f"{letters.upper()}{digits}"]]
    return ("", "bilen har nummerplade", "og er blå"), groups


def _postcode(rng: random.Random, spoken: bool) -> _Made:
    digits = str(rng.randrange(1000, 9990))
    number = rng.randrange(1, 200)
    street = below_hundred(rng, number % 100 or 1) if spoken else [str(number)]
    groups = said(rng, digits, (4,)) if spoken else [[digits]]
    return ("hvad er adressen", f"det er skovvej {' '.join(street)}", "aarhus"), groups


def _no_card(rng: random.Random, spoken: bool) -> _Made:
    """Sixteen digits that no card has: the check digit is wrong."""
    digits = _with_luhn("4571" + _random_digits(rng, 11))
    digits = digits[:-1] + str((int(digits[-1]) + rng.randrange(1, 10)) % 10)
    groups = (said if spoken else written)(rng, digits, (4, 4, 4, 4))
    return ("", "der står et referencenummer på brevet", "står der"), groups


LOOKALIKES: tuple[tuple[str, Callable[[random.Random, bool], _Made]], ...] = (
    ("policy numbers", _called("policenummer", "forsikringsnummer", sizes=((7,), (8,), (3, 3, 3), (10,)))),
    ("claim numbers", _called("skadenummer", "skadesnummer", sizes=((8,), (4, 4), (2, 2, 2, 2), (9,)))),
    ("case numbers", _called("sagsnummer", "journalnummer", sizes=((4, 6), (8,), (6,)))),
    (
        "customer and order numbers",
        _called("kundenummer", "ordrenummer", "medlemsnummer", sizes=((6,), (8,))),
    ),
    ("invoices", _called("fakturanummer", sizes=((5,), (8,), (10,)))),
    ("companies", _called("cvr-nummer", sizes=((8,), (2, 2, 2, 2)))),
    ("accounts", _called("kontonummer", sizes=((4, 10), (10,), (7,)))),
    ("sixteen digits that are no card", _no_card),
    ("amounts", _amount),
    ("dates", _date),
    ("years", _years),
    ("times", _time),
    ("distances", _distance),
    ("number plates", _plate),
    ("addresses", _postcode),
)


# --- conversations --------------------------------------------------------------------------------

_FRAMES: dict[str, tuple[Frame, ...]] = {
    "cpr": (
        ("hvad er dit cpr-nummer", "det er", ""),
        ("må jeg få dit cpr nummer", "ja", "skal du have mere"),
        ("", "mit personnummer er", "kan du finde mig"),
        ("", "jeg er født", "og bor i odense"),
        ("hvem taler jeg med", "du taler med jens hansen", "og jeg har en skade"),
    ),
    "card": (
        ("hvad er kortnummeret", "der står", "udløber til sommer"),
        ("", "jeg vil betale med mit dankort", ""),
        ("hvordan vil du betale", "kan du tage", "går det"),
    ),
    "iban": (
        ("hvad er dit iban", "det er", ""),
        ("hvor skal pengene hen", "sæt dem ind på", "tak"),
        ("", "min konto i banken er", "og det haster"),
    ),
    "phone": (
        ("hvad er dit telefonnummer", "det er", ""),
        ("", "ring til mig på", "når i ved noget"),
        ("", "du kan træffe min kone på", "i morgen"),
        ("hvor kan vi få fat i dig", "på", "hele dagen"),
        ("", "skriv det her ned", "har du det"),
    ),
}
HESITATION = "øh"
_LISTENING = ("ja", "mm", "okay", "ja tak")


def _frame(rng: random.Random, kind: str) -> Frame:
    return rng.choice(_FRAMES[kind])


class _Talk:
    """Words on two legs, one after the other."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._at_s = 0.5
        self._words: list[tuple[Word, bool]] = []

    def say(self, speaker: Speaker, words: Sequence[str], number: bool = False) -> None:
        for word in words:
            length_s = self._rng.uniform(0.15, 0.45)
            start_s, end_s = round(self._at_s, 2), round(self._at_s + length_s, 2)
            self._words.append((Word(word, start_s, end_s, 0.9, speaker), number))
            self._at_s = end_s + self._rng.uniform(0.02, 0.15)

    def pause(self, shortest_s: float, longest_s: float) -> None:
        self._at_s += self._rng.uniform(shortest_s, longest_s)

    def case(self, kind: str, what: str, spoken: bool) -> Case:
        transcript = Transcript(tuple(word for word, _ in self._words), duration_s=round(self._at_s + 0.5, 2))
        of_number = {id(word) for word, number in self._words if number}
        places = frozenset(i for i, word in enumerate(transcript.words) if id(word) in of_number)
        return Case(kind, what, spoken, transcript, places)


def _conversation(
    rng: random.Random, kind: str, what: str, spoken: bool, groups: Sequence[Group], frame: Frame
) -> Case:
    """The number in its frame; between its groups pauses, the other side listening, hesitations."""
    asked, before, after = frame
    talk = _Talk(rng)
    talk.say(AGENT, _split("goddag du taler med lone"))
    talk.pause(0.2, 1.0)
    if asked:
        talk.say(AGENT, asked.split())
        talk.pause(0.2, 1.5)
    talk.say(CUSTOMER, before.split())
    talk.pause(0.05, 0.8)
    broken = rng.random()  # said in one go, with pauses, with the other side in between, with "øh"
    for index, group in enumerate(groups):
        if index and 0.4 <= broken < 0.7:
            talk.pause(0.3, 2.0)
        if index and 0.7 <= broken < 0.9:
            talk.pause(0.2, 0.6)
            if rng.random() < 0.6:
                talk.say(AGENT, rng.choice(_LISTENING).split())
            elif kind:  # says the group before again; a country and two digits alone say nothing
                talk.say(AGENT, groups[index - 1], number=kind != "iban" or index > 1)
            talk.pause(0.2, 0.6)
        if index and broken >= 0.9 and rng.random() < 0.5:
            talk.say(CUSTOMER, [HESITATION])
        talk.say(CUSTOMER, group, number=True)
    talk.pause(0.2, 1.2)
    if kind and rng.random() < 0.15:
        talk.say(AGENT, ["altså"])
        talk.say(AGENT, [word for group in groups for word in group], number=True)
        talk.pause(0.3, 0.9)
        talk.say(CUSTOMER, ["ja", "det", "er", "rigtigt"])
    talk.say(CUSTOMER, after.split())
    talk.pause(0.3, 1.0)
    talk.say(AGENT, _split("tak skal du have"))
    return talk.case(kind, what, spoken)
