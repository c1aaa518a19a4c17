"""An edge that runs is given other trunks, limits and certificates; what is up goes on."""

from __future__ import annotations

import dataclasses
import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest

from gateway.edge.admission import Buckets
from gateway.edge.edge import Edge
from gateway.edge.settings import EdgeSettings, LimitSettings, TrunkSettings
from tests.edge.certificates import make_certificate
from tests.edge.peers import SDP, FakeWorkers, StreamPeer, UdpPeer, invite, plain, response, within
from tests.edge.test_edge_streams import a_whole_call, scene

KEY = bytes(range(32))
ELSEWHERE = (TrunkSettings("elsewhere", ("192.0.2.0/24",)),)


def given(edge: Edge, **changed: Any) -> None:
    edge.use(dataclasses.replace(edge._settings, **changed))


def test_a_bucket_keeps_what_a_source_has_left() -> None:
    buckets = Buckets(rate=1.0, burst=3)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [True, True, True]
    buckets.use(rate=1.0, burst=5)
    assert not buckets.take("a", 0.0), "a reload is no way to a new burst"
    buckets.use(rate=100.0, burst=1)
    assert buckets.take("a", 1.0) and not buckets.take("a", 1.0)


async def test_a_trunk_that_is_taken_away_calls_no_more_and_hangs_up_as_before() -> None:
    worker, caller = await UdpPeer.open(), await UdpPeer.open()
    workers = FakeWorkers(worker.port, worker.port)
    edge = Edge(EdgeSettings(udp="127.0.0.1:0", worker_side="127.0.0.1:0", settle_s=0.0, key=KEY), workers)
    await edge.start()
    try:
        port, inside = edge.listening["UDP"][1], edge.worker_side[1]
        caller.send(invite(via=caller.via("one")), port)
        seen = await worker.next()
        worker.send(response(seen, 200, body=SDP), inside)
        answer = await caller.next()
        given(edge, trunks=ELSEWHERE, answer_unknown=True)
        caller.send(invite(call_id="another@example.com", via=caller.via("two")), port)
        assert (await caller.next()).startswith(b"SIP/2.0 403 ")
        caller.send(within("BYE", answer, caller=True, uri="sip:gw@127.0.0.1", via=caller.via("bye")), port)
        assert (await worker.next()).startswith(b"BYE "), "the call that was up is still its own"
        given(edge, trunks=EdgeSettings().trunks, retry_after_s=77)
        edge.drain()
        caller.send(plain("OPTIONS", call_id="o@example.com", via=caller.via("three")), port)
        assert b"Retry-After: 77" in await caller.next()
    finally:
        await edge.stop()
        worker.close()
        caller.close()


async def test_a_limit_counts_for_the_next_message_and_connections_stay() -> None:
    async with scene() as s:
        caller = await StreamPeer.open(s.port("TCP"))
        given(s.edge, limits=LimitSettings(sdp_lines=20))
        caller.send(invite(via=caller.via("TCP", "long"), body=SDP + b"a=x:y\r\n" * 30))
        assert (await caller.next()).startswith(b"SIP/2.0 488 ")
        given(s.edge, limits=LimitSettings())
        await a_whole_call(s, caller, "TCP")
        caller.close()


async def test_a_certificate_is_renewed_in_place_while_a_connection_is_up(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    chain, key = make_certificate(tmp_path / "old")
    trusted = ssl.create_default_context(cafile=chain)
    new_chain, new_key = make_certificate(tmp_path / "new")
    async with scene(tls="127.0.0.1:0", tls_certificate=chain, tls_key=key) as s:
        before = await StreamPeer.open(s.port("TLS"), trusted)
        shutil.copy(new_chain, chain)
        shutil.copy(new_key, key)
        given(s.edge)
        with pytest.raises(ssl.SSLCertVerificationError):
            await StreamPeer.open(s.port("TLS"), trusted)
        after = await StreamPeer.open(s.port("TLS"), ssl.create_default_context(cafile=new_chain))
        await a_whole_call(s, before, "TLS")
        after.close()
        before.close()


async def test_a_certificate_that_cannot_be_used_leaves_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain, key = make_certificate(tmp_path)
    trusted = ssl.create_default_context(cafile=chain)
    async with scene(tls="127.0.0.1:0", tls_certificate=chain, tls_key=key) as s:
        Path(key).write_text("no key")
        given(s.edge)
        assert "those before stay in force" in caplog.text
        caller = await StreamPeer.open(s.port("TLS"), trusted)
        await a_whole_call(s, caller, "TLS")
        caller.close()
