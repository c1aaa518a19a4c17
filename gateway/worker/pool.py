"""The pool of workers, in the gateway's event loop. Knows no pjsua2.

1. `size` workers wait or have a call; one whose line is closed no longer counts and is replaced while it
   still answers repeated SIP messages.
2. `take` reserves at once and never waits. A reservation that no INVITE follows is given back.
3. A worker that dies ends its line with `LineClosed("worker_died")`; nobody else notices.
4. Workers whose gateway died report to the next one here: the edge can find their unanswered INVITE,
   and they are told to hang up when this gateway stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from gateway.callflow.messages import Leg
from gateway.calls.line import (
    EndLine,
    HangUpLeg,
    InviteReceived,
    LineClosed,
    LineError,
    decode,
)
from gateway.worker.member import Member, State, WorkerLine
from gateway.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

RESERVED_S = 8.0  # how long a reserved worker waits for its INVITE
RESPAWN_S = 0.5  # pause after a worker, or the parent, failed before it was ready
STOP_GRACE_S = 6.0  # for calls to be hung up when the gateway stops
WAKE = b"\r\n"  # a keep-alive of RFC 5626 section 3.5.1: pjsip reads and drops it
LONGEST_LINE = 65536


@dataclass(frozen=True)
class PoolCounts:
    """For metrics. Since the start: `died`, workers that ended without closing their line; `rejected`,
    INVITEs that a worker refused by itself (no codec in common)."""

    free: int
    busy: int
    died: int
    rejected: int = 0


class WorkerPool:
    """`start`, then `take` for the edge and `incoming` for the calls, then `stop`."""

    def __init__(self, settings: WorkerSettings, size: int) -> None:
        self._settings = settings
        self._size = size
        self._workers: dict[int, Member] = {}
        self._numbers = 0
        self._died = 0
        self._rejected = 0
        self._incoming: asyncio.Queue[WorkerLine] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._parent: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._server: asyncio.base_events.Server | None = None
        self._changed = asyncio.Event()
        self._waker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._waker.setblocking(False)

    # --- life ---------------------------------------------------------------------------------------

    async def start(self, ready_s: float = 30.0) -> None:
        """Fork the workers; returns when all are ready. `LineError` when not one is within `ready_s`."""
        if self._settings.rejoin_path:
            path = self._settings.rejoin_path
            listener = _listen_privately(path)
            self._server = await asyncio.start_unix_server(self._rejoined, sock=listener, limit=LONGEST_LINE)
        await self._start_parent()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._until(lambda: self.counts().free >= self._size), ready_s)
        if self.counts().free == 0:
            await self.stop(0)
            raise LineError("no call worker became ready: look at its messages on standard error")

    async def stop(self, drain_s: float = 0.0) -> None:
        """Take no more calls, wait up to `drain_s` for those there are, then end them and the workers."""
        self._stopping = True
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._until(lambda: not self._with_call()), max(drain_s, 0.001))
        for worker in self._with_call():
            if worker.state is State.RESERVED:
                self._give_back(worker)
            if worker.state is State.ORPHAN:
                worker.send(HangUpLeg(Leg.AGENT))
            worker.send(EndLine())
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._until(lambda: not self._with_call()), STOP_GRACE_S)
        if self._server is not None and self._settings.rejoin_path:
            self._server.close()
            with contextlib.suppress(OSError):  # a disk that turned read-only must not keep us from stopping
                _unlink(self._settings.rejoin_path)
        for worker in list(self._workers.values()):
            if worker.writer is not None and worker.state is not State.CLOSED:
                worker.writer.close()  # a worker without a call leaves when it sees this
        if self._control is not None:
            self._control.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._until(lambda: not self._workers), self._settings.linger_s + 3.0)
        for worker in list(self._workers.values()):
            _kill(worker.pid)
        if self._parent is not None:
            try:
                await asyncio.wait_for(self._parent.wait(), 3.0)
            except asyncio.TimeoutError:
                self._parent.kill()
                await self._parent.wait()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._waker.close()

    def counts(self) -> PoolCounts:
        """How many workers are free, have a call (or a reservation), and have died."""
        states = [worker.state for worker in self._workers.values()]
        busy = states.count(State.BUSY) + states.count(State.RESERVED)
        return PoolCounts(free=states.count(State.FREE), busy=busy, died=self._died, rejected=self._rejected)

    # --- the edge's questions -------------------------------------------------------------------------

    def take(self, sip_call_id: str, from_tag: str, branch: str) -> int | None:
        """UDP port on 127.0.0.1 of a free worker, reserved for this INVITE; None: none is free."""
        if self._stopping:
            return None
        for worker in self._workers.values():
            if worker.state is State.FREE:
                worker.state = State.RESERVED
                worker.invite = (sip_call_id, from_tag, branch)
                loop = asyncio.get_running_loop()
                worker.reservation = loop.call_later(RESERVED_S, self._give_back, worker)
                return worker.port
        return None

    def find(self, sip_call_id: str, from_tag: str, branch: str) -> int | None:
        """Port of the worker that has this unanswered INVITE; None: nobody."""
        invite = (sip_call_id, from_tag, branch)
        for worker in self._workers.values():
            if worker.invite == invite and worker.state is not State.FREE:
                return worker.port
        return None

    def is_worker(self, port: int) -> bool:
        """Whether a living worker has this UDP port on 127.0.0.1."""
        return any(worker.port == port for worker in self._workers.values()) and port != 0

    # --- the calls ------------------------------------------------------------------------------------

    async def incoming(self) -> AsyncIterator[WorkerLine]:
        """The line of each INVITE that reaches a worker."""
        while True:
            yield await self._incoming.get()

    def wake(self, port: int) -> None:
        """Let a worker look at its connection now, not when its next 500 ms are over."""
        with contextlib.suppress(OSError):
            self._waker.sendto(WAKE, ("127.0.0.1", port))

    # --- forking --------------------------------------------------------------------------------------

    async def _start_parent(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            self._parent = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.worker.main",
                "--control-fd",
                str(theirs.fileno()),
                "--settings",
                self._settings.to_json(),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C at the gateway must not end calls before it drains
            )
        self._control = ours
        self._keep(self._listen_to_parent(ours))
        self._fill()

    def _fill(self) -> None:
        """Ask for as many workers as are missing."""
        if self._stopping or self._control is None:
            return
        counted = (State.STARTING, State.FREE, State.RESERVED, State.BUSY)
        missing = self._size - sum(worker.state in counted for worker in self._workers.values())
        for _ in range(missing):
            self._numbers += 1
            worker = Member(self._numbers, self.wake)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            with theirs:
                try:
                    message = json.dumps({"worker": worker.number}).encode()
                    socket.send_fds(self._control, [message], [theirs.fileno()])
                except OSError:
                    ours.close()  # full, or the parent has died: tried again later
                    asyncio.get_running_loop().call_later(RESPAWN_S, self._fill)
                    return
            self._workers[worker.number] = worker
            self._keep(self._listen(worker, ours))

    async def _listen_to_parent(self, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                message = await loop.sock_recv(control, LONGEST_LINE)
            except (OSError, ValueError):  # ValueError: uvloop's, for a socket that was closed meanwhile
                message = b""
            if not message:
                break
            fields = json.loads(message)
            if "worker" in fields and fields["worker"] in self._workers:
                self._workers[fields["worker"]].pid = fields["pid"]
        if self._stopping:
            return
        log.error("the workers' parent has ended; another is started, and calls go on")
        self._control = None
        control.close()
        assert self._parent is not None
        await self._parent.wait()
        await asyncio.sleep(RESPAWN_S)
        if not self._stopping:
            await self._start_parent()

    # --- what workers say -----------------------------------------------------------------------------

    async def _listen(self, worker: Member, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=LONGEST_LINE)
        worker.writer = writer
        with contextlib.suppress(ConnectionError, ValueError):
            while message := await reader.readline():
                self._hear(worker, message)
        writer.close()
        self._gone(worker)

    def _hear(self, worker: Member, message: bytes) -> None:
        fields = json.loads(message)
        match fields["type"]:
            case "Ready":
                worker.port = fields["port"]
                worker.pid = fields["pid"]
                worker.state = State.FREE
            case "Invited":
                worker.invite = (*(worker.invite or ("", "", ""))[:1], fields["from_tag"], fields["branch"])
            case "Rejected":
                if worker.state is State.RESERVED:
                    self._rejected += 1
                    self._give_back(worker)
            case "Heartbeat":
                worker.pid, worker.port = fields["pid"], fields["port"]
                ringing = fields["state"] == "ringing"
                invite = (fields["sip_call_id"], fields["from_tag"], fields["branch"])
                worker.invite = invite if ringing else None
            case _:
                self._event(worker, message)
        self._note_change()

    def _event(self, worker: Member, message: bytes) -> None:
        try:
            event = decode(message)
        except LineError:
            log.error("a worker's message was not understood")
            return
        if isinstance(event, InviteReceived):
            worker.unreserve()
            worker.state = State.BUSY
            worker.invite = (event.sip_call_id, *(worker.invite or ("", "", ""))[1:])
            worker.line = WorkerLine(worker, event)
            self._incoming.put_nowait(worker.line)
        elif worker.line is not None:
            if isinstance(event, LineClosed):
                worker.state = State.CLOSED
                self._fill()
            worker.line.heard(event)

    def _give_back(self, worker: Member) -> None:
        worker.unreserve()
        if worker.state is State.RESERVED:
            worker.state = State.FREE
            worker.invite = None
            self._note_change()

    def _gone(self, worker: Member) -> None:
        """The worker's connection ended: with its process, or because this gateway let go of it."""
        worker.unreserve()
        self._workers.pop(worker.number, None)
        failed_early = worker.state is State.STARTING
        if worker.state not in (State.CLOSED, State.ORPHAN) and not self._stopping:
            self._died += 1
            log.error("a call worker has died", extra={"pid": worker.pid, "state": worker.state.value})
        if worker.line is not None:
            worker.line.heard(LineClosed("worker_died"))
        if failed_early:  # do not fork as fast as it fails
            asyncio.get_running_loop().call_later(RESPAWN_S, self._fill)
        else:
            self._fill()
        self._note_change()

    async def _rejoined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._numbers += 1
        worker = Member(self._numbers, self.wake)
        worker.writer = writer
        worker.state = State.ORPHAN
        self._workers[worker.number] = worker
        with contextlib.suppress(ConnectionError, ValueError):
            while message := await reader.readline():
                self._hear(worker, message)
        writer.close()
        self._gone(worker)

    # --- small ------------------------------------------------------------------------------------------

    def _with_call(self) -> list[Member]:
        with_call = (State.RESERVED, State.BUSY, State.ORPHAN)
        return [worker for worker in self._workers.values() if worker.state in with_call]

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note_change(self) -> None:
        self._changed.set()

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            self._changed.clear()
            await self._changed.wait()


def _unlink(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def _listen_privately(path: str) -> socket.socket:
    """A Unix socket that only this user can connect to, in place of what a dead gateway left."""
    _unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    Path(path).chmod(0o600)
    return listener


def _kill(pid: int) -> None:
    """End a worker that did not end by itself. `pid` came from the worker's own connection, still open."""
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
