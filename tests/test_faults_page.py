"""docs/faults.md: every row is whole and names tests that exist; so do the metrics, alerts and log lines."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
COLUMNS = ["What fails", "The caller notices", "What is kept", "What you see", "How it heals", "Test"]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ")
]
FAULTS = [row for row in ROWS if row[0] != COLUMNS[0]]
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("gateway", "storage", "transcription")
    for path in (ROOT / folder).rglob("*.py")
)


def functions(file: Path) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_there_are_rows_and_each_table_has_the_same_columns() -> None:
    assert len(FAULTS) > 35
    assert {tuple(row) for row in ROWS if row[0] == COLUMNS[0]} == {tuple(COLUMNS)}


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row[0][:40])
def test_a_row_is_whole_and_its_tests_exist(row: list[str]) -> None:
    assert len(row) == len(COLUMNS) and all(row)
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[-1])
    assert tests and re.sub(r"`[^`]*`,? ?", "", row[-1]) == "", "the last column names tests and nothing else"
    for file, name in tests:
        assert name in functions(ROOT / file), f"{file} has no {name}"


def test_every_test_of_faults_is_in_the_page_or_helps_one_that_is() -> None:
    named = set(re.findall(r"`tests/faults/(\w+\.py)::", PAGE))
    assert {path.name for path in (ROOT / "tests/faults").glob("test_*.py")} == named


@pytest.mark.parametrize("quoted", sorted(set(re.findall(r'"([a-z][^"]{12,})"', PAGE))))
def test_what_the_log_is_said_to_say_is_in_the_program(quoted: str) -> None:
    if quoted.startswith("archive"):  # a field of /readyz
        return
    assert quoted in SOURCES


def test_metrics_and_alerts_exist() -> None:
    metrics = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
    for metric in set(re.findall(r"tast1_\w+", PAGE)):
        assert f"`{metric}`" in metrics, metric
    alerts = (ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8")
    for alert in set(re.findall(r"`(Tast1\w+)`", PAGE)):
        assert f"alert: {alert}" in alerts, alert
