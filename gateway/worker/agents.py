"""The agents' legs of a call: those that ring, the one that the caller speaks with, those that are over.

A process of the pjsua2 wheel has four legs: the caller's and three more. One that was cancelled keeps its
leg until the peer has confirmed it; a call that finds none free waits for that, within its time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.callflow.messages import AgentAnswered, AgentFailed, FailReason, HungUp, Leg
from gateway.calls import line
from gateway.worker.legs import CallLeg

MOST_LEGS = 3  # beside the caller's


@dataclass
class _Dialled:
    """One call to a target. `leg`: None while it waits for a leg to be free."""

    order: line.Dial
    until: float
    leg: CallLeg | None = None


class Agents:
    """Numbers are those of `line.Dial`. `new_leg` makes a leg and keeps it; `tell`: where events go."""

    def __init__(self, new_leg: Callable[[], CallLeg], tell: Callable[[line.LineEvent], None]) -> None:
        self._new_leg = new_leg
        self._tell = tell
        self._legs: list[CallLeg] = []
        self._ringing: dict[int, _Dialled] = {}
        self._numbers: dict[int, int] = {}  # of legs, by identity; they are kept as long as the process
        self._up: dict[int, CallLeg] = {}  # answered, by number
        self.current: CallLeg | None = None
        """The one that the caller speaks with, or will: None before anybody was chosen."""

    # --- orders ---------------------------------------------------------------------------------

    def dial(self, order: line.Dial, now: float) -> None:
        """Call a target; `AgentAnswered` or `AgentFailed` follows."""
        if order.dial in self._ringing or order.dial in self._up:
            return
        dialled = _Dialled(order, now + order.ring_timeout_s)
        self._ringing[order.dial] = dialled
        self._try(dialled)

    def cancel(self, number: int) -> None:
        """End a call to a target, whether it rings or was answered."""
        dialled, leg = self._ringing.pop(number, None), self._up.pop(number, None)
        for each in (dialled.leg if dialled else None, leg):
            if each is not None:
                each.end()

    def choose(self, number: int) -> None:
        """Make this the agent whom the caller speaks with; one that rings will do (early media)."""
        dialled = self._ringing.get(number)
        leg = self._up.get(number) or (dialled.leg if dialled else None)
        if leg is not None:
            self.current = leg

    def leg(self, number: int) -> CallLeg | None:
        """The answered leg of that number."""
        return self._up.get(number)

    def hang_up(self, status: int = 0) -> None:
        """End every leg that rings and the one that the caller speaks with."""
        for number in list(self._ringing):
            self.cancel(number)
        if self.current is not None:
            self.current.end(status)

    def end_all(self) -> None:
        """End all of them."""
        for number in [*self._ringing, *self._up]:
            self.cancel(number)
        if self.current is not None:
            self.current.end()

    def keep_current(self) -> None:
        """End all but the one that the caller speaks with."""
        for number in [*self._ringing, *self._up]:
            if self._up.get(number) is not self.current:
                self.cancel(number)

    # --- what becomes of them ---------------------------------------------------------------------

    @property
    def ringing(self) -> bool:
        """Whether anybody is being called."""
        return bool(self._ringing)

    def rings(self, leg: CallLeg) -> int | None:
        """The number of a leg that rings; None: it does not."""
        number = self._numbers.get(id(leg), 0)
        return number if number in self._ringing else None

    def number(self, leg: CallLeg) -> int:
        """The number of a leg."""
        return self._numbers.get(id(leg), 0)

    def answered(self, leg: CallLeg) -> bool:
        """A leg is up; False, and it is ended, when it was given up before."""
        number = self.rings(leg)
        if number is None:  # answered while our CANCEL was under way
            leg.end()
            return False
        del self._ringing[number]
        if not leg.codec and not leg.held:  # no sound was agreed on: no SRTP where it is required
            leg.end()
            self._tell(AgentFailed(FailReason.UNREACHABLE, number))
            return False
        self._up[number] = leg
        if self.current is None or self.current.down:
            self.current = leg
        self._tell(line.LegUp(Leg.AGENT, leg.codec, leg.takes_events, number, leg.sip_call_id))
        self._tell(AgentAnswered(number))
        return True

    def down(self, leg: CallLeg) -> None:
        """A leg is over. pjsua frees it only after it has told us, so who waits for one waits on a little."""
        number = self.number(leg)
        if self._ringing.pop(number, None) is not None:
            self._tell(AgentFailed(leg.fail_reason(), number))
        elif self._up.pop(number, None) is not None and not leg.ended_by_us:
            self._tell(HungUp(Leg.AGENT, number))

    def pass_time(self, now: float) -> None:
        """Give up those that have rung long enough, and call those that waited for a leg."""
        for number, dialled in list(self._ringing.items()):
            if now >= dialled.until:
                rang = dialled.leg is not None and dialled.leg.rang
                self.cancel(number)
                self._tell(AgentFailed(FailReason.NO_ANSWER if rang else FailReason.UNREACHABLE, number))
            elif dialled.leg is None:
                self._try(dialled)

    def due(self) -> float | None:
        """When `pass_time` is wanted."""
        return min((dialled.until for dialled in self._ringing.values()), default=None)

    def _try(self, dialled: _Dialled) -> None:
        """Send the INVITE, if a leg is free for it."""
        taken = sum(not leg.down for leg in self._legs)
        if dialled.leg is not None or taken >= MOST_LEGS:
            return
        order = dialled.order
        leg = dialled.leg = self._new_leg()
        leg.recording = order.recording
        self._legs.append(leg)
        self._numbers[id(leg)] = order.dial
        if not leg.dial(order.uri, order.identity):
            del self._ringing[order.dial]
            self._tell(AgentFailed(FailReason.UNREACHABLE, order.dial))
