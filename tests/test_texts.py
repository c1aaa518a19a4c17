"""The texts of the commands: every one in both languages, with the same placeholders."""

from __future__ import annotations

import string

import pytest

from gateway.callflow.messages import Decision, Leg
from gateway.texts import LANGUAGES, TEXTS, UnknownLanguage, language, text
from ivr_prompts.catalogue import ROLES
from storage.model import ArtifactKind


def placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_have_the_text_with_the_same_placeholders(key: str) -> None:
    danish, english = TEXTS[key]
    assert danish and english
    assert placeholders(danish) == placeholders(english)


def test_everything_that_a_table_can_name_has_a_name() -> None:
    assert {f"decision.{one.value}" for one in Decision} <= TEXTS.keys()
    assert {f"kind.{one.value}" for one in ArtifactKind} <= TEXTS.keys()
    assert {f"leg.{one.value}" for one in Leg} <= TEXTS.keys()
    assert {f"prompt.{role}" for role in ROLES} <= TEXTS.keys()


def test_placeholders_are_filled() -> None:
    assert text("event.prompt_heard", "da", prompt=text("prompt.consent", "da"), ms=18718) == (
        "spørgsmål om optagelse hørt til ende (18718 ms)"
    )
    assert text("column.until", "en") == "Until"


def test_an_unknown_key_or_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("no.such.text", "da")
    with pytest.raises(KeyError):
        text("sweep.deleted", "da")


@pytest.mark.parametrize(("name", "expected"), [("da", "da"), ("en_GB.UTF-8", "en"), ("DA", "da")])
def test_a_language_is_known_by_its_first_letters(name: str, expected: str) -> None:
    assert language(name) == expected
    assert expected in LANGUAGES


def test_an_unknown_language_says_which_there_are() -> None:
    with pytest.raises(UnknownLanguage, match="da or en"):
        language("tlh")
