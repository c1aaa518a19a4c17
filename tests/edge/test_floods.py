"""Floods with real sockets: a call goes through while they run, and each kind is counted by its reason.

On loopback every address of 127.0.0.0/8 is a source of its own: 127.0.0.1 is the trunk here, 127.0.0.66 a
stranger, 127.0.0.2 another machine of the trunk.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.edge.edge import Edge
from gateway.edge.settings import EdgeSettings, LimitSettings, TrunkSettings
from tests.edge.certificates import make_certificate
from tests.edge.peers import SDP, WAIT_S, FakeWorkers, StreamPeer, UdpPeer, invite, plain, response, within

STRANGER, OTHER = "127.0.0.66", "127.0.0.2"
TRUNKS = (TrunkSettings("trunk", ("127.0.0.1/32", "127.0.0.2/32")),)
FLOOD = 1500  # messages, at least


class Scene:
    """An edge, its workers, each of which answers every INVITE and BYE, and the trunk's caller."""

    edge: Edge
    workers: FakeWorkers
    caller: UdpPeer

    @property
    def port(self) -> int:
        return self.edge.listening["UDP"][1]

    async def a_call(self, name: str) -> None:
        """INVITE, 200, BYE, 200; repeated as a caller repeats over UDP (RFC 3261 §17.1.1.2)."""
        answer = await self.insist(invite(call_id=name, via=self.caller.via(name)), b"SIP/2.0 200 ")
        bye = within("BYE", answer, caller=True, uri="sip:gw@127.0.0.1", via=self.caller.via(f"{name}bye"))
        await self.insist(bye, b"SIP/2.0 200 ")

    async def insist(self, request: bytes, beginning: bytes) -> bytes:
        for _ in range(40):
            self.caller.send(request, self.port)
            with contextlib.suppress(asyncio.TimeoutError):
                while True:
                    data = await asyncio.wait_for(self.caller.inbox.get(), WAIT_S / 40)
                    if data.startswith(beginning) and b"\r\nCSeq: " + _cseq(request) in data:
                        return data
        raise AssertionError("the flood kept a call from going through")


def _cseq(request: bytes) -> bytes:
    return request.partition(b"\r\nCSeq: ")[2].partition(b"\r\n")[0]


class Worker(UdpPeer):
    """A worker that accepts whatever reaches it."""

    inside = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith((b"INVITE ", b"BYE ")):
            self.send(response(data, 200, body=SDP if data.startswith(b"INVITE ") else b""), self.inside)


@contextlib.asynccontextmanager
async def scene(
    workers: int = 4, limits: LimitSettings | None = None, **settings: Any
) -> AsyncIterator[Scene]:
    s = Scene()
    peers = [await _worker() for _ in range(workers)]
    s.workers = FakeWorkers(*(peer.port for peer in peers))
    s.caller = await UdpPeer.open()
    values = {
        "udp": "127.0.0.1:0",
        "worker_side": "127.0.0.1:0",
        "settle_s": 0.0,
        "trunks": TRUNKS,
        **settings,
    }
    s.edge = Edge(EdgeSettings(**values, limits=limits or LimitSettings()), s.workers)
    await s.edge.start()
    for peer in peers:
        peer.inside = s.edge.worker_side[1]
    try:
        yield s
    finally:
        await s.edge.stop()
        for each in (*peers, s.caller):
            each.close()


async def _worker() -> Worker:
    peer = await Worker.open()
    assert isinstance(peer, Worker)
    return peer


