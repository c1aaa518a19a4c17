"""`tast1 policy simulate`: exit status, JSON for programs, and what people read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.policy import policy_app

STORY = """title: Plain consent
events:
  - {at: 2025-01-15T10:00:00+01:00, event: call_arrived, call: c1}
  - {at: 2025-01-15T10:00:03+01:00, event: prompt_started, call: c1, duration_s: 20, purposes_end_s: 15}
  - {at: 2025-01-15T10:00:20+01:00, event: key, call: c1, digit: "1"}
  - {at: 2025-01-15T10:00:40+01:00, event: agent_answered, call: c1}
  - {at: 2025-01-15T10:10:00+01:00, event: call_ended, call: c1}
  - {at: 2025-01-16T10:10:00+01:00, event: investigator_recording, call: c1}
ask:
  - {at: 2025-02-15T00:00:00+01:00, artifact: c1/audio}
  - {at: 2025-01-20, artifact: c1/audio, expect: {until: UNTIL}}
  - {refused: true}
"""


@pytest.fixture
def story(tmp_path: Path) -> Path:
    file = tmp_path / "story.yaml"
    file.write_text(STORY.replace("UNTIL", "2025-02-14"), encoding="utf-8")
    return file


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.yaml"
    file.write_text(STORY.replace("UNTIL", "2025-02-13"), encoding="utf-8")
    return file


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.yaml"
    file.write_text("events:\n  - {at: 2025-01-15, event: call_ended, cal: c1}\n", encoding="utf-8")
    return file


def simulate(*arguments: object) -> Result:
    return CliRunner().invoke(policy_app, ["simulate", *map(str, arguments)])


def test_a_story_whose_expectations_hold_ends_with_0(story: Path) -> None:
    result = simulate(story)
    assert result.exit_code == 0
    assert "Plain consent" in result.stdout
    assert "R-10" in result.stdout


def test_answers_and_refusals_are_told_in_danish_or_english(story: Path) -> None:
    danish = " ".join(simulate(story).stdout.split())
    assert "Det opbevares, fordi kunden har givet samtykke" in danish
    assert "en skadeinspektør optager kun til en sag (R-41)" in danish
    english = " ".join(simulate("--lang", "en", story).stdout.split())
    assert "It is kept because the caller consented" in english
    assert "an investigator records only for a case (R-41)" in english


def test_an_expectation_that_does_not_hold_is_shown_and_ends_with_1(story: Path, wrong: Path) -> None:
    result = simulate(wrong, story)
    assert result.exit_code == 1
    for shown in ("wrong.yaml:11", "c1/audio", "2025-02-13", "2025-02-14"):
        assert shown in result.stdout.replace("\n", "")


def test_a_file_that_is_no_scenario_ends_with_2_and_names_line_and_key(story: Path, broken: Path) -> None:
    result = simulate(broken, story)
    assert result.exit_code == 2
    assert "broken.yaml:2: cal:" in result.output.replace("\n", "")
    assert "Plain consent" in result.output  # the other files run all the same


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    assert simulate(tmp_path / "none.yaml").exit_code == 2


def test_json_is_one_object_a_line_with_answers_in_order(story: Path, wrong: Path) -> None:
    result = simulate("--json", story, wrong)
    assert result.exit_code == 1
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert [line["file"] for line in lines] == [str(story), str(wrong)]
    gone, kept, refused = lines[0]["answers"]
    assert (gone["exists"], gone["ever_existed"], gone["until"]) == (False, True, None)
    assert kept["expires_at"] == "2025-02-15T00:00:00+01:00"
    assert kept["captured"] == [["2025-01-15T10:00:40+01:00", "2025-01-15T10:10:00+01:00"]]
    assert [refusal["event"] for refusal in refused["refused"]] == ["investigator_recording"]


def test_the_settings_of_a_file_come_under_those_of_the_scenario(story: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("policy: {retention: {callcenter_days: 20}}\n", encoding="utf-8")
    assert simulate("--config", config, story).exit_code == 1
    own = tmp_path / "own.yaml"
    own.write_text(
        "settings: {policy: {retention: {callcenter_days: 30}}}\n" + story.read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    assert simulate("--config", config, own).exit_code == 0


def test_settings_with_a_mistake_end_with_2(story: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("policy: {retention: {callcenter_days: many}}\n", encoding="utf-8")
    assert simulate("--config", config, story).exit_code == 2
