"""The sentences of the rules in Danish: `said("it is erased", "da")`.

Storage and policy say why in English, for the log and for programs. For people a sentence is looked up here:
the template that it was made from is found, and its values are put into the Danish one. A sentence that is
not known comes back as it is. Every template is in both languages; `tests/test_rule_texts.py` finds those
that are missing.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from gateway.texts import faults, keeping, keys, prompts, refusals, web, work

SENTENCES: dict[str, str] = {
    **keeping.SENTENCES,
    **refusals.SENTENCES,
    **work.SENTENCES,
    **faults.SENTENCES,
    **keys.SENTENCES,
    **web.SENTENCES,
    **prompts.SENTENCES,
}
"""English template to the Danish one, with the same holes. What may stand in a hole says its name, below."""

# A hole of another name holds one word: an id, a role, a setting.
_WORD = r"[^\s;,()]+"
_PATTERNS = {
    "clause": r".+",  # a sentence of its own
    "clauses": r".+",  # several, each after "because"
    "things": r"[^;()]+",  # several, with commas between them
    "names": r"[^;()]+",  # several words, with commas, "and" or "or" between them
    "rule": r"[^(),;]+",
    "ground": r"G-[A-Z-]+",
    "date": r"\d{4}-\d\d-\d\d",
    "number": r"-?\d+",
    "path": r"[^;]+?",
    "tail": r".*",  # of no known words, or nothing
    "error": r".+?",
}
_AND_BECAUSE = "; and because "
_RULED = re.compile(r"(.+)( \(R-\d+\))")  # `storage.artifacts.NotReadable` puts the rule behind what it says


class _Template(NamedTuple):
    pattern: re.Pattern[str]
    danish: str
    literal: int  # how many characters of it are no holes


def said(sentence: str, lang: str) -> str:
    """What storage or policy said, in a language; several refusals may be joined by "; ".

    An unknown sentence, or a part of one, stays English.
    """
    return sentence if lang != "da" else _joined(sentence, _sentence)


def _sentence(sentence: str) -> str | None:
    for template in _templates():
        if found := template.pattern.fullmatch(sentence):
            return template.danish.format(**{hole: _put(hole, v) for hole, v in found.groupdict().items()})
    if ruled := _RULED.fullmatch(sentence):
        known = _sentence(ruled[1])
        return None if known is None else f"{known}{ruled[2]}"
    return None


def _joined(sentence: str, translate: Callable[[str], str | None]) -> str:
    """A sentence, or several: the longest beginning that is known counts, as a sentence may hold a "; "."""
    parts = sentence.split("; ")
    told = []
    while parts:
        for size in range(len(parts), 0, -1):
            known = translate("; ".join(parts[:size]))
            if known is not None or size == 1:
                told.append(parts[0] if known is None else known)
                parts = parts[size:]
                break
    return "; ".join(told)


def _put(hole: str, value: str) -> str:
    """A value as it stands in the Danish sentence."""
    kind = _kind(hole)
    if kind == "clause":
        return said(value, "da")
    if kind == "clauses":
        return "; og fordi ".join(said(each, "da") for each in value.split(_AND_BECAUSE))
    if kind == "things":
        return ", ".join(said(each, "da") for each in value.split(", "))
    if kind == "names":
        return value.replace(" and ", " og ").replace(" or ", " eller ")
    return value


@cache
def _templates() -> tuple[_Template, ...]:
    """All templates, compiled; those that say most by themselves first, so that no other takes theirs."""
    compiled = (_compiled(english, danish) for english, danish in SENTENCES.items())
    return tuple(sorted(compiled, key=lambda template: -template.literal))


def _compiled(english: str, danish: str) -> _Template:
    pattern, literal = "", 0
    for text, hole, _, _ in string.Formatter().parse(english):
        pattern, literal = pattern + re.escape(text), literal + len(text)
        if hole is not None:
            pattern += f"(?P<{hole}>{_PATTERNS.get(_kind(hole), _WORD)})"
    return _Template(re.compile(pattern), danish, literal)


def _kind(hole: str) -> str:
    """`date_2` is a second `date`."""
    return hole.partition("_")[0]
