"""Via, addresses, URIs, lists and flow tokens are understood or refused, and mean one thing."""

from __future__ import annotations

from gateway.edge import fields
from gateway.edge.answers import reply_flow
from gateway.edge.fields import Malformed
from gateway.edge.flows import Flow, flow_of
from gateway.edge.keys import Keys
from tests.fuzz.feed import Feed
from tests.fuzz.targets.lexer import refused

SEEDS = (
    b"\x00SIP / 2.0 / UDP [2001:db8::1] : 5060 ;branch=z9hG4bK1;rport;received=1.2.3.4",
    b'\x01"A, \\"B\\"" <sip:a@b;lr?x>;tag=1;x="a;b"',
    b"\x02sips:user%40a:pw@host.example.com:5061;transport=tls;maddr=192.0.2.1;w=40001-aa",
    b"\x02sip:[2001:db8:::192.0.2.1]",
    b'\x03<sip:a,b>, "c,d" <sip:e>, f',
    b"\x04udp-7f000001-5060",
    b"\x04tls-20010db8000000000000000000000001-5061",
    b"\x0540001-0123456789abcdef",
)
WORDS = (
    b"sip:",
    b"sips:",
    b"SIP/2.0/",
    b";rport",
    b";maddr=",
    b"udp-",
    b"tcp-",
    b";transport=",
    b"<",
    b">",
    b'"',
)
KEYS = Keys(bytes(range(32)))
SOURCE = Flow("UDP", "192.0.2.7", 5062)


def run(data: bytes) -> None:
    feed = Feed(data)
    kind = feed.number(0, 5)
    value = fields.unfold(feed.rest())
    try:
        (via, address, uri, parts, token, signed)[kind](value)
    except Malformed as error:
        refused(error)


def via(value: bytes) -> None:
    found = fields.parse_via(value)
    assert found.host == found.host.lower() and 0 <= found.port < 65536
    back = reply_flow(found, SOURCE)
    assert back.host == SOURCE.host and 0 < back.port < 65536
    assert KEYS.branch(b"in", found, b"a", 1) == KEYS.branch(b"in", fields.parse_via(value), b"a", 1)


def address(value: bytes) -> None:
    tag = fields.tag_of(value)
    assert tag in value
    assert fields.address_of(value) in value


def uri(value: bytes) -> None:
    found = fields.parse_uri(value)
    host, port = found.place
    assert found.scheme in (b"sip", b"sips") and 0 < port < 65536
    assert found.transport in ("UDP", "TCP", "TLS")
    assert host == host.lower()
    fields.is_address(host)


def parts(value: bytes) -> None:
    found = fields.split_list(value)
    assert len(found) >= 1
    assert fields.split_list(b", ".join(found)) == found


def token(value: bytes) -> None:
    found = flow_of(value)
    if found is not None:
        assert flow_of(found.token()) == found


def signed(value: bytes) -> None:
    name, _, call_id = value.partition(b" ")
    port = KEYS.worker_port(name, call_id)
    assert port is None or KEYS.worker_token(port, call_id) == name
