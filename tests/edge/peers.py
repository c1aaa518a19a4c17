"""Small SIP peers for the tests: messages, a UDP peer, a stream peer, and workers that are UDP peers too."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from gateway.edge.framing import Framer
from gateway.edge.lexer import Message, parse

WAIT_S = 10.0  # only a bound: nothing waits this long unless a test fails

SDP = (
    b"v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\n"
    b"m=audio 49217 RTP/AVP 0 12\r\n"
)


def invite(
    call_id: str = "a1@example.com",
    via: str = "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKaaa;rport",
    body: bytes = SDP,
    extra: tuple[str, ...] = (),
    uri: str = "sip:70101010@gw.example.com",
    method: str = "INVITE",
    cseq: int = 1,
    to_tag: str = "",
    kind: str = "application/sdp",
    contact: str = "<sip:caller@192.0.2.7:5060>",
) -> bytes:
    """A request, an INVITE with an offer unless told otherwise."""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via}",
        "Max-Forwards: 70",
        "From: <sip:caller@example.com>;tag=from1",
        "To: <sip:70101010@gw.example.com>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        f"Contact: {contact}",
        *extra,
        *([f"Content-Type: {kind}"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def plain(method: str, **kwargs: Any) -> bytes:
    """A request without a body."""
    return invite(method=method, body=b"", **kwargs)


def response(request: bytes, status: int, to_tag: str = "to1", contact: str = "", body: bytes = b"") -> bytes:
    """An answer as a user agent would give it."""
    message = parse(request)
    lines = [f"SIP/2.0 {status} Whatever".encode()]
    for h in message.headers:
        if h.name in (b"via", b"from", b"call-id", b"cseq", b"record-route"):
            lines.append(h.raw.rstrip())
        elif h.name == b"to":
            lines.append(h.raw.rstrip() + (b"" if message.to_tag else b";tag=" + to_tag.encode()))
    if contact:
        lines.append(f"Contact: {contact}".encode())
    if body:
        lines.append(b"Content-Type: application/sdp")
    lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def within(method: str, seen: bytes, *, caller: bool, uri: str, via: str, cseq: int = 2, to_tag: str = "to1",
           body: bytes = b"") -> bytes:  # fmt: skip
    """A request within the dialog that `seen` (the INVITE for the callee, the 2xx for the caller) made."""
    message = parse(seen)
    routes = [route.decode() for route in message.items(b"record-route")]
    if caller:
        routes.reverse()
    data = invite(
        method=method,
        call_id=message.call_id.decode(),
        uri=uri,
        via=via,
        cseq=cseq,
        to_tag=to_tag,
        body=body,
        extra=tuple(f"Route: {route}" for route in routes),
    )
    if not caller:  # the callee's requests have From and To the other way round
        data = data.replace(b"From: <sip:caller@example.com>;tag=from1", b"X-From: swapped", 1)
        data = data.replace(b"To: <sip:70101010@gw.example.com>;tag=" + to_tag.encode(),
                            b"To: <sip:caller@example.com>;tag=from1", 1)  # fmt: skip
        data = data.replace(b"X-From: swapped",
                            b"From: <sip:70101010@gw.example.com>;tag=" + to_tag.encode(), 1)  # fmt: skip
    return data


class UdpPeer(asyncio.DatagramProtocol):
    """One UDP socket on loopback; what comes waits in order."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.host = ""
        self.port = 0

    @classmethod
    async def open(cls, host: str = "127.0.0.1") -> UdpPeer:
        peer = cls()
        peer.host = host
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: peer, local_addr=(host, 0))
        return peer

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.inbox.put_nowait(data)

    def send(self, data: bytes, port: int) -> None:
        self._transport.sendto(data, (self.host, port))

    async def next(self) -> bytes:
        """The next message, which must come."""
        return await asyncio.wait_for(self.inbox.get(), WAIT_S)

    async def read(self) -> Message:
        """The next message, parsed."""
        return parse(await self.next())

    def via(self, branch: str) -> str:
        """A Via of this peer."""
        return f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{branch};rport"

    def close(self) -> None:
        self._transport.close()


class StreamPeer:
    """One TCP or TLS connection to the edge, or from it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._framer = Framer(65535)
        self._waiting: list[bytes] = []
        self.port: int = writer.get_extra_info("sockname")[1]

    @classmethod
    async def open(cls, port: int, context: ssl.SSLContext | None = None) -> StreamPeer:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="127.0.0.1" if context else None
        )
        return cls(reader, writer)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def next(self) -> bytes:
        """The next message, which must come."""
        while not self._waiting:
            data = await asyncio.wait_for(self.reader.read(65535), WAIT_S)
            assert data, "the connection was closed"
            self._waiting += self._framer.feed(data)[0]
        return self._waiting.pop(0)

    async def ended(self) -> bool:
        """Whether the other side closes the connection without another byte."""
        try:
            return not await asyncio.wait_for(self.reader.read(65535), WAIT_S)
        except ConnectionError:
            return True

    def via(self, transport: str, branch: str) -> str:
        """A Via of this peer, with the port of its connection."""
        return f"SIP/2.0/{transport} 127.0.0.1:{self.port};branch=z9hG4bK{branch}"

    def close(self) -> None:
        self.writer.close()


class FakeWorkers:
    """Workers by port; each takes one call."""

    def __init__(self, *ports: int) -> None:
        self.ports = list(ports)
        self.free = list(ports)
        self.known: dict[str, int] = {}

    def take(self, sip_call_id: str, from_tag: str, branch: str) -> int | None:
        if not self.free:
            return None
        self.known[branch] = self.free.pop(0)
        return self.known[branch]

    def find(self, sip_call_id: str, from_tag: str, branch: str) -> int | None:
        return self.known.get(branch)

    def is_worker(self, port: int) -> bool:
        return port in self.ports
