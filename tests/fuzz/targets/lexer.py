"""A message is read, or refused with a reason; what was read is written back byte for byte."""

from __future__ import annotations

import re

from gateway.edge.answers import _REASONS
from gateway.edge.fields import Malformed
from gateway.edge.lexer import parse
from tests.edge import rfc4475, rfc5118
from tests.edge.peers import invite, plain, response

SEEDS = (
    *rfc4475.MESSAGES.values(),
    *rfc5118.MESSAGES.values(),
    invite(),
    plain("OPTIONS"),
    response(invite(via="SIP/2.0/UDP a, SIP/2.0/UDP b"), 200),
)
WORDS = (
    *(b"\r\n", b"\r\n ", b"SIP/2.0 ", b"Via: SIP/2.0/UDP ", b"Call-ID: ", b"CSeq: 1 ",),
    *(b"Content-Length: ", b"Max-Forwards: ", b"Route: <sip:", b"\r\n\r\n", b"l:", b"v:", b'"'),
    *(b"From: ", b"To: ", b";tag=", b";branch=z9hG4bK"),
)  # fmt: skip


def run(data: bytes) -> None:
    for limits in ({}, {"headers": 12, "line_bytes": 100}):
        try:
            message = parse(data, **limits)
        except Malformed as error:
            refused(error)
            continue
        written = bytes(message)
        assert data.lstrip(b"\r\n").startswith(written)
        assert parse(written) == message
        assert bool(message.method) and message.vias and 0 <= message.cseq < 2**31
        assert (message.status == 0) == bool(message.uri)
        assert not re.search(rb"[\s\0]", message.call_id + message.method)
        for h in message.headers:
            assert b"\r" not in h.value and b"\n" not in h.value
            try:
                message.items(h.name)
            except Malformed as error:
                refused(error)


def refused(error: Malformed) -> None:
    """An error must be countable, and tell which answer it gets."""
    assert re.fullmatch(r"[a-z_]+", error.reason)
    assert error.status == 0 or error.status in _REASONS
