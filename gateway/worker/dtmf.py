"""One press of a key, however it is signalled: RFC 4733 events, SIP INFO, or both. Pure.

1. A press counts at the END of its key (the guard before recording is measured from there).
2. An RFC 4733 event is known by its RTP timestamp: repeated and late packets of it are not presses.
3. The end of an event may be lost: the next event, or 300 ms without a packet, ends it too.
4. The same digit by the other method within 500 ms is the same press, once: two real presses that
   both arrive by both methods stay two.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.callflow.messages import DtmfMethod

SAME_PRESS_S = 0.5
LOST_END_S = 0.3
DIGITS = frozenset("0123456789*#ABCD")


@dataclass
class _Event:
    """A key that is down (RFC 4733)."""

    digit: str
    timestamp: int
    began: float
    heard: float
    paired: bool = False


@dataclass
class _Press:
    """A press that was reported."""

    digit: str
    method: DtmfMethod
    at: float
    paired: bool


@dataclass(frozen=True)
class Press:
    """A key was pressed and let go."""

    digit: str
    method: DtmfMethod


class DtmfReader:
    """The presses of one leg. Times are seconds on any monotonic clock, and never go back."""

    def __init__(self) -> None:
        self._down: _Event | None = None
        self._ended: int | None = None  # timestamp of the last event that ended
        self._presses: list[_Press] = []
        self.last_at: float | None = None
        """When anything of a key was last heard."""

    def hear_event(self, digit: str, timestamp: int, ended: bool, now: float) -> list[Press]:
        """A packet of an RFC 4733 event; returns the presses that it completes."""
        if digit not in DIGITS or timestamp == self._ended:
            return []
        self.last_at = now
        presses = []
        if self._down is not None and self._down.timestamp != timestamp:
            presses += self._let_go()
        if self._down is None:
            self._down = _Event(digit, timestamp, now, now)
        self._down.heard = now
        if ended:
            presses += self._let_go()
        return presses

    def hear_info(self, digit: str, now: float) -> list[Press]:
        """A SIP INFO with a digit; returns the press, unless it was heard by RFC 4733 too."""
        if digit not in DIGITS:
            return []
        self.last_at = now
        down = self._down
        if down is not None and down.digit == digit and not down.paired:
            down.paired = True
            return []
        if self._pair(digit, DtmfMethod.RFC4733, now):
            return []
        return self._report(_Press(digit, DtmfMethod.INFO, now, paired=False))

    def pass_time(self, now: float) -> list[Press]:
        """The press whose end was lost, once it is due."""
        due = self.due()
        return self._let_go() if due is not None and now >= due else []

    def due(self) -> float | None:
        """When `pass_time` is wanted."""
        return None if self._down is None else self._down.heard + LOST_END_S

    def _let_go(self) -> list[Press]:
        down, self._down = self._down, None
        assert down is not None
        self._ended = down.timestamp
        if not down.paired and self._pair(down.digit, DtmfMethod.INFO, down.began):
            return []
        return self._report(_Press(down.digit, DtmfMethod.RFC4733, down.heard, down.paired))

    def _pair(self, digit: str, method: DtmfMethod, at: float) -> bool:
        """Whether the other method already reported this press; it is then used up."""
        for press in self._presses:
            near = at - press.at <= SAME_PRESS_S
            if press.digit == digit and press.method is method and not press.paired and near:
                press.paired = True
                return True
        return False

    def _report(self, press: _Press) -> list[Press]:
        self._presses = [p for p in self._presses if press.at - p.at <= 2 * SAME_PRESS_S]
        self._presses.append(press)
        return [Press(press.digit, press.method)]
