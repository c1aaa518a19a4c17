"""The texts of the commands: every one in both languages, with the same placeholders."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.callflow.messages import Decision, FailReason, Leg
from gateway.callflow.state import Phase
from gateway.calls.timeline import NAMES
from gateway.texts import LANGUAGES, TEXTS, UnknownLanguage, language, text, word
from ivr_prompts.catalogue import OPTIONAL, ROLES
from storage.books import name_of
from storage.model import ArtifactKind, GroundName
from storage.package_texts import PURPOSES
from storage.policy.book import OBJECTED
from storage.policy.duties import DUTIES
from storage.policy.grounds import TABLE
from storage.policy.limitation import FACT_KEYS
from storage.report import TOLD

ROOT = Path(__file__).parents[1]


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
    assert {f"prompt.{role}" for role in (*ROLES, *OPTIONAL)} <= TEXTS.keys()


def test_everything_that_happens_in_a_call_has_a_text() -> None:
    assert {f"event.{name}" for name in NAMES} == {key for key in TEXTS if key.startswith("event.")}
    assert {f"reason.{one.value}" for one in FailReason} <= TEXTS.keys()


def test_the_details_of_an_entry_are_told_in_words() -> None:
    assert word("reason", "busy", "da") == "optaget"
    assert word("decision", "accepted", "en") == "accepted"
    assert word("status", 200, "en") == "SIP 200"
    assert word("codec", "PCMA/8000", "en") == "PCMA/8000"


def calls_of(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a function in our commands."""
    for file in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def test_every_text_that_the_commands_say_is_there_with_its_values() -> None:
    for place, call in calls_of("text"):
        key = call.args[0]
        if isinstance(key, ast.Constant):
            assert key.value in TEXTS, f"{place}: no text {key.value}"
            given = {keyword.arg for keyword in call.keywords}
            assert placeholders(TEXTS[key.value][0]) == given, f"{place}: values of {key.value}"


def test_every_column_that_the_commands_show_has_a_title() -> None:
    for place, call in calls_of("table"):
        columns = call.args[1]
        assert isinstance(columns, ast.Tuple), f"{place}: write the columns here"
        for column in columns.elts:
            assert isinstance(column, ast.Constant) and f"column.{column.value}" in TEXTS, (
                f"{place}: {column}"
            )


def test_the_codes_that_tables_show_have_names() -> None:
    assert {f"phase.{one.value}" for one in Phase} <= TEXTS.keys()
    assert {f"fact.{key}" for key in FACT_KEYS} <= TEXTS.keys()
    assert {f"action.{action}" for action in TOLD} <= TEXTS.keys()
    assert {f"action.{one.value}" for one in Decision} <= TEXTS.keys()
    of_people = {name_of(event) for event in DUTIES}
    assert {f"action.{name}" for name in of_people} <= TEXTS.keys()


def test_the_purposes_of_what_is_handed_out_are_in_danish() -> None:
    handed_out = {GroundName.CONSENT, *OBJECTED, GroundName.RIGHTS_OPEN, GroundName.AUTHORITY}
    purposes = {purpose for name in handed_out for purpose in TABLE[name].purposes}
    assert {*purposes, "complaint_archive"} <= PURPOSES["da"].keys()


def test_no_command_prints_words_that_are_not_in_the_texts() -> None:
    for file in sorted((ROOT / "gateway" / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in PRINTING:
                words = "".join(literal(each) for each in node.args[:1])
                assert not re.search(r"[a-z]{2,} [a-z]{2,}", words), f"{file.name}:{node.lineno}: {words}"


PRINTING = {"fail", "console.print", "errors.print", "typer.echo", "typer.confirm", "typer.prompt"}


def literal(node: ast.expr) -> str:
    """The words of a string, or of a string with holes, as they stand in the code."""
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""


def test_placeholders_are_filled() -> None:
    assert text("serve.ready", "da", uri="sip:127.0.0.1") == "Klar. Ring til sip:127.0.0.1"
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
