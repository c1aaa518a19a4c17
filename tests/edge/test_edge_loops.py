"""TLS under both event loops: a client's first bytes are there before the connection was looked at."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from gateway.edge.flows import Flow
from gateway.edge.settings import EdgeSettings
from gateway.edge.transports import Streams
from tests.edge.certificates import make_certificate

OPTIONS = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"
CALLS = 20


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_every_handshake_comes_to_its_end_and_every_message_in(
    run: Callable[[Any], Any], tmp_path: Path
) -> None:
    chain, key = make_certificate(tmp_path)
    settings = EdgeSettings(tls="127.0.0.1:0", tls_certificate=chain, tls_key=key)
    got: list[tuple[bytes, Flow]] = []

    async def served() -> Counter[str]:
        streams = Streams(settings, lambda data, flow: got.append((data, flow)), lambda *_: True, Counter())
        _, port = await streams.listen("TLS", "127.0.0.1", 0)
        await asyncio.get_running_loop().run_in_executor(None, call, port)
        for _ in range(200):
            if len(got) == CALLS:
                break
            await asyncio.sleep(0.05)
        await streams.close()
        return streams.counts

    def call(port: int) -> None:
        context = ssl.create_default_context(cafile=chain)
        for _ in range(CALLS):
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
            ):
                secured.sendall(OPTIONS)

    counts = run(served())
    assert [data for data, _ in got] == [OPTIONS] * CALLS
    assert counts == Counter()
