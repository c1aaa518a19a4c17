"""A small SIP and RTP telephone for tests, in which every packet is the test's to decide.

It offers and answers G.711 with RFC 4733 events over UDP, follows Record-Route, lets a test lose, delay and
reorder its RTP packets, and encrypts them where it is told to (SRTP, keys in SDP). Not for anything but
tests: it trusts what it hears.
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.sip import g711
from tests.sip.signals import Pcm
from tests.sip.srtp import Srtp

FRAME = 160  # samples, 20 ms
FRAME_S = 0.02
EVENT_TYPE = 101
DIGITS = "0123456789*#ABCD"

# For frame number n of what is sent: None to lose it, else seconds to hold it back.
Impairment = Callable[[int], "float | None"]


def perfect(_: int) -> float | None:
    """No loss, no jitter."""
    return 0.0


def bursty(seed: int, loss: float = 0.03, burst: int = 6, jitter_s: float = 0.04) -> Impairment:
    """Loss in bursts, and jitter."""
    rng = random.Random(seed)
    lost_until = -1

    def decide(frame: int) -> float | None:
        nonlocal lost_until
        if frame < lost_until:
            return None
        if rng.random() < loss:
            lost_until = frame + rng.randint(1, burst)
            return None
        return rng.uniform(0.0, jitter_s)

    return decide


@dataclass
class Message:
    """A SIP message, parsed as far as a test needs."""

    first: str
    headers: list[tuple[str, str]]
    body: str

    @classmethod
    def parse(cls, data: bytes) -> Message:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        lines = head.split("\r\n")
        headers = [(n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]
        return cls(lines[0], headers, body)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def status(self) -> int:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.first.split()[0]

    @property
    def cseq_method(self) -> str:
        return self.get("cseq").split()[-1]


class _Sip(asyncio.DatagramProtocol):
    def __init__(self, hear: Callable[[Message, tuple[str, int]], None]) -> None:
        self.hear = hear

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.strip():
            self.hear(Message.parse(data), addr)


class _Rtp(asyncio.DatagramProtocol):
    def __init__(self, hear: Callable[[bytes, tuple[str, int]], None]) -> None:
        self.hear = hear

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.hear(data, addr)


@dataclass
class Behaviour:
    """What a called phone does."""

    status: int = 200  # 486 busy, 480 unavailable, ...; 0: it never answers
    ring_s: float = 0.05
    early_media: bool = False


@dataclass
class Dialog:
    """One call of a phone, as caller or called."""

    phone: Softphone
    call_id: str
    local: str  # our From or To with tag
    remote: str
    target: str  # remote Contact URI
    peer: tuple[str, int]  # where requests are sent
    route: list[str] = field(default_factory=list)
    cseq: int = 1
    invite: Message | None = None  # the one we got, as the called
    branch: str = ""
    accepted: Message | None = None  # the 200 we got, as the caller
    statuses: list[int] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    confirmed: asyncio.Event = field(default_factory=asyncio.Event)
    ended_by: str = ""  # "us" or "them"
    replies: dict[str, asyncio.Queue[Message]] = field(default_factory=dict)
    rtp_to: tuple[str, int] | None = None
    payload_type: int = 8
    rtp: asyncio.DatagramTransport | None = None
    rtp_port: int = 0
    heard: list[tuple[float, int, int, bytes]] = field(
        default_factory=list
    )  # (when, timestamp, type, payload)
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    sequence: int = 0
    timestamp: int = 0
    frame: int = 0
    sent_bytes: int = 0
    srtp: Srtp | None = None  # ours, once it was offered or asked for
    heard_from: set[tuple[str, int]] = field(default_factory=set)
    offered: str = ""  # the transport of the last session description that came, such as RTP/SAVP
    direction: str = "sendrecv"

    # --- media ---------------------------------------------------------------------------------

    async def send(self, pcm: Pcm, impair: Impairment = perfect, until: asyncio.Event | None = None) -> None:
        """Send sound in real time; stops early when `until` is set or the call ended."""
        loop = asyncio.get_running_loop()
        start, first = loop.time(), self.frame
        for offset in range(0, len(pcm) - FRAME + 1, FRAME):
            if (until is not None and until.is_set()) or self.ended.is_set():
                return
            number = self.frame - first
            wait = start + number * FRAME_S - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self._send_frame(pcm[offset : offset + FRAME], impair(self.frame))

    def _send_frame(self, samples: Pcm, delay_s: float | None) -> None:
        packet = self._packet(self.payload_type, g711.encode(samples, self.payload_type), self.timestamp)
        self.frame += 1
        self.timestamp += FRAME
        if delay_s is None:
            return
        if delay_s <= 0:
            self._out(packet)
        else:
            asyncio.get_running_loop().call_later(delay_s, self._out, packet)

    def _packet(self, payload_type: int, payload: bytes, timestamp: int, marker: bool = False) -> bytes:
        header = struct.pack(
            ">BBHII",
            0x80,
            payload_type | (0x80 if marker else 0),
            self.sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        self.sequence += 1
        return header + payload

    def _out(self, packet: bytes) -> None:
        if self.rtp is not None and self.rtp_to is not None and not self.rtp.is_closing():
            if self.srtp is not None and self.srtp.agreed:
                packet = self.srtp.protect(packet)
            self.rtp.sendto(packet, self.rtp_to)
            self.sent_bytes += len(packet)

    async def press(self, digit: str, duration_ms: int = 100, repeats_of_end: int = 3) -> None:
        """An RFC 4733 digit; returns when its end was sent."""
        event, start = DIGITS.index(digit), self.timestamp
        steps = max(1, duration_ms // 20)
        for step in range(1, steps + 1):
            payload = struct.pack(">BBH", event, 10, step * FRAME)
            self._out(self._packet(EVENT_TYPE, payload, start, marker=step == 1))
            await asyncio.sleep(FRAME_S)
        end = struct.pack(">BBH", event, 0x80 | 10, steps * FRAME)
        for _ in range(repeats_of_end):
            self._out(self._packet(EVENT_TYPE, end, start))
        self.timestamp += steps * FRAME
        self.frame += steps

    async def press_info(self, digit: str, duration_ms: int = 100) -> int:
        """A digit by SIP INFO; the status it was answered with."""
        body = f"Signal={digit}\r\nDuration={duration_ms}\r\n"
        return (await self.request("INFO", body, "application/dtmf-relay")).status

    def heard_pcm(self) -> Pcm:
        """What was heard, by RTP time, gaps as silence."""
        frames = [(t, p) for _, t, kind, p in self.heard if kind == self.payload_type]
        if not frames:
            return np.zeros(0, np.int16)
        base = frames[0][0]
        places = [((t - base + (1 << 31)) % (1 << 32)) - (1 << 31) for t, _ in frames]
        size = max(p + len(f[1]) for p, f in zip(places, frames, strict=True))
        out = np.zeros(max(0, size), np.int16)
        for place, (_, payload) in zip(places, frames, strict=True):
            if place >= 0:
                out[place : place + len(payload)] = g711.decode(payload, self.payload_type)
        return out

    def _hear_rtp(self, data: bytes, source: tuple[str, int] = ("", 0)) -> None:
        self.heard_from.add(source)
        if self.srtp is not None and self.srtp.agreed:
            data = self.srtp.unprotect(data)
        if len(data) > 12 and data[0] >> 6 == 2:
            self.heard.append(
                (time.monotonic(), struct.unpack(">I", data[4:8])[0], data[1] & 0x7F, data[12:])
            )

    # --- signalling -----------------------------------------------------------------------------

    async def request(self, method: str, body: str = "", content_type: str = "", extra: str = "") -> Message:
        """An in-dialog request and its final response (a re-INVITE is acknowledged)."""
        self.cseq += 1
        queue = self.replies.setdefault(method, asyncio.Queue())
        branch = "z9hG4bK" + secrets.token_hex(8)
        text = self._in_dialog(method, self.cseq, branch, body, content_type, extra)
        self.phone.transmit(text, self.peer)
        while True:
            try:
                reply = await asyncio.wait_for(queue.get(), 1.0 if method != "INVITE" else 5.0)
            except asyncio.TimeoutError:
                self.phone.transmit(text, self.peer)
                reply = await asyncio.wait_for(queue.get(), 10.0)
            if reply.status >= 200:
                break
        if method == "INVITE":
            ack = self._in_dialog("ACK", self.cseq, "z9hG4bK" + secrets.token_hex(8))
            self.phone.transmit(ack, self.peer)
            if reply.status < 300:
                self._media_from(reply.body)
        return reply

    async def hold(self) -> int:
        """Put the other side on hold (a=sendonly)."""
        self.direction = "sendonly"
        return (await self.request("INVITE", self._sdp(), "application/sdp")).status

    async def unhold(self) -> int:
        """Take them back."""
        self.direction = "sendrecv"
        return (await self.request("INVITE", self._sdp(), "application/sdp")).status

    async def hang_up(self) -> int:
        """BYE, or CANCEL while it still rings."""
        if self.ended.is_set():
            return 0
        if not self.answered.is_set() and self.invite is None:
            self.phone.transmit(self._cancel(), self.peer)
            await asyncio.wait_for(self.ended.wait(), 10)
            return self.statuses[-1]
        reply = await self.request("BYE")
        self.ended_by = self.ended_by or "us"
        self._finish()
        return reply.status

    def _finish(self) -> None:
        self.ended.set()
        if self.rtp is not None:
            self.rtp.close()

    def _in_dialog(
        self, method: str, cseq: int, branch: str, body: str = "", kind: str = "", extra: str = ""
    ) -> str:
        me, them = (self.local, self.remote)
        routes = "".join(f"Route: {route}\r\n" for route in self.route)
        typed = f"Content-Type: {kind}\r\n" if body else ""
        return (
            f"{method} {self.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.phone.host}:{self.phone.port};branch={branch};rport\r\n"
            f"Max-Forwards: 70\r\n{routes}From: {me}\r\nTo: {them}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <{self.phone.uri}>\r\n{extra}{typed}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    def _cancel(self) -> str:
        return (
            f"CANCEL {self.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.phone.host}:{self.phone.port};branch={self.branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {self.local}\r\nTo: {self.remote}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n"
        )

    def _sdp(self) -> str:
        types, events = f"{self.payload_type}", ""
        if self.phone.events:
            types += f" {EVENT_TYPE}"
            events = f"a=rtpmap:{EVENT_TYPE} telephone-event/8000\r\na=fmtp:{EVENT_TYPE} 0-15\r\n"
        profile, crypto = "RTP/AVP", ""
        if self.phone.srtp and (self.invite is None or "a=crypto" in self.invite.body):
            self.srtp = self.srtp or Srtp()
            profile = self.phone.srtp if self.invite is None else self.offered
            crypto = self.srtp.line()
        host, port = self.phone.told or (self.phone.host, self.rtp_port)
        return (
            f"v=0\r\no=- {self.ssrc} {self.cseq} IN IP4 {self.phone.host}\r\ns=-\r\n"
            f"c=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} {profile} {types}\r\n{crypto}{events}"
            f"a=ptime:20\r\na={self.direction}\r\n"
        )

    def _media_from(self, sdp: str) -> None:
        address = re.search(r"^c=IN IP4 (\S+)", sdp, re.M)
        media = re.search(r"^m=audio (\d+) \S+ (\d+)", sdp, re.M)
        if address and media:
            self.rtp_to = (address[1], int(media[1]))
        transport = re.search(r"^m=audio \d+ (\S+)", sdp, re.M)
        self.offered = transport[1] if transport else ""
        if self.phone.srtp:
            self.srtp = self.srtp or Srtp()
            self.srtp.hear(sdp)

    async def away(self, seconds: float) -> None:
        """Have no socket for sound for a while, as a telephone that starts anew; the port stays the same."""
        assert self.rtp is not None
        self.rtp.close()
        await asyncio.sleep(seconds)
        await self._open_rtp(self.rtp_port)

    async def _open_rtp(self, port: int = 0) -> None:
        loop = asyncio.get_running_loop()
        self.rtp, _ = await loop.create_datagram_endpoint(
            lambda: _Rtp(self._hear_rtp), local_addr=(self.phone.host, port)
        )
        self.rtp_port = self.rtp.get_extra_info("sockname")[1]


class Softphone:
    """One phone with one SIP port; it can have many calls."""

    def __init__(
        self, user: str = "caller", host: str = "127.0.0.1", behaviour: Behaviour | None = None
    ) -> None:
        self.user, self.host, self.port = user, host, 0
        self.behaviour = behaviour or Behaviour()
        self.srtp = ""  # the transport that is offered with keys, RTP/SAVP or RTP/AVP; "": none, and no keys
        self.told: tuple[str, int] | None = None  # where SDP says that we want sound, if that is not so
        self.allow = ""  # methods that we say we take
        self.events = True  # whether RFC 4733 telephone-event is offered
        self.dialogs: dict[str, Dialog] = {}
        self.incoming: asyncio.Queue[Dialog] = asyncio.Queue()
        self.requests: list[Message] = []  # everything that was asked of us
        self._sip: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@{self.host}:{self.port}"

    async def __aenter__(self) -> Softphone:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(
            lambda: _Sip(self._hear), local_addr=(self.host, self.port)
        )
        self.port = self._sip.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for dialog in self.dialogs.values():
            dialog._finish()
        assert self._sip is not None
        self._sip.close()

    def transmit(self, text: str, to: tuple[str, int]) -> None:
        assert self._sip is not None
        if not self._sip.is_closing():
            self._sip.sendto(text.encode(), to)

    async def call(self, uri: str, payload_type: int = 8, headers: str = "") -> Dialog:
        """Send an INVITE; wait on `answered` or `ended` of what is returned."""
        match = re.fullmatch(r"sip:(?:[^@]*@)?([^:;]+):(\d+).*", uri)
        assert match, uri
        call_id = secrets.token_hex(12)
        dialog = Dialog(
            self,
            call_id,
            local=f'"Test" <{self.uri}>;tag={secrets.token_hex(6)}',
            remote=f"<{uri}>",
            target=uri,
            peer=(match[1], int(match[2])),
            branch="z9hG4bK" + secrets.token_hex(8),
            payload_type=payload_type,
        )
        self.dialogs[call_id] = dialog
        await dialog._open_rtp()
        text = dialog._in_dialog("INVITE", 1, dialog.branch, dialog._sdp(), "application/sdp", headers)
        self._start(self._keep_inviting(dialog, text))
        return dialog

    async def _keep_inviting(self, dialog: Dialog, text: str) -> None:
        for wait in (0.5, 1.0, 2.0, 4.0):
            self.transmit(text, dialog.peer)
            await asyncio.sleep(wait)
            if dialog.statuses:
                return

    def _start(self, work: object) -> None:
        task = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what is heard ------------------------------------------------------------------------------

    def _hear(self, message: Message, source: tuple[str, int]) -> None:
        dialog = self.dialogs.get(message.get("call-id"))
        if message.status:
            if dialog is not None:
                self._hear_response(dialog, message)
        elif message.method == "INVITE" and dialog is None:
            self.requests.append(message)
            self._start(self._be_called(message, source))
        elif message.method == "ACK":
            if dialog is not None:
                dialog.confirmed.set()
        else:
            self.requests.append(message)
            self._hear_request(dialog, message, source)

    def _hear_response(self, dialog: Dialog, message: Message) -> None:
        initial = (
            message.cseq_method == "INVITE" and message.get("cseq").startswith("1 ") and not dialog.invite
        )
        if not initial:
            if message.cseq_method != "CANCEL":
                dialog.replies.setdefault(message.cseq_method, asyncio.Queue()).put_nowait(message)
            return
        dialog.statuses.append(message.status)
        if "tag=" in message.get("to"):
            dialog.remote = message.get("to")
        if message.body:
            dialog._media_from(message.body)
        if message.status >= 300:
            ack = (
                f"ACK {dialog.target} SIP/2.0\r\nVia: SIP/2.0/UDP {self.host}:{self.port};"
                f"branch={dialog.branch};rport\r\nMax-Forwards: 70\r\nFrom: {dialog.local}\r\n"
                f"To: {message.get('to')}\r\nCall-ID: {dialog.call_id}\r\nCSeq: 1 ACK\r\n"
                "Content-Length: 0\r\n\r\n"
            )
            self.transmit(ack, dialog.peer)
            dialog._finish()
        elif message.status >= 200:
            contact = re.search(r"<([^>]+)>", message.get("contact"))
            if contact:
                dialog.target = contact[1]
            dialog.route = list(reversed(_listed(message.all("record-route"))))
            ack = dialog._in_dialog("ACK", 1, "z9hG4bK" + secrets.token_hex(8))
            self.transmit(ack, dialog.peer)
            dialog.accepted = message
            dialog.answered.set()

    async def _be_called(self, invite: Message, source: tuple[str, int]) -> None:
        contact = re.search(r"<([^>]+)>", invite.get("contact"))
        dialog = Dialog(
            self,
            invite.get("call-id"),
            local=invite.get("to") + f";tag={secrets.token_hex(6)}",
            remote=invite.get("from"),
            target=contact[1] if contact else "",
            peer=source,
            route=_listed(invite.all("record-route")),
            invite=invite,
            cseq=100,
        )
        self.dialogs[dialog.call_id] = dialog
        offered = re.search(r"^m=audio \d+ \S+ (.*)$", invite.body, re.M)
        if offered:
            dialog.payload_type = next((int(t) for t in offered[1].split() if t in ("0", "8")), 8)
        dialog._media_from(invite.body)
        await dialog._open_rtp()
        self.incoming.put_nowait(dialog)
        behaviour = self.behaviour
        if behaviour.early_media:
            self._respond(invite, source, 183, dialog, dialog._sdp())
        else:
            self._respond(invite, source, 180, dialog)
        await asyncio.sleep(behaviour.ring_s)
        if dialog.ended.is_set() or behaviour.status == 0:
            return
        body = dialog._sdp() if behaviour.status == 200 else ""
        for wait in (0.5, 1.0, 2.0):
            self._respond(invite, source, behaviour.status, dialog, body)
            if behaviour.status == 200:
                dialog.answered.set()
            await asyncio.sleep(wait)
            if dialog.confirmed.is_set():
                break
        if behaviour.status >= 300:
            dialog._finish()

    def _hear_request(self, dialog: Dialog | None, message: Message, source: tuple[str, int]) -> None:
        if dialog is None:
            if message.method == "OPTIONS":
                self._respond(message, source, 200, None)
            else:
                self._respond(message, source, 481, None)
            return
        if message.method == "BYE":
            self._respond(message, source, 200, dialog)
            dialog.ended_by = dialog.ended_by or "them"
            dialog._finish()
        elif message.method == "CANCEL" and dialog.invite is not None:
            self._respond(message, source, 200, dialog)
            if not dialog.answered.is_set():
                self._respond(dialog.invite, source, 487, dialog)
                dialog.ended_by = "them"
                dialog._finish()
        elif message.method in ("INVITE", "UPDATE"):
            dialog._media_from(message.body)
            self._respond(message, source, 200, dialog, dialog._sdp() if message.body else "")
        else:
            self._respond(message, source, 200, dialog)

    def _respond(
        self, request: Message, to: tuple[str, int], status: int, dialog: Dialog | None, body: str = ""
    ) -> None:
        vias = "".join(f"Via: {via}\r\n" for via in request.all("via"))
        recorded = "".join(f"Record-Route: {route}\r\n" for route in request.all("record-route"))
        mine = request.get("to")
        if dialog is not None and "tag=" not in mine:
            mine = dialog.local
        typed = "Content-Type: application/sdp\r\n" if body else ""
        typed += f"Allow: {self.allow}\r\n" if self.allow else ""
        self.transmit(
            f"SIP/2.0 {status} Test\r\n{vias}{recorded}From: {request.get('from')}\r\nTo: {mine}\r\n"
            f"Call-ID: {request.get('call-id')}\r\nCSeq: {request.get('cseq')}\r\n"
            f"Contact: <{self.uri}>\r\n{typed}Content-Length: {len(body.encode())}\r\n\r\n{body}",
            to,
        )


def _listed(values: list[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",")]