class Flood(threading.Thread):
    """Sends from one address on and on, some thousand messages a second, until it is told to stop."""

    def __init__(self, source: str, port: int, make: Callable[[int], bytes]) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((source, 0))
        self._socket.setblocking(False)
        self._port = port
        self._make = make
        self._over = threading.Event()
        self.sent = 0

    def run(self) -> None:
        while not self._over.wait(0.01) or self.sent < FLOOD:
            for _ in range(30):
                with contextlib.suppress(BlockingIOError):
                    self._socket.sendto(self._make(self.sent), ("127.0.0.1", self._port))
                self.sent += 1

    async def __aenter__(self) -> Flood:
        self.start()
        return self

    async def __aexit__(self, *told: object) -> None:
        self._over.set()
        while self.is_alive():
            await asyncio.sleep(0.01)

    def heard(self) -> int:
        """Messages that came back, once it is over."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(65535):
                count += 1
        self._socket.close()
        return count


def new_call(at: int) -> bytes:
    return invite(call_id=f"flood{at}", via=f"SIP/2.0/UDP 127.0.0.66:9;branch=z9hG4bKf{at}")


def toll_fraud(at: int) -> bytes:
    return new_call(at).replace(
        b"sip:70101010@gw.example.com SIP", b"sip:+0088213%08d@gw.example.com SIP" % at
    )


def register(at: int) -> bytes:
    return plain("REGISTER", call_id=f"r{at}", via=f"SIP/2.0/UDP 127.0.0.66:9;branch=z9hG4bKr{at}")


def options(at: int) -> bytes:
    return plain("OPTIONS", call_id=f"o{at}", via=f"SIP/2.0/UDP 127.0.0.66:9;branch=z9hG4bKo{at}")


def scanner(at: int) -> bytes:
    return plain("OPTIONS", call_id=f"s{at}", uri="sip:100@1.1.1.1", extra=("User-Agent: friendly-scanner",))


def refer(at: int) -> bytes:
    return plain(
        "REFER", call_id=f"x{at}", to_tag="t", extra=("Refer-To: <sip:+00882130000@gw.example.com>",)
    )


def oversized(at: int) -> bytes:
    return invite(call_id=f"big{at}", body=SDP + b"a=candidate:x\r\n" * 3000)


def noise(at: int) -> bytes:
    return bytes(at * 37 % 256 for _ in range(200))


KINDS = {
    each.__name__: each
    for each in (new_call, toll_fraud, register, options, scanner, refer, oversized, noise)
}


async def under_way(edge: Edge, reason: str) -> None:
    """The flood is more than its source may send, and is counted so."""
    for _ in range(1000):
        if edge.counts[reason]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the flood was no flood: {reason} is not counted")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_goes_through_while_a_stranger_floods(kind: str) -> None:
    async with scene(limits=LimitSettings(messages_per_s=100, message_burst=100)) as s:
        async with Flood(STRANGER, s.port, KINDS[kind]) as flood:
            await under_way(s.edge, "dropped:message_rate")
            await s.a_call("one")
            await s.a_call("two")
        assert flood.sent >= FLOOD
        assert s.edge.counts["accepted"] == 2, "a stranger took a worker"
        assert flood.heard() == 0, "a stranger is answered: the edge can be made to send where others say"
        assert set(s.edge.counts) <= {
            *("accepted", "dropped:message_rate", "dropped:unknown_source", "dropped:size"),
            *("dropped:no_end_of_headers", "dropped:keep_alive", "unsent:udp"),
        }


async def test_a_machine_of_the_trunk_that_floods_gets_its_share_and_no_more() -> None:
    async with scene(workers=6, limits=LimitSettings(invites_per_s=1, invite_burst=2)) as s:
        async with Flood(OTHER, s.port, new_call):
            await under_way(s.edge, "refused:invite_rate")
            await s.a_call("one")
        assert s.edge.counts["refused:no_worker"] == 0, "one machine took all the workers"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (register, "refused:method"),
        (refer, "refused:method"),
        (oversized, "refused:size"),
        (lambda at: plain("OPTIONS", to_tag="t"), "refused:no_dialog"),
        (
            lambda at: invite(extra=("Route: <sip:+00882130000@carrier.example.com;lr>",)),
            "refused:foreign_route",
        ),
        (lambda at: invite(body=SDP + b"a=x:y\r\n" * 300), "refused:sdp_lines"),
        (lambda at: invite(body=SDP + b"a=crypto:1 x\r\n" * 65), "refused:crypto"),
        (lambda at: invite(kind="multipart/mixed"), "refused:multipart"),
        (lambda at: invite(uri="tel:+00882130000", to_tag="t"), "refused:no_dialog"),
        (lambda at: plain("PWN"), "refused:unknown_method"),
    ],
)
async def test_what_a_trunk_may_not_is_refused_and_counted(make: Callable[[int], bytes], reason: str) -> None:
    async with scene() as s:
        s.caller.send(make(0).replace(b"127.0.0.66:9;", b"127.0.0.1;rport;"), s.port)
        answer = await s.caller.next()
        assert answer.startswith(b"SIP/2.0 ") and not answer.startswith((b"SIP/2.0 1", b"SIP/2.0 2"))
        assert s.edge.counts == {reason: 1}
        await s.a_call("after")


async def test_a_user_agent_of_a_scanner_is_no_reason_by_itself() -> None:
    async with scene() as s:
        request = plain("OPTIONS", via=s.caller.via("o"), extra=("User-Agent: friendly-scanner",))
        s.caller.send(request, s.port)
        assert (await s.caller.next()).startswith(b"SIP/2.0 200 ")


# --- connections ----------------------------------------------------------------------------------


async def opened(source: str, port: int) -> socket.socket:
    """A TCP connection from that address that says nothing."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    made.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
    return made


