"""A server is down after three questions without an answer, and up again after two answers."""

from __future__ import annotations

import pytest

from gateway.edge.health import Health, is_well


@pytest.mark.parametrize(
    ("heard", "states"),
    [
        ([True], ["up"]),
        ([False, False, False], ["unknown", "unknown", "down"]),
        ([True, False, False, True, False, False], ["up"] * 6),
        ([True, False, False, False], ["up", "up", "up", "down"]),
        (
            [False, False, False, True, False, True, True],
            ["unknown", "unknown", "down", "down", "down", "down", "up"],
        ),
    ],
)
def test_one_lost_answer_changes_nothing(heard: list[bool], states: list[str]) -> None:
    health = Health()
    told = []
    for well in heard:
        before = health.word
        assert health.hear(well) == (health.word != before)
        told.append(health.word)
    assert told == states


@pytest.mark.parametrize(
    ("status", "well"),
    [
        (0, False),
        (200, True),
        (404, True),
        (405, True),
        (486, True),
        (408, False),
        (503, False),
        (500, False),
    ],
)
def test_who_refuses_a_question_is_alive(status: int, well: bool) -> None:
    assert is_well(status) is well
