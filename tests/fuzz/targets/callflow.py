"""The promise, through any events at any times: no recording without a stored consent or a case."""

from __future__ import annotations

from dataclasses import replace

from gateway.callflow import messages as m
from gateway.callflow.flow import step
from gateway.callflow.settings import FlowSettings, IvrSettings
from gateway.callflow.state import Call, Phase
from tests.callflow.walk import FLOWS, Ghost, follow
from tests.fuzz.feed import Feed

PLAIN = FlowSettings(connect="sip:a@192.0.2.1", ivr=IvrSettings())
SEEDS = (
    bytes([0, 0, 0, 0, 0, 1, 0, 20, 0, 2, 0, 0, 3, 100, 1, 1, 4, 3, 5, 1, 2, 9, 0, 7, 0, 8, 1, 0, 6]),
    bytes([0, 1, 30, 0, 0, 0, 1, 0, 20, 10, 0, 2, 0, 5, 3, 1, 3, 5, 40]),
    bytes([3, 0, 0, 0, 2, 17, 1, 1, 0, 20, 12, 1]),
)
MOST_BYTES = 1024


def run(data: bytes) -> None:
    feed = Feed(data)
    flow = settings(feed)
    call, ghost, now = Call(), Ghost(), 0.0
    while feed.left:
        deadline = call.deadline
        if feed.maybe() and deadline is not None and deadline > now:
            now = min(deadline, now + 1e6)
        else:
            now += feed.number(0, 255) / 25
        event = heard(feed, call)
        after, actions = step(call, event, now, flow)
        ghost, broken = follow(ghost, call, event, after, actions, flow)
        # The walk's flow has no end of a call by time; here a call may end at any step.
        assert not broken, broken
        assert len(actions) <= 20
        assert len(after.keys) <= 200, "what one caller presses fills the memory"
        if call.phase is Phase.ENDED:
            assert after == call and not actions
        call = after


def settings(feed: Feed) -> FlowSettings:
    """One of the walk's flows, or the defaults, perhaps with other readings of the rules."""
    flow = feed.pick((PLAIN, *FLOWS.values()))
    choice = feed.number(0, 255)
    ivr = replace(
        flow.ivr,
        min_marker=("purposes_end", "key_instruction", "prompt_end", "purposes_end")[choice & 3],
        repeat=choice >> 2 & 1,
        late_key=("reject", "accept")[choice >> 3 & 1],
        thank_you=bool(choice >> 4 & 1),
        isolation_ms=(0, 1500)[choice >> 5 & 1] or flow.ivr.isolation_ms,
    )
    return replace(flow, ivr=ivr)


def heard(feed: Feed, call: Call) -> m.Event:
    """The next event; what answers an action answers the last one or one before it."""
    play = max(0, call.plays - feed.number(0, 1))
    note = max(0, call.notes - feed.number(0, 1))
    match feed.number(0, 21):
        case 0:
            return m.CallArrived(feed.pick(("inbound", "outbound")), feed.pick((None, "S-1", "")))
        case 1:
            total = feed.number(0, 255) * 100
            return m.PromptStarted(
                play, total, feed.pick((None, total // 2, total)), feed.pick((None, total))
            )
        case 2:
            return m.PromptFinished(play)
        case 3 | 4 | 5:
            digit = feed.pick("1111*92A#")
            heard_ms = feed.pick((None, 0, 500, 2500, 9000, 20000))
            return m.DigitPressed(digit, feed.pick(tuple(m.DtmfMethod)), heard_ms, feed.pick(tuple(m.Leg)))
        case 6:
            return m.TimePassed()
        case 7:
            return m.ConsentStored(note)
        case 8:
            return m.AgentAnswered()
        case 9:
            return m.ConsentNotStored(note)
        case 10:
            return m.AgentRinging(feed.maybe())
        case 11:
            return m.AgentFailed(feed.pick(tuple(m.FailReason)))
        case 12:
            return m.Held(feed.pick(tuple(m.Leg)))
        case 13:
            return m.Resumed(feed.pick(tuple(m.Leg)))
        case 14:
            return m.HungUp(feed.pick(tuple(m.Leg)))
        case 15:
            return m.StopRequested()
        case 16:
            return feed.pick((m.PauseRequested(), m.ResumeRequested()))
        case 17:
            return m.OfferRequested()
        case 18:
            return m.TransferredExternal()
        case 19:
            return m.CaseNamed(feed.pick(("S-1", "")))
        case 20:
            return m.CaptureFailed()
        case _:
            return m.PromptFailed(play)
