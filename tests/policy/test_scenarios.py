"""Every scenario file runs, and everything it expects holds; every rule has a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.rehearsal.reading import read
from gateway.rehearsal.run import rehearse

FOLDER = Path(__file__).parents[1] / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))

# The rules of §3, the sentences of the policy (§2), the precedence rows (§4) and the ambiguities (§5).
RULES = (
    *(f"S-{n:02d}" for n in range(1, 19)),
    *(f"R-{n:02d}" for n in (1, 2, 3, 4, 10, 11, 12, 13)),
    *(f"R-{n}" for n in range(20, 26)),
    *(f"R-{n}" for n in range(30, 47)),
    *(f"R-{n}" for n in (50, 51, 52, 55, 56, 57, 60, 61, 62, 70, 71)),
    *(f"P-{n}" for n in range(8)),
    *(f"A-{n:02d}" for n in range(1, 22)),
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_the_scenario_expects_holds(file: Path) -> None:
    scenario = read(file.read_text(encoding="utf-8"))
    outcome = rehearse(scenario)
    assert any(question.expect for question in scenario.questions), (
        "a scenario without expectation shows nothing"
    )
    assert [
        f"line {f.question.line}: {f.key}: {f.expected!r}, not {f.found!r}" for f in outcome.failures
    ] == []


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_scenario(rule: str) -> None:
    assert any(file.stem == rule or file.stem.startswith(f"{rule}-") for file in FILES)


def test_every_scenario_is_named_for_a_rule_or_the_calendar() -> None:
    for file in FILES:
        assert file.stem.startswith(("T-", "K-")) or any(file.stem.startswith(rule) for rule in RULES), (
            file.stem
        )
