"""The sentences of the demonstration model: templates and slots of `corpus/da.yaml`, and how one is drawn.

A sentence is a tuple of words. What is drawn depends on the generator alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml

FILE = Path(__file__).resolve().parent / "corpus" / "da.yaml"
UNKNOWN = "[unk]"
"""What is written for a word that is not in the vocabulary."""

ONES = ("nul", "en", "to", "tre", "fire", "fem", "seks", "syv", "otte", "ni")
TEENS = ("ti", "elleve", "tolv", "tretten", "fjorten", "femten", "seksten", "sytten", "atten", "nitten")
TENS = ("tyve", "tredive", "fyrre", "halvtreds", "tres", "halvfjerds", "firs", "halvfems")
ORDINALS = (
    *("første", "anden", "tredje", "fjerde", "femte", "sjette", "syvende", "ottende", "niende", "tiende"),
    *("ellevte", "tolvte", "trettende", "fjortende", "femtende", "sekstende"),
    *("syttende", "attende", "nittende", "tyvende"),
)

Sentence = tuple[str, ...]

_SLOT = re.compile(r"\{(\w+)(?::(\d+))?\}")


def number_word(number: int) -> str:
    """A number from 0 to 99 as it is said: 46 is `seksogfyrre`."""
    if number < 20:
        return (*ONES, *TEENS)[number]
    tens, ones = divmod(number, 10)
    return (f"{ONES[ones]}og" if ones else "") + TENS[tens - 2]


def ordinal_word(day: int) -> str:
    """A day of the month as it is said: 22 is `toogtyvende`."""
    if day <= 20:
        return ORDINALS[day - 1]
    tens, ones = divmod(day, 10)
    return (f"{ONES[ones]}og" if ones else "") + {2: "tyvende", 3: "tredivte"}[tens]


@dataclass(frozen=True)
class Corpus:
    """Templates for training and for evaluation, what may stand in their slots, and foreign words."""

    slots: dict[str, tuple[Sentence, ...]]
    templates: tuple[str, ...]
    held_out: tuple[str, ...]
    foreign: tuple[str, ...]
    foreign_held_out: tuple[str, ...]

    @classmethod
    def load(cls, file: Path = FILE) -> Corpus:
        """Read the file; `ValueError` when evaluation and training overlap or do not fit."""
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        slots = {name: tuple(tuple(v.split()) for v in values) for name, values in data["slots"].items()}
        slots["number"] = tuple((number_word(n),) for n in range(100))
        slots["pair"] = slots["number"][10:]
        slots["ordinal"] = tuple((ordinal_word(day),) for day in range(1, 32))
        corpus = cls(
            slots,
            tuple(data["templates"]),
            tuple(data["held_out"]),
            tuple(data["foreign"]["training"]),
            tuple(data["foreign"]["held_out"]),
        )
        corpus._check()
        return corpus

    def _check(self) -> None:
        if both := set(self.templates) & set(self.held_out):
            raise ValueError(f"for training and held out: {sorted(both)}")
        if both := set(self.foreign) & set(self.foreign_held_out):
            raise ValueError(f"foreign in training and held out: {sorted(both)}")
        if known := (set(self.foreign) | set(self.foreign_held_out)) & set(self.vocabulary):
            raise ValueError(f"foreign, yet in the vocabulary: {sorted(known)}")
        if new := self._words_of(self.held_out) - set(self.vocabulary):
            raise ValueError(f"held out, but no word of training: {sorted(new)}")

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Every word the model writes, in alphabetical order, without `[unk]`."""
        return tuple(sorted(self._words_of(self.templates)))

    def _words_of(self, templates: Sequence[str]) -> set[str]:
        words: set[str] = set()
        for template in templates:
            words.update(_SLOT.sub(" ", template).split())
            for name in (match[1] for match in _SLOT.finditer(template)):
                if name == "digits":
                    words.update(ONES)
                elif name != "foreign":
                    words.update(word for value in self.slots[name] for word in value)
        return words

    def draw(self, rng: np.random.Generator, held_out: bool = False) -> Sentence:
        """A sentence of a random template. Foreign words are of the list that belongs to it."""
        templates = self.held_out if held_out else self.templates
        return self.fill(templates[rng.integers(len(templates))], rng, held_out)

    def fill(self, template: str, rng: np.random.Generator, held_out: bool = False) -> Sentence:
        """The template with something in each slot."""
        foreign = self.foreign_held_out if held_out else self.foreign

        def one(match: re.Match[str]) -> str:
            name, count = match[1], match[2]
            if name == "digits":
                return " ".join(ONES[d] for d in rng.integers(10, size=int(count)))
            if name == "foreign":
                return foreign[rng.integers(len(foreign))]
            return " ".join(self.slots[name][rng.integers(len(self.slots[name]))])

        return tuple(_SLOT.sub(one, template).split())

    def strings(self, rng: np.random.Generator, words: Sequence[str], count: int) -> Sentence:
        """Words in no order at all: what the network hears then owes nothing to the templates."""
        return tuple(words[i] for i in rng.integers(len(words), size=count))