async def test_slow_tls_clients_cannot_pile_up_and_a_call_over_tls_goes_through(tmp_path: Path) -> None:
    chain, key = make_certificate(tmp_path)
    tls = {"tls": "127.0.0.1:0", "tls_certificate": chain, "tls_key": key}
    async with scene(limits=LimitSettings(connections_per_source=20, unknown_connections=8), **tls) as s:
        port = s.edge.listening["TLS"][1]
        slow = [await opened(STRANGER, port) for _ in range(40)]
        caller = await StreamPeer.open(port, ssl.create_default_context(cafile=chain))
        assert s.edge.counts["closed:too_many"] == 32, "handshakes under way are not counted"
        caller.send(invite(call_id="tls", via=caller.via("TLS", "inv")))
        assert (await caller.next()).startswith(b"SIP/2.0 200 ")
        caller.close()
        for each in slow:
            each.close()


async def test_a_handshake_that_fails_is_counted_and_makes_room(tmp_path: Path) -> None:
    chain, key = make_certificate(tmp_path)
    tls = {"tls": "127.0.0.1:0", "tls_certificate": chain, "tls_key": key}
    async with scene(limits=LimitSettings(unknown_connections=1), **tls) as s:
        port = s.edge.listening["TLS"][1]
        for at in range(3):
            rude = await opened(STRANGER, port)
            await asyncio.get_running_loop().sock_sendall(rude, b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while await asyncio.wait_for(asyncio.get_running_loop().sock_recv(rude, 1000), WAIT_S):
                    pass
            rude.close()
            assert s.edge.counts["closed:handshake"] == at + 1
        assert s.edge.counts["closed:too_many"] == 0


async def test_what_comes_with_the_end_of_the_handshake_is_not_lost(tmp_path: Path) -> None:
    chain, key = make_certificate(tmp_path)
    tls = {"tls": "127.0.0.1:0", "tls_certificate": chain, "tls_key": key}
    async with scene(**tls) as s:
        port = s.edge.listening["TLS"][1]
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=chain)
        client = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        wire = await opened("127.0.0.1", port)
        loop = asyncio.get_running_loop()
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                await loop.sock_sendall(wire, outgoing.read())
                incoming.write(await asyncio.wait_for(loop.sock_recv(wire, 65535), WAIT_S))
        client.write(plain("OPTIONS", via="SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKearly"))
        await loop.sock_sendall(wire, outgoing.read())  # the client's Finished and its request in one segment
        answer = b""
        while b"\r\n\r\n" not in answer:
            incoming.write(await asyncio.wait_for(loop.sock_recv(wire, 65535), WAIT_S))
            with contextlib.suppress(ssl.SSLWantReadError):
                answer += client.read(65535)
        assert answer.startswith(b"SIP/2.0 200 ")
        wire.close()
