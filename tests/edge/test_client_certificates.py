"""TLS trunks by their client certificate: the right one calls; a wrong one, and none, do not."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from gateway.edge.lexer import parse
from gateway.edge.settings import RegisterSettings, TrunkSettings
from gateway.edge.transports import names_in
from tests.edge.certificates import Authority, make_certificate
from tests.edge.peers import StreamPeer, invite
from tests.edge.test_edge_streams import a_whole_call, scene

SBC = TrunkSettings("sbc", ("127.0.0.1/32",), certificates=("sbc.example.dk",))


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    chain, key = make_certificate(tmp_path)
    authority = Authority(tmp_path)
    return {
        "authority": authority,
        "settings": {
            "tls": "127.0.0.1:0",
            "tls_certificate": chain,
            "tls_key": key,
            "tls_client_ca": str(authority.path),
            "trunks": (SBC,),
            "answer_unknown": True,
        },
    }


def client(tls: dict[str, Any], certificate: tuple[str, str] | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls["settings"]["tls_certificate"])
    if certificate:
        context.load_cert_chain(*certificate)
    return context


@pytest.mark.parametrize(
    "names",
    [
        (x509.DNSName("SBC.example.dk"), x509.DNSName("other.example.dk")),
        (x509.UniformResourceIdentifier("sip:sbc.example.dk"),),
        (),
    ],
)
async def test_the_right_certificate_calls(tls: dict[str, Any], names: tuple[x509.GeneralName, ...]) -> None:
    certificate = tls["authority"].issue("sbc.example.dk" if not names else "somebody", *names)
    async with scene(**tls["settings"]) as s:
        caller = await StreamPeer.open(s.port("TLS"), client(tls, certificate))
        await a_whole_call(s, caller, "TLS")
        caller.close()


async def test_no_certificate_and_another_name_are_refused(tls: dict[str, Any]) -> None:
    other = tls["authority"].issue("sbc.example.dk.evil.example")
    aside = tls["authority"].issue("sbc.example.dk", x509.DNSName("other.example.dk"))
    async with scene(**tls["settings"]) as s:
        for number, certificate in enumerate((None, other, aside)):
            caller = await StreamPeer.open(s.port("TLS"), client(tls, certificate))
            caller.send(invite(call_id=f"{number}@x", via=caller.via("TLS", "inv")))
            assert (await caller.next()).startswith(b"SIP/2.0 403 ")
            caller.close()
        assert s.worker.inbox.empty()


async def test_a_certificate_of_another_authority_does_not_get_in(
    tls: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    forged = Authority(tmp_path / "elsewhere").issue("sbc.example.dk")
    async with scene(**tls["settings"]) as s:
        try:
            caller = await StreamPeer.open(s.port("TLS"), client(tls, forged))
            caller.send(invite(via=caller.via("TLS", "inv")))
            assert await caller.ended(), "with TLS 1.3 the client learns it when it reads"
        except (ssl.SSLError, ConnectionError):
            pass
        assert s.worker.inbox.empty() and not s.edge.counts["accepted"]
        assert not s.edge.counts["refused:unknown_source"], "not a byte of it was looked at"


async def test_we_show_our_certificate_to_a_registrar_that_asks(tls: dict[str, Any]) -> None:
    ours = tls["settings"]["tls_certificate"], tls["settings"]["tls_key"]
    asks = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asks.load_cert_chain(*ours)
    asks.verify_mode = ssl.CERT_REQUIRED
    asks.load_verify_locations(ours[0])
    came: asyncio.Queue[StreamPeer] = asyncio.Queue()
    server = await asyncio.start_server(
        lambda r, w: came.put_nowait(StreamPeer(r, w)), "127.0.0.1", 0, ssl=asks
    )
    port = server.sockets[0].getsockname()[1]
    provider = TrunkSettings(
        "provider",
        servers=(f"sip:127.0.0.1:{port};transport=tls",),
        register=RegisterSettings("u", "p"),
        health_s=0.0,
    )
    async with scene(**{**tls["settings"], "trunks": (provider,), "tls_ca": ours[0]}) as s:
        registrar = await asyncio.wait_for(came.get(), 10)
        request = parse(await registrar.next())
        assert request.method == b"REGISTER" and b"transport=tls" in request.first(b"contact")
        assert s.edge.trunk_states()[0]["registration"]["state"] == "trying"
        registrar.close()
    server.close()


def test_names_are_those_of_the_certificate_and_wildcards_stand_for_themselves() -> None:
    names = names_in({"subject": ((("commonName", "CN"),),), "subjectAltName": (("DNS", "*.Example.dk"),)})
    assert names == {"*.example.dk"}
    assert names_in({"subject": ((("commonName", "SBC.example.dk"),),)}) == {"sbc.example.dk"}
    assert names_in({}) == frozenset()
