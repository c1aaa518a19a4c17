"""The page that takes the policy to the code is complete, and every name on it exists."""

from __future__ import annotations

import ast
import fnmatch
import importlib
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from gateway.config.sections import ConfigFile
from storage.policy.settings import CHOICES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/policy.md").read_text(encoding="utf-8")
SCENARIOS = sorted(path.stem for path in (ROOT / "tests/scenarios").glob("*.yaml"))

IDS = (
    *(f"R-{n:02d}" for n in (1, 2, 3, 4, 10, 11, 12, 13, *range(20, 26), *range(30, 47))),
    *(f"R-{n}" for n in (50, 51, 52, 55, 56, 57, 60, 61, 62, 70, 71)),
    *(f"A-{n:02d}" for n in range(1, 22)),
    *(f"P-{n}" for n in range(8)),
    *(f"F-{n}" for n in range(1, 13)),
    *(f"8.{n}" for n in range(1, 10)),
)
SENTENCES = range(1, 19)

# Where a reading can be chosen: the row that must name the setting, and all of its values.
SETTINGS = {
    "retention.day_count": "A-01",
    "retention.anchor": "A-02",
    "rights.doc_hold_clock": "A-03",
    "rights.doc_rounding": "A-04",
    "complaint.end_rule": "A-05",
    "rights.on_withdrawal": "A-06",
    "investigation.no_action_scope": "A-07",
}
SWITCHES = {
    "sampling.exclude_special_category": "A-10",
    "withdrawal.delete_existing": "A-12",
    "withdrawal.midcall_delete_partial": "A-12",
    "investigation.covert": "A-21",
}


@dataclass(frozen=True)
class Row:
    """One row of the page, cell by cell."""

    id: str
    source: str
    does: str
    code: str
    tests: str

    @property
    def not_yet(self) -> bool:
        """Whether the row says that something is missing."""
        return "Not yet:" in self.does

    @property
    def named(self) -> tuple[str, ...]:
        """What the row names in backticks about what Tast1 does."""
        return tuple(re.findall(r"`([^`]+)`", self.does))


ROWS = [
    Row(*(cell.strip() for cell in match.groups()))
    for match in re.finditer(
        r"^\| ([RAPF]-\d+|8\.\d) \| ([^|]*)\| ([^|]*)\| ([^|]*)\| ([^|]*)\|$", PAGE, re.MULTILINE
    )
]
BY_ID = {row.id: row for row in ROWS}
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)


def references(cell: str) -> list[str]:
    """What a cell refers to: backticked names with commas between them, and nothing else."""
    assert re.fullmatch(r"`[^`]+`(, `[^`]+`)*", cell), f"write names in backticks, with commas: {cell!r}"
    return re.findall(r"`([^`]+)`", cell)


@lru_cache
def functions_of(file: str) -> frozenset[str]:
    """The test functions of a file, read and not run."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def scenarios_of(reference: str) -> list[str]:
    """The scenarios that a name on the page means: one file, or all that begin so."""
    return fnmatch.filter(SCENARIOS, reference)


def test_every_rule_has_exactly_one_row() -> None:
    assert Counter(row.id for row in ROWS) == Counter(IDS)


def test_every_line_of_the_tables_is_a_row() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| Id |")]
    assert len(lines) == len(ROWS), [line for line in lines if line.split(" | ")[0][2:] not in BY_ID]


@rows
def test_a_row_says_where_the_rule_comes_from(row: Row) -> None:
    assert re.fullmatch(r'(\d+) "[^"]+"|law \(.+\)|default', row.source), row.source


def test_every_sentence_of_the_policy_is_taken_somewhere() -> None:
    taken = {int(row.source.split()[0]) for row in ROWS if row.source[0].isdigit()}
    assert taken == set(SENTENCES)


@rows
def test_a_row_is_one_sentence_or_two_that_end(row: Row) -> None:
    assert row.does.endswith(".") and len(row.does) < 420, row.does


@rows
def test_the_code_that_a_row_names_exists(row: Row) -> None:
    for reference in references(row.code):
        module, *names = reference.split(".")
        found = importlib.import_module(module)
        for depth, name in enumerate(names, 1):
            if not hasattr(found, name):
                importlib.import_module(".".join([module, *names[:depth]]))
            found = getattr(found, name)


@rows
def test_the_tests_that_a_row_names_exist(row: Row) -> None:
    for reference in references(row.tests):
        file, _, function = reference.partition("::")
        if function:
            assert function.startswith("test_") and function in functions_of(file), reference
        else:
            assert scenarios_of(reference), f"there is no scenario {reference}"


def test_every_scenario_proves_a_row_or_is_of_a_family_that_the_page_names() -> None:
    introduction = PAGE[: PAGE.index("\n## Recording and consent")]
    families = re.findall(r"`([A-Z]-\*)`", introduction)
    proving = [reference for row in ROWS for reference in references(row.tests) if "::" not in reference]
    assert len(families) == 3
    missing = set(SCENARIOS) - {name for each in (*families, *proving) for name in scenarios_of(each)}
    assert missing == set()


def test_every_reading_that_can_be_chosen_is_in_the_row_of_its_question() -> None:
    assert {name for name, values in CHOICES.items() if len(values) > 1} == set(SETTINGS)
    for name, row in {**SETTINGS, **SWITCHES}.items():
        wanted = (f"policy.{name}", *CHOICES.get(name, ("true", "false")))
        assert set(wanted) <= set(BY_ID[row].named), f"{row} must name {', '.join(wanted)}"


def test_the_default_reading_comes_first() -> None:
    for name, row in SETTINGS.items():
        named = BY_ID[row].named
        at = [named.index(value) for value in CHOICES[name]]
        assert at == sorted(at), f"{row}: the default of {name} comes first"


@rows
def test_the_settings_that_a_row_names_exist(row: Row) -> None:
    sections = set(ConfigFile.model_fields)
    for name in row.named:
        section, *rest = name.split(".")
        if section not in sections or not rest:
            continue
        found = ConfigFile()
        for part in (section, *rest):
            assert hasattr(found, part), f"{name} is no setting"
            found = getattr(found, part)


def test_what_is_missing_is_listed_and_the_list_is_no_longer_than_it_must_be() -> None:
    listed = re.search(r"in one list: ([^\n]*\n[^\n]*)\.\n", PAGE)
    assert listed is not None
    missing = [row.id for row in ROWS if row.not_yet]
    assert listed[1].replace("\n", " ").split(", ") == sorted(missing, key=IDS.index)
