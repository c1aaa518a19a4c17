"""What a worker reads in an INVITE: no error, and of what the edge lets through the same as it."""

from __future__ import annotations

from gateway.edge import proxy
from gateway.edge.fields import Malformed
from gateway.edge.flows import Flow
from gateway.edge.lexer import parse
from gateway.worker.sip_text import read_invite
from tests.fuzz.targets import lexer
from tests.fuzz.targets.lexer import refused

SEEDS = tuple(data for data in lexer.SEEDS if b"INVITE" in data)
WORDS = (*lexer.WORDS, b";received=", b'x="a,b";', b"sips:", b"<sip:a@b>;tag=")
SOURCE = Flow("UDP", "192.0.2.7", 5062)


def run(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    read_invite(text)
    try:
        message = proxy.received(parse(data, headers=100, line_bytes=2048), SOURCE)
    except Malformed as error:
        refused(error)
        return
    if message.status or any(b"\0" in h.raw for h in message.headers):
        return
    ours = proxy.add_via(message, "UDP", ("127.0.0.1", 5059), b"branch=z9hG4bKours")
    seen = read_invite(bytes(ours).decode("utf-8", "surrogateescape"))
    # The edge finds a call again by what the worker repeats of it.
    assert seen.branch == "z9hG4bKours"
    assert seen.sip_call_id == message.call_id.decode("utf-8", "surrogateescape")
    assert seen.from_tag == message.from_tag.decode("utf-8", "surrogateescape")
    assert seen.source == SOURCE.host, "a caller chooses where it came from"
