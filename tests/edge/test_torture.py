"""RFC 4475 against the edge: each message is answered, dropped or forwarded as the RFC or our limits say."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.edge import proxy
from gateway.edge.flows import Flow
from gateway.edge.keys import Keys
from gateway.edge.lexer import parse
from gateway.edge.proxy import Places
from gateway.edge.router import Dropped, Router, ToFlow, ToWorker
from gateway.edge.settings import EdgeSettings, TrunkSettings
from tests.edge.peers import SDP, FakeWorkers, invite
from tests.edge.rfc4475 import MESSAGES, SECTIONS

SOURCE = Flow("UDP", "192.0.2.1", 5099)
WORKER = 40001
PLACES = Places(
    inside=("127.0.0.1", 5059),
    public={"UDP": ("services.example.com", 5060)},
    own=frozenset({("127.0.0.1", 5059), ("services.example.com", 5060)}),
)

FORWARDED = 0
DROPPED = -1

# Name: section, what becomes of it, why.
EXPECTED: dict[str, tuple[str, int, str]] = {
    "wsinv": ("3.1.1.1", 481, "valid; its To tag says it is within a dialog, and none of ours"),
    "intmeth": ("3.1.1.2", 501, "valid; a method nobody knows"),
    "esc01": ("3.1.1.3", FORWARDED, "valid"),
    "escnull": ("3.1.1.4", 405, "valid; REGISTER is not served"),
    "esc02": ("3.1.1.5", 501, "valid; RE%47IST%45R is not REGISTER"),
    "lwsdisp": ("3.1.1.6", 200, "valid"),
    "longreq": ("3.1.1.7", FORWARDED, "valid"),
    "dblreq": ("3.1.1.8", 405, "valid; what follows the REGISTER in the datagram is ignored"),
    "semiuri": ("3.1.1.9", 200, "valid"),
    "transports": ("3.1.1.10", 200, "valid"),
    "mpart01": ("3.1.1.11", 403, "valid; its Route asks for relaying"),
    "unreason": ("3.1.1.12", DROPPED, "valid; a response to nothing we sent"),
    "noreason": ("3.1.1.13", DROPPED, "valid; a response to nothing we sent"),
    "badinv01": ("3.1.2.1", 400, "extraneous separators"),
    "clerr": ("3.1.2.2", 400, "Content-Length beyond the datagram"),
    "ncl": ("3.1.2.3", 400, "negative Content-Length"),
    "scalar02": ("3.1.2.4", 400, "overlarge CSeq and Max-Forwards"),
    "scalarlg": ("3.1.2.5", DROPPED, "a response with an overlarge CSeq"),
    "quotbal": ("3.1.2.6", 400, "unbalanced quotes"),
    "ltgtruri": ("3.1.2.7", 400, "angle brackets around the request URI"),
    "lwsruri": ("3.1.2.8", 400, "a space within the request URI"),
    "lwsstart": ("3.1.2.9", 400, "two spaces in the request line"),
    "trws": ("3.1.2.10", 400, "spaces after the request line"),
    "escruri": ("3.1.2.11", 400, "headers in the request URI"),
    "baddate": ("3.1.2.12", FORWARDED, "a proxy does not read Date"),
    "regbadct": ("3.1.2.13", 405, "REGISTER is not served"),
    "badaspec": ("3.1.2.14", 200, "spaces around an address may be tolerated"),
    "baddn": ("3.1.2.15", 200, "an unquoted comma in a display name may be tolerated"),
    "badvers": ("3.1.2.16", 505, "SIP/7.0"),
    "mismatch01": ("3.1.2.17", 400, "CSeq names another method"),
    "mismatch02": ("3.1.2.18", 400, "CSeq names another method"),
    "bigcode": ("3.1.2.19", DROPPED, "a response with a status of ten digits"),
    "badbranch": ("3.2.1", 200, "an empty branch still tells transactions apart by Call-ID and CSeq"),
    "insuf": ("3.3.1", 400, "no From, To and Call-ID"),
    "unkscm": ("3.3.2", 416, "a request URI of an unknown kind"),
    "novelsc": ("3.3.3", 416, "a request URI of a known but useless kind"),
    "unksm2": ("3.3.4", 405, "REGISTER is not served"),
    "bext01": ("3.3.5", 420, "Proxy-Require"),
    "invut": ("3.3.6", 415, "a body of unknown type"),
    "regaut01": ("3.3.7", 405, "REGISTER is not served"),
    "multi01": ("3.3.8", 400, "fields repeated that must be single"),
    "mcl01": ("3.3.9", 400, "two Content-Lengths"),
    "bcast": ("3.3.10", DROPPED, "a response to nothing we sent; never sent to 255.255.255.255"),
    "zeromf": ("3.3.11", 200, "OPTIONS with Max-Forwards 0 is for us"),
    "cparam01": ("3.3.12", 405, "REGISTER is not served"),
    "cparam02": ("3.3.13", 405, "REGISTER is not served"),
    "regescrt": ("3.3.14", 405, "REGISTER is not served"),
    "sdp01": ("3.3.15", FORWARDED, "whether Accept can be met is the worker's to say"),
    "inv2543": ("3.4.1", FORWARDED, "RFC 2543 is understood"),
}

VALID = [name for name, (section, _, _) in EXPECTED.items() if section.startswith("3.1.1.")]


def router() -> Router:
    settings = EdgeSettings(trunks=(TrunkSettings("trunk", ("192.0.2.0/24",)),), settle_s=0.0)
    return Router(settings, PLACES, Keys(bytes(32)), FakeWorkers(WORKER), 0.0, Counter())


def test_every_message_of_the_rfc_is_here() -> None:
    assert {name: section for name, (section, _, _) in EXPECTED.items()} == SECTIONS
    assert len(MESSAGES) == 49


@pytest.mark.parametrize("name", EXPECTED)
def test_a_torture_message_is_answered_dropped_or_forwarded_as_it_should(name: str) -> None:
    message = MESSAGES[name]
    _, expected, _ = EXPECTED[name]
    outcome = router().from_outside(message, SOURCE, 1.0)
    if expected == DROPPED:
        assert isinstance(outcome, Dropped)
    elif expected == FORWARDED:
        assert isinstance(outcome, ToWorker)
        assert outcome.port == WORKER
        assert_unharmed(message, outcome.data)
    else:
        assert isinstance(outcome, ToFlow)
        assert outcome.data.startswith(b"SIP/2.0 %d " % expected)
        assert outcome.flow.host == SOURCE.host  # an answer never goes where a message only claims to be from


@pytest.mark.parametrize("name", VALID)
def test_a_valid_message_is_written_back_byte_for_byte(name: str) -> None:
    message = MESSAGES[name]
    parsed = parse(message)
    assert message.startswith(bytes(parsed))
    assert len(bytes(parsed)) == len(message) or name == "dblreq"
    assert bytes(proxy.take_via(proxy.add_via(parsed, "UDP", ("h", 5060), b"branch=x"))) == bytes(parsed)


def test_the_short_tortuous_invite_is_forwarded_unharmed_when_it_begins_a_call() -> None:
    message = MESSAGES["wsinv"].replace(b" ;   tag    = 1918181833n", b"")
    outcome = router().from_outside(message, SOURCE, 1.0)
    assert isinstance(outcome, ToWorker)
    assert_unharmed(message, outcome.data)


def test_the_second_request_of_a_datagram_takes_no_worker() -> None:
    edge = router()
    edge.from_outside(MESSAGES["dblreq"], SOURCE, 1.0)
    assert edge.counts["accepted"] == 0


@pytest.mark.parametrize("lines", [9, 65, 150])
def test_an_offer_with_too_many_crypto_lines_never_reaches_a_worker(lines: int) -> None:
    crypto = b"".join(
        b"a=crypto:%d AES_CM_128_HMAC_SHA1_80 inline:%s\r\n" % (at, b"A" * 40) for at in range(1, lines + 1)
    )
    edge = router()
    outcome = edge.from_outside(invite(body=SDP + crypto), SOURCE, 1.0)
    assert isinstance(outcome, ToFlow)
    assert outcome.data.startswith(b"SIP/2.0 488 ")
    assert edge.counts["refused:crypto"] == 1
    assert edge.counts["accepted"] == 0


def test_an_offer_with_eight_crypto_lines_passes() -> None:
    crypto = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n" * 8
    assert isinstance(router().from_outside(invite(body=SDP + crypto), SOURCE, 1.0), ToWorker)


@pytest.mark.parametrize(
    "line", [b"A=CRYPTO:1 x\r\n", b" a = crypto:1 x\r\n", b"a=crypto:1 x\n", b"a=crypto:1 x\r"]
)
def test_crypto_lines_are_counted_however_they_are_written(line: bytes) -> None:
    outcome = router().from_outside(invite(body=SDP + line * 9), SOURCE, 1.0)
    assert isinstance(outcome, ToFlow)


def assert_unharmed(before: bytes, after: bytes) -> None:
    """`after` is `before` but for what a proxy touches (RFC 3261 §16.6)."""
    old, new = parse(before), parse(after)
    ours = [
        h
        for h in new.headers
        if h.raw.startswith((b"Via: SIP/2.0/UDP 127.0.0.1:5059;", b"Record-Route: <sip:"))
    ]
    ours = [h for h in ours if h.name == b"via" or b";w=40001-" in h.raw]
    told = [h for h in new.headers if h.name == b"tast1-call"]
    assert len(told) == 1
    assert [h.name for h in ours] == [b"via", b"record-route", b"record-route"] or [h.name for h in ours] == [
        b"record-route",
        b"record-route",
        b"via",
    ]
    left = [h.raw for h in new.headers if h not in ours and h not in told]
    expected = []
    for h in old.headers:
        if h.name == b"route":
            continue  # it pointed at us
        if h.name == b"max-forwards":
            name = h.raw.partition(b":")[0]
            expected.append(name + b": %d\r\n" % (int(h.value) - 1))
        else:
            expected.append(h.raw)
    if not old.has(b"max-forwards"):
        expected.append(b"Max-Forwards: 70\r\n")
    assert [raw.replace(b";received=192.0.2.1", b"") for raw in left] == expected
    assert sum(raw.count(b";received=192.0.2.1\r\n") for raw in left) == 1
    assert (new.start, new.body) == (old.start, old.body)
