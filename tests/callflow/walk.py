"""Walks the call flow over every state it can reach, with every event, and checks the promises.

States are compared with their times taken relative to `now` and with what only the record needs
(the keys, the numbers of prompts and offers) reduced to what later behaviour can depend on, so the
walk is finite. `violations` takes the step function, so that a weakened one can be walked too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from gateway.callflow import messages as m
from gateway.callflow.keys import refusal
from gateway.callflow.settings import FlowSettings, IvrSettings
from gateway.callflow.state import Call, Capture, Consent, Phase, Playing

Step = Callable[[Call, m.Event, float, FlowSettings], tuple[Call, tuple[m.Action, ...]]]

# Short round numbers keep the walk finite; what matters is which deadline comes first.
IVR = IvrSettings(timeout_s=2.0, isolation_ms=1000, ring_timeout_s=4.0, max_call_s=1e9, repeat=1)
FLOWS = {
    "agent": FlowSettings(connect="sip:a@192.0.2.1", ivr=IVR),
    "message": FlowSettings(connect=None, ivr=IVR),
    "announced": FlowSettings(connect="sip:a@192.0.2.1", announced=True, ivr=IVR),
    "late key accepted": FlowSettings(connect="sip:a@192.0.2.1", ivr=replace(IVR, late_key="accept")),
    "withdrawal by keys": FlowSettings(connect="sip:a@192.0.2.1", ivr=replace(IVR, withdraw_keys="*9")),
}
TOTAL_MS, PURPOSES_MS = 3000, 2000


def events_for(call: Call) -> Iterator[m.Event]:
    """Every event, the answers to prompts for the current prompt and for one that is over."""
    yield m.CallArrived()
    yield m.CallArrived("outbound")
    yield m.CallArrived(case="S-1")
    for play in (call.plays, max(0, call.plays - 1)):
        yield m.PromptStarted(play, TOTAL_MS, PURPOSES_MS)
        yield m.PromptFinished(play)
        yield m.PromptFailed(play)
    for digit in "19*":
        for heard_ms in (None, 500, 2500):
            yield m.DigitPressed(digit, heard_ms=heard_ms)
    yield m.DigitPressed("1", leg=m.Leg.AGENT)
    yield m.TimePassed()
    for note in (call.notes, max(0, call.notes - 1)):
        yield m.ConsentStored(note)
        yield m.ConsentNotStored(note)
    yield m.AgentRinging()
    yield m.AgentRinging(early_media=True)
    yield m.AgentAnswered()
    yield m.AgentFailed(m.FailReason.BUSY)
    for leg in m.Leg:
        yield m.Held(leg)
        yield m.Resumed(leg)
        yield m.HungUp(leg)
    yield m.MediaTimedOut()
    yield m.StopRequested()
    yield m.PauseRequested()
    yield m.ResumeRequested()
    yield m.OfferRequested()
    yield m.TransferredExternal()
    yield m.CaseNamed("S-1")
    yield m.CaseNamed("")
    yield m.CaptureFailed()


def normal(call: Call, now: float) -> Call:
    """The same call seen from time 0, without what only the record needs."""

    def seen(at: float | None, forget_after_s: float | None = None) -> float | None:
        if at is None or (forget_after_s is not None and now - at >= forget_after_s):
            return None
        return at if at == float("inf") else round(at - now, 3)

    def playing(prompt: Playing | None) -> Playing | None:
        if prompt is None:
            return None
        return replace(prompt, play=0, give_up_at=seen(prompt.give_up_at) or 0.0, started_at=None)

    candidate = call.candidate
    late = refusal(call.keys) is m.Decision.LATE_KEY
    return replace(
        call,
        playing=replace(playing(call.playing), play=1) if call.playing else None,  # type: ignore[type-var]
        plays=1,
        notes=1,
        offer=min(call.offer, 1),
        asked=None,
        candidate=replace(candidate, at=0.0, heard_ms=None, isolated_at=seen(candidate.isolated_at) or 0.0)
        if candidate
        else None,
        last_other_at=seen(call.last_other_at, 1.0),
        window_end=seen(call.window_end),
        ring_until=seen(call.ring_until),
        end_by=None,
        keys=call.keys[-1:] if late else (),
        withdraw_typed_at=seen(call.withdraw_typed_at, 3.001),
        withdraw_typed=call.withdraw_typed if seen(call.withdraw_typed_at, 3.001) is not None else "",
    )


def key_of(call: Call, ghost: tuple[Any, ...]) -> tuple[Any, ...]:
    plain = replace(call, keys=())
    return (plain, bool(call.keys), ghost)


def violations(
    step: Step, flow: FlowSettings, limit: int = 400_000, enough: int = 20
) -> tuple[list[str], int]:
    """Every broken promise, and how many states were walked.

    A ghost, kept outside the flow, remembers what truly happened: whether a yes is stored, whether
    a case was named, whether the recorder runs.
    """
    found: list[str] = []
    # ghost: (noted accepted and unanswered, stored yes in force, case in force, recorder on)
    start = (Call(notes=1), (False, False, False, False))
    seen = {key_of(*start)}
    queue = deque([start])
    while queue and len(seen) < limit and len(found) < enough:
        call, ghost = queue.popleft()
        delays = [0.0]
        deadline = call.deadline
        if deadline is not None and deadline not in (float("inf"), 1e9):
            delays.append(max(0.0, deadline))
        for now in sorted(set(delays)):
            for event in events_for(call):
                after, actions = step(call, event, now, flow)
                new_ghost, broken = follow(ghost, call, event, after, actions)
                found.extend(f"{rule}: {call} heard {event}: {actions}" for rule in broken)
                state = (normal(after, now), new_ghost)
                if key_of(*state) not in seen:
                    seen.add(key_of(*state))
                    queue.append(state)
    return found, len(seen)


def follow(
    ghost: tuple[bool, bool, bool, bool],
    before: Call,
    event: m.Event,
    after: Call,
    actions: tuple[m.Action, ...],
) -> tuple[tuple[bool, bool, bool, bool], list[str]]:
    """What is true after the step, and which promises it broke."""
    noted, stored, case, recorder = ghost
    broken: list[str] = []
    if isinstance(event, m.CallArrived) and before.phase is Phase.ARRIVED:
        case = event.case is not None and event.direction == "inbound" and after.consent is Consent.CASE
    if isinstance(event, m.CaseNamed) and event.case and before.phase in (Phase.TALKING, Phase.MESSAGE):
        case = case or before.consent is Consent.UNNAMED
    if isinstance(event, m.ConsentStored | m.ConsentNotStored) and event.note == before.notes:
        stored = stored or (noted and isinstance(event, m.ConsentStored))
        noted = False
    for action in actions:
        match action:
            case m.NoteDecision(decision=m.Decision.ACCEPTED):
                noted = True
            case m.NoteWithdrawal():
                stored, noted = False, False
                if recorder:
                    broken.append("a withdrawal is noted while the recorder runs")
            case m.StartCapture():
                if not (stored or case):
                    broken.append("StartCapture without stored consent or case")
                if recorder:
                    broken.append("StartCapture while recording")
                if after.phase not in (Phase.TALKING, Phase.MESSAGE):
                    broken.append("StartCapture outside a conversation")
                recorder = True
            case m.StopCapture():
                if not recorder:
                    broken.append("StopCapture without a recorder")
                recorder, stored, case = False, False, False  # one permission, one recording
            case m.PauseCapture() | m.ResumeCapture():
                if not recorder:
                    broken.append("pause or resume without a recorder")
            case _:
                pass
    if recorder != (after.capture is Capture.ON):
        broken.append("the flow and the recorder disagree")
    if recorder and after.phase not in (Phase.TALKING, Phase.MESSAGE):
        broken.append("recording outside a conversation")
    if after.phase is Phase.ENDED and before.phase is not Phase.ENDED:
        if not isinstance(actions[-1], m.CloseCall):
            broken.append("the end is not the last action")
    elif any(isinstance(action, m.CloseCall) for action in actions):
        broken.append("closed and not ended")
    if after.phase is not Phase.ENDED and after.phase is not Phase.ARRIVED and not waits(after):
        broken.append("nothing would ever move this call on")
    return (noted, stored, case, recorder), broken


def waits(call: Call) -> bool:
    """Whether the call moves by itself, or is a conversation that only people end."""
    return call.deadline is not None or call.phase in (Phase.TALKING, Phase.MESSAGE, Phase.TRANSFERRED)
