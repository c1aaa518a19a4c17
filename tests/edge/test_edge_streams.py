"""The edge over TCP and TLS: framing, the way back over the same connection, and peers that cost too much."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.edge.certificates import not_after
from gateway.edge.edge import Edge, EdgeError
from gateway.edge.lexer import parse
from gateway.edge.settings import EdgeSettings, LimitSettings, TrunkSettings
from tests.edge.certificates import make_certificate
from tests.edge.peers import SDP, FakeWorkers, StreamPeer, UdpPeer, invite, plain, response, within

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_until_when_a_certificate_holds(certificate: tuple[str, str]) -> None:
    chain, key = map(Path, certificate)
    left = not_after(chain) - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=23) < left <= datetime.timedelta(days=1)
    with pytest.raises(ValueError):
        not_after(key)


class Scene:
    """An edge with one worker; callers connect as they like."""

    def __init__(self, edge: Edge, worker: UdpPeer, workers: FakeWorkers) -> None:
        self.edge = edge
        self.worker = worker
        self.workers = workers

    def port(self, kind: str) -> int:
        return self.edge.listening[kind][1]

    @property
    def inside(self) -> int:
        return self.edge.worker_side[1]


@contextlib.asynccontextmanager
async def scene(limits: LimitSettings | None = None, **settings: Any) -> AsyncIterator[Scene]:
    worker = await UdpPeer.open()
    workers = FakeWorkers(worker.port)
    values = {"udp": None, "tcp": "127.0.0.1:0", "worker_side": "127.0.0.1:0", "settle_s": 0.0, "key": KEY}
    edge = Edge(EdgeSettings(**{**values, "limits": limits or LimitSettings(), **settings}), workers)
    await edge.start()
    try:
        yield Scene(edge, worker, workers)
    finally:
        await edge.stop()
        worker.close()


async def a_whole_call(s: Scene, caller: StreamPeer, kind: str) -> None:
    """INVITE, 200, the worker's re-INVITE over the same connection, the caller's BYE."""
    contact = f"sip:caller@unreachable.invalid;transport={kind.lower()}"
    caller.send(invite(via=caller.via(kind, "inv"), contact=f"<{contact}>"))
    seen = await s.worker.next()
    s.worker.send(response(seen, 200, body=SDP), s.inside)
    answer = await caller.next()
    assert answer.startswith(b"SIP/2.0 200 ")
    again = within("INVITE", seen, caller=False, uri=contact, via=s.worker.via("re"), body=SDP)
    s.worker.send(again, s.inside)
    request = await caller.next()
    assert request.startswith(b"INVITE ")
    assert parse(request).vias[0].transport == kind.encode()
    caller.send(response(request, 200, body=SDP))
    assert (await s.worker.next()).startswith(b"SIP/2.0 200 ")
    caller.send(within("BYE", answer, caller=True, uri="sip:gw@127.0.0.1", via=caller.via(kind, "bye")))
    bye = await s.worker.next()
    assert bye.startswith(b"BYE ")
    s.worker.send(response(bye, 200), s.inside)
    assert (await caller.next()).startswith(b"SIP/2.0 200 ")


async def test_a_call_over_tcp_stays_on_its_connection() -> None:
    async with scene() as s:
        caller = await StreamPeer.open(s.port("TCP"))
        await a_whole_call(s, caller, "TCP")
        caller.close()


async def test_a_call_over_tls_stays_on_its_connection(certificate: tuple[str, str]) -> None:
    chain, key = certificate
    async with scene(tls="127.0.0.1:0", tls_certificate=chain, tls_key=key) as s:
        caller = await StreamPeer.open(s.port("TLS"), ssl.create_default_context(cafile=chain))
        await a_whole_call(s, caller, "TLS")
        caller.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_tls_version_is_refused(certificate: tuple[str, str]) -> None:
    chain, key = certificate
    async with scene(tls="127.0.0.1:0", tls_certificate=chain, tls_key=key) as s:
        context = ssl.create_default_context(cafile=chain)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await StreamPeer.open(s.port("TLS"), context)


async def test_a_message_in_pieces_and_two_in_one_piece_are_understood() -> None:
    async with scene() as s:
        caller = await StreamPeer.open(s.port("TCP"))
        data = invite(via=caller.via("TCP", "inv"))
        for at in range(0, len(data), 100):
            caller.send(data[at : at + 100])
            await caller.writer.drain()
        assert (await s.worker.next()).startswith(b"INVITE ")
        options = [plain("OPTIONS", via=caller.via("TCP", f"o{at}"), call_id=f"o{at}") for at in range(2)]
        caller.send(options[0] + b"\r\n" + options[1])
        assert parse(await caller.next()).call_id == b"o0"
        assert parse(await caller.next()).call_id == b"o1"
        caller.close()


async def test_a_ping_is_answered_by_a_pong() -> None:
    async with scene() as s:
        caller = await StreamPeer.open(s.port("TCP"))
        caller.send(b"\r\n\r\n")
        assert await asyncio.wait_for(caller.reader.readexactly(2), 10) == b"\r\n"
        caller.close()


async def test_an_agent_is_called_over_tcp_and_its_bye_comes_back_by_the_route() -> None:
    async with scene() as s:
        inbox: asyncio.Queue[StreamPeer] = asyncio.Queue()
        server = await asyncio.start_server(lambda r, w: inbox.put_nowait(StreamPeer(r, w)), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        route = f"Route: <sip:127.0.0.1:{s.inside};lr>"
        uri = f"sip:agent@localhost:{port};transport=tcp"
        s.worker.send(invite(via=s.worker.via("w"), uri=uri, extra=(route,)), s.inside)
        agent = await asyncio.wait_for(inbox.get(), 10)
        seen = await agent.next()
        agent.send(response(seen, 200, body=SDP))
        assert (await s.worker.next()).startswith(b"SIP/2.0 200 ")
        fresh = await StreamPeer.open(s.port("TCP"))  # the agent's phone opens a connection of its own
        fresh.send(within("BYE", seen, caller=False, uri="sip:gw@127.0.0.1", via=fresh.via("TCP", "bye")))
        bye = await s.worker.next()
        assert bye.startswith(b"BYE ")
        s.worker.send(response(bye, 200), s.inside)
        assert (await fresh.next()).startswith(b"SIP/2.0 200 ")
        for peer in (agent, fresh):
            peer.close()
        server.close()


async def test_an_agent_is_called_over_tls_only_if_its_certificate_is_good(
    certificate: tuple[str, str],
) -> None:
    chain, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    inbox: asyncio.Queue[StreamPeer] = asyncio.Queue()
    server = await asyncio.start_server(
        lambda r, w: inbox.put_nowait(StreamPeer(r, w)), "127.0.0.1", 0, ssl=context
    )
    port = server.sockets[0].getsockname()[1]
    tls = {"tls": "127.0.0.1:0", "tls_certificate": chain, "tls_key": key}
    for trusted in (chain, None):
        async with scene(**tls, tls_ca=trusted) as s:
            route = f"Route: <sip:127.0.0.1:{s.inside};lr>"
            uri = f"sip:agent@127.0.0.1:{port};transport=tls"
            s.worker.send(invite(via=s.worker.via("w"), uri=uri, extra=(route,)), s.inside)
            if trusted:
                agent = await asyncio.wait_for(inbox.get(), 10)
                assert (await agent.next()).startswith(b"INVITE ")
                agent.close()
            else:
                assert (await s.worker.next()).startswith(b"SIP/2.0 503 ")
    server.close()


async def test_a_worker_hears_503_when_the_agent_cannot_be_connected_to_or_found() -> None:
    async with scene() as s:
        closed = await UdpPeer.open()  # its number is free for TCP, and nobody listens there
        for at, place in enumerate((f"127.0.0.1:{closed.port}", "agent.invalid:5060")):
            route = f"Route: <sip:127.0.0.1:{s.inside};lr>"
            uri = f"sip:agent@{place};transport=tcp"
            data = invite(via=s.worker.via(f"w{at}"), uri=uri, extra=(route,), call_id=f"c{at}")
            s.worker.send(data, s.inside)
            answer = await s.worker.read()
            assert (answer.status, answer.call_id) == (503, f"c{at}".encode())
        closed.close()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"x" * 20000,
        b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 99999\r\n\r\n",
    ],
)
async def test_a_connection_that_speaks_no_sip_is_cut(data: bytes) -> None:
    async with scene() as s:
        caller = await StreamPeer.open(s.port("TCP"))
        caller.send(data)
        assert await caller.ended()
        caller.close()


async def test_a_message_that_does_not_come_to_its_end_costs_the_connection() -> None:
    async with scene(LimitSettings(message_s=0.2)) as s:
        silent = await StreamPeer.open(s.port("TCP"))
        slow = await StreamPeer.open(s.port("TCP"))
        slow.send(b"INVITE sip:a@b SIP/2.0\r\n")
        assert await slow.ended()
        assert await silent.ended()
        assert s.edge.counts["closed:timeout"] == 2
        for peer in (silent, slow):
            peer.close()


async def test_connections_over_the_limit_are_cut() -> None:
    async with scene(LimitSettings(connections_per_source=2)) as s:
        held = []
        for at in range(2):
            held.append(await StreamPeer.open(s.port("TCP")))
            held[-1].send(plain("OPTIONS", via=held[-1].via("TCP", "o"), call_id=f"o{at}"))
            await held[-1].next()
        extra = await StreamPeer.open(s.port("TCP"))
        assert await extra.ended()
        for peer in (*held, extra):
            peer.close()


async def test_strangers_share_few_connections() -> None:
    trunks = (TrunkSettings("elsewhere", ("192.0.2.0/24",)),)
    async with scene(LimitSettings(unknown_connections=1), trunks=trunks) as s:
        first = await StreamPeer.open(s.port("TCP"))
        first.send(b"\r\n\r\n")
        await asyncio.wait_for(first.reader.readexactly(2), 10)
        second = await StreamPeer.open(s.port("TCP"))
        assert await second.ended()
        for peer in (first, second):
            peer.close()


async def test_a_peer_that_does_not_read_is_cut_off() -> None:
    async with scene(LimitSettings(unsent_bytes=65536, message_burst=10**6)) as s:
        caller = await StreamPeer.open(s.port("TCP"))
        request = plain("OPTIONS", via=caller.via("TCP", "o"), extra=("X: y",))
        with contextlib.suppress(ConnectionError):
            for _ in range(60000):  # far more answers than the kernel holds for a peer that reads none
                caller.send(request)
                await caller.writer.drain()
                if s.edge.counts["closed:slow_reader"]:
                    break
        assert s.edge.counts["closed:slow_reader"] == 1
        caller.writer.transport.abort()


async def test_listeners_that_cannot_start_say_what_to_change() -> None:
    workers = FakeWorkers()
    with pytest.raises(EdgeError, match="tls_certificate"):
        await Edge(EdgeSettings(udp=None, tls="127.0.0.1:0", worker_side="127.0.0.1:0"), workers).start()
    with pytest.raises(EdgeError, match="public_host"):
        await Edge(EdgeSettings(udp="0.0.0.0:0", worker_side="127.0.0.1:0"), workers).start()
    with pytest.raises(EdgeError, match="ADDRESS:PORT"):
        await Edge(EdgeSettings(udp="5060", worker_side="127.0.0.1:0"), workers).start()
    taken = await UdpPeer.open()
    with pytest.raises(EdgeError, match=f"sip.udp on 127.0.0.1:{taken.port}"):
        await Edge(EdgeSettings(udp=f"127.0.0.1:{taken.port}", worker_side="127.0.0.1:0"), workers).start()
    taken.close()
