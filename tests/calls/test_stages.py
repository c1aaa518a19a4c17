"""Stages, durations and what was seen, read from timelines."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from gateway.calls.reconciling import seen_in
from gateway.calls.stages import STAGES, durations, stages_of
from gateway.calls.timeline import NAMES, Entry
from storage.outcomes import Answer

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)

RECORDED = """
0.0 arrived flow=customer
0.1 answered codec=PCMA/8000
0.2 greeting_started
2.0 prompt_started prompt=consent-da
8.0 marker_passed marker=purposes_end
9.0 key key=accept
10.5 decision decision=accepted offer=1
10.6 agent_dialled
10.7 consent_stored
11.0 agent_ringing
16.0 agent_answered
16.4 capture_started
20.0 capture_paused
24.0 capture_resumed
76.4 hung_up leg=caller
76.4 capture_stopped reason=hangup
76.5 closed reason=caller_hung_up
"""
SILENT = """
0.0 arrived flow=customer
0.1 answered
2.0 prompt_started
20.0 prompt_finished
25.0 decision decision=none offer=1
25.1 agent_dialled
28.1 agent_answered
60.0 hung_up leg=agent
60.0 closed reason=agent_hung_up
"""


def timeline(story: str) -> list[Entry]:
    """One entry a line: seconds, name, details."""
    told = []
    for line in story.strip().splitlines():
        seconds, name, *detail = line.split()
        assert name in NAMES
        told.append(
            Entry(name, BEGAN + timedelta(seconds=float(seconds)), dict(each.split("=") for each in detail))
        )
    return told


def without(story: str, *names: str) -> str:
    return "\n".join(line for line in story.splitlines() if not any(f" {name}" in line for name in names))


def test_the_stages_of_a_recorded_call() -> None:
    found = stages_of(timeline(RECORDED))
    assert [stage.name for stage in found] == [name for name in STAGES]
    lengths = {stage.name: round(stage.seconds, 3) for stage in found}
    assert lengths == {
        "answer": 0.1,
        "greeting": 1.8,
        "prompt": 8.5,
        "question": 8.5,
        "store_consent": 0.2,
        "ring": 5.4,
        "bridge": 60.4,
        "capture": 60.0,
        "pause": 4.0,
    }
    assert next(stage for stage in found if stage.name == "question").detail["decision"] == "accepted"


def test_a_stage_that_is_under_way_at_the_end_ends_there() -> None:
    ringing = [*timeline(RECORDED)[:10], Entry("closed", BEGAN + timedelta(seconds=14), {"reason": "x"})]
    ring = next(stage for stage in stages_of(ringing) if stage.name == "ring")
    assert ring.seconds == pytest.approx(3.4)


def test_what_a_recorded_call_adds_to_the_histograms() -> None:
    found = {name: round(seconds, 3) for name, seconds in durations(timeline(RECORDED))}
    assert found == {
        "answer": 0.1,
        "prompt_to_key": 7.0,
        "consent_to_capture": 0.4,
        "ring": 5.4,
        "call": 76.4,
    }


def test_what_did_not_happen_adds_nothing() -> None:
    assert {name for name, _ in durations(timeline(SILENT))} == {"answer", "ring", "call"}
    cancelled = "0.0 arrived\n1.0 decision decision=none\n1.0 closed reason=caller_hung_up"
    assert list(durations(timeline(cancelled))) == []


def test_what_was_seen_of_a_recorded_and_a_silent_call() -> None:
    seen = seen_in(timeline(RECORDED))
    assert (seen.asked, seen.talked, seen.heard, seen.captured) == (True, True, Answer.YES, True)
    assert not seen.unstored and not seen.failed
    assert seen.recordable_ms == 60_400, (
        "from the agent's answer to the hang-up; a pause is recorded as silence"
    )
    silent = seen_in(timeline(SILENT))
    assert (silent.heard, silent.captured, silent.recordable_ms) == (Answer.NO, False, 0)


def test_a_yes_that_is_not_stored_permits_nothing() -> None:
    story = without(RECORDED, "capture_").replace("consent_stored", "consent_not_stored")
    seen = seen_in(timeline(story))
    assert seen.unstored and seen.recordable_ms == 0


@pytest.mark.parametrize(
    ("more", "recordable_s"),
    [
        ("40.0 withdrawn channel=agent", 0.0),  # what was recorded before is gone
        ("40.0 capture_stopped reason=transferred", 24.0),
        ("40.0 capture_stopped reason=failed", 60.4),  # and the rest is missing
        ("16.2 held leg=agent\n40.0 resumed leg=agent", 60.4),  # recorded as silence once it has begun
    ],
)
def test_until_when_it_might_be_recorded(more: str, recordable_s: float) -> None:
    told = sorted(timeline(RECORDED) + timeline(more), key=lambda entry: entry.at)
    if "held" in more:  # on hold from before the recording began: it does not begin
        told = sorted(timeline(f"{without(RECORDED, 'capture_')}\n{more}"), key=lambda entry: entry.at)
        recordable_s = 0.2 + 36.4
    assert seen_in(told).recordable_ms == round(recordable_s * 1000)


def test_in_message_mode_nobody_has_to_answer() -> None:
    story = without(RECORDED, "agent_", "capture_paused", "capture_resumed")
    assert seen_in(timeline(story)).recordable_ms == 65_700
