"""What the proxy does to a message, and what it signs."""

from __future__ import annotations

import pytest

from gateway.edge import proxy
from gateway.edge.answers import answer, reply_flow
from gateway.edge.fields import parse_via
from gateway.edge.flows import Flow, flow_of
from gateway.edge.keys import Keys
from gateway.edge.lexer import parse
from gateway.edge.proxy import Places
from gateway.edge.remembered import Remembered
from tests.edge.peers import invite, plain

SOURCE = Flow("UDP", "192.0.2.1", 5099)
PLACES = Places(
    inside=("127.0.0.1", 5059),
    public={"UDP": ("gw.example.com", 5060), "TLS": ("gw.example.com", 5061)},
    own=frozenset({("127.0.0.1", 5059), ("gw.example.com", 5060), ("gw.example.com", 5061)}),
)
KEYS = Keys(bytes(range(32)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SIP/2.0/UDP a;rport;branch=x", "SIP/2.0/UDP a;rport=5099;branch=x;received=192.0.2.1"),
        ("SIP/2.0/UDP a;branch=x;rport", "SIP/2.0/UDP a;branch=x;rport=5099;received=192.0.2.1"),
        ("SIP/2.0/UDP a;branch=x;rport=", "SIP/2.0/UDP a;branch=x;rport=5099;received=192.0.2.1"),
        ("SIP/2.0/UDP a;branch=x", "SIP/2.0/UDP a;branch=x;received=192.0.2.1"),
        ("SIP/2.0/UDP 192.0.2.1;branch=x", "SIP/2.0/UDP 192.0.2.1;branch=x"),
        ("SIP/2.0/UDP a;rport , SIP/2.0/UDP b;rport",
         "SIP/2.0/UDP a;rport=5099;received=192.0.2.1 , SIP/2.0/UDP b;rport"),
        ('SIP/2.0/UDP a;x="b\\",c";branch=x', 'SIP/2.0/UDP a;x="b\\",c";branch=x;received=192.0.2.1'),
        ("SIP/2.0/UDP a;x=<b,c>;branch=x", "SIP/2.0/UDP a;x=<b,c>;branch=x;received=192.0.2.1"),
        ('SIP/2.0/UDP a;x=";rport;";rport', 'SIP/2.0/UDP a;x=";rport;";rport=5099;received=192.0.2.1'),
        ("SIP/2.0/UDP 192.0.2.1;received=10.0.0.1",
         "SIP/2.0/UDP 192.0.2.1;received=10.0.0.1;received=192.0.2.1"),
    ],
)  # fmt: skip
def test_the_topmost_via_learns_where_its_message_came_from(before: str, after: str) -> None:
    data = invite(via=before)
    assert bytes(proxy.received(parse(data), SOURCE)) == data.replace(before.encode(), after.encode())


def test_max_forwards_goes_down_by_one_and_keeps_its_place() -> None:
    data = invite()
    assert bytes(proxy.fewer_hops(parse(data))) == data.replace(b"Max-Forwards: 70", b"Max-Forwards: 69")


def test_a_missing_max_forwards_becomes_seventy() -> None:
    message = parse(invite().replace(b"Max-Forwards: 70\r\n", b""))
    assert proxy.fewer_hops(message).first(b"max-forwards") == b"70"


def test_our_routes_go_and_those_of_others_stay() -> None:
    message = parse(
        invite(
            extra=(
                "Route: <sip:gw.example.com;lr;w=1-x>, <sip:127.0.0.1:5059;lr>",
                "Route: <sip:other;lr>, <sip:z>",
            )
        )
    )
    left, ours, others = proxy.take_routes(message, PLACES)
    assert [uri.host for uri in ours] == [b"gw.example.com", b"127.0.0.1"]
    assert others == [b"<sip:other;lr>", b"<sip:z>"]
    assert bytes(left) == invite(extra=("Route: <sip:other;lr>, <sip:z>",))


def test_only_the_leading_values_of_a_field_are_taken() -> None:
    message = parse(invite(extra=("Route: <sip:gw.example.com;lr>, <sip:other;lr>",)))
    left, _, _ = proxy.take_routes(message, PLACES)
    assert bytes(left) == invite(extra=("Route: <sip:other;lr>",))


def test_the_record_route_that_faces_the_receiver_comes_first() -> None:
    flow = Flow("TLS", "192.0.2.1", 40000)
    message = proxy.record_routes(parse(invite()), PLACES, "TLS", b"7-m", inwards=True, flow=flow)
    assert message.items(b"record-route") == [
        b"<sip:127.0.0.1:5059;lr;w=7-m>",
        b"<sip:gw.example.com:5061;transport=tls;lr;w=7-m;f=tls-c0000201-40000>",
    ]
    message = proxy.record_routes(parse(invite()), PLACES, "UDP", b"7-m", inwards=False)
    assert message.items(b"record-route") == [
        b"<sip:gw.example.com:5060;lr;w=7-m>",
        b"<sip:127.0.0.1:5059;lr;w=7-m>",
    ]


