"""Registrations and OPTIONS over real sockets: what goes out, what comes back, what a reload leaves alone."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

from gateway.edge.digest import parameters
from gateway.edge.edge import Edge
from gateway.edge.lexer import Message, parse
from gateway.edge.settings import EdgeSettings, RegisterSettings, TrunkSettings
from tests.edge.peers import WAIT_S, FakeWorkers, UdpPeer, invite

KEY = bytes(range(32))
LOOPBACK = TrunkSettings("loopback", ("127.0.0.1/32",))
ACCOUNT = RegisterSettings("4570101010", "secret", domain="provider.example")


class Registrar(UdpPeer):
    """A server that hears REGISTER and OPTIONS, and answers as it is told to."""

    source = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.source = addr[1]
        super().datagram_received(data, addr)

    async def asked(self, method: str) -> Message:
        """The next request of a method; others, and the repetition of an earlier one, are passed over."""
        while True:
            message = await self.read()
            if message.method == method.encode():
                return message

    def answer(self, request: Message, status: int, *extra: str) -> None:
        kept = (b"via", b"from", b"to", b"call-id", b"cseq")
        lines = [f"SIP/2.0 {status} Whatever".encode()]
        lines += [h.raw.rstrip() for h in request.headers if h.name in kept]
        lines += [line.encode() for line in (*extra, "Content-Length: 0")]
        self.send(b"\r\n".join(lines) + b"\r\n\r\n", self.source)

    async def registers(self, expires: int = 600) -> Message:
        """Grant the next REGISTER."""
        request = await self.asked("REGISTER")
        self.answer(request, 200, f"Contact: {request.first(b'contact').decode()};expires={expires}")
        return request

    @property
    def uri(self) -> str:
        return f"sip:{self.host}:{self.port}"


@contextlib.asynccontextmanager
async def running(*trunks: TrunkSettings, **more: Any) -> AsyncIterator[tuple[Edge, UdpPeer]]:
    """An edge that looks after these trunks, and its only worker."""
    worker = await UdpPeer.open()
    values: dict[str, Any] = {"udp": "127.0.0.1:0", "worker_side": "127.0.0.1:0", "settle_s": 0.0}
    settings = EdgeSettings(**{**values, "key": KEY, "trunks": trunks, **more})
    edge = Edge(settings, FakeWorkers(worker.port, worker.port))
    await edge.start()
    try:
        yield edge, worker
    finally:
        await edge.stop()
        worker.close()


def provider(*servers: Registrar, **more: Any) -> TrunkSettings:
    given: dict[str, Any] = {
        "name": "provider",
        "servers": tuple(server.uri for server in servers),
        "register": ACCOUNT,
        "health_s": 0.0,
        "answer_s": 1.0,
    }
    return TrunkSettings(**{**given, **more})


async def until(edge: Edge, state: str, trunk: str = "provider") -> dict[str, Any]:
    """The trunk's state, once its registration is so."""
    for _ in range(int(WAIT_S / 0.02)):
        for told in edge.trunk_states():
            if told["trunk"] == trunk and told["registration"]["state"] == state:
                return told
        await asyncio.sleep(0.02)
    raise AssertionError(f"never {state}: {edge.trunk_states()}")


async def test_it_registers_with_the_password_and_gives_it_up_at_the_stop() -> None:
    registrar = await Registrar.open()
    async with running(provider(registrar)) as (edge, _):
        first = await registrar.asked("REGISTER")
        assert first.uri == b"sip:provider.example"
        contact = first.first(b"contact")
        assert contact.startswith(b"<sip:4570101010@127.0.0.1:%d;line=" % edge.listening["UDP"][1])
        registrar.answer(
            first, 401, 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"'
        )
        second = await registrar.asked("REGISTER")
        told = parameters(second.first(b"authorization"))
        assert told is not None and (told["username"], told["nonce"]) == ("4570101010", "n")
        assert second.cseq == first.cseq + 1 and second.call_id == first.call_id
        registrar.answer(second, 200, f"Contact: {contact.decode()};expires=60")
        state = await until(edge, "registered")
        assert state["up"] is True and 50 < state["registration"]["expires_s"] <= 60
        assert "secret" not in str(state)
        stopping = asyncio.create_task(edge.stop())
        last = await registrar.asked("REGISTER")
        assert last.first(b"expires") == b"0"
        registrar.answer(last, 200)
        await stopping
    registrar.close()


