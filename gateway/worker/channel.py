"""A worker's connection to the gateway: lines of JSON over a socket pair, without ever waiting.

When the gateway has died, the worker reports to the one that takes its place, at a Unix socket, with
a heartbeat: who it is and which unanswered INVITE it has, so that a CANCEL still finds its way.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from typing import Any

from gateway.worker.sip_text import InviteText

RETRY_S = 0.5
LONGEST_LINE = 65536


@dataclass(frozen=True)
class Heartbeat:
    """What a worker says of itself. `state`: ringing (INVITE unanswered), up, over."""

    pid: int
    port: int
    state: str
    sip_call_id: str
    from_tag: str
    branch: str

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps({"type": "Heartbeat", **asdict(self)}).encode() + b"\n"


def notice(kind: str, **fields: Any) -> bytes:
    """A line that concerns the pool, not the call: Ready, Invited, Rejected."""
    return json.dumps({"type": kind, **fields}).encode() + b"\n"


class Channel:
    """Lines out and in. Nothing here blocks or raises."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket: socket.socket | None = connection
        self._out = b""
        self._in = b""

    @property
    def open(self) -> bool:
        """Whether somebody is at the other end, as far as is known."""
        return self._socket is not None

    def send(self, line: bytes) -> None:
        """Queue a line and send what the socket takes; dropped when nobody is there."""
        if self._socket is not None:
            self._out += line
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        while self._socket is not None and self._out:
            try:
                self._out = self._out[self._socket.send(self._out) :]
            except BlockingIOError:
                return
            except OSError:
                self._lose()

    def receive(self) -> list[bytes]:
        """All lines that have come. After the last of a dead peer, `open` is False."""
        while self._socket is not None:
            try:
                data = self._socket.recv(LONGEST_LINE)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._lose()
                break
            self._in += data
        *lines, self._in = self._in.split(b"\n")
        return lines

    def rejoin(self, path: str) -> bool:
        """Connect to the gateway that took over; False: there is none yet."""
        fresh = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        fresh.setblocking(False)
        try:
            fresh.connect(path)
        except OSError:
            fresh.close()
            return False
        self._socket, self._out, self._in = fresh, b"", b""
        return True

    def close(self) -> None:
        """Let the other end see that this is over."""
        self._lose()

    def _lose(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._out = None, b""


class Rejoin:
    """Finds the gateway that took over and tells it, whenever that changes, how the call stands."""

    def __init__(self, channel: Channel, path: str | None, port: int) -> None:
        self.invite: InviteText | None = None
        """The call's INVITE, once there is one."""
        self._channel = channel
        self._path = path
        self._port = port
        self._next = 0.0
        self._reported = ""

    def pass_time(self, state: str, now: float) -> None:
        """Try to connect where nobody is connected; report `state` (see `Heartbeat`) when it is new."""
        if self._path and not self._channel.open and now >= self._next:
            self._next = now + RETRY_S
            self._reported = ""
            self._channel.rejoin(self._path)
        invite = self.invite
        if self._channel.open and state != self._reported and invite is not None:
            self._reported = state
            beat = Heartbeat(
                os.getpid(), self._port, state, invite.sip_call_id, invite.from_tag, invite.branch
            )
            self._channel.send(beat.encode())

    def due(self) -> float | None:
        """When `pass_time` is wanted."""
        return self._next if self._path and not self._channel.open else None
