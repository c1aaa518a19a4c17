"""Outcomes: every combination of facts has one, and the one that the facts deserve."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.texts import TEXTS
from storage.outcomes import SLACK_MS, Answer, Ending, Facts, Level, Outcome, Result, Sound, outcome

BOTH = (False, True)
HEARD = (Answer.NONE, Answer.NO, Answer.YES)
LENGTHS = ((0, 0), (SLACK_MS, 0), (60_000, 0), (60_000, 59_000), (60_000, 30_000))


def everything() -> Iterator[Facts]:
    for (
        ending,
        asks,
        asked,
        talked,
        heard,
        stored,
        unstored,
        case,
        captured,
        failed,
        sound,
        ms,
    ) in itertools.product(Ending, BOTH, BOTH, BOTH, HEARD, Answer, BOTH, BOTH, BOTH, BOTH, Sound, LENGTHS):
        yield Facts(ending, asks, asked, talked, heard, stored, unstored, case, captured, failed, sound, *ms)


def test_every_combination_has_an_outcome_and_every_outcome_is_reached() -> None:
    reached = set()
    for facts in everything():
        judged = outcome(facts)
        reached.add(judged)
        permitted = facts.case or facts.stored in (Answer.YES, Answer.WITHDRAWN)
        sound = facts.captured or facts.sound is not Sound.NONE
        assert (judged is Outcome.RECORDING_WITHOUT_CONSENT) == (sound and not permitted), facts
        assert (judged.level is Level.ALARM) == (sound and not permitted), facts
        if judged.result is Result.RECORDED:
            assert permitted and facts.sound in (Sound.WHOLE, Sound.ERASED) and not facts.failed, facts
            assert facts.ending is Ending.NORMAL and not facts.unstored, facts
        if judged.result is Result.NOT_RECORDED:
            assert facts.ending is Ending.NORMAL and not facts.unstored, facts
            assert facts.stored is Answer.WITHDRAWN or facts.sound is Sound.NONE, facts
            # A yes that stands, and people who talked: then it is no such outcome.
            stands = facts.stored is Answer.YES and not facts.case
            assert not (stands and facts.recordable_ms > 2 * SLACK_MS), facts
        if judged.result is Result.DEVIATION and judged.level is Level.NOTE:
            assert not facts.asked and not facts.talked and not sound, facts
    assert reached == set(Outcome) - {Outcome.CALL_NOT_STORED}


YES = Facts(heard=Answer.YES, stored=Answer.YES, captured=True, sound=Sound.WHOLE, recordable_ms=60_000)
YES = replace(YES, recorded_ms=59_500)
NO = Facts(heard=Answer.NO, stored=Answer.NO)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (YES, Outcome.RECORDED),
        (NO, Outcome.DECLINED),
        (replace(YES, recorded_ms=50_000), Outcome.RECORDING_SHORT),
        (replace(YES, recordable_ms=3_600_000, recorded_ms=3_570_000), Outcome.RECORDED),
        (replace(YES, recordable_ms=3_600_000, recorded_ms=3_550_000), Outcome.RECORDING_SHORT),
        (replace(YES, captured=False, sound=Sound.NONE, recorded_ms=0), Outcome.CONSENT_WITHOUT_RECORDING),
        (
            replace(YES, captured=False, sound=Sound.NONE, recordable_ms=SLACK_MS, recorded_ms=0),
            Outcome.NOBODY_TO_RECORD,
        ),
        (replace(YES, sound=Sound.BROKEN), Outcome.CAPTURE_FAILED),
        (replace(YES, failed=True), Outcome.CAPTURE_FAILED),
        (replace(YES, sound=Sound.OPEN), Outcome.NOT_SEALED),
        (replace(YES, sound=Sound.ERASED, recorded_ms=0), Outcome.RECORDED),
        (replace(YES, stored=Answer.WITHDRAWN, sound=Sound.ERASED), Outcome.WITHDRAWN),
        (replace(YES, ending=Ending.WORKER_DIED), Outcome.WORKER_DIED),
        (replace(NO, ending=Ending.GATEWAY_DIED), Outcome.GATEWAY_DIED),
        (Facts(heard=Answer.YES), Outcome.CONSENT_NOT_STORED),
        # Asked again after a withdrawal; this yes could not be stored.
        (replace(YES, stored=Answer.WITHDRAWN, unstored=True), Outcome.CONSENT_NOT_STORED),
        (Facts(heard=Answer.NO), Outcome.DECISION_NOT_STORED),
        (replace(NO, asked=False, talked=False), Outcome.ABANDONED),
        (replace(NO, asked=False), Outcome.NOT_ASKED),
        (Facts(asks=False, asked=False), Outcome.NO_CASE),
        (Facts(asks=False, asked=False, failed=True), Outcome.CAPTURE_FAILED),
        (
            replace(YES, asks=False, heard=Answer.NONE, stored=Answer.NONE, case=True),
            Outcome.RECORDED_FOR_CASE,
        ),
        (replace(YES, stored=Answer.NO), Outcome.RECORDING_WITHOUT_CONSENT),
        (replace(YES, stored=Answer.NONE, ending=Ending.GATEWAY_DIED), Outcome.RECORDING_WITHOUT_CONSENT),
        (replace(NO, captured=True), Outcome.RECORDING_WITHOUT_CONSENT),
    ],
)
def test_what_a_call_came_to(facts: Facts, expected: Outcome) -> None:
    assert outcome(facts) is expected


def test_every_outcome_has_a_name_in_both_languages() -> None:
    assert {f"outcome.{one.value}" for one in Outcome} <= TEXTS.keys()
    assert {f"result.{one.value}" for one in Result} <= TEXTS.keys()
