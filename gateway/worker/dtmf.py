"""One press of a key, however it is signalled: RFC 4733 events, SIP INFO, tones in the sound. Pure.

1. A press counts at the END of its key (the guard before recording is measured from there).
2. An RFC 4733 event is known by its RTP timestamp: repeated and late packets of it are not presses.
3. The end of an event may be lost: the next event, or 300 ms without a packet, ends it too.
4. The same digit by another method within 500 ms is the same press, once for each method: two real
   presses that both arrive by two methods stay two.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
    duration_ms: int | None = None
    also: set[DtmfMethod] = field(default_factory=set)


@dataclass
class _Press:
    """A press that was reported, and the methods it came by."""

    digit: str
    at: float
    methods: set[DtmfMethod]


@dataclass(frozen=True)
class Press:
    """A key was pressed and let go. `duration_ms`: how long it was down, as far as was told."""

    digit: str
    method: DtmfMethod
    duration_ms: int | None = None


class DtmfReader:
    """The presses of one leg. Times are seconds on any monotonic clock, and never go back."""

    def __init__(self) -> None:
        self._down: _Event | None = None
        self._ended: int | None = None  # timestamp of the last event that ended
        self._presses: list[_Press] = []
        self.last_at: float | None = None
        """When anything of a key was last heard."""

    def hear_event(
        self, digit: str, timestamp: int, ended: bool, now: float, duration_ms: int | None = None
    ) -> list[Press]:
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
        self._down.duration_ms = duration_ms
        if ended:
            presses += self._let_go()
        return presses

    def hear_info(self, digit: str, now: float, duration_ms: int | None = None) -> list[Press]:
        """A SIP INFO with a digit; returns the press, unless it was heard by another method too."""
        if digit not in DIGITS:
            return []
        return self._hear_whole(digit, DtmfMethod.INFO, now, now, duration_ms)

    def hear_tone(self, digit: str, duration_ms: int, lag_ms: int, now: float) -> list[Press]:
        """A tone that ended `lag_ms` ago; returns the press, unless it was heard by another method too."""
        began = now - (duration_ms + lag_ms) / 1000
        return self._hear_whole(digit, DtmfMethod.INBAND, began, now, duration_ms)

    def pass_time(self, now: float) -> list[Press]:
        """The press whose end was lost, once it is due."""
        due = self.due()
        return self._let_go() if due is not None and now >= due else []

    def due(self) -> float | None:
        """When `pass_time` is wanted."""
        return None if self._down is None else self._down.heard + LOST_END_S

    def _hear_whole(
        self, digit: str, method: DtmfMethod, began: float, now: float, duration_ms: int | None
    ) -> list[Press]:
        """A key that is told in one message, at its end."""
        self.last_at = now
        down = self._down
        if down is not None and down.digit == digit and method not in down.also:
            down.also.add(method)
            return []
        if self._known(digit, {method}, began):
            return []
        return self._report(Press(digit, method, duration_ms), {method}, now)

    def _let_go(self) -> list[Press]:
        down, self._down = self._down, None
        assert down is not None
        self._ended = down.timestamp
        methods = {DtmfMethod.RFC4733, *down.also}
        if self._known(down.digit, methods, down.began):
            return []
        return self._report(Press(down.digit, DtmfMethod.RFC4733, down.duration_ms), methods, down.heard)

    def _known(self, digit: str, methods: set[DtmfMethod], at: float) -> bool:
        """Whether the press was reported already by other methods; it is now known by these, too."""
        for press in self._presses:
            near = at - press.at <= SAME_PRESS_S
            if press.digit == digit and near and not methods & press.methods:
                press.methods |= methods
                return True
        return False

    def _report(self, press: Press, methods: set[DtmfMethod], at: float) -> list[Press]:
        self._presses = [p for p in self._presses if at - p.at <= 2 * SAME_PRESS_S]
        self._presses.append(_Press(press.digit, at, methods))
        return [press]
