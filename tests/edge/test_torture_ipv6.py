"""RFC 5118 against the edge: IPv6 addresses wherever a message can have them."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.edge.fields import Malformed, parse_uri, parse_via
from gateway.edge.flows import Flow, flow_of
from gateway.edge.keys import Keys
from gateway.edge.lexer import parse
from gateway.edge.proxy import Places
from gateway.edge.router import Router, ToFlow, ToWorker
from gateway.edge.settings import EdgeSettings, TrunkSettings
from tests.edge.peers import FakeWorkers, response
from tests.edge.rfc5118 import MESSAGES, SECTIONS

SOURCE = Flow("UDP", "2001:db8::9:1", 5099)
WORKER = 40001
PLACES = Places(
    inside=("127.0.0.1", 5059),
    public={"UDP": ("2001:db8::10", 5060)},
    own=frozenset({("127.0.0.1", 5059), ("2001:db8::10", 5060)}),
)
FORWARDED = 0

# Name: section, what becomes of it, why.
EXPECTED: dict[str, tuple[str, int, str]] = {
    "ipv6-good": ("4.1", 405, "valid; REGISTER is not served"),
    "ipv6-bad": ("4.2", 405, "REGISTER is not served, whatever its URI is"),
    "port-ambiguous": ("4.3", 405, "valid; REGISTER is not served"),
    "port-unambiguous": ("4.4", 405, "valid; REGISTER is not served"),
    "via-received-param-with-delim": ("4.5", 481, "valid; of no dialog of ours"),
    "via-received-param-no-delim": ("4.5", 200, "valid"),
    "ipv6-in-sdp": ("4.6", FORWARDED, "valid"),
    "mult-ip-in-header": ("4.7", 481, "valid; of no dialog of ours"),
    "mult-ip-in-sdp": ("4.8", FORWARDED, "valid"),
    "ipv4-mapped-ipv6": ("4.9", FORWARDED, "valid"),
    "ipv6-bug-abnf-3-colons": ("4.10", 200, "must be tolerated"),
    "ipv6-correct-abnf-2-colons": ("4.10", 200, "valid"),
}


def router() -> Router:
    settings = EdgeSettings(trunks=(TrunkSettings("trunk", ("2001:db8::/32",)),), settle_s=0.0)
    return Router(settings, PLACES, Keys(bytes(32)), FakeWorkers(WORKER), 0.0, Counter())


def test_every_message_of_the_rfc_is_here() -> None:
    assert {name: section for name, (section, _, _) in EXPECTED.items()} == SECTIONS


@pytest.mark.parametrize("name", EXPECTED)
def test_an_ipv6_message_is_answered_or_forwarded_as_it_should(name: str) -> None:
    _, expected, _ = EXPECTED[name]
    outcome = router().from_outside(MESSAGES[name], SOURCE, 1.0)
    if expected == FORWARDED:
        assert isinstance(outcome, ToWorker)
        before, after = parse(MESSAGES[name]), parse(outcome.data)
        assert (after.start, after.body, after.items(b"contact")) == (
            before.start,
            before.body,
            before.items(b"contact"),
        )
    else:
        assert isinstance(outcome, ToFlow)
        assert outcome.data.startswith(b"SIP/2.0 %d " % expected)
        assert outcome.flow.host == SOURCE.host


@pytest.mark.parametrize("name", EXPECTED)
def test_a_message_is_written_back_byte_for_byte(name: str) -> None:
    assert bytes(parse(MESSAGES[name])) == MESSAGES[name]


def test_an_address_without_brackets_is_no_uri_and_colons_within_them_are_no_port() -> None:
    with pytest.raises(Malformed):
        parse_uri(parse(MESSAGES["ipv6-bad"]).uri)
    ambiguous = parse_uri(parse(MESSAGES["port-ambiguous"]).uri)
    assert (ambiguous.place, ambiguous.port) == (("2001:db8::10:5070", 5060), 0)
    assert parse_uri(parse(MESSAGES["port-unambiguous"]).uri).place == ("2001:db8::10", 5070)


def test_received_is_understood_with_brackets_and_without() -> None:
    seen = [
        parse_via(parse(MESSAGES[f"via-received-param-{name}"]).items(b"via")[0])
        for name in ("with-delim", "no-delim")
    ]
    assert [via.params[b"received"] for via in seen] == [b"[2001:db8::9:255]", b"2001:db8::9:255"]
    assert {via.host for via in seen} == {b"[2001:db8::9:1]"}


def test_the_answer_to_an_ipv6_caller_goes_back_where_it_came_from() -> None:
    edge = router()
    seen = edge.from_outside(MESSAGES["ipv6-in-sdp"], SOURCE, 1.0)
    assert isinstance(seen, ToWorker)
    via = parse(seen.data).vias[0]
    assert flow_of(via.params[b"o"]) == Flow("UDP", SOURCE.host, 5060)  # without rport: the port of its Via
    back = edge.from_inside(response(seen.data, 200), "127.0.0.1", WORKER, 1.1)
    assert isinstance(back, ToFlow)
    assert parse(back.data).vias[0].params[b"received"] == SOURCE.host.encode()
