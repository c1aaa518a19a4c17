"""Reconciliation: how a call ended, set against what it should have come to. Pure, standard library only.

Every call has exactly one outcome. Either it was recorded as expected, or it was not recorded as expected,
or it deviates; a deviation has a name and a level. The worst that can be said of a call is what is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SLACK_MS = 3000
"""So much a recording may be shorter than the talk it is of: recorders start (3 s at most) and stop."""
SLACK_SHARE = 0.01
"""And so much of its length: two media clocks are never quite the same."""


class Result(str, Enum):
    """The three ways a call can come out."""

    RECORDED = "recorded"
    NOT_RECORDED = "not_recorded"
    DEVIATION = "deviation"


class Level(str, Enum):
    """How much a deviation matters: the caller's own doing, a fault of ours, sound without permission."""

    NONE = "none"
    NOTE = "note"
    FAULT = "fault"
    ALARM = "alarm"


class Outcome(str, Enum):
    """What a call came to."""

    RECORDED = "recorded"  # a stored yes, and a whole recording
    RECORDED_FOR_CASE = "recorded_for_case"  # an investigator's announced recording
    DECLINED = "declined"  # asked, and no yes
    WITHDRAWN = "withdrawn"  # a yes that was taken back
    NOBODY_TO_RECORD = "nobody_to_record"  # a yes, and the call was over before anybody talked
    NO_CASE = "no_case"  # announced flow, and no case was named
    ABANDONED = "abandoned"  # the caller was gone before the question
    NOT_ASKED = "not_asked"  # connected, and the question was not heard
    CONSENT_NOT_STORED = "consent_not_stored"  # a yes without a record: not recorded
    DECISION_NOT_STORED = "decision_not_stored"  # a no without a record
    CONSENT_WITHOUT_RECORDING = "consent_without_recording"  # a stored yes, people talked, no recording
    CAPTURE_FAILED = "capture_failed"  # the recording broke off
    RECORDING_SHORT = "recording_short"  # shorter than what it is of
    NOT_SEALED = "not_sealed"  # the recording was never completed
    WORKER_DIED = "worker_died"
    GATEWAY_DIED = "gateway_died"
    CALL_NOT_STORED = "call_not_stored"  # nothing is known of it but that it was
    RECORDING_WITHOUT_CONSENT = "recording_without_consent"  # must never be

    @property
    def result(self) -> Result:
        """Which of the three it is."""
        if self in _RECORDED:
            return Result.RECORDED
        return Result.NOT_RECORDED if self in _NOT_RECORDED else Result.DEVIATION

    @property
    def level(self) -> Level:
        """How much it matters."""
        if self.result is not Result.DEVIATION:
            return Level.NONE
        if self is Outcome.RECORDING_WITHOUT_CONSENT:
            return Level.ALARM
        return Level.NOTE if self is Outcome.ABANDONED else Level.FAULT


_RECORDED = frozenset({Outcome.RECORDED, Outcome.RECORDED_FOR_CASE})
_NOT_RECORDED = frozenset({Outcome.DECLINED, Outcome.WITHDRAWN, Outcome.NOBODY_TO_RECORD, Outcome.NO_CASE})


class Ending(str, Enum):
    """How the call's processes ended."""

    NORMAL = "normal"
    WORKER_DIED = "worker_died"
    GATEWAY_DIED = "gateway_died"


class Answer(str, Enum):
    """The answer to the question, as it was heard or is stored. WITHDRAWN: a yes that does not stand."""

    NONE = "none"
    NO = "no"
    YES = "yes"
    WITHDRAWN = "withdrawn"


class Sound(str, Enum):
    """What there is of recordings of the call; of several, the worst."""

    NONE = "none"
    OPEN = "open"  # begun, and not completed
    BROKEN = "broken"  # broke off
    ERASED = "erased"  # was there, and went as somebody asked
    WHOLE = "whole"


@dataclass(frozen=True)
class Facts:
    """All that reconciliation asks of a call: stored, or seen by the gateway while the call was up."""

    ending: Ending = Ending.NORMAL
    asks: bool = True  # the question belongs to its flow
    asked: bool = True  # the question was heard
    talked: bool = True  # an agent answered
    heard: Answer = Answer.NONE  # NONE, NO or YES
    stored: Answer = Answer.NONE
    unstored: bool = False  # the last yes that was heard could not be stored
    case: bool = False  # recorded for a stored case
    captured: bool = False  # a recorder ran, or a recording is there
    failed: bool = False  # a recorder, or its disk, failed
    sound: Sound = Sound.NONE
    recordable_ms: int = 0  # how long it might be recorded and there was somebody to record
    recorded_ms: int = 0


def outcome(facts: Facts) -> Outcome:
    """What a call came to. Total: every combination of facts has exactly one."""
    permitted = facts.case or facts.stored in (Answer.YES, Answer.WITHDRAWN)
    if not permitted and (facts.captured or facts.sound is not Sound.NONE):
        return Outcome.RECORDING_WITHOUT_CONSENT
    if facts.ending is Ending.GATEWAY_DIED:
        return Outcome.GATEWAY_DIED
    if facts.ending is Ending.WORKER_DIED:
        return Outcome.WORKER_DIED
    if facts.unstored or (facts.heard is Answer.YES and not permitted):
        return Outcome.CONSENT_NOT_STORED
    if facts.case:
        return _of_recording(facts, Outcome.RECORDED_FOR_CASE)
    if facts.stored is Answer.WITHDRAWN:
        return Outcome.WITHDRAWN
    if facts.stored is Answer.YES:
        return _of_recording(facts, Outcome.RECORDED)
    if not facts.asks:
        return Outcome.CAPTURE_FAILED if facts.failed else Outcome.NO_CASE
    if facts.stored is Answer.NONE:
        return Outcome.DECISION_NOT_STORED
    if not facts.asked:
        return Outcome.NOT_ASKED if facts.talked else Outcome.ABANDONED
    return Outcome.DECLINED


def _of_recording(facts: Facts, whole: Outcome) -> Outcome:
    """A call that may be recorded: whether it is, and whole."""
    if facts.failed or facts.sound is Sound.BROKEN:
        return Outcome.CAPTURE_FAILED
    if facts.sound is Sound.OPEN:
        return Outcome.NOT_SEALED
    if facts.sound is Sound.ERASED:
        return whole
    missing_ms = facts.recordable_ms - (0 if facts.sound is Sound.NONE else facts.recorded_ms)
    is_short = missing_ms > SLACK_MS + SLACK_SHARE * facts.recordable_ms
    if facts.sound is Sound.NONE:
        return Outcome.CONSENT_WITHOUT_RECORDING if is_short else Outcome.NOBODY_TO_RECORD
    return Outcome.RECORDING_SHORT if is_short else whole