def test_adding_and_taking_our_via_leaves_the_message_as_it_was() -> None:
    message = parse(invite())
    assert proxy.take_via(proxy.add_via(message, "UDP", ("h", 1), b"branch=x")) == message


def test_a_branch_is_the_same_for_a_cancel_and_with_what_a_response_gives_back() -> None:
    sent = parse_via(b"SIP/2.0/UDP h:5;branch=z9hG4bK1;rport")
    back = parse_via(b"SIP/2.0/UDP h:5;branch=z9hG4bK1;rport=9;received=192.0.2.1")
    assert KEYS.branch(b"in", sent, b"c", 1) == KEYS.branch(b"in", back, b"c", 1)


def test_a_branch_differs_by_side_via_call_and_cseq() -> None:
    via = parse_via(b"SIP/2.0/UDP h;branch=z9hG4bK1")
    other = parse_via(b"SIP/2.0/UDP h;branch=z9hG4bK2")
    branches = {
        KEYS.branch(b"in", via, b"c", 1),
        KEYS.branch(b"out", via, b"c", 1),
        KEYS.branch(b"in", other, b"c", 1),
        KEYS.branch(b"in", via, b"d", 1),
        KEYS.branch(b"in", via, b"c", 2),
        Keys(bytes(16)).branch(b"in", via, b"c", 1),
    }
    assert len(branches) == 6


def test_a_route_to_a_worker_is_good_for_its_call_only() -> None:
    token = KEYS.worker_token(40001, b"call")
    assert KEYS.worker_port(token, b"call") == 40001
    assert KEYS.worker_port(token, b"another") is None
    assert KEYS.worker_port(token.replace(b"40001", b"40002"), b"call") is None
    assert Keys(bytes(32)).worker_port(token, b"call") is None
    for junk in (b"", b"-", b"40001", b"40001-", b"999999999-x", b"\xb2-x"):
        assert KEYS.worker_port(junk, b"call") is None


@pytest.mark.parametrize("secret", [b"", b"x" * 15, b"x" * 33])
def test_a_key_of_the_wrong_length_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 32 bytes"):
        Keys(secret)


@pytest.mark.parametrize("flow", [SOURCE, Flow("TCP", "2001:db8::1", 1), Flow("TLS", "192.0.2.1", 65535)])
def test_a_flow_is_found_again_in_its_token(flow: Flow) -> None:
    assert flow_of(flow.token()) == flow


@pytest.mark.parametrize(
    "token", [None, b"", b"udp", b"udp-00-5060", b"udp-7f000001-0", b"ws-7f000001-1", b"\xff-\xff-1"]
)
def test_another_token_is_no_flow(token: bytes | None) -> None:
    assert flow_of(token) is None


def test_an_answer_goes_to_the_port_that_was_asked_for() -> None:
    assert reply_flow(parse_via(b"SIP/2.0/UDP h:5070;rport"), SOURCE) == SOURCE
    assert reply_flow(parse_via(b"SIP/2.0/UDP h:5070"), SOURCE).port == 5070
    assert reply_flow(parse_via(b"SIP/2.0/UDP h"), SOURCE).port == 5060
    stream = Flow("TCP", "192.0.2.1", 40000)
    assert reply_flow(parse_via(b"SIP/2.0/TCP h:5070"), stream) == stream


def test_an_answer_repeats_what_it_must_and_adds_a_to_tag() -> None:
    text = answer(parse(plain("OPTIONS")).headers, 200, b"mine")
    assert text == (
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKaaa;rport\r\n"
        b"From: <sip:caller@example.com>;tag=from1\r\nTo: <sip:70101010@gw.example.com>;tag=mine\r\n"
        b"Call-ID: a1@example.com\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    assert b";tag=theirs\r\n" in answer(parse(plain("BYE", to_tag="theirs")).headers, 481, b"mine")


def test_what_is_remembered_is_bounded_in_time_and_number() -> None:
    kept: Remembered[int] = Remembered(3)
    kept.put(b"a", 1, until=10.0, now=0.0)
    assert kept.get(b"a", 9.9) == 1
    assert kept.get(b"a", 10.0) is None
    kept.keep(b"a", until=20.0, now=5.0)
    assert kept.get(b"a", 19.0) == 1
    for at, key in enumerate((b"b", b"c", b"d")):
        kept.put(key, at, until=30.0, now=5.0)
    assert kept.get(b"a", 6.0) is None
    assert len(kept) == 3
    kept.put(b"e", 9, until=99.0, now=40.0)
    assert len(kept) == 1
