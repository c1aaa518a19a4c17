"""What is deployed beside Tast1: rules and dashboard ask for metrics and labels that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.web.test_metrics import FAMILIES, OPERATORS

ROOT = Path(__file__).resolve().parents[1]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "deploy/grafana/tast1.json").read_text(encoding="utf-8"))
TARGETS = [
    (panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel.get("targets", [])
]
TARGET_LABELS = {"instance", "job"}  # Prometheus' own
LABELS: dict[str, set[str]] = {}
VALUES: dict[tuple[str, str], set[str]] = {}
for family in FAMILIES:
    for sample in family.samples:
        LABELS.setdefault(sample.name, set()).update(sample.labels)
        for label, value in sample.labels.items():
            VALUES.setdefault((sample.name, label), set()).add(value)


def selectors(expression: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """The metrics that an expression asks for, with their matchers: label, operator, value."""
    tree = promql_parser.parse(expression)

    def walk(node: Any) -> Iterator[Any]:
        if isinstance(node, promql_parser.VectorSelector):
            yield node
        for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
            inner = getattr(node, name, None)
            if inner is not None:
                yield from walk(inner)
        for inner in getattr(node, "args", None) or ():
            yield from walk(inner)

    for found in walk(tree):
        matchers = [(each.name, str(each.op), each.value) for each in found.matchers.matchers]
        yield found.name, matchers


def grouped_by(expression: str) -> set[str]:
    named = re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
    return {label.strip() for labels in named for label in labels.split(",")}


def check(expression: str) -> None:
    asked = list(selectors(expression))
    assert asked, "it asks for something"
    known: set[str] = set(TARGET_LABELS)
    for name, matchers in asked:
        if name == "up":
            continue
        assert name in LABELS, f"there is no metric {name}"
        known |= LABELS[name]
        for label, operator, value in matchers:
            assert label in LABELS[name] | TARGET_LABELS, f"{name} has no label {label}"
            if label in TARGET_LABELS or (name, label) not in CLOSED or "!" in operator:
                continue
            wanted = value.split("|")
            assert set(wanted) <= VALUES[name, label], f"{name} has no {label} {value}"
    assert grouped_by(expression) <= known


# Labels whose values are all told from the start.
CLOSED = {
    *(("tast1_call_outcomes_total", label) for label in ("result", "level", "outcome")),
    ("tast1_recordings_total", "ending"),
    ("tast1_storage_failures_total", "what"),
    ("tast1_calls_refused_total", "reason"),
}


def test_a_wrong_metric_label_or_value_is_noticed() -> None:
    for wrong in (
        "tast1_no_such_metric > 0",
        'tast1_calls_total{flow="x"}',
        'tast1_call_outcomes_total{level="bad"}',
        "sum by (flow) (tast1_calls_total)",
    ):
        with pytest.raises(AssertionError):
            check(wrong)
    with pytest.raises(ValueError):
        check("sum(tast1_calls_total")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_what_there_is_and_says_what_to_do(rule: dict[str, Any]) -> None:
    check(rule["expr"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert {"summary", "description"} == rule["annotations"].keys()
    assert f"`{rule['alert']}`" in OPERATORS


def test_the_operators_page_names_no_alert_that_is_not_there() -> None:
    assert set(re.findall(r"`(Tast1[A-Z]\w+)`", OPERATORS)) == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize(
    ("title", "expression"), TARGETS, ids=[f"{t}-{i}" for i, (t, _) in enumerate(TARGETS)]
)
def test_a_panel_asks_for_what_there_is(title: str, expression: str) -> None:
    check(expression.replace("$__rate_interval", "5m"))


def test_the_dashboard_shows_every_metric() -> None:
    asked = {name for _, expr in TARGETS for name, _ in selectors(expr.replace("$__rate_interval", "5m"))}
    shown = {re.sub(r"_(total|bucket)$", "", name) for name in asked}
    unseen = {"tast1_captured_audio_bytes", "tast1_draining", "tast1_edge_messages", "tast1_erasures_begun"}
    unseen |= {
        "tast1_prompt_fallbacks",
        "tast1_volume_size_bytes",
        "tast1_workers_died",
        "tast1_transcripts",
        "tast1_transcript_jobs_run",
    }
    unseen |= {"tast1_keeps_house", "tast1_media_store_up", "tast1_media_files_waiting"}
    unseen |= {"tast1_media_files_sent", "tast1_media_upload_failures"}
    assert {family.name for family in FAMILIES} - shown == unseen, "these are for alerts and for asking"


def test_panels_do_not_lie_on_each_other() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert x < 24
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


if shutil.which("promtool"):  # of Debian's prometheus, which is too much to install for this alone

    def test_promtool_takes_the_rules() -> None:
        done = subprocess.run(["promtool", "check", "rules", str(ALERTS)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
