"""What a consent record says of prompts: of those that were heard, and of the questions that a flow puts."""

from __future__ import annotations

from gateway.callflow import messages as m
from gateway.calls.evidence import Evidence
from gateway.calls.surroundings import CallClock
from ivr_prompts.catalogue import Catalogue

PROMPTS = Catalogue.load()["da"]


def evidence(granularity: str = "split") -> tuple[Evidence, CallClock]:
    clock = CallClock()
    return Evidence("c1", clock, PROMPTS, "2024-01", granularity), clock


def test_a_question_that_nobody_heard_is_not_what_the_record_is_of() -> None:
    told, clock = evidence()
    told.ordered(2, PROMPTS["consent_training"])
    told.began(2, clock.at(3.0))
    told.ordered(3, PROMPTS["consent_analysis"])  # and the caller hangs up before its first sound
    answers = (
        m.Answered("training", m.Decision.OTHER_KEY, 20.0, play=2, heard_ms=9000),
        m.Answered("analysis", m.Decision.NONE, 21.0),
    )
    record = told.record(m.NoteDecision(1, m.Decision.NONE, (), 21.0, 9000, answers=answers))
    assert (record.prompt_id, record.started_at) == ("da-consent-training", clock.at(3.0))
    assert [(each.prompt_id, each.started_at) for each in record.questions] == [
        ("da-consent-training", clock.at(3.0)),
        ("da-consent-analysis", None),
    ]
    assert record.purposes == ()


def test_a_caller_who_was_asked_nothing_would_have_had_the_flows_own_question() -> None:
    for granularity, prompt in (("split", "da-consent-training"), ("bundled", "da-consent")):
        told, clock = evidence(granularity)
        record = told.record(m.NoteDecision(1, m.Decision.NONE, (), 1.0))
        assert (record.prompt_id, record.started_at) == (prompt, clock.at(0.0))
