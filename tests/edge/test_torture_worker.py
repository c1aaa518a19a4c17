"""A real SIP stack behind the edge outlives every torture message, and answers the call that comes next."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.edge.edge import Edge
from gateway.edge.settings import EdgeSettings, LimitSettings
from tests.edge.peers import SDP, FakeWorkers, UdpPeer, invite, plain
from tests.edge.rfc4475 import MESSAGES

pytestmark = pytest.mark.sip

CRYPTO = b"".join(
    b"a=crypto:%d AES_CM_128_HMAC_SHA1_80 inline:%s\r\n" % (at, b"A" * 40) for at in range(1, 66)
)


@contextlib.asynccontextmanager
async def pjsua_worker() -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    pipe = asyncio.subprocess.PIPE
    script = str(Path(__file__).with_name("pjsua_worker.py"))
    process = await asyncio.create_subprocess_exec(sys.executable, script, stdin=pipe, stdout=pipe)
    assert process.stdin and process.stdout
    try:
        line = b""
        while not line.startswith(b"port "):  # the stack prints lines of its own first
            line = await asyncio.wait_for(process.stdout.readline(), 30)
            assert line, "the worker did not start"
        yield process, int(line.split()[1])
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def test_no_torture_message_harms_a_worker() -> None:
    async with pjsua_worker() as (process, port):
        workers = FakeWorkers(port)
        workers.free = [port] * 200
        limits = LimitSettings(invite_burst=200)
        edge = Edge(
            EdgeSettings(udp="127.0.0.1:0", worker_side="127.0.0.1:0", settle_s=0.0, limits=limits), workers
        )
        await edge.start()
        caller = await UdpPeer.open()
        public = edge.listening["UDP"][1]
        try:
            tortuous = MESSAGES["wsinv"].replace(b" ;   tag    = 1918181833n", b"")
            tortuous = tortuous.replace(b"services.example.com;lr", b"127.0.0.1:%d;lr" % public)
            offer = invite(via=caller.via("crypto"), call_id="crypto", body=SDP + CRYPTO)
            for message in (*MESSAGES.values(), tortuous, offer):
                caller.send(message, public)
                # The edge answers in order, so this one's answer says that it is through with the message.
                caller.send(plain("OPTIONS", via=caller.via("o"), call_id="after"), public)
                await answer_to(caller, b"after")
            caller.send(invite(via=caller.via("last"), call_id="last"), public)
            assert (await answer_to(caller, b"last")).startswith(b"SIP/2.0 486 ")
            assert process.returncode is None
            assert edge.counts["refused:crypto"] == 1
            assert edge.counts["accepted"] == 7
        finally:
            caller.close()
            await edge.stop()


async def answer_to(caller: UdpPeer, call_id: bytes) -> bytes:
    """The next final answer to a request with this Call-ID."""
    while True:
        data = await caller.next()
        if b"\r\nCall-ID: " + call_id + b"\r\n" in data and not data.startswith(b"SIP/2.0 1"):
            return data
