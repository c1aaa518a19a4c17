"""The lexer: what it reads, what it refuses, and that nothing makes it raise anything else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.fields import Malformed, parse_uri, parse_via, split_list, tag_of
from gateway.edge.framing import Framer
from gateway.edge.lexer import parse
from tests.edge.peers import SDP, invite, plain
from tests.edge.rfc4475 import MESSAGES


def refused(data: bytes) -> str:
    with pytest.raises(Malformed) as error:
        parse(data, headers=100, line_bytes=2048)
    return error.value.reason


def test_a_request_is_read() -> None:
    message = parse(invite(call_id="x@y", to_tag="t1", cseq=7))
    assert (message.method, message.uri, message.status) == (b"INVITE", b"sip:70101010@gw.example.com", 0)
    assert (message.call_id, message.cseq, message.from_tag, message.to_tag) == (b"x@y", 7, b"from1", b"t1")
    assert message.vias[0].branch == b"z9hG4bKaaa"
    assert message.body == SDP


def test_compact_names_and_folds_are_understood() -> None:
    data = invite().replace(b"Call-ID: a1@example.com", b"i:\r\n a1@example.com").replace(b"Via:", b"v :")
    assert parse(data).call_id == b"a1@example.com"
    assert bytes(parse(data)) == data


def test_line_ends_before_a_message_are_skipped() -> None:
    assert bytes(parse(b"\r\n\r\n" + invite())) == invite()


def test_bytes_after_the_body_are_cut_off() -> None:
    assert bytes(parse(invite() + b"more")) == invite()


def test_without_content_length_the_body_is_the_rest() -> None:
    data = invite().replace(b"Content-Length: %d\r\n" % len(SDP), b"")
    assert parse(data).body == SDP


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no_end_of_headers"),
        (b"INVITE sip:a@b SIP/2.0\r\n", "no_end_of_headers"),
        (b"hello\r\n\r\n", "request_line"),
        (b"SIP/2.0 99 Low\r\n\r\n", "status_line"),
        (invite().replace(b"Contact:", b"Con tact:"), "header_name"),
        (invite().replace(b"Contact: ", b"Contact: <sip:a@b>\nRoute: <sip:evil@e>,"), "lone_line_end"),
        (invite().replace(b"Contact: ", b"Contact: a\rRoute: "), "lone_line_end"),
        (invite().replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"), "cseq_method"),
        (invite().replace(b"CSeq: 1 INVITE", b"CSeq: 2147483648 INVITE"), "cseq"),
        (invite().replace(b"Max-Forwards: 70", b"Max-Forwards: -1"), "max_forwards"),
        (invite(extra=("Call-ID: second",)), "repeated_header"),
        (invite(extra=("l: 3",)), "repeated_header"),
        (invite(extra=("f: <sip:a@b>",)), "repeated_header"),
        (invite().replace(b"Call-ID: a1@example.com", b"Call-ID: a b"), "call_id"),
        (invite(via="SIP/2.0/UDP"), "via"),
        (invite(via="SIP/2.0/UDP host:0;branch=x"), "via"),
        (invite(via="SIP/2.0/UDP host;;branch=x"), "parameter"),
        (b"INVITE sip:a@b SIP/2.0\r\n folded: 1\r\n\r\n", "fold_without_field"),
        (invite(extra=("X: " + "a" * 2046,)), "long_line"),
        (invite(extra=("X: a\r\n " + "b" * 2045,)), "long_line"),
        (invite(extra=("X: a",) * 100), "many_headers"),
    ],
)
def test_what_could_be_read_in_two_ways_or_not_at_all_is_refused(data: bytes, reason: str) -> None:
    assert refused(data) == reason


def test_a_comma_within_quotes_or_brackets_separates_nothing() -> None:
    assert split_list(b'"a, \\" b" <sip:x@y,z>, c') == [b'"a, \\" b" <sip:x@y,z>', b"c"]


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (b"<sip:a@b>;tag=1", b"1"),
        (b'"tag=7 <x>;tag=8" <sip:a@b;tag=2> ; x ; TAG = 3', b"3"),
        (b"sip:a@b;tag=4", b"4"),
        (b"<sip:a@b>", b""),
        (b"<sip:a@b;tag=5>", b""),
    ],
)
def test_a_tag_is_that_of_the_field_and_not_of_the_uri(value: bytes, tag: bytes) -> None:
    assert tag_of(value) == tag


def test_a_via_with_spaces_and_ipv6_is_read() -> None:
    via = parse_via(b"SIP / 2.0 / tls   [2001:DB8::1] : 5061 ; branch = z9hG4bKx;rport")
    assert (via.transport, via.host, via.port, via.branch) == (b"TLS", b"[2001:db8::1]", 5061, b"z9hG4bKx")
    assert via.params[b"rport"] is None


@pytest.mark.parametrize(
    ("uri", "transport", "place"),
    [
        (b"sip:a@b", "UDP", ("b", 5060)),
        (b"sip:a;b?c@Host:5070;transport=TCP", "TCP", ("host", 5070)),
        (b"sips:a@b", "TLS", ("b", 5061)),
        (b"sip:b;transport=tls", "TLS", ("b", 5061)),
        (b"sip:[2001:db8::1];maddr=192.0.2.9", "UDP", ("192.0.2.9", 5060)),
    ],
)
def test_a_uri_says_where_to(uri: bytes, transport: str, place: tuple[str, int]) -> None:
    parsed = parse_uri(uri)
    assert (parsed.transport, parsed.place) == (transport, place)


@pytest.mark.parametrize(
    "uri", [b"sip:", b"sip:@b", b"sip:a@b@c", b"sip:a@b:0", b"sip:a@b:99999", b"sip:a@b?x=y"]
)
def test_a_broken_uri_is_refused(uri: bytes) -> None:
    with pytest.raises(Malformed):
        parse_uri(uri)


@given(st.binary(max_size=600))
def test_bytes_of_any_kind_are_a_message_or_malformed(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse(data)


@given(st.data())
def test_a_damaged_message_is_a_message_or_malformed(data: st.DataObject) -> None:
    message = bytearray(data.draw(st.sampled_from([*MESSAGES.values(), invite(), plain("BYE", to_tag="x")])))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(message)))
        new = data.draw(
            st.sampled_from([b"", b"\r\n", b";", b",", b'"', b"<", b">", b"\\", b"\0", b" ", b":", b"\xff"])
        )
        message[at : at + data.draw(st.integers(0, 12))] = new
    try:
        parsed = parse(bytes(message))
    except Malformed:
        return
    assert bytes(parsed) in bytes(message)


@given(st.lists(st.integers(1, 40)))
def test_a_stream_cut_anywhere_gives_the_same_messages(cuts: list[int]) -> None:
    stream = b"\r\n\r\n" + invite() + b"\r\n" + plain("BYE", to_tag="x") + invite(call_id="another")
    framer = Framer(16384)
    seen: list[bytes] = []
    pings = at = 0
    for cut in [*cuts, len(stream)]:
        messages, more = framer.feed(stream[at : at + cut])
        seen += messages
        pings += more
        at += cut
    assert [bytes(parse(message)) for message in seen] == [
        invite(),
        plain("BYE", to_tag="x"),
        invite(call_id="another"),
    ]
    assert pings == 1
    assert not framer.begun


@pytest.mark.parametrize(
    "data",
    [
        b"INVITE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 17000\r\n\r\n",
        b"x" * 17000,
    ],
)
def test_a_stream_whose_next_message_cannot_be_found_ends(data: bytes) -> None:
    with pytest.raises(Malformed):
        Framer(16384).feed(data)


@given(st.binary(max_size=400))
def test_a_framer_holds_raises_malformed_or_gives_messages(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        Framer(300).feed(data)
