"""What a digit is worth: the rules of the key window (R-71, policy rules section 9.1). Pure."""

from __future__ import annotations

from gateway.callflow.messages import Decision, DigitPressed, KeyPress
from gateway.callflow.settings import IvrSettings
from gateway.callflow.state import Call, Consent, Phase, Question


def judge(call: Call, event: DigitPressed, now: float, ivr: IvrSettings) -> str:
    """What the accept key is worth at `now`.

    "candidate": consent, if no other digit follows within the isolation; "early": before the
    marker; "late": after the window; "not_isolated": another digit came shortly before;
    "duplicate": nothing is being asked of the caller that this key could still answer.
    """
    if call.candidate is not None:
        return "duplicate"
    if call.question is Question.CLOSED:
        if call.phase in (Phase.ARRIVED, Phase.GREETING) and call.consent is Consent.UNDECIDED:
            return "early"
        if call.consent is not Consent.DENIED or call.phase not in (Phase.RINGING, Phase.TALKING):
            return "duplicate"
        if ivr.late_key != "accept" or ivr.granularity == "split":  # to which of the questions would it be?
            # A key among other digits belongs to the conversation (another menu, a card number).
            return "late" if isolated_before(call, now, ivr) else "duplicate"
    elif call.question is Question.PLAYING and not marker_heard(call, event.heard_ms, ivr.min_marker):
        return "early"
    return "candidate" if isolated_before(call, now, ivr) else "not_isolated"


def isolated_before(call: Call, now: float, ivr: IvrSettings) -> bool:
    """Whether no other digit came within the isolation before `now`."""
    return call.last_other_at is None or now - call.last_other_at >= ivr.isolation_ms / 1000


def marker_heard(call: Call, heard_ms: int | None, marker: str) -> bool:
    """Whether the prompt had been heard up to `marker` when `heard_ms` of it had been played."""
    playing = call.playing
    if playing is None or playing.total_ms is None or heard_ms is None:
        return False
    marker_ms = {
        "purposes_end": playing.purposes_end_ms,
        "key_instruction": playing.key_instruction_ms,
    }.get(marker)
    # An unknown marker lies at the end: nothing counts as said before the prompt says where.
    return heard_ms >= (playing.total_ms if marker_ms is None else marker_ms)


def refusal(keys: tuple[KeyPress, ...]) -> Decision:
    """Why the answer was no: the last key that was judged says it."""
    verdicts = [key.verdict for key in keys if key.verdict not in ("candidate", "accepted")]
    if not verdicts:
        return Decision.NONE
    by_verdict = {"early": Decision.EARLY_KEY, "late": Decision.LATE_KEY}
    return by_verdict.get(verdicts[-1], Decision.OTHER_KEY)
