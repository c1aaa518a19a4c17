"""Who calls whom: asserted identities, privacy, registered Contacts, and numbers in E.164."""

from __future__ import annotations

import pytest

from gateway.edge import identity
from gateway.edge.identity import Parties, parties
from gateway.edge.lexer import Message, parse
from gateway.edge.numbers import NumberPlan
from gateway.edge.settings import RegisterSettings, TrunkSettings
from gateway.worker.sip_text import ANONYMOUS, read_invite
from tests.edge.peers import invite

DANISH = TrunkSettings("provider", trusted=True, country="DK", prefixes=(("9", ""),))
PLAIN = TrunkSettings("plain")
PAI = 'P-Asserted-Identity: "Somebody" <sip:+4520304050@provider.example;user=phone>, <tel:+4520304050>'


def message(*extra: str, sender: str = "<sip:20304050@192.0.2.7>", uri: str = "sip:70101010@gw") -> Message:
    data = invite(extra=extra, uri=uri).replace(b"<sip:caller@example.com>", sender.encode(), 1)
    return parse(data)


# --- numbers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "written", "full"),
    [
        *(
            ("DK", written, "+4570101010")
            for written in ("70101010", "+4570101010", "4570101010", "004570101010")
        ),
        *(
            ("DK", written, "+4570101010")
            for written in ("70 10 10 10", "70-10-10-10", "%2B4570101010", "70101010;npdi")
        ),
        ("DK", "004687520000", "+4687520000"),
        ("SE", "08-752 00 00", "+4687520000"),
        ("SE", "46087520000", "+4687520000"),
        ("DE", "030 123456", "+4930123456"),
        ("DK", "112", ""),
        ("DK", "201", ""),
        ("DK", "anonymous", ""),
        ("DK", "", ""),
        ("DK", "7" * 40, ""),
        ("DK", "hansen70101010", ""),
    ],
)
def test_a_number_in_e164(country: str, written: str, full: str) -> None:
    assert NumberPlan(country).e164(written) == full


def test_a_trunks_prefixes_come_first_and_the_longest_of_them() -> None:
    plan = NumberPlan("DK", (("9", ""), ("900", "+"), ("12", "+46")))
    assert plan.e164("970101010") == "+4570101010"
    assert plan.e164("900467520000") == plan.e164("+467520000")
    assert plan.e164("1287520000") == "+4687520000"


# --- the caller -----------------------------------------------------------------------------------------


def test_an_asserted_identity_is_believed_of_a_trusted_trunk_alone() -> None:
    given = message(PAI, sender="<sip:pbx@192.0.2.7>")
    assert parties(given, DANISH).caller == "+4520304050"
    assert parties(given, TrunkSettings("untrusted", country="DK")).caller == ""
    assert (
        parties(message(PAI.split(", ")[1].join(["P-Asserted-Identity: ", ""])), DANISH).caller
        == "+4520304050"
    )


def test_without_a_country_numbers_stay_as_they_are() -> None:
    assert parties(message(), PLAIN) == Parties()
    assert parties(message(PAI), TrunkSettings("t", trusted=True)).caller == "+4520304050"


@pytest.mark.parametrize(
    ("extra", "sender"),
    [
        (("Privacy: id", PAI), "<sip:20304050@192.0.2.7>"),
        (("Privacy: header;ID;critical", PAI), "<sip:20304050@192.0.2.7>"),
        (("Privacy: user",), "<sip:20304050@192.0.2.7>"),
        ((PAI,), '"Anonymous" <sip:anonymous@anonymous.invalid>'),
        ((), "<sip:20304050@anonymous.invalid>"),
        ((), "<sip:anonymous@192.0.2.7>"),
    ],
)
@pytest.mark.parametrize("trunk", [DANISH, PLAIN])
def test_a_withheld_number_goes_no_further(extra: tuple[str, ...], sender: str, trunk: TrunkSettings) -> None:
    given = message(*extra, sender=sender)
    assert parties(given, trunk).withheld
    field = identity.told(given, trunk)
    assert b"20304050" not in field.raw
    through = given.with_headers((*given.headers, field))
    read = read_invite(bytes(through).decode())
    assert (read.caller, read.caller_uri, read.trunk) == ("", ANONYMOUS, trunk.name)
    assert read.dialled.endswith("70101010"), "the call still finds its flow"


def test_no_privacy_is_asked_for_by_none() -> None:
    assert not parties(message("Privacy: none", PAI), DANISH).withheld


# --- the number dialled -----------------------------------------------------------------------------------


def test_where_the_request_names_our_account_the_number_is_elsewhere() -> None:
    trunk = TrunkSettings("p", trusted=True, country="DK", register=RegisterSettings("account7", "x"))
    to_account = message(uri="sip:account7@203.0.113.10:5060;line=abc")
    assert parties(to_account, trunk).dialled == "+4570101010", "To has it"
    called = message("P-Called-Party-ID: <tel:+4599887766>", uri="sip:account7@203.0.113.10")
    assert parties(called, trunk).dialled == "+4599887766"
    assert parties(message(uri="tel:+4588888888"), trunk).dialled == "+4588888888"


# --- what a worker is told ----------------------------------------------------------------------------------


def test_a_worker_reads_what_the_edge_tells() -> None:
    given = message(PAI, sender='"X" <sip:pbx@192.0.2.7:5070;user=phone>')
    read = read_invite(bytes(given.with_headers((*given.headers, identity.told(given, DANISH)))).decode())
    assert (read.trunk, read.dialled, read.dialled_as) == ("provider", "+4570101010", "70101010")
    assert (read.caller, read.caller_uri) == ("+4520304050", "sip:+4520304050@192.0.2.7:5070")


def test_a_strange_identity_arrives_as_it_is() -> None:
    given = message("P-Asserted-Identity: <sip:a%3Bwithheld@x>", sender="<sip:pbx@192.0.2.7>")
    read = read_invite(
        bytes(
            given.with_headers((*given.headers, identity.told(given, TrunkSettings("t", trusted=True))))
        ).decode()
    )
    assert read.caller == "a%3Bwithheld" and read.caller_uri == "sip:a%253Bwithheld@192.0.2.7"


def test_nobody_outside_tells_our_workers_anything() -> None:
    given = message("Tast1-Call: trunk=other;caller=+4511111111", "TAST1-CALL : withheld")
    assert not identity.without(given).has(identity.FIELD)
