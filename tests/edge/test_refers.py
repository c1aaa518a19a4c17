"""REFER at the front door: read, decided elsewhere, answered here, and never let through."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.edge.lexer import parse
from gateway.edge.refers import Refer
from gateway.edge.router import Router, ToFlow
from gateway.edge.settings import EdgeSettings, TrunkSettings
from tests.edge.peers import FakeWorkers, within
from tests.edge.test_router import CALLER, KEYS, PLACES, URI, VIA, WORKER, answered_call, status_of

ELSEWHERE = "<sip:234@192.0.2.9:5070>"


class Asked:
    """A front door and what it has asked."""

    def __init__(self, status: int = 202) -> None:
        self.heard: list[Refer] = []
        self.status = status
        settings = EdgeSettings(trunks=(TrunkSettings("trunk", ("192.0.2.0/24",)),), settle_s=0.0)
        self.edge = Router(settings, PLACES, KEYS, FakeWorkers(WORKER), 0.0, Counter(), decide=self.decide)
        self.seen = answered_call(self.edge)

    def decide(self, refer: Refer) -> int:
        self.heard.append(refer)
        return self.status

    def refer(self, *refer_to: str) -> bytes:
        data = within("REFER", self.seen, caller=True, uri=URI, via=VIA)
        lines = "".join(f"Refer-To: {each}\r\n" for each in refer_to).encode()
        return data.replace(b"Max-Forwards", lines + b"Max-Forwards", 1)


def test_it_is_decided_once_and_answered_each_time() -> None:
    asked = Asked()
    refer = asked.refer("<sip:234@gw.example.com>")
    for _ in range(2):
        outcome = asked.edge.from_outside(refer, CALLER, 2.0)
        assert status_of(outcome) == 202
        assert isinstance(outcome, ToFlow)
        assert parse(outcome.data).items(b"contact") == [b"<sip:gw@gw.example.com>"], "RFC 3515 section 2.4.2"
    (heard,) = asked.heard
    assert (heard.target, heard.replaces, heard.cseq) == ("234", "", 2), "a user part at this gateway"
    assert heard.sip_call_id == parse(asked.seen).call_id.decode()


@pytest.mark.parametrize("status", [403, 491, 603])
def test_a_refusal_is_passed_on(status: int) -> None:
    asked = Asked(status)
    assert status_of(asked.edge.from_outside(asked.refer(ELSEWHERE), CALLER, 2.0)) == status


def test_another_place_stays_named_without_its_parameters() -> None:
    asked = Asked()
    asked.edge.from_outside(asked.refer("<sip:234@192.0.2.9:5070;maddr=198.51.100.1?Subject=x>"), CALLER, 2.0)
    assert asked.heard[0].target == "sip:234@192.0.2.9:5070"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2", "a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2"),
        ("a%0D%0AInjected%3A%20yes", ""),
        ("a%2Cb", ""),
        ("%61" * 600, ""),
    ],
)
def test_of_the_fields_only_a_plain_replaces_is_kept(value: str, kept: str) -> None:
    asked = Asked()
    asked.edge.from_outside(asked.refer(f"<sip:234@192.0.2.9?X-A=1&Replaces={value}>"), CALLER, 2.0)
    assert asked.heard[0].replaces == kept


@pytest.mark.parametrize(
    ("refer_to", "status"), [((), 400), ((ELSEWHERE, ELSEWHERE), 400), (("<tel:+4570101010>",), 416)]
)
def test_what_names_no_one_target_is_refused_and_not_asked(refer_to: tuple[str, ...], status: int) -> None:
    asked = Asked()
    assert status_of(asked.edge.from_outside(asked.refer(*refer_to), CALLER, 2.0)) == status
    assert not asked.heard
