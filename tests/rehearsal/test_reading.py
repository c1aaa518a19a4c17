"""Scenario files: what they may leave open, and that every mistake is told with its line and key."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rehearsal.reading import NotAScenario, read
from gateway.rehearsal.run import rehearse
from storage.policy import events as e
from storage.policy import scenario as s

CALL = "{at: 2025-01-15T10:00:00+01:00, event: call_arrived, call: c1}"


def one(event: str) -> s.Told:
    return read(f"events:\n  - {event}\n").events[0]


def mistake(text: str) -> tuple[int, str]:
    with pytest.raises(NotAScenario) as found:
        read(text)
    assert found.value.why
    return found.value.line, found.value.key


@pytest.mark.parametrize(
    "written",
    [
        "2025-01-15T10:00:00+01:00",
        '"2025-01-15T10:00:00+01:00"',
        "2025-01-15T09:00:00Z",
        "2025-01-15 09:00:00Z",
        "2025-01-15T10:00+01:00",
        "'2025-01-15T10:00:00.000+0100'",
        "2025-01-15T10:00:00+01",
    ],
)
def test_an_instant_can_be_written_in_several_ways(written: str) -> None:
    told = one(f"{{at: {written}, event: call_ended, call: c1}}")
    assert told.at == datetime(2025, 1, 15, 9, tzinfo=timezone.utc)


def test_a_date_alone_is_noon_in_copenhagen() -> None:
    summer = one("{at: 2025-07-15, event: call_ended, call: c1}")
    assert summer.at == datetime(2025, 7, 15, 10, tzinfo=timezone.utc)


def test_fractions_of_a_second_count() -> None:
    told = one("{at: 2025-01-15T10:00:00.25Z, event: call_ended, call: c1}")
    assert told.at.microsecond == 250_000


def test_a_digit_without_quotes_and_a_number_as_name_are_text() -> None:
    told = one("{at: 2025-01-15, event: key, call: 17, digit: 1}")
    assert told.event == s.KeyEnds("17", "1")


def test_norway_is_a_country() -> None:
    asked = "{at: 2025-01-15, access: {role: PROCESSOR-x, artifact: a, country: NO}}"
    about = read(f"events: []\nask:\n  - {asked}\n").questions[0].about
    assert getattr(about, "country", None) == "NO"


def test_what_is_left_out_has_its_default() -> None:
    extended = one(
        "{at: 2025-01-15, event: investigation_extended, case: s, artifacts: [audio], until: 2026-01-01}"
    ).event
    assert extended == e.InvestigationExtended("s", ("audio",), date(2026, 1, 1))
    assert one("{at: 2025-01-15, event: investigator_recording, call: c1}").event == e.InvestigatorRecording(
        "c1"
    )
    assert one("{at: 2025-01-15, event: call_arrived, call: c1, agent: null}").event == s.CallBegins("c1")


def test_anchors_and_merges_are_understood() -> None:
    text = f"""
events:
  - &first {CALL}
  - {{<<: *first, call: c2}}
