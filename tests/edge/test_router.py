"""What becomes of each message, decided without a socket and with the time given."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edge.digest import challenge_of, respond
from gateway.edge.flows import Flow
from gateway.edge.keys import Keys
from gateway.edge.lexer import parse
from gateway.edge.outcomes import Dropped, Ours, Outcome, ToFlow, ToPlace, ToWorker
from gateway.edge.proxy import Places
from gateway.edge.router import Router
from gateway.edge.settings import Credentials, EdgeSettings, LimitSettings, TrunkSettings
from tests.edge.peers import SDP, FakeWorkers, invite, plain, response, within
from tests.edge.rfc4475 import MESSAGES

CALLER = Flow("UDP", "192.0.2.7", 5060)
STRANGER = Flow("UDP", "203.0.113.9", 5060)
WORKER = 40001
OWN_VIA = f"SIP/2.0/UDP 127.0.0.1:{WORKER};branch=z9hG4bKw;rport"
KEYS = Keys(bytes(range(32)))
PLACES = Places(
    inside=("127.0.0.1", 5059),
    public={"UDP": ("gw.example.com", 5060), "TLS": ("gw.example.com", 5061)},
    own=frozenset({("127.0.0.1", 5059), ("gw.example.com", 5060), ("gw.example.com", 5061)}),
)
URI = "sip:gw@gw.example.com"
VIA = "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKnext"


def router(*ports: int, settle_s: float = 0.0, **settings: object) -> tuple[Router, FakeWorkers]:
    workers = FakeWorkers(*(ports or (WORKER,)))
    values = {"trunks": (TrunkSettings("trunk", ("192.0.2.0/24",)),), "settle_s": settle_s, **settings}
    return Router(EdgeSettings(**values), PLACES, KEYS, workers, 0.0, Counter()), workers  # type: ignore[arg-type]


def status_of(outcome: Outcome) -> int:
    assert isinstance(outcome, ToFlow), outcome
    return parse(outcome.data).status


def to_worker(outcome: Outcome) -> bytes:
    assert isinstance(outcome, ToWorker), outcome
    return outcome.data


def answered_call(edge: Router) -> bytes:
    """The 200 as the caller gets it."""
    seen = to_worker(edge.from_outside(invite(), CALLER, 1.0))
    back = edge.from_inside(response(seen, 200), "127.0.0.1", WORKER, 1.1)
    assert isinstance(back, ToFlow)
    return back.data


# --- new calls ------------------------------------------------------------------------------------


def test_an_invite_from_a_stranger_hears_nothing() -> None:
    edge, workers = router()
    assert edge.from_outside(invite(), STRANGER, 1.0) == Dropped("unknown_source")
    assert workers.free == [WORKER]


def test_a_call_with_a_password_is_challenged_and_then_let_in_with_its_cancel() -> None:
    roaming = TrunkSettings("roaming", digest=Credentials("branch", "open sesame"))
    edge, workers = router(trunks=(roaming,))
    first = edge.from_outside(invite(), STRANGER, 1.0)
    assert status_of(first) == 401 and workers.free == [WORKER]
    assert isinstance(first, ToFlow)
    challenge = challenge_of(h.value for h in parse(first.data).headers if h.name == b"www-authenticate")
    assert challenge is not None
    assert edge.from_outside(plain("ACK", to_tag="x"), STRANGER, 1.1) == Dropped("no_transaction")
    assert not edge.calls_refused, "nobody was refused a call yet"
    told = respond(challenge, "branch", "open sesame", "INVITE", "sip:70101010@gw.example.com", 1, "c")
    again = {"via": VIA, "cseq": 2}
    seen = to_worker(
        edge.from_outside(invite(extra=(f"Authorization: {told.decode()}",), **again), STRANGER, 1.2)
    )
    assert b"Tast1-Call: trunk=roaming\r\n" in seen
    assert isinstance(edge.from_outside(plain("CANCEL", **again), STRANGER, 1.3), ToWorker)
    assert status_of(edge.from_outside(plain("CANCEL", via=VIA, cseq=3), STRANGER, 1.4)) == 481
    named = plain("ACK", to_tag="to1", uri=f"sip:gw@gw.example.com;w={WORKER}", via=VIA, cseq=9)
    assert edge.from_outside(named, STRANGER, 1.5) == Dropped("no_transaction"), "a port is no password"


def test_nobody_outside_says_whose_call_it_is() -> None:
    edge, _ = router()
    seen = to_worker(edge.from_outside(invite(extra=("Tast1-Call: trunk=other;withheld",)), CALLER, 1.0))
    assert [h.value for h in parse(seen).headers if h.name == b"tast1-call"] == [b"trunk=trunk"]


@pytest.mark.parametrize(
    ("nat", "source", "contact", "back"),
    [
        ("auto", "8.8.8.8", "<sip:pbx@10.0.0.5:5060>", True),
        ("auto", "8.8.8.8", "<sip:pbx@8.8.4.4:5060>", False),
        ("auto", "8.8.8.8", "<sip:pbx@pbx.example.com>", False),
        ("auto", "10.0.0.9", "<sip:pbx@10.0.0.5:5060>", False),
        ("on", "10.0.0.9", "<sip:pbx@pbx.example.com>", True),
        ("off", "8.8.8.8", "<sip:pbx@10.0.0.5:5060>", False),
    ],
)
def test_requests_to_a_peer_behind_nat_go_where_its_invite_came_from(
    nat: str, source: str, contact: str, back: bool
) -> None:
    trunk = TrunkSettings("pbx", ("8.0.0.0/8", "10.0.0.0/8"), nat=nat)
    edge, _ = router(trunks=(trunk,))
    flow = Flow("UDP", source, 31337)
    seen = to_worker(edge.from_outside(invite(contact=contact), flow, 1.0))
    assert isinstance(edge.from_inside(response(seen, 200), "127.0.0.1", WORKER, 1.1), ToFlow)
    bye = within(
        "BYE",
        seen,
        caller=False,
        uri=contact.strip("<>"),
        via=f"SIP/2.0/UDP 127.0.0.1:{WORKER};branch=z9hG4bKbye",
    )
    out = edge.from_inside(bye, "127.0.0.1", WORKER, 2.0)
    assert isinstance(out, ToPlace)
    assert out.flow == (flow if back else None)


def test_an_answer_to_a_request_of_our_own_is_ours() -> None:
    edge, _ = router()
    edge._is_own = lambda branch: branch == b"z9hG4bKown"
    request = plain("OPTIONS", via="SIP/2.0/UDP gw.example.com:5060;branch=z9hG4bKown")
    outcome = edge.from_outside(response(request, 200), STRANGER, 1.0)
    assert isinstance(outcome, Ours) and outcome.response.status == 200


def test_an_invite_from_a_stranger_is_refused_aloud_if_set() -> None:
    edge, _ = router(answer_unknown=True)
    assert status_of(edge.from_outside(invite(), STRANGER, 1.0)) == 403


def test_a_repeated_invite_goes_to_the_same_worker() -> None:
    edge, _ = router(40001, 40002)
    first = edge.from_outside(invite(), CALLER, 1.0)
    assert edge.from_outside(invite(), CALLER, 1.5) == first
    assert edge.counts["accepted"] == 1


def test_a_repeated_invite_whose_worker_died_is_refused() -> None:
    edge, workers = router()
    edge.from_outside(invite(), CALLER, 1.0)
    workers.ports.clear()
    assert status_of(edge.from_outside(invite(), CALLER, 1.5)) == 503


def test_another_invite_goes_to_another_worker() -> None:
    edge, _ = router(40001, 40002)
    edge.from_outside(invite(), CALLER, 1.0)
    other = edge.from_outside(invite(call_id="b"), CALLER, 1.0)
    assert isinstance(other, ToWorker)
    assert other.port == 40002


def test_a_refused_invite_is_refused_again_though_a_worker_is_free_by_then() -> None:
    edge, workers = router()
    workers.free.clear()
    first = edge.from_outside(invite(), CALLER, 1.0)
    workers.free.append(WORKER)
    assert status_of(first) == 503
    assert edge.from_outside(invite(), CALLER, 30.0) == first
    assert edge.from_outside(plain("ACK", to_tag="x"), CALLER, 30.1) == Dropped("acknowledged")


def test_an_invite_that_says_it_is_within_a_dialog_takes_no_worker() -> None:
    edge, workers = router()
    assert status_of(edge.from_outside(invite(to_tag="x"), CALLER, 1.0)) == 481
    assert workers.free == [WORKER]


def test_an_invite_with_a_good_route_to_a_worker_takes_a_free_one_all_the_same() -> None:
    edge, _ = router(40001, 40002)
    token = KEYS.worker_token(40001, b"a1@example.com").decode()
    route = f"Route: <sip:gw.example.com;lr;w={token}>"
    first = edge.from_outside(invite(call_id="a1@example.com"), CALLER, 1.0)
    again = edge.from_outside(invite(extra=(route,), via=VIA), CALLER, 1.0)
    assert isinstance(first, ToWorker)
    assert isinstance(again, ToWorker)
    assert (first.port, again.port) == (40001, 40002)


@pytest.mark.parametrize("srtp", ["off", "optional", "required"])
def test_a_worker_is_told_whether_the_trunk_encrypts_sound_and_by_nobody_else(srtp: str) -> None:
    edge, _ = router(trunks=(TrunkSettings("trunk", ("192.0.2.0/24",), srtp),))
    forged = ("Tast1-Call: srtp=optional", "tast1-CALL: srtp=off")
    seen = parse(to_worker(edge.from_outside(invite(extra=forged), Flow("TLS", "192.0.2.7", 1), 1.0)))
    said = b"" if srtp == "off" else b";srtp=" + srtp.encode()
    assert [h.value for h in seen.headers if h.name == b"tast1-call"] == [b"trunk=trunk" + said]


def test_keys_of_a_trunk_that_must_encrypt_come_by_tls() -> None:
    edge, workers = router(trunks=(TrunkSettings("trunk", ("192.0.2.0/24",), "required"),))
    for transport in ("UDP", "TCP"):
        flow = Flow(transport, "192.0.2.7", 5060)
        assert status_of(edge.from_outside(invite(), flow, 1.0)) == 488
        assert status_of(edge.from_outside(invite(), flow, 1.2)) == 488
    assert workers.free == [WORKER]
    assert edge.calls_refused == {"srtp_keys_in_clear": 1}
    to_worker(edge.from_outside(invite(), Flow("TLS", "192.0.2.7", 5061), 1.0))


def test_where_there_is_no_tls_keys_come_as_they_can() -> None:
    trunk = TrunkSettings("trunk", ("192.0.2.0/24",), "required")
    places = Places(("127.0.0.1", 5059), {"UDP": ("gw.example.com", 5060)}, PLACES.own)
    values = EdgeSettings(trunks=(trunk,), settle_s=0.0)
    edge = Router(values, places, KEYS, FakeWorkers(WORKER), 0.0, Counter())
    to_worker(edge.from_outside(invite(), CALLER, 1.0))


@pytest.mark.parametrize("method", ["INVITE", "BYE", "OPTIONS"])
def test_nothing_is_relayed_for_an_outsider(method: str) -> None:
    edge, _ = router()
    data = plain(method, extra=("Route: <sip:elsewhere.example.com;lr>",))
    assert status_of(edge.from_outside(data, CALLER, 1.0)) == 403


def test_too_many_new_calls_at_once_are_refused() -> None:
    edge, _ = router(40001, 40002, 40003, limits=LimitSettings(invites_per_s=1.0, invite_burst=2))
    outcomes = [edge.from_outside(invite(call_id=str(at)), CALLER, 1.0) for at in range(3)]
    assert [type(outcome) for outcome in outcomes] == [ToWorker, ToWorker, ToFlow]
    assert edge.counts["refused:invite_rate"] == 1


def test_a_call_that_no_worker_gets_is_counted_once_by_its_reason() -> None:
    edge, workers = router()
    workers.free.clear()
    for at in (1.0, 1.5, 2.5):  # RFC 3261 §17.1.1.2: the caller repeats it
        edge.from_outside(invite(), CALLER, at)
    edge.from_outside(invite(call_id="b"), CALLER, 3.0)
    for at in (1.0, 1.5):
        edge.from_outside(invite(call_id="c"), STRANGER, at)
    edge.from_outside(invite(to_tag="x"), CALLER, 4.0)  # of a dialog: no new call
    edge.from_outside(plain("OPTIONS"), STRANGER, 4.0)
    assert edge.calls_refused == {"no_worker": 2, "unknown_source": 1}


def test_a_call_that_cannot_be_read_is_counted() -> None:
    edge, _ = router(limits=LimitSettings(headers=20))
    edge.from_outside(invite(extra=tuple(f"X-{n}: y" for n in range(40))), CALLER, 1.0)
    assert sum(edge.calls_refused.values()) == 1 and "accepted" not in edge.counts


def test_too_many_messages_are_dropped_in_silence() -> None:
    edge, _ = router(limits=LimitSettings(messages_per_s=1.0, message_burst=1))
    edge.from_outside(plain("OPTIONS"), CALLER, 1.0)
    assert edge.from_outside(plain("OPTIONS"), CALLER, 1.0) == Dropped("message_rate")


def test_max_forwards_zero_is_refused() -> None:
    edge, workers = router()
    data = invite().replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
    assert status_of(edge.from_outside(data, CALLER, 1.0)) == 483
    assert workers.free == [WORKER]


def test_a_message_that_is_too_long_is_refused() -> None:
    edge, _ = router()
    assert edge.from_outside(invite(extra=("X: " + "a" * 2000,) * 9), CALLER, 1.0) == Dropped("size")
    assert status_of(edge.from_outside(invite(body=SDP + b"a=x\r\n" * 4000), CALLER, 1.0)) == 513


def test_while_draining_new_calls_and_options_get_503() -> None:
    edge, _ = router()
    edge.draining = True
    assert status_of(edge.from_outside(invite(), CALLER, 1.0)) == 503
    assert status_of(edge.from_outside(plain("OPTIONS"), CALLER, 1.0)) == 503


# --- after a restart ------------------------------------------------------------------------------


def test_just_started_the_edge_is_silent_to_what_it_does_not_know() -> None:
    edge, workers = router(settle_s=1.0)
    assert edge.from_outside(invite(), CALLER, 0.5) == Dropped("settling")
    assert edge.from_outside(plain("CANCEL"), CALLER, 0.5) == Dropped("settling")
    assert workers.free == [WORKER]
    assert isinstance(edge.from_outside(invite(), CALLER, 1.0), ToWorker)


def test_just_started_the_edge_serves_what_heartbeats_name() -> None:
    edge, workers = router(settle_s=1.0)
    via = parse(invite()).vias[0]
    workers.known[KEYS.branch(b"in", via, b"a1@example.com", 1).decode()] = WORKER
    assert isinstance(edge.from_outside(plain("CANCEL"), CALLER, 0.1), ToWorker)
    assert isinstance(edge.from_outside(invite(), CALLER, 0.1), ToWorker)
    assert workers.free == [WORKER]


def test_a_worker_sees_the_branch_by_which_it_is_found() -> None:
    edge, workers = router()
    seen = to_worker(edge.from_outside(invite(), CALLER, 1.0))
    assert [parse(seen).vias[0].branch.decode()] == list(workers.known)


# --- within a dialog ------------------------------------------------------------------------------


def test_a_signed_route_reaches_its_worker_from_any_address() -> None:
    edge, _ = router()
    answer = answered_call(edge)
    bye = within("BYE", answer, caller=True, uri=URI, via=VIA)
    assert b"\r\nRoute" not in to_worker(edge.from_outside(bye, STRANGER, 2.0))


@pytest.mark.parametrize("damage", [(b";w=40001-", b";w=40002-"), (b"Call-ID: a1", b"Call-ID: b1")])
def test_a_forged_route_reaches_nobody(damage: tuple[bytes, bytes]) -> None:
    edge, _ = router(40001, 40002)
    bye = within("BYE", answered_call(edge), caller=True, uri=URI, via=VIA).replace(*damage)
    assert edge.from_outside(bye, STRANGER, 2.0) == Dropped("unknown_source")
    assert status_of(edge.from_outside(bye, CALLER, 2.0)) == 481


def test_a_route_to_a_worker_that_is_gone_is_answered_481() -> None:
    edge, workers = router()
    bye = within("BYE", answered_call(edge), caller=True, uri=URI, via=VIA)
    workers.ports.clear()
    assert status_of(edge.from_outside(bye, CALLER, 2.0)) == 481


def test_a_peer_that_ignores_record_route_is_led_back_by_the_contact() -> None:
    edge, _ = router()
    bye = plain("BYE", uri="sip:gw@gw.example.com:5060;w=40001", to_tag="x")
    to_worker(edge.from_outside(bye, CALLER, 2.0))
    assert edge.from_outside(bye, STRANGER, 2.0) == Dropped("unknown_source")
    other = plain("BYE", uri="sip:gw@gw.example.com:5060;w=5432", to_tag="x")
    assert status_of(edge.from_outside(other, CALLER, 2.0)) == 481


def test_refer_is_declined_by_the_edge() -> None:
    edge, _ = router()
    refer = within("REFER", answered_call(edge), caller=True, uri=URI, via=VIA)
    refer = refer.replace(b"Max-Forwards", b"Refer-To: <sip:1@192.0.2.9>\r\nMax-Forwards", 1)
    assert status_of(edge.from_outside(refer, CALLER, 2.0)) == 603


@pytest.mark.parametrize("method", ["OPTIONS", "INFO"])
def test_options_and_empty_info_within_a_dialog_are_answered_for_the_worker(method: str) -> None:
    edge, _ = router()
    data = within(method, answered_call(edge), caller=True, uri=URI, via=VIA)
    assert status_of(edge.from_outside(data, CALLER, 2.0)) == 200


@pytest.mark.parametrize("method", ["UPDATE", "PRACK", "BYE", "ACK", "INVITE"])
def test_the_requests_of_a_call_reach_its_worker(method: str) -> None:
    edge, _ = router()
    data = within(method, answered_call(edge), caller=True, uri=URI, via=VIA)
    seen = parse(to_worker(edge.from_outside(data, CALLER, 2.0)))
    assert seen.method == method.encode()
    assert not seen.has(b"record-route")


def test_info_with_a_digit_reaches_the_worker() -> None:
    edge, _ = router()
    data = within("INFO", answered_call(edge), caller=True, uri=URI, via=VIA, body=b"Signal=1\r\n")
    data = data.replace(b"application/sdp", b"application/dtmf-relay")
    assert to_worker(edge.from_outside(data, CALLER, 2.0)).endswith(b"Signal=1\r\n")


def test_a_cancel_for_nothing_is_answered_481_and_an_ack_for_nothing_dropped() -> None:
    edge, _ = router()
    assert status_of(edge.from_outside(plain("CANCEL"), CALLER, 1.0)) == 481
    assert edge.from_outside(plain("ACK", to_tag="x"), CALLER, 1.0) == Dropped("no_transaction")


# --- responses ------------------------------------------------------------------------------------


def agent_invite(edge: Router) -> ToPlace:
    data = invite(
        via=OWN_VIA,
        uri="sip:agent@198.51.100.5:5070",
        extra=("Route: <sip:127.0.0.1:5059;lr>",),
    )
    outcome = edge.from_inside(data, "127.0.0.1", WORKER, 1.0)
    assert isinstance(outcome, ToPlace)
    return outcome


def test_an_agents_answer_reaches_the_worker_that_called() -> None:
    edge, _ = router()
    sent = agent_invite(edge)
    assert (sent.transport, sent.host, sent.port) == ("UDP", "198.51.100.5", 5070)
    outcome = edge.from_outside(response(sent.data, 200), STRANGER, 2.0)
    assert isinstance(outcome, ToWorker)
    assert outcome.port == WORKER
    assert len(parse(outcome.data).items(b"via")) == 1


@pytest.mark.parametrize(
    "damage",
    [
        (b"branch=z9hG4bKw", b"branch=z9hG4bKx"),
        (f"127.0.0.1:{WORKER}".encode(), b"127.0.0.1:5432"),
        (b"Call-ID: a1", b"Call-ID: b1"),
        (b"CSeq: 1 ", b"CSeq: 2 "),
    ],
)
def test_a_forged_response_is_dropped(damage: tuple[bytes, bytes]) -> None:
    edge, _ = router()
    forged = response(agent_invite(edge).data, 200).replace(*damage)
    assert edge.from_outside(forged, STRANGER, 2.0) == Dropped("forged_response")


def test_a_branch_of_one_side_does_not_pass_on_the_other() -> None:
    edge, _ = router()
    seen = to_worker(edge.from_outside(invite(), CALLER, 1.0))
    assert edge.from_outside(response(seen, 200), CALLER, 1.0) == Dropped("forged_response")


@pytest.mark.parametrize("damage", [(b"branch=z9hG4bKaaa", b"branch=z9hG4bKbbb"), (b";o=udp-", b";o=ftp-")])
def test_a_worker_cannot_answer_what_nobody_asked(damage: tuple[bytes, bytes]) -> None:
    edge, _ = router()
    seen = to_worker(edge.from_outside(invite(), CALLER, 1.0))
    forged = response(seen, 200).replace(*damage)
    assert edge.from_inside(forged, "127.0.0.1", WORKER, 1.1) == Dropped("forged_response")


def test_an_answer_with_too_many_crypto_lines_never_reaches_a_worker() -> None:
    edge, _ = router()
    data = response(agent_invite(edge).data, 200, body=SDP + b"a=crypto:1\r\n" * 65)
    assert edge.from_outside(data, STRANGER, 2.0) == Dropped("crypto")


# --- from inside ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 5432), ("127.0.0.2", WORKER), ("192.0.2.7", WORKER)]
)
def test_only_a_worker_may_use_the_worker_side(host: str, port: int) -> None:
    edge, _ = router()
    assert edge.from_inside(invite(), host, port, 1.0) == Dropped("no_worker_sent")


def test_a_worker_that_calls_the_gateway_itself_is_told_of_the_loop() -> None:
    edge, _ = router()
    data = invite(via=OWN_VIA, uri="sip:70101010@gw.example.com")
    outcome = edge.from_inside(data, "127.0.0.1", WORKER, 1.0)
    assert to_worker(outcome).startswith(b"SIP/2.0 482 ")


def test_a_request_for_a_transport_without_a_listener_is_refused_to_the_worker() -> None:
    edge, _ = router()
    data = invite(via=OWN_VIA, uri="sip:a@192.0.2.5;transport=tcp")
    outcome = edge.from_inside(data, "127.0.0.1", WORKER, 1.0)
    assert to_worker(outcome).startswith(b"SIP/2.0 503 ")


@pytest.mark.parametrize(
    "via",
    [
        f"SIP/2.0/UDP 127.0.0.1:{WORKER + 1};branch=z9hG4bKw",
        "SIP/2.0/UDP 127.0.0.1:5059;branch=z9hG4bKw",
        "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKw",
    ],
    ids=["another worker", "ourselves", "no port"],
)
def test_a_worker_asks_for_itself_so_that_answers_go_to_no_other_port(via: str) -> None:
    edge, _ = router()
    data = invite(via=via, uri="sip:agent@198.51.100.5:5070")
    assert edge.from_inside(data, "127.0.0.1", WORKER, 1.0) == Dropped("worker_request")


def test_a_workers_request_over_a_callers_connection_names_it() -> None:
    edge, _ = router()
    source = Flow("TLS", "192.0.2.7", 40123)
    seen = to_worker(edge.from_outside(invite(via="SIP/2.0/TLS phone.invalid;branch=z9hG4bKt"), source, 1.0))
    via = f"SIP/2.0/UDP 127.0.0.1:{WORKER};branch=z9hG4bKb;rport"
    bye = within("BYE", seen, caller=False, uri="sip:x@phone.invalid;transport=tls", via=via)
    outcome = edge.from_inside(bye, "127.0.0.1", WORKER, 2.0)
    assert isinstance(outcome, ToPlace)
    assert outcome.flow == source


def test_a_worker_that_cannot_be_carried_hears_503() -> None:
    edge, _ = router()
    failed = parse(agent_invite(edge).if_failed)
    assert (failed.status, failed.method, failed.vias[0].branch) == (503, b"INVITE", b"z9hG4bKw")


# --- whatever comes -------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.data())
def test_no_message_however_damaged_harms_the_router(data: st.DataObject) -> None:
    edge, _ = router()
    answer = answered_call(edge)
    sound = [
        *MESSAGES.values(),
        invite(call_id="other"),
        within("BYE", answer, caller=True, uri=URI, via=VIA),
        response(agent_invite(edge).data, 200, body=SDP),
    ]
    message = bytearray(data.draw(st.sampled_from(sound)))
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(message)))
        new = data.draw(
            st.sampled_from([b"", b"\r\n", b";", b",", b'"', b"<", b">", b"\0", b" ", b"[", b"\xff", b"="])
        )
        message[at : at + data.draw(st.integers(0, 9))] = new
    source = data.draw(st.sampled_from([CALLER, STRANGER, Flow("TLS", "2001:db8::1", 9)]))
    outcome = edge.from_outside(bytes(message), source, 3.0)
    assert isinstance(outcome, (ToWorker, ToFlow, Dropped))
    if isinstance(outcome, ToWorker):
        assert outcome.port == WORKER
        assert parse(outcome.data).vias[0].host == b"127.0.0.1" or parse(outcome.data).status
    if isinstance(outcome, ToFlow):
        assert outcome.flow.host == source.host
    edge.from_inside(bytes(message), "127.0.0.1", WORKER, 3.0)


def test_an_answer_repeats_no_lone_line_end_of_a_message_that_is_too_long() -> None:
    edge, _ = router()
    data = plain("OPTIONS", extra=("X: a\nVia: SIP/2.0/UDP 192.0.2.7",)) + b"x" * 20000
    assert edge.from_outside(data, CALLER, 1.0) == Dropped("lone_line_end")


def test_after_a_start_an_invite_is_taken_at_once_where_nobody_repeats_it() -> None:
    edge, _ = router(settle_s=1.0)
    assert edge.from_outside(invite(), CALLER, 0.5) == Dropped("settling")
    to_worker(edge.from_outside(invite(), Flow("TLS", "192.0.2.7", 5060), 0.5))
