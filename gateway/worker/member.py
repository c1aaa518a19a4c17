"""A worker as the gateway sees it: its state, its connection, and the line of its call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from enum import Enum

from gateway.calls.line import Command, InviteReceived, LineClosed, LineEvent, encode

Invite = tuple[str, str, str]  # Call-ID, From tag, branch


class State(Enum):
    """What a worker is doing."""

    STARTING = "starting"
    FREE = "free"
    RESERVED = "reserved"
    BUSY = "busy"
    CLOSED = "closed"  # its line is closed; it answers repeated messages for a while
    ORPHAN = "orphan"  # its call belongs to a gateway that died


class WorkerLine:
    """`gateway.calls.line.Line` of one worker's call."""

    def __init__(self, worker: Member, invite: InviteReceived) -> None:
        self.invite = invite
        self._worker = worker
        self._events: asyncio.Queue[LineEvent] = asyncio.Queue()
        self._closed = False

    @property
    def port(self) -> int:
        """UDP port of the worker on 127.0.0.1."""
        return self._worker.port

    @property
    def pid(self) -> int:
        """Process id of the worker (0 while unknown)."""
        return self._worker.pid

    def send(self, command: Command) -> None:
        """Order something; never waits, never raises for a line that is gone."""
        if not self._closed:
            self._worker.send(command)

    async def events(self) -> AsyncIterator[LineEvent]:
        """Everything that happens after `invite`, in order; ends after `LineClosed`."""
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, LineClosed):
                return

    def heard(self, event: LineEvent) -> None:
        """Pass on an event of the worker; nothing follows `LineClosed`."""
        if not self._closed:
            self._closed = isinstance(event, LineClosed)
            self._events.put_nowait(event)


class Member:
    """One worker process as the pool sees it, and the connection to it."""

    def __init__(self, number: int, wake: Callable[[int], None]) -> None:
        self._wake = wake
        self.number = number
        self.pid = 0
        self.port = 0
        self.state = State.STARTING
        self.invite: Invite | None = None
        self.line: WorkerLine | None = None
        self.writer: asyncio.StreamWriter | None = None
        self.reservation: asyncio.TimerHandle | None = None

    def send(self, command: Command) -> None:
        """Write first, wake second: the worker looks at its connection when it is woken."""
        if self.writer is None or self.writer.is_closing():
            return
        self.writer.write(encode(command))
        if self.port:
            self._wake(self.port)

    def unreserve(self) -> None:
        """Forget the timer of a reservation."""
        if self.reservation is not None:
            self.reservation.cancel()
            self.reservation = None