"""
    assert [told.event for told in read(text).events] == [s.CallBegins("c1"), s.CallBegins("c2")]


MISTAKES = {
    "events: [": (1, ""),
    "": (1, ""),
    "- a": (1, ""),
    "title: x\nask: []": (1, "events"),
    "events: []\nquestions: []": (2, "questions"),
    "events: {}": (1, "events"),
    "events:\n  - {at: 2025-01-15, event: call_arived, call: c1}": (2, "event"),
    "events:\n  - {event: call_ended, call: c1}": (2, "at"),
    "events:\n  - {at: 2025-01-15T10:00:00, event: call_ended, call: c1}": (2, "at"),
    "events:\n  - {at: soon, event: call_ended, call: c1}": (2, "at"),
    "events:\n  - {at: 2025-02-30, event: call_ended, call: c1}": (2, "at"),
    "events:\n  - {at: 0001-01-01, event: call_ended, call: c1}": (2, "at"),
    "events:\n  - at: 2025-01-15\n    event: call_ended": (2, "call"),
    "events:\n  - at: 2025-01-15\n    event: call_ended\n    call: [c1]": (4, "call"),
    "events:\n  - at: 2025-01-15\n    event: call_ended\n    call: c1\n    color: red": (5, "color"),
    "events:\n  - {at: 2025-01-15, event: key, call: c1, digit: 12}": (2, "digit"),
    "events:\n  - {at: 2025-01-15, event: withdrawn, calls: c1}": (2, "calls"),
    "events:\n  - {at: 2025-01-15, event: rights_answered, request: r, keep: maybe}": (2, "keep"),
    "events:\n  - {at: 2025-01-15, event: rights_request, request: r, kind: portability}": (2, "kind"),
    "events:\n  - {at: 2025-01-15, event: prompt_started, call: c, duration_s: -1, purposes_end_s: 0}": (
        2,
        "duration_s",
    ),
    "events:\n  - {at: 2025-01-15, event: prompt_started, call: c, duration_s: 5, purposes_end_s: 6}": (
        2,
        "purposes_end_s",
    ),
    "events:\n  - {at: 2025-01-15, event: limitation_confirmed}": (2, "limitation_confirmed"),
    "events:\n- {at: 2025-01-16, event: call_ended, call: c}\n- {at: 2025-01-15, event: key}": (3, "call"),
    f"events:\n- {{at: 2025-01-16, event: call_ended, call: c}}\n- {CALL}": (3, "at"),
    "events:\n  - {at: 2025-01-16, at: 2025-01-17, event: call_ended, call: c}": (2, "at"),
    "settings: {polcy: {}}\nevents: []": (1, "polcy"),
    "settings:\n  policy:\n    retention: {callcenter_day: 3}\nevents: []": (
        3,
        "settings.policy.retention.callcenter_day",
    ),
    "settings:\n  policy:\n    retention:\n      day_count: weeks\nevents: []": (
        4,
        "settings.policy.retention.day_count",
    ),
    "settings:\n  policy: {rights: {doc_ttl: 3}}\nevents: []": (2, "settings.policy.rights.doc_ttl"),
    "settings:\n  policy: {sampling: {extends_retention: true}}\nevents: []": (
        2,
        "settings.policy.sampling.extends_retention",
    ),
    "settings: {ivr: {timeout_s: long}}\nevents: []": (1, "settings.ivr.timeout_s"),
    "settings: {ivr: {late_key: maybe}}\nevents: []": (1, "settings.ivr.late_key"),
    "settings: {ivr: {timeout_s: 11}}\nevents: []": (1, "settings.ivr.timeout_s"),
    "settings: {ivr: {timeout_s: 2}}\nevents: []": (1, "settings.ivr.timeout_s"),
    "settings: {ivr: {repeat: 2}}\nevents: []": (1, "settings.ivr.repeat"),
    "events:\n  - {at: 2025-01-15, event: complaint, complaint: k1}": (2, "calls"),
    'events: []\n"a\\nb": 1': (2, r"'a\nb'"),
    'title: "\\ud800"\nevents: []': (1, "title"),
    "title: !!python/name:os.system x\nevents: []": (1, "tag:yaml.org,2002:python/name:os.system"),
    "events: []\nask:\n  - {at: 2025-01-15}": (3, "ask"),
    "events: []\nask:\n  - {artifact: c1/audio}": (3, "at"),
    "events: []\nask:\n  - {at: 2025-01-15, access: {role: QA}}": (3, "artifact"),
    "events: []\nask:\n  - {at: 2025-01-15, artifact: c1/audio, expect: {exist: true}}": (3, "exist"),
    "events: []\nask:\n  - {at: 2025-01-15, artifact: c1/audio, expects: {exists: true}}": (3, "expects"),
    "title: &t [*t]\nevents: []": (1, "title"),
    **{
        f"events: []\nask:\n  - {{at: 2025-01-15, artifact: c1/audio, expect: {{{key}: {value}}}}}": (3, key)
        for key, value in (
            ("no_grounds", "[[G-INV]]"),
            ("lawful_basis", "{6: 4}"),
            ("grounds", "G-CONSENT"),
            ("grounds", "[[G-CONSENT]]"),
            ("grounds", "[null]"),
        )
    },
    "events: []\nask:\n  - {refused: true, expect: {refused: [[key]]}}": (3, "refused"),
    "events: []\nask:\n  - {refused: true, expect: {refused: null}}": (3, "refused"),
}


@pytest.mark.parametrize("text", MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_with_its_line_and_key(text: str) -> None:
    assert mistake(text) == MISTAKES[text]


@given(st.text(max_size=200))
def test_any_text_is_a_scenario_or_a_told_mistake(text: str) -> None:
    try:
        read(text)
    except NotAScenario as error:
        assert error.line >= 1


LAUGHS = "".join(
    f", {key}: &{name} [{', '.join([alias] * 10)}]"
    for key, name, alias in (
        ("exists", "b", "*a"),
        ("until", "c", "*b"),
        ("captured", "d", "*c"),
        ("why", "e", "*d"),
        ("expires_at", "f", "*e"),
        ("ever_existed", "g", "*f"),
    )
)


def test_aliases_cannot_make_a_small_file_endless() -> None:
    text = f"events: []\nask:\n  - {{at: 2025-01-15, artifact: a, expect: {{lawful_basis: &a [x]{LAUGHS}}}}}"
    assert mistake(text)[0] == 3


@pytest.mark.parametrize("deep", ["[" * 3000, "{a: " * 3000, "&a {<<: *a}", "!!python/object:os.system {}"])
def test_hostile_yaml_is_a_told_mistake(deep: str) -> None:
    with pytest.raises(NotAScenario):
        read(deep)


def test_settings_looser_than_the_gateway_would_start_with_are_rehearsed() -> None:
    settings = "{ivr: {isolation_ms: 0}, policy: {retention: {callcenter_days: 0}}}"
    assert rehearse(read(f"settings: {settings}\nevents: [{CALL}]")).failures == ()
