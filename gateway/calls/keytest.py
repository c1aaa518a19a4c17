"""A test call: whether keys arrive from a trunk, which ones, by which method. Nothing of it is kept.

Somebody says which call it will be, by the number dialled or the number that calls, and for how long it is
waited for; the next call that fits is answered here instead of by a flow. It hears a sentence, presses
1 2 3, and what arrives is told at once. No recorder is ever ordered, no row is written, nothing is logged
but that there was a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from gateway.callflow import messages as m
from gateway.calls import line as ln
from gateway.calls.trunks import Trunk
from ivr_prompts.catalogue import Prompt

WANTED = "123"
"""The keys that the sentence asks for."""
CALL_S = 30.0  # a test call is hung up after this long
LATE_S = 0.6  # the last key may come by a second method a little later
STATS_S = 1.0
PLAY = 1

log = logging.getLogger(__name__)

Told = dict[str, Any]
"""What happened, for JSON. `event`: waiting, call (trunk, inband, codec, events, listens), key (digit,
method, at_s, duration_ms), sound (packets, lost, jitter_ms), over (reason).

`reason`: complete, hung_up, time, nobody."""


@dataclass(frozen=True)
class Expected:
    """Which call is the test: all that is given must fit. Personal data."""

    dialled: str = ""
    caller: str = ""

    def fits(self, invite: ln.InviteReceived) -> bool:
        """Whether an INVITE is the one. Numbers fit by their last digits: trunks write them differently."""
        if not self.dialled and not self.caller:
            return False
        return (not self.dialled or _same(self.dialled, invite.dialled)) and (
            not self.caller or _same(self.caller, invite.caller)
        )


class KeyTests:
    """At most one test is waited for at a time. `trunk_of` as in `Surroundings`."""

    def __init__(self, prompt: Prompt, trunk_of: Callable[[str], Trunk]) -> None:
        self.use(prompt, trunk_of)
        self._expected: Expected | None = None
        self._news: asyncio.Queue[Told] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None

    def use(self, prompt: Prompt, trunk_of: Callable[[str], Trunk]) -> None:
        """Take up other settings, for the next test."""
        self._prompt = prompt
        self._trunk_of = trunk_of

    def take(self, line: ln.Line, invite: ln.InviteReceived) -> bool:
        """Whether a new call is the test that is waited for; it then runs by itself."""
        if self._expected is None or not self._expected.fits(invite):
            return False
        self._expected = None
        log.info("a test call for keys was taken")
        trunk = self._trunk_of(invite.trunk or invite.source)
        call = _TestCall(line, trunk, self._prompt, self._news.put_nowait)
        self._running = asyncio.get_running_loop().create_task(call.run())
        return True

    async def expect(self, expected: Expected, seconds: float) -> AsyncGenerator[Told, None]:
        """Wait `seconds` for the call, then tell what happens in it until it is over.

        `RuntimeError` when another test is waited for or running. Given up (closed) earlier, no call is
        taken any more; one that is up is hung up.
        """
        if self._expected is not None or (self._running is not None and not self._running.done()):
            raise RuntimeError("another test of keys is going on")
        self._news = asyncio.Queue()
        self._running = None
        self._expected = expected
        until = time.monotonic() + seconds
        try:
            yield {"event": "waiting", "seconds": seconds}
            while True:
                try:
                    told = await asyncio.wait_for(self._news.get(), 1.0)
                except asyncio.TimeoutError:
                    if self._expected is not None and time.monotonic() >= until:
                        yield {"event": "over", "reason": "nobody"}
                        return
                    yield {"event": "waiting"}
                    continue
                yield told
                if told["event"] == "over":
                    return
        finally:
            self._expected = None
            if self._running is not None:
                self._running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._running


class _TestCall:
    """One test call from its INVITE to its end."""

    def __init__(self, line: ln.Line, trunk: Trunk, prompt: Prompt, tell: Callable[[Told], None]) -> None:
        self._line = line
        self._trunk = trunk
        self._prompt = prompt
        self._tell = tell
        self._digits = ""
        self._events: asyncio.Queue[ln.LineEvent] = asyncio.Queue()
        self._answered_at = 0.0

    async def run(self) -> None:
        reason = "hung_up"
        reading = asyncio.create_task(self._read())
        try:
            self._line.send(ln.AnswerCall())
            reason = await self._listen(time.monotonic() + CALL_S)
            if reason != "hung_up":
                await self._stats()
        finally:
            self._line.send(ln.ListenForKeys(False))
            self._line.send(ln.EndLine())
            self._tell({"event": "over", "reason": reason})
            reading.cancel()

    async def _read(self) -> None:
        async for event in self._line.events():
            self._events.put_nowait(event)

    async def _listen(self, until: float) -> str:
        """Hear keys until all have come, the caller is gone or the time is over; which of them it was."""
        while True:
            event = await self._next(until)
            match event:
                case None:
                    return "complete" if self._digits == WANTED else "time"
                case ln.LegUp(m.Leg.CALLER, codec, events):
                    self._up(codec, events)
                case m.DigitPressed(digit, method, leg=m.Leg.CALLER):
                    self._tell(
                        {
                            "event": "key",
                            "digit": digit,
                            "method": method.value,
                            "at_s": round(time.monotonic() - self._answered_at, 2),
                            "duration_ms": event.duration_ms,
                        }
                    )
                    self._digits += digit
                    if self._digits == WANTED:
                        until = min(until, time.monotonic() + LATE_S)
                case m.HungUp() | ln.LineClosed():
                    return "hung_up"
                case _:
                    pass

    def _up(self, codec: str, events: bool) -> None:
        if self._answered_at:
            return
        self._answered_at = time.monotonic()
        self._tell(
            {
                "event": "call",
                "trunk": self._trunk.name,
                "inband": self._trunk.inband,
                "codec": codec,
                "events": events,
                "listens": self._trunk.listens(events),
            }
        )
        # Whatever the trunk's setting is: the test is to tell by which method keys do come.
        self._line.send(ln.ListenForKeys(True))
        self._line.send(ln.PlayFile(PLAY, str(self._prompt.path)))

    async def _stats(self) -> None:
        self._line.send(ln.AskSound())
        until = time.monotonic() + STATS_S
        while (event := await self._next(until)) is not None:
            if isinstance(event, ln.SoundStats):
                self._tell(
                    {
                        "event": "sound",
                        "packets": event.packets,
                        "lost": event.lost,
                        "jitter_ms": event.jitter_ms,
                    }
                )
                return

    async def _next(self, until: float) -> ln.LineEvent | None:
        """The line's next event; None when there is none until then."""
        try:
            return await asyncio.wait_for(self._events.get(), max(0.0, until - time.monotonic()))
        except asyncio.TimeoutError:
            return None


def _same(wanted: str, found: str) -> bool:
    """Whether two user parts are the same number, with or without country code and plus."""
    shorter, longer = sorted((wanted.lstrip("+"), found.lstrip("+")), key=len)
    return shorter == longer or (shorter.isdigit() and len(shorter) >= 8 and longer.endswith(shorter))
