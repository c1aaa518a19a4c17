"""Random stories through telephone and policy: none breaks the rehearsal, none records without consent."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.rehearsal.run import rehearse
from storage.policy import events as e
from storage.policy import scenario as s
from storage.policy.access import Access
from storage.policy.settings import PolicySettings, RetentionSettings, WithdrawalSettings

BEGIN = datetime(2025, 1, 15, 9, tzinfo=timezone.utc)
CALLS = ("c1", "c2")
calls = st.sampled_from(CALLS)
some_calls = st.lists(calls, max_size=2, unique=True).map(tuple)
durations = st.sampled_from([5.0, 20.0])

TELEPHONE = st.one_of(
    st.builds(
        s.CallBegins,
        calls,
        st.sampled_from(["inbound", "inbound", "outbound"]),
        st.sampled_from(["customer", "customer", "message", "investigator", "other"]),
        st.sampled_from([None, "a7"]),
    ),
    st.builds(s.PromptBegins, calls, durations, st.just(3.0)),
    st.builds(s.PromptBegins, calls, durations, st.just(3.0)),
    st.builds(s.KeyEnds, calls, st.sampled_from(["1", "1", "1", "2", "*", "9"])),
    st.builds(s.AgentAnswers, calls),
    st.builds(s.OfferedAgain, calls, durations, st.just(3.0)),
    st.builds(s.TransferredExternal, calls),
    st.builds(s.CallEnds, calls),
)
POLICY = st.one_of(
    st.builds(e.Transcribed, calls),
    st.builds(e.Derived, calls, st.just("summary")),
    st.builds(e.SpecialCategory, calls),
    st.builds(e.Withdrawn, some_calls, st.just("web"), st.sampled_from([None, "w1"])),
    st.builds(
        e.RightsRequest,
        st.sampled_from(["r1", "r2"]),
        st.sampled_from(["access", "erasure", "restriction", "objection"]),
        some_calls,
        st.sampled_from(["caller", "a7", "a8"]),
        st.booleans(),
    ),
    st.builds(e.RightsExtended, st.just("r1")),
    st.builds(e.RightsAnswered, st.sampled_from(["r1", "r2"]), st.booleans()),
    st.builds(e.ComplaintReceived, st.just("k1"), some_calls),
    st.builds(e.ComplaintDecided, st.just("k1"), st.booleans(), st.just(e.PARTS), st.just("because")),
    st.builds(e.ComplaintClosed, st.just("k1")),
    st.builds(e.LimitationConfirmed, st.just("k1")),
    st.builds(e.Forwarded, st.just("s1"), some_calls, st.just("because")),
    st.builds(e.InvestigatorRecording, calls, st.sampled_from(["s1", None])),
    st.builds(e.InvestigationDecided, st.just("s1"), st.booleans()),
    st.builds(
        e.InvestigationExtended, st.just("s1"), st.just(("audio",)), st.just(date(2027, 1, 1)), st.just("r")
    ),
    st.builds(e.Sampled, st.just("p1"), some_calls),
    st.builds(e.Restored, st.just(BEGIN)),
)
PAUSES = st.sampled_from([0.0, 0.0, 0.5, 1.5, 3.0, 5.0, 20.0, 600.0, 86400.0 * 20])
ASKED = [(0.0, s.CallBegins("c1")), (3.0, s.PromptBegins("c1", 20.0, 15.0))]
RECORDED = [*ASKED, (16.0, s.KeyEnds("c1", "1")), (5.0, s.AgentAnswers("c1"))]
OFFERED = [
    *ASKED,
    (6.0, s.AgentAnswers("c1")),
    (9.0, s.OfferedAgain("c1", 20.0, 3.0)),
    (5.0, s.KeyEnds("c1", "1")),
]
STORIES = st.builds(
    lambda opening, rest: [*opening, *rest],
    st.sampled_from([[], ASKED, OFFERED, RECORDED, RECORDED]),
    st.lists(st.tuples(PAUSES, st.one_of(TELEPHONE, TELEPHONE, POLICY)), max_size=25),
)
SETTINGS = st.sampled_from(
    [
        {},
        {"ivr": {"late_key": "accept", "repeat": 1, "withdraw_keys": "*9"}},
        {"ivr": {"isolation_ms": 0, "timeout_s": 0.0}},
        {"ivr": {"min_marker": "prompt_end", "accept_key": "2"}},
    ]
)
POLICIES = st.sampled_from(
    [
        PolicySettings(),
        PolicySettings(
            retention=RetentionSettings(anchor="ended_at", day_count="exact_24h"),
            withdrawal=WithdrawalSettings(delete_existing=False, midcall_delete_partial=False),
        ),
    ]
)


def told(story: list[tuple[float, Any]]) -> tuple[s.Told, ...]:
    events, at = [], BEGIN
    for pause, event in story:
        at += timedelta(seconds=pause)
        events.append(s.Told(at, type(event).__name__, event))
    return tuple(events)


def questions(events: tuple[s.Told, ...]) -> tuple[s.Question, ...]:
    asked = []
    for at in sorted({event.at for event in events} | {BEGIN + timedelta(days=900)}):
        for call in CALLS:
            asked += [
                s.Question("artifact", f"{call}/{part}", at) for part in ("audio", "consent", "decision")
            ]
            asked.append(s.Question("access", Access("QA", f"{call}/audio"), at))
    return tuple(asked)


@given(STORIES, SETTINGS, POLICIES)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_story_records_without_consent_or_case(
    story: list[tuple[float, Any]], ivr: dict[str, Any], policy: PolicySettings
) -> None:
    events = told(story)
    asked = questions(events)
    outcome = rehearse(s.Scenario(events, asked, settings=ivr), policy)
    cases = {event.event.call for event in events if isinstance(event.event, e.InvestigatorRecording)}
    consented: set[str] = set()
    recorded: set[str] = set()
    for question, answer in zip(asked, outcome.answers, strict=True):
        if isinstance(question.about, Access):
            continue
        call, _, part = str(question.about).partition("/")
        if part == "consent" and answer["ever_existed"]:
            consented.add(call)
        if part == "audio" and answer["captured"]:
            recorded.add(call)
            for start, end in answer["captured"]:
                assert end is None or start <= end
        if part == "audio" and answer["exists"]:
            assert answer["grounds"]
    assert recorded <= consented | cases


@given(STORIES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_of_the_questions_changes_no_answer(story: list[tuple[float, Any]]) -> None:
    events = told(story)
    asked = questions(events)
    forward = rehearse(s.Scenario(events, asked)).answers
    backward = rehearse(s.Scenario(events, asked[::-1])).answers
    assert forward == backward[::-1]


@given(STORIES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_asking_changes_nothing(story: list[tuple[float, Any]]) -> None:
    """The answers at the end are the same whether or not anything was asked on the way."""
    events = told(story)
    asked = questions(events)
    last = asked[-1].at
    at_the_end = tuple(question for question in asked if question.at == last)
    everything = rehearse(s.Scenario(events, asked)).answers
    assert everything[-len(at_the_end) :] == rehearse(s.Scenario(events, at_the_end)).answers
