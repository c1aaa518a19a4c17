"""The data protection officer's guide says the same in both languages, in the words of the law."""

from __future__ import annotations

import re

import pytest

from tests.test_documented import ROOT, mentioned, told_in_full

PAGE = (ROOT / "docs/dpo.md").read_text(encoding="utf-8")
ENGLISH_FROM = PAGE.index("\n# Guide for the data protection officer\n")
DANISH, ENGLISH = PAGE[:ENGLISH_FROM], PAGE[ENGLISH_FROM:]
WITHOUT_BLOCKS = {
    name: re.sub(r"^```.*?^```", "", half, flags=re.MULTILINE | re.DOTALL)
    for name, half in (("da", DANISH), ("en", ENGLISH))
}
WORDS_OF_THE_LAW = (
    *("indsigt", "sletning", "berigtigelse", "begrænsning", "indsigelse", "dataansvarlig", "databehandler"),
    *("retsgrundlag", "samtykke", "forældelse", "stikprøve", "skadeinspektør", "klageansvarlig"),
)


def shape(half: str) -> list[str]:
    """The headings by their depth, with the tables, lists and code blocks below each."""
    marks = {"#": "", "|": "table", "*": "list", "```": "code", "1.": "numbers"}
    found: list[str] = []
    for line in half.splitlines():
        mark = line.split(" ")[0]
        kind = mark if set(mark) == {"#"} else marks.get(mark, "")
        if kind and (kind[0] in "#c" or found[-1] != kind):
            found.append(kind)
    return found


def test_both_halves_have_the_same_headings_tables_lists_and_examples() -> None:
    assert len([each for each in shape(DANISH) if each.startswith("#")]) > 15
    assert shape(DANISH) == shape(ENGLISH)


def test_both_halves_give_the_same_commands_in_the_same_order() -> None:
    danish = list(told_in_full(DANISH))
    assert len(danish) > 50
    assert danish == list(told_in_full(ENGLISH))
    assert sorted(mentioned(DANISH)) == sorted(mentioned(ENGLISH))


def test_tables_have_as_many_rows_in_both_halves() -> None:
    rows = {
        name: [line.count("|") for line in half.splitlines() if line.startswith("|")]
        for name, half in WITHOUT_BLOCKS.items()
    }
    assert rows["da"] == rows["en"]


def test_both_halves_name_the_same_rules_and_settings() -> None:
    for pattern in (r"\b[RAF]-\d+\b", r"`([a-z]+\.[a-z_.]+)`"):
        assert sorted(re.findall(pattern, DANISH)) == sorted(re.findall(pattern, ENGLISH))


@pytest.mark.parametrize("word", WORDS_OF_THE_LAW)
def test_the_danish_half_uses_the_words_of_the_law(word: str) -> None:
    assert word in WITHOUT_BLOCKS["da"].lower()


def test_no_heading_of_one_half_stands_in_the_other() -> None:
    headings = {line for line in ENGLISH.splitlines() if line.startswith("#")}
    assert headings.isdisjoint(DANISH.splitlines())
