"""What a proxy does to a message leaves a message that says the same, but for what a proxy touches."""

from __future__ import annotations

from gateway.edge import proxy
from gateway.edge.fields import Malformed, parse_via, split_list
from gateway.edge.flows import Flow
from gateway.edge.lexer import Message, parse
from gateway.edge.proxy import Places
from tests.fuzz.feed import Feed
from tests.fuzz.targets import lexer
from tests.fuzz.targets.lexer import refused

SEEDS = tuple(b"\x00" + data for data in lexer.SEEDS)
WORDS = (*lexer.WORDS, b";rport", b'x="a,b"', b";x=<,>", b"Record-Route: <sip:")
PLACES = Places(
    inside=("127.0.0.1", 5059),
    public={"UDP": ("gw.example.com", 5060), "TLS": ("gw.example.com", 5061)},
    own=frozenset({("127.0.0.1", 5059), ("gw.example.com", 5060), ("services.example.com", 5060)}),
)
SOURCES = (Flow("UDP", "192.0.2.7", 5062), Flow("TLS", "2001:db8::7", 40000))
TOUCHED = (b"via", b"route", b"record-route", b"max-forwards")


def run(data: bytes) -> None:
    feed = Feed(data)
    source = feed.pick(SOURCES)
    try:
        message = parse(feed.rest(), headers=100, line_bytes=2048)
        stamped = proxy.received(message, source)
    except Malformed as error:
        refused(error)
        return
    same(message, stamped)
    came, told = message.vias[0], parse(bytes(stamped)).vias[0]
    assert (came.transport, came.host, came.port, came.branch) == (
        told.transport,
        told.host,
        told.port,
        told.branch,
    )
    if b"rport" in came.params and not came.params[b"rport"]:
        assert told.params[b"rport"] == str(source.port).encode()
    if stamped is not message:
        ending = via(stamped, 0).rpartition(b";received=")
        assert ending[2] == source.host.encode()
    try:
        routed, ours, others = proxy.take_routes(stamped, PLACES)
    except Malformed as error:
        refused(error)
        return
    assert all(PLACES.is_ours(uri) for uri in ours)
    assert routed.items(b"route") == others
    sent = proxy.fewer_hops(routed)
    assert proxy.hops_left(parse(bytes(sent))) in (70, max(0, proxy.hops_left(routed) - 1))
    sent = proxy.record_routes(sent, PLACES, "UDP", b"40001-aa", inwards=feed.maybe(), flow=source)
    recorded = bytes(sent)
    sent = proxy.add_via(sent, "UDP", ("127.0.0.1", 5059), b"branch=z9hG4bKours")
    same(message, sent)
    again = parse(bytes(sent))
    assert again.vias[0].branch == b"z9hG4bKours"
    below = parse_via(via(again, 1))
    assert (below.host, below.port, below.branch) == (came.host, came.port, came.branch)
    assert bytes(proxy.take_via(again)) == recorded


def via(message: Message, field: int) -> bytes:
    """The first value of a Via field; what is below it may be broken, and is no proxy's."""
    value = [h.value for h in message.headers if h.name == b"via"][field]
    try:
        return split_list(value)[0]
    except Malformed:  # a value below it in the same field
        return value.partition(b",")[0]


def same(before: Message, after: Message) -> None:
    """All but what a proxy touches is there byte for byte, and what was written can be read."""
    again = parse(bytes(after))
    assert (again.start, again.body, again.call_id, again.from_tag, again.to_tag) == (
        before.start,
        before.body,
        before.call_id,
        before.from_tag,
        before.to_tag,
    )
    assert [h for h in again.headers if h.name not in TOUCHED] == [
        h for h in before.headers if h.name not in TOUCHED
    ]
