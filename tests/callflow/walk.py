"""Walks the call flow over every state it can reach, with every event, and checks the promises.

States are compared with their times taken relative to `now` and with what only the record needs
(the keys, the numbers of prompts and offers) reduced to what later behaviour can depend on, so the
walk is finite. `violations` takes the step function, so that a weakened one can be walked too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gateway.callflow import messages as m
from gateway.callflow.keys import refusal
from gateway.callflow.settings import FlowSettings, IvrSettings, Target, TransferTarget
from gateway.callflow.state import Call, Capture, Consent, Phase, Playing, Question

Step = Callable[[Call, m.Event, float, FlowSettings], tuple[Call, tuple[m.Action, ...]]]

# Short round numbers keep the walk finite; what matters is which deadline comes first.
IVR = IvrSettings(timeout_s=2.0, isolation_ms=1000, ring_timeout_s=4.0, max_call_s=1e9, repeat=1)
FLOWS = {
    "agent": FlowSettings(connect="sip:a@192.0.2.1", ivr=IVR),
    "message": FlowSettings(connect=None, ivr=IVR),
    "announced": FlowSettings(connect="sip:a@192.0.2.1", announced=True, ivr=IVR),
    "late key accepted": FlowSettings(connect="sip:a@192.0.2.1", ivr=replace(IVR, late_key="accept")),
    "split": FlowSettings(
        connect="sip:a@192.0.2.1",
        ivr=replace(IVR, granularity="split", late_key="accept", repeat=0, withdraw_keys="9"),
    ),
    "withdrawal by keys": FlowSettings(connect="sip:a@192.0.2.1", ivr=replace(IVR, withdraw_keys="*9")),
}
AGENT = "sip:a@192.0.2.1"
NO_DIAL = 99  # a call to an agent that is not there any more
COMPANY, OUTSIDE, NOBODY = "sip:2@192.0.2.1", "sip:3@192.0.2.1", "sip:4@192.0.2.1"
FLOWS |= {
    "several agents": FlowSettings(
        connect=AGENT, more=(Target(AGENT),), parallel=True, fallback=Target(AGENT), ivr=IVR
    ),
    "whisper": FlowSettings(connect=AGENT, more=(Target(AGENT),), ivr=replace(IVR, whisper=True)),
    "transfer": FlowSettings(
        connect=AGENT,
        transfers=(TransferTarget(COMPANY, company=True), TransferTarget(OUTSIDE)),
        ivr=replace(IVR, repeat=0),
    ),
}
TOTAL_MS, PURPOSES_MS = 3000, 2000


def events_for(call: Call, flow: FlowSettings) -> Iterator[m.Event]:
    """Every event; the answers to prompts and calls for those that are current, and for one that is over."""
    yield m.CallArrived()
    yield m.CallArrived("outbound")
    yield m.CallArrived(case="S-1")
    current = {each.play for each in (call.playing, call.whisper) if each is not None}
    for play in sorted(current | {0}):
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
    handed = {call.handover.dial} if call.handover else set()
    dials = {*call.ringing, *handed, *({call.agent} if call.agent else ())} or {1}
    for dial in sorted(dials | {NO_DIAL}):
        yield m.AgentRinging(early_media=True, dial=dial)
        yield m.AgentAnswered(dial)
        yield m.AgentFailed(m.FailReason.BUSY, dial)
        yield m.HungUp(m.Leg.AGENT, dial)
    yield m.AgentRinging()
    yield m.HungUp(m.Leg.AGENT)
    yield m.HungUp(m.Leg.CALLER)
    for leg in m.Leg:
        yield m.Held(leg)
        yield m.Resumed(leg)
    yield m.MediaTimedOut()
    if flow.transfers:
        for target in (COMPANY, OUTSIDE, NOBODY):
            for attended in (False, True):
                yield m.TransferAsked(target, attended)
        yield m.TransferCompleted()
        yield m.TransferAbandoned()
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

    def playing(prompt: Playing | None, plays: list[int]) -> Playing | None:
        if prompt is None:
            return None
        number = plays.index(prompt.play) + 1
        return replace(prompt, play=number, give_up_at=seen(prompt.give_up_at) or 0.0, started_at=None)

    # Prompts and calls to agents are numbered anew, in the order in which they have begun.
    plays = sorted(each.play for each in (call.playing, call.whisper) if each is not None)
    of_agents = {*call.ringing, call.agent or 0, call.handover.dial if call.handover else 0} - {0}
    dials = {dial: number for number, dial in enumerate(sorted(of_agents), 1)}
    candidate = call.candidate
    late = refusal(call.keys) is m.Decision.LATE_KEY
    return replace(
        call,
        playing=playing(call.playing, plays),
        whisper=playing(call.whisper, plays),
        plays=len(plays),
        rounds=call.rounds if call.phase is Phase.RINGING else 0,
        dials=len(dials),
        ringing=tuple(dials[dial] for dial in call.ringing),
        early=dials.get(call.early or 0),
        agent=dials.get(call.agent or 0),
        handover=replace(call.handover, dial=dials[call.handover.dial]) if call.handover else None,
        notes=1,
        offer=min(call.offer, 1),
        asked=None,
        answers=tuple(map(_answer, call.answers)),
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


def _answer(answer: m.Answered) -> m.Answered:
    """What later behaviour can depend on: whether it was a yes."""
    yes = answer.decision is m.Decision.ACCEPTED
    return m.Answered(answer.purpose, m.Decision.ACCEPTED if yes else m.Decision.NONE, 0.0)


@dataclass(frozen=True)
class Ghost:
    """What truly happened so far."""

    noted: bool = False  # a yes is noted, and not yet answered
    stored: bool = False  # a stored yes is in force
    case: bool = False  # a case is in force
    recorder: bool = False
    muted: bool = False
    bridged: bool = False  # an agent hears the caller
    company: bool = True  # that agent is of the company


def key_of(call: Call, ghost: Ghost) -> tuple[Any, ...]:
    plain = replace(call, keys=())
    return (plain, bool(call.keys), ghost)


def violations(
    step: Step, flow: FlowSettings, limit: int = 400_000, enough: int = 20
) -> tuple[list[str], int]:
    """Every broken promise, and how many states were walked.

    A ghost, kept outside the flow, remembers what truly happened: whether a yes is stored, whether
    a case was named, whether the recorder runs and hears, whom the caller hears.
    """
    found: list[str] = []
    start = (Call(notes=1), Ghost())
    seen = {key_of(*start)}
    queue = deque([start])
    while queue and len(seen) < limit and len(found) < enough:
        call, ghost = queue.popleft()
        delays = [0.0]
        deadline = call.deadline
        if deadline is not None and deadline not in (float("inf"), 1e9):
            delays.append(max(0.0, deadline))
        for now in sorted(set(delays)):
            before, was = call, ghost
            if deadline is not None and deadline <= now:  # what is due comes first, and is judged by itself
                before, actions = step(call, m.TimePassed(), now, flow)
                was, broken = follow(ghost, call, m.TimePassed(), before, actions, flow)
                found.extend(f"{rule}: {call} at {now}: {actions}" for rule in broken)
            for event in events_for(before, flow):
                after, actions = step(before, event, now, flow)
                new_ghost, broken = follow(was, before, event, after, actions, flow)
                found.extend(f"{rule}: {before} heard {event}: {actions}" for rule in broken)
                state = (normal(after, now), new_ghost)
                if key_of(*state) not in seen:
                    seen.add(key_of(*state))
                    queue.append(state)
    return found, len(seen)


def follow(
    ghost: Ghost,
    before: Call,
    event: m.Event,
    after: Call,
    actions: tuple[m.Action, ...],
    flow: FlowSettings,
) -> tuple[Ghost, list[str]]:
    """What is true after the step, and which promises it broke."""
    noted, stored, case, recorder = ghost.noted, ghost.stored, ghost.case, ghost.recorder
    muted, bridged, company = ghost.muted, ghost.bridged, ghost.company
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
                if bool(action.purposes) != (flow.ivr.granularity == "split"):
                    broken.append("a yes that does not say to what")
                if after.question is not Question.CLOSED or len(action.answers) not in (0, 3):
                    broken.append("a yes before all was asked")
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
                recorder, muted = True, False
            case m.DialAgent(uri=uri):
                if uri == NOBODY:
                    broken.append("somebody is called who may not be")
            case m.Bridge(dial):
                bridged = True
                if before.handover is not None and dial == before.handover.dial:
                    company = before.handover.company
                if flow.ivr.whisper and before.phase is Phase.RINGING and before.whisper is None:
                    broken.append("an agent hears the caller before they were told")
            case m.Unbridge():
                bridged = False
            case m.Consult():
                if bridged:
                    broken.append("the target of a transfer hears the caller")
            case m.StopCapture():
                if not recorder:
                    broken.append("StopCapture without a recorder")
                recorder, stored, case = False, False, False  # one permission, one recording
            case m.PauseCapture() | m.ResumeCapture():
                if not recorder:
                    broken.append("pause or resume without a recorder")
                muted = isinstance(action, m.PauseCapture)
            case _:
                pass
        if recorder and not muted and not company:
            broken.append("recording while nobody of the company takes part")
    if recorder != (after.capture is Capture.ON):
        broken.append("the flow and the recorder disagree")
    if recorder and not muted and after.phase not in (Phase.TALKING, Phase.MESSAGE):
        broken.append("recording outside a conversation")
    if recorder and after.phase not in (Phase.TALKING, Phase.MESSAGE, Phase.HANDOVER):
        broken.append("a recorder outside a conversation")
    if recorder and after.handover is not None and after.agent is None and not after.handover.company:
        broken.append("a recorder while only others than the company can come")
    if after.phase in (Phase.TALKING, Phase.HANDOVER) and bridged != (after.phase is Phase.TALKING):
        broken.append("who talks and who is connected disagree")
    if after.phase is Phase.ENDED and before.phase is not Phase.ENDED:
        if not isinstance(actions[-1], m.CloseCall):
            broken.append("the end is not the last action")
    elif any(isinstance(action, m.CloseCall) for action in actions):
        broken.append("closed and not ended")
    if after.phase is not Phase.ENDED and after.phase is not Phase.ARRIVED and not waits(after):
        broken.append("nothing would ever move this call on")
    return Ghost(noted, stored, case, recorder, muted and recorder, bridged, company), broken


def waits(call: Call) -> bool:
    """Whether the call moves by itself, or is a conversation that only people end."""
    consulting = call.handover is not None and call.handover.answered and call.agent is not None
    talking = call.phase in (Phase.TALKING, Phase.MESSAGE, Phase.TRANSFERRED)
    return call.deadline is not None or talking or consulting
