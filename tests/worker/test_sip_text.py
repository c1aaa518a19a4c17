"""What is read in an INVITE, in its usual and its odd spellings."""

from __future__ import annotations

from gateway.worker.sip_text import read_invite

THROUGH_THE_EDGE = """INVITE sip:70101010;npdi@10.0.0.1:5060;user=phone SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:5059;branch=z9hG4bKedge;rport\r
Via: SIP/2.0/TCP 10.1.1.1:5060;branch=z9hG4bKtrunk;received=192.0.2.7\r
From: "Hansen; tag=no" <sip:+4511111111@example.org;user=phone>;tag=abc\r
To: <sip:70101010@10.0.0.1>\r
Call-ID: one@example.org\r
Content-Length: 0\r
\r
From: <sip:body@example.org>;tag=body\r
"""
COMPACT = """INVITE sip:1000@127.0.0.1 SIP/2.0
v: SIP/2.0/UDP 192.0.2.9:5080
  ;branch=z9hG4bKfirst , SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKsecond
f: sip:anonymous@anonymous.invalid;tag=t1
i: two

"""


def test_an_invite_through_the_edge_tells_its_branch_and_the_trunks_address() -> None:
    invite = read_invite(THROUGH_THE_EDGE)
    assert (invite.sip_call_id, invite.from_tag, invite.branch) == ("one@example.org", "abc", "z9hG4bKedge")
    assert (invite.caller, invite.caller_uri) == ("+4511111111", "sip:+4511111111@example.org;user=phone")
    assert invite.source == "192.0.2.7"
    assert invite.dialled == "70101010"


def test_compact_names_folds_and_lists_are_read_too() -> None:
    invite = read_invite(COMPACT)
    assert (invite.sip_call_id, invite.from_tag, invite.branch) == ("two", "t1", "z9hG4bKfirst")
    assert (invite.dialled, invite.caller, invite.source) == ("1000", "anonymous", "192.0.2.10")


def test_what_is_missing_is_empty() -> None:
    invite = read_invite("INVITE\r\n\r\n")
    assert set(vars(invite).values()) == {"", "off"}
    assert invite.srtp == "off"


def test_what_the_edge_says_of_encryption_is_one_of_three_words() -> None:
    for said, meant in (("required", "required"), ("optional", "optional"), ("off", "off"), ("yes", "off")):
        assert read_invite(f"INVITE sip:1@x SIP/2.0\r\nTast1-Call: trunk=t;srtp={said}\r\n\r\n").srtp == meant


def test_the_source_is_who_sent_it_to_the_edge_as_the_edge_saw_it() -> None:
    vias = (
        "Via: SIP/2.0/UDP 127.0.0.1:5059;branch=z9hG4bKedge\r\n"
        "Via: SIP/2.0/UDP sbc.example.org;branch=z9hG4bKsbc;received=192.0.2.66;received=192.0.2.7\r\n"
        "Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKphone;received=10.9.9.9\r\n"
    )
    assert read_invite(f"INVITE sip:1@x SIP/2.0\r\n{vias}\r\n").source == "192.0.2.7"
    six = "Via: SIP/2.0/UDP 127.0.0.1\r\nVia: SIP/2.0/TCP [2001:db8::7]:5060;branch=z9hG4bKsbc\r\n"
    assert read_invite(f"INVITE sip:1@x SIP/2.0\r\n{six}\r\n").source == "2001:db8::7"


def from_a_caller(vias: str, sender: str = "<sip:+4511111111@example.org>;tag=abc") -> str:
    ours = "Via: SIP/2.0/UDP 127.0.0.1:5059;branch=z9hG4bKedge\r\n"
    return f"INVITE sip:1@x SIP/2.0\r\n{ours}Via: {vias}\r\nFrom: {sender}\r\n\r\n"


def test_a_comma_in_quotes_does_not_hide_where_a_call_came_from() -> None:
    seen = read_invite(from_a_caller('SIP/2.0/UDP 10.0.0.1;x="a,b";branch=z9hG4bKc;received=192.0.2.7'))
    assert seen.source == "192.0.2.7"
    seen = read_invite(from_a_caller('SIP/2.0/UDP 10.0.0.1;x=";received=10.0.0.9";received=192.0.2.7'))
    assert seen.source == "192.0.2.7"


def test_a_display_name_is_no_address_and_a_quoted_parameter_no_tag() -> None:
    named = '"<sip:+4599999999@example.org>;tag=no" <sip:+4511111111@example.org>;x=";tag=no";tag=abc'
    seen = read_invite(from_a_caller("SIP/2.0/UDP 192.0.2.7", named))
    assert (seen.caller, seen.from_tag) == ("+4511111111", "abc")
