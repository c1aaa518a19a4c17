"""What a number is called before it is said: "cpr-nummer", "ring til mig på", "skadenummer".

A CPR number, a card and an IBAN are known by their digits. Eight digits are a telephone number, a
claim number or a company's number alike, so there the nearest label decides; and a number that was
asked for by name is known even when a digit of it was misheard.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from transcription.identifiers import Kind
from transcription.numbers_da import word_set


class Foreign(Enum):
    """A name for numbers that identify no person here."""

    FOREIGN = "foreign"


Label = Kind | Foreign

_NUMBER_WORDS = ("nummer", "numre", "nummeret", "nr", "nummerets")
_STEMS: dict[str, Label] = {
    "cpr": Kind.CPR,
    "person": Kind.CPR,
    "telefon": Kind.PHONE,
    "mobil": Kind.PHONE,
    "tlf": Kind.PHONE,
    "kort": Kind.CARD,
    "betalingskort": Kind.CARD,
    "iban": Kind.IBAN,
    **dict.fromkeys(
        word_set(
            "police skade skades skader sag sags journal kunde medlems medlem faktura ordre reg registrerings"
            " konto cvr stel ean vare reference ref post hus serie model løbe aftale forsikrings bilag række"
            " ticket indbetalings gade se p"
        ),
        Foreign.FOREIGN,
    ),
}
_WHOLE: dict[str, Label] = {
    **dict.fromkeys(word_set("cpr personnummer"), Kind.CPR),
    **dict.fromkeys(
        word_set(
            "telefon telefonen mobil mobilen tlf sms ring ringe ringer ringede ringet træffes træffe"
            " kontaktes opkald fastnet fastnettelefon arbejdstelefon"
        ),
        Kind.PHONE,
    ),
    **dict.fromkeys(
        word_set(
            "kortet dankort dankortet visakort visa mastercard kreditkort kreditkortet betalingskort"
            " betalingskortet hævekort visadankort"
        ),
        Kind.CARD,
    ),
    "iban": Kind.IBAN,
    **dict.fromkeys(
        word_set("cvr klokken kl nummerplade nummerpladen beløb beløbet årstal årstallet"), Foreign.FOREIGN
    ),
}
# What someone says who only listens, or asks for the rest of a number.
LISTENING = word_set(
    "ja jo jep jah mm mmh hm okay ok nå tak godt fint super perfekt lige præcis korrekt det er den"
    " har jeg så og de dem sidste første resten cifre tal fire seks to et nummer cpr hvad øh igen en"
    " gang til selvfølgelig vent tager bare skriver noteret hører fortsæt i"
)
# A question with one of these is about something else than the rest of a number.
QUESTIONS = word_set("hvornår hvordan hvorfor hvem")
CLOCKS = word_set("klokken kl kl. mellem åbent åbner lukker")
YEARS = word_set("i år året årene årgang årgangene siden fra mellem")


def label_at(words: Sequence[str], index: int) -> Label | None:
    """What the word at `index`, with the one after it, calls a number; `words` are plain."""
    word = words[index].replace("-", "")
    after = words[index + 1].replace("-", "") if index + 1 < len(words) else ""
    if word == "c" and list(words[index : index + 3]) == ["c", "p", "r"]:
        return Kind.CPR
    for ending in _NUMBER_WORDS:
        if word.endswith(ending) and (stem := word.removesuffix(ending)) in _STEMS:
            return _STEMS[stem]
    if after in _NUMBER_WORDS and word in _STEMS:
        return _STEMS[word]
    return _WHOLE.get(word)


def is_foreign(words: Sequence[str]) -> bool:
    """Whether any of the words names a number of another sort."""
    return any(label_at(words, index) is Foreign.FOREIGN for index in range(len(words)))