async def test_a_call_to_the_contact_comes_from_the_server_and_from_nobody_else() -> None:
    registrar, stranger = await Registrar.open("127.0.0.2"), await UdpPeer.open("127.0.0.3")
    async with running(provider(registrar), udp="0.0.0.0:0", public_host="127.0.0.1") as (edge, worker):
        request = await registrar.registers()
        await until(edge, "registered")
        port = edge.listening["UDP"][1]
        uri = request.first(b"contact").decode().strip("<>")
        for peer, host in ((stranger, "127.0.0.3"), (registrar, "127.0.0.2")):
            via = f"SIP/2.0/UDP {host}:{peer.port};branch=z9hG4bKcall{peer.port};rport"
            peer.host = "127.0.0.1"  # where to send
            peer.send(invite(via=via, uri=uri, call_id=f"{host}@x"), port)
        seen = await worker.read()
        assert seen.call_id == b"127.0.0.2@x"
        assert seen.first(b"tast1-call") == b"trunk=provider;dialled=70101010", "the account is no number"
        assert edge.counts["dropped:unknown_source"] == 1
    registrar.close()
    stranger.close()


async def test_a_server_that_is_silent_hands_over_to_the_next() -> None:
    silent, second = await Registrar.open(), await Registrar.open()
    async with running(provider(silent, second)) as (edge, _):
        first = await silent.asked("REGISTER")
        again = await silent.asked("REGISTER")
        assert bytes(again) == bytes(first), "it is repeated over UDP"
        await second.registers()
        assert (await until(edge, "registered"))["registration"]["server"] == 2
    silent.close()
    second.close()


async def test_a_refusal_is_told_and_not_repeated() -> None:
    registrar = await Registrar.open()
    async with running(provider(registrar)) as (edge, _):
        registrar.answer(await registrar.asked("REGISTER"), 403)
        state = await until(edge, "refused")
        assert (state["up"], state["registration"]["status"]) == (False, 403)
        await asyncio.sleep(0.3)
        assert registrar.inbox.empty()
    registrar.close()


async def test_a_server_is_asked_how_it_is_and_found_down_and_up() -> None:
    server = await Registrar.open()
    trunk = provider(server, register=None, health_s=0.1, answer_s=0.2)
    async with running(trunk) as (edge, _):

        async def told(state: str) -> None:
            for _ in range(500):
                if edge.trunk_states()[0]["servers"][0]["state"] == state:
                    return
                await asyncio.sleep(0.02)
            raise AssertionError(f"never {state}")

        answering = True

        async def answers() -> None:
            while True:
                request = await server.asked("OPTIONS")
                if answering:
                    server.answer(request, 404)

        task = asyncio.create_task(answers())
        await told("up")
        assert edge.trunk_states()[0]["up"] is True
        answering = False
        await told("down")
        assert edge.trunk_states()[0]["up"] is False
        answering = True
        await told("up")
        task.cancel()
    server.close()


async def test_a_reload_begins_and_ends_registrations_and_leaves_others_alone() -> None:
    stays, goes, comes = [await Registrar.open() for _ in range(3)]
    first = provider(stays, name="stays")
    async with running(first, provider(goes, name="goes")) as (edge, _):
        kept = await stays.registers()
        await goes.registers()
        await until(edge, "registered", "stays")
        await until(edge, "registered", "goes")
        changed = (LOOPBACK, first, provider(comes, name="comes"))
        edge.use(dataclasses.replace(edge._settings, trunks=changed))
        ended = await goes.asked("REGISTER")
        assert ended.first(b"expires") == b"0"
        goes.answer(ended, 200)
        await comes.registers()
        await until(edge, "registered", "comes")
        assert stays.inbox.empty(), "nothing is said to the one that stays"
        assert {told["trunk"] for told in edge.trunk_states()} == {"stays", "comes"}
        edge.drain()
        last = await stays.asked("REGISTER")
        assert (last.first(b"expires"), last.call_id) == (b"0", kept.call_id)
        stays.answer(last, 200)
        comes.answer(await comes.asked("REGISTER"), 200)
    for each in (stays, goes, comes):
        each.close()


async def test_everything_goes_through_the_outbound_proxy() -> None:
    proxy = await Registrar.open()
    trunk = TrunkSettings(
        "provider",
        servers=("sip:registrar.invalid",),
        outbound_proxy=proxy.uri,
        register=RegisterSettings("u", "p"),
        health_s=60.0,
    )
    async with running(trunk) as (edge, _):
        seen = {}
        while seen.keys() != {b"REGISTER", b"OPTIONS"}:
            request = await proxy.read()
            seen[request.method] = request
            proxy.answer(request, 200)
        assert seen[b"REGISTER"].uri == b"sip:registrar.invalid"
        assert all(request.first(b"route") == f"<{proxy.uri};lr>".encode() for request in seen.values())
        await until(edge, "registered")
    proxy.close()


async def test_an_answer_to_nothing_is_dropped() -> None:
    peer = await UdpPeer.open()
    async with running(LOOPBACK) as (edge, _):
        forged = parse(invite(via=peer.via("forged"), body=b""))
        lines = b"".join(h.raw for h in forged.headers)
        peer.send(b"SIP/2.0 200 OK\r\n" + lines + b"\r\n", edge.listening["UDP"][1])
        for _ in range(100):
            if edge.counts["dropped:forged_response"]:
                break
            await asyncio.sleep(0.02)
        assert edge.counts["dropped:forged_response"] == 1
    peer.close()
