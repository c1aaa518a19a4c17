"""The edge with real sockets on loopback: a caller, an agent and a worker that are small SIP peers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.edge.edge import Edge
from gateway.edge.lexer import parse
from gateway.edge.settings import EdgeSettings, TrunkSettings
from tests.edge.peers import SDP, FakeWorkers, UdpPeer, invite, plain, response, within

KEY = bytes(range(32))


class Scene:
    """An edge with a caller, an agent and one worker."""

    caller: UdpPeer
    agent: UdpPeer
    worker: UdpPeer
    workers: FakeWorkers
    edge: Edge
    settings: EdgeSettings

    async def open(self, **settings: Any) -> None:
        self.caller, self.agent, self.worker = [await UdpPeer.open() for _ in range(3)]
        self.workers = FakeWorkers(self.worker.port)
        values = {"udp": "127.0.0.1:0", "worker_side": "127.0.0.1:0", "settle_s": 0.0, "key": KEY, **settings}
        self.settings = EdgeSettings(**values)
        self.edge = Edge(self.settings, self.workers)
        await self.edge.start()

    @property
    def public(self) -> int:
        return self.edge.listening["UDP"][1]

    @property
    def inside(self) -> int:
        return self.edge.worker_side[1]

    async def restart(self) -> None:
        """The edge goes and comes back on the same ports with the same key, remembering nothing."""
        ports = {"udp": f"127.0.0.1:{self.public}", "worker_side": f"127.0.0.1:{self.inside}"}
        await self.edge.stop()
        self.edge = Edge(EdgeSettings(**{**vars(self.settings), **ports}), self.workers)
        await self.edge.start()

    async def close(self) -> None:
        await self.edge.stop()
        for peer in (self.caller, self.agent, self.worker):
            peer.close()

    async def call_up(self) -> tuple[bytes, bytes]:
        """An answered call: the INVITE as the worker got it, the 200 as the caller got it."""
        self.caller.send(invite(via=self.caller.via("inv")), self.public)
        seen = await self.worker.next()
        self.worker.send(
            response(seen, 200, contact=f"<sip:gw@127.0.0.1:{self.worker.port}>", body=SDP), self.inside
        )
        return seen, await self.caller.next()

    async def agent_up(self) -> tuple[bytes, bytes]:
        """An answered agent leg: the INVITE as the agent got it, the 200 as the worker got it."""
        data = invite(
            call_id="agentleg",
            via=self.worker.via("wrk"),
            uri=f"sip:agent@127.0.0.1:{self.agent.port}",
            extra=(f"Route: <sip:127.0.0.1:{self.inside};lr>",),
        )
        self.worker.send(data, self.inside)
        seen = await self.agent.next()
        self.agent.send(
            response(seen, 200, contact=f"<sip:agent@127.0.0.1:{self.agent.port}>", body=SDP), self.public
        )
        return seen, await self.worker.next()


@contextlib.asynccontextmanager
async def scene(**settings: Any) -> AsyncIterator[Scene]:
    made = Scene()
    await made.open(**settings)
    try:
        yield made
    finally:
        await made.close()


async def test_an_invite_reaches_a_worker_and_its_answer_the_caller() -> None:
    async with scene() as s:
        seen, answer = await s.call_up()
        assert seen.endswith(SDP)
        assert answer.startswith(b"SIP/2.0 200 ")
        assert answer.count(b"\r\nVia:") == 1
        assert f"rport={s.caller.port}".encode() in answer
        assert s.edge.counts["accepted"] == 1


async def test_the_callers_bye_reaches_the_worker() -> None:
    async with scene() as s:
        _, answer = await s.call_up()
        uri = f"sip:gw@127.0.0.1:{s.worker.port}"
        s.caller.send(within("BYE", answer, caller=True, uri=uri, via=s.caller.via("bye")), s.public)
        bye = await s.worker.next()
        assert bye.startswith(b"BYE ")
        assert b"\r\nRoute:" not in bye
        s.worker.send(response(bye, 200), s.inside)
        assert (await s.caller.next()).startswith(b"SIP/2.0 200 ")


async def test_the_workers_bye_reaches_the_caller() -> None:
    async with scene() as s:
        seen, _ = await s.call_up()
        uri = f"sip:caller@127.0.0.1:{s.caller.port}"
        s.worker.send(within("BYE", seen, caller=False, uri=uri, via=s.worker.via("bye")), s.inside)
        bye = await s.caller.next()
        assert bye.startswith(b"BYE ")
        s.caller.send(response(bye, 200), s.public)
        assert (await s.worker.next()).startswith(b"SIP/2.0 200 ")


async def test_the_agents_bye_reaches_the_worker() -> None:
    async with scene() as s:
        seen, answer = await s.agent_up()
        assert seen.endswith(SDP)
        assert answer.startswith(b"SIP/2.0 200 ")
        uri = f"sip:gw@127.0.0.1:{s.worker.port}"
        s.agent.send(within("BYE", seen, caller=False, uri=uri, via=s.agent.via("bye")), s.public)
        bye = await s.worker.next()
        assert bye.startswith(b"BYE ")
        s.worker.send(response(bye, 200), s.inside)
        assert (await s.agent.next()).startswith(b"SIP/2.0 200 ")


async def test_the_workers_bye_reaches_the_agent() -> None:
    async with scene() as s:
        _, answer = await s.agent_up()
        uri = f"sip:agent@127.0.0.1:{s.agent.port}"
        s.worker.send(within("BYE", answer, caller=True, uri=uri, via=s.worker.via("bye")), s.inside)
        bye = await s.agent.next()
        assert bye.startswith(b"BYE ")
        s.agent.send(response(bye, 200), s.public)
        assert (await s.worker.next()).startswith(b"SIP/2.0 200 ")


async def test_cancel_487_and_ack_follow_the_invite() -> None:
    async with scene() as s:
        s.caller.send(invite(via=s.caller.via("inv")), s.public)
        seen = await s.worker.next()
        s.worker.send(response(seen, 180), s.inside)
        assert (await s.caller.next()).startswith(b"SIP/2.0 180 ")
        s.caller.send(plain("CANCEL", via=s.caller.via("inv")), s.public)
        cancel = await s.worker.read()
        assert cancel.method == b"CANCEL"
        assert cancel.vias[0].branch == parse(seen).vias[0].branch
        s.worker.send(response(bytes(cancel), 200), s.inside)
        s.worker.send(response(seen, 487), s.inside)
        assert (await s.caller.next()).startswith(b"SIP/2.0 200 ")
        assert (await s.caller.next()).startswith(b"SIP/2.0 487 ")
        s.caller.send(plain("ACK", via=s.caller.via("inv"), to_tag="to1"), s.public)
        ack = await s.worker.read()
        assert ack.method == b"ACK"
        assert ack.vias[0].branch == cancel.vias[0].branch


async def test_a_re_invite_reaches_the_same_worker_without_taking_another() -> None:
    async with scene() as s:
        _, answer = await s.call_up()
        uri = f"sip:gw@127.0.0.1:{s.worker.port}"
        again = within("INVITE", answer, caller=True, uri=uri, via=s.caller.via("re"), body=SDP)
        s.caller.send(again, s.public)
        seen = await s.worker.next()
        assert seen.startswith(b"INVITE ")
        assert b"\r\nRecord-Route:" not in seen
        s.worker.send(response(seen, 200, body=SDP), s.inside)
        assert (await s.caller.next()).startswith(b"SIP/2.0 200 ")
        s.caller.send(within("ACK", answer, caller=True, uri=uri, via=s.caller.via("ack")), s.public)
        assert (await s.worker.next()).startswith(b"ACK ")
        assert s.edge.counts["accepted"] == 1


async def test_after_a_restart_with_the_same_key_both_legs_can_be_hung_up() -> None:
    async with scene() as s:
        seen, answer = await s.call_up()
        agent_seen, _ = await s.agent_up()
        await s.restart()
        uri = f"sip:gw@127.0.0.1:{s.worker.port}"
        s.caller.send(within("BYE", answer, caller=True, uri=uri, via=s.caller.via("bye")), s.public)
        bye = await s.worker.next()
        s.worker.send(response(bye, 200), s.inside)
        assert (await s.caller.next()).startswith(b"SIP/2.0 200 ")
        s.agent.send(within("BYE", agent_seen, caller=False, uri=uri, via=s.agent.via("bye")), s.public)
        assert (await s.worker.next()).startswith(b"BYE ")
        uri = f"sip:caller@127.0.0.1:{s.caller.port}"
        s.worker.send(within("BYE", seen, caller=False, uri=uri, via=s.worker.via("bye")), s.inside)
        assert (await s.caller.next()).startswith(b"BYE ")


async def test_a_response_to_an_invite_from_before_a_restart_passes() -> None:
    async with scene() as s:
        s.caller.send(invite(via=s.caller.via("inv")), s.public)
        seen = await s.worker.next()
        await s.restart()
        s.worker.send(response(seen, 200, body=SDP), s.inside)
        assert (await s.caller.next()).startswith(b"SIP/2.0 200 ")


async def test_a_cancel_after_a_restart_finds_the_worker_that_heartbeats_name() -> None:
    async with scene() as s:
        s.caller.send(invite(via=s.caller.via("inv")), s.public)
        await s.worker.next()
        await s.restart()
        s.caller.send(plain("CANCEL", via=s.caller.via("inv")), s.public)
        assert (await s.worker.next()).startswith(b"CANCEL ")


async def test_without_a_free_worker_the_caller_hears_503_and_hears_it_again() -> None:
    async with scene(retry_after_s=7) as s:
        s.workers.free.clear()
        data = invite(via=s.caller.via("inv"))
        s.caller.send(data, s.public)
        first = await s.caller.next()
        assert first.startswith(b"SIP/2.0 503 ")
        assert b"\r\nRetry-After: 7\r\n" in first
        s.workers.free.append(s.worker.port)
        s.caller.send(data, s.public)
        assert await s.caller.next() == first
        s.caller.send(plain("ACK", via=s.caller.via("inv"), to_tag="x"), s.public)
        s.caller.send(invite(via=s.caller.via("new"), call_id="another"), s.public)
        assert (await s.worker.next()).startswith(b"INVITE ")  # and not the ACK
        assert s.edge.counts["dropped:acknowledged"] == 1


async def test_while_draining_new_calls_are_refused_and_old_ones_go_on() -> None:
    async with scene() as s:
        _, answer = await s.call_up()
        s.edge.drain()
        s.caller.send(invite(via=s.caller.via("new"), call_id="another"), s.public)
        assert (await s.caller.next()).startswith(b"SIP/2.0 503 ")
        s.caller.send(plain("OPTIONS", via=s.caller.via("opt"), call_id="ping"), s.public)
        assert (await s.caller.next()).startswith(b"SIP/2.0 503 ")
        uri = f"sip:gw@127.0.0.1:{s.worker.port}"
        s.caller.send(within("BYE", answer, caller=True, uri=uri, via=s.caller.via("bye")), s.public)
        assert (await s.worker.next()).startswith(b"BYE ")


async def test_options_is_answered_by_the_edge() -> None:
    async with scene() as s:
        s.caller.send(plain("OPTIONS", via=s.caller.via("opt")), s.public)
        answer = await s.caller.next()
        assert answer.startswith(b"SIP/2.0 200 OK\r\n")
        assert b"\r\nAllow: INVITE" in answer
        assert s.edge.counts == {"answered": 1}


async def test_a_stranger_is_told_of_once_and_not_by_address(caplog: pytest.LogCaptureFixture) -> None:
    async with scene(trunks=(TrunkSettings("elsewhere", ("192.0.2.0/24",)),)) as s:
        for at in range(3):
            s.caller.send(invite(via=s.caller.via(f"i{at}"), call_id=f"c{at}"), s.public)
        await s.agent_up()  # by now the edge has read what came before
        while s.edge.counts["dropped:unknown_source"] < 3:
            await asyncio.sleep(0.01)
        warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert len(warnings) == 1
        assert "127.0.0.1" not in warnings[0]


async def test_a_caller_on_ipv6_reaches_a_worker() -> None:
    try:
        caller = await UdpPeer.open(host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with scene(udp="[::1]:0") as s:
        via = f"SIP/2.0/UDP [::1]:{caller.port};branch=z9hG4bKsix;rport"
        caller.send(invite(via=via), s.public)
        seen = await s.worker.next()
        assert f"Record-Route: <sip:[::1]:{s.public};lr;w=".encode() in seen
        s.worker.send(response(seen, 200, body=SDP), s.inside)
        answer = await caller.next()
        uri = f"sip:gw@[::1]:{s.public}"
        caller.send(within("BYE", answer, caller=True, uri=uri, via=via.replace("six", "bye")), s.public)
        assert (await s.worker.next()).startswith(b"BYE ")
    caller.close()
