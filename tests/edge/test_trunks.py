"""Which trunk a request is of: by network, certificate, password and registered Contact."""

from __future__ import annotations

import re

import pytest

from gateway.edge.admission import Refusal
from gateway.edge.digest import NONCE_S, challenge_of, respond
from gateway.edge.lexer import Message, parse
from gateway.edge.settings import Credentials, EdgeSettings, RegisterSettings, TrunkSettings
from gateway.edge.trunks import Known, Trunks, line_of
from tests.edge.peers import invite, plain

TRUNKS = (TrunkSettings("a", ("192.0.2.0/24", "2001:db8::/32")), TrunkSettings("b", ("198.51.100.7/32",)))
SECRET = bytes(range(32))
NOBODY: frozenset[str] = frozenset()
ROAMING = TrunkSettings("roaming", digest=Credentials("branch", "open sesame"))
STRANGER = "203.0.113.9"
NOW = 1000.0


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.255", "a"),
        ("2001:db8::7", "a"),
        ("::ffff:192.0.2.1", "a"),
        ("198.51.100.7", "b"),
        ("198.51.100.8", None),
        ("2001:db9::7", None),
        ("fe80::1%eth0", None),
    ],
)
def test_a_trunk_is_known_by_its_source_network(host: str, name: str | None) -> None:
    assert Trunks(EdgeSettings(trunks=TRUNKS)).name(host) == name


def test_strangers_may_call_only_if_a_setting_says_so() -> None:
    assert Trunks(EdgeSettings(trunks=TRUNKS, allow_unknown=True)).name("203.0.113.1") == "unknown"


def trunks(*settings: TrunkSettings, **more: object) -> Trunks:
    return Trunks(EdgeSettings(trunks=settings, **more), SECRET)  # type: ignore[arg-type]


def name_of(found: Known | Refusal | None) -> str | None:
    return found.trunk.name if isinstance(found, Known) else None


def answered(book: Trunks, password: str = "open sesame", now: float = NOW, host: str = STRANGER,
             algorithm: str = "SHA-256", call_id: str = "a1@example.com") -> Message:  # fmt: skip
    """The INVITE again, with an answer to the challenge that the first one got."""
    refusal = book.admit(parse(invite()), STRANGER, NOBODY, NOW)
    assert isinstance(refusal, Refusal) and refusal.status == 401
    values = [h.value for h in refusal.headers if algorithm.encode() in h.value]
    challenge = challenge_of(values)
    assert challenge is not None
    uri = "sip:70101010@gw.example.com"
    value = respond(challenge, "branch", password, "INVITE", uri, 1, "c0")
    return parse(invite(extra=(f"Authorization: {value.decode()}",), cseq=2, call_id=call_id))


# --- certificates and servers -----------------------------------------------------------------------


def test_a_trunk_with_network_and_certificate_needs_both() -> None:
    book = trunks(TrunkSettings("sbc", ("192.0.2.0/24",), certificates=("SBC.example.dk",)))
    message, right = parse(invite()), frozenset({"sbc.example.dk"})
    assert name_of(book.admit(message, "192.0.2.7", right, NOW)) == "sbc"
    assert book.admit(message, "192.0.2.7", NOBODY, NOW) is None
    assert book.admit(message, "192.0.2.7", frozenset({"other.example.dk"}), NOW) is None
    assert book.admit(message, STRANGER, right, NOW) is None


def test_a_certificate_alone_is_enough_where_nothing_else_is_asked_for() -> None:
    book = trunks(TrunkSettings("sbc", certificates=("sbc.example.dk",)))
    assert name_of(book.admit(parse(invite()), STRANGER, frozenset({"sbc.example.dk"}), NOW)) == "sbc"
    assert book.admit(parse(invite()), STRANGER, NOBODY, NOW) is None


def test_calls_may_come_from_a_trunks_servers_once_their_addresses_are_known() -> None:
    book = trunks(TrunkSettings("provider", servers=("sip:provider.example",)))
    assert book.admit(parse(invite()), STRANGER, NOBODY, NOW) is None, "not from anywhere meanwhile"
    book.learn("provider", (STRANGER,))
    assert name_of(book.admit(parse(invite()), STRANGER, NOBODY, NOW)) == "provider"


def test_the_contact_that_was_registered_tells_two_accounts_at_one_provider_apart() -> None:
    both = [
        TrunkSettings(
            name, ("192.0.2.0/24",), servers=("sip:192.0.2.1",), register=RegisterSettings(name, "x")
        )
        for name in ("first", "second")
    ]
    book = trunks(*both)
    line = line_of(SECRET, "second").decode()
    to_second = parse(invite(uri=f"sip:second@gw.example.com;line={line}"))
    assert name_of(book.admit(to_second, "192.0.2.7", NOBODY, NOW)) == "second"
    assert name_of(book.admit(parse(invite()), "192.0.2.7", NOBODY, NOW)) == "first"
    assert book.admit(to_second, STRANGER, NOBODY, NOW) is None, "a Contact is no password"


# --- passwords ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_who_answers_the_challenge_is_let_in_from_anywhere(algorithm: str) -> None:
    book = trunks(ROAMING)
    found = book.admit(answered(book, algorithm=algorithm), STRANGER, NOBODY, NOW + 1)
    assert name_of(found) == "roaming"


def test_a_wrong_password_another_call_another_address_and_an_old_nonce_are_challenged_again() -> None:
    book = trunks(ROAMING)
    for message, host, now in (
        (answered(book, "wrong"), STRANGER, NOW),
        (answered(book, call_id="another@example.com"), STRANGER, NOW),
        (answered(book), "203.0.113.10", NOW),
        (answered(book), STRANGER, NOW + NONCE_S + 1),
        (answered(book), STRANGER, NOW - 2),
        (parse(invite(extra=("Authorization: Digest nonsense",))), STRANGER, NOW),
    ):
        found = book.admit(message, host, NOBODY, now)
        assert isinstance(found, Refusal) and found.status == 401


def test_only_an_old_nonce_is_called_stale() -> None:
    book = trunks(ROAMING)
    late = book.admit(answered(book), STRANGER, NOBODY, NOW + NONCE_S + 1)
    wrong = book.admit(answered(book, "wrong"), STRANGER, NOBODY, NOW)
    assert isinstance(late, Refusal) and isinstance(wrong, Refusal)
    assert all(b"stale=true" in h.value for h in late.headers)
    assert not any(b"stale" in h.value for h in wrong.headers)


def test_after_many_wrong_answers_nothing_more_is_said_for_a_while() -> None:
    book = trunks(ROAMING)
    told = [book.admit(answered(book, "wrong"), STRANGER, NOBODY, NOW) for _ in range(11)]
    assert all(isinstance(one, Refusal) for one in told[:10]) and told[10] is None
    assert isinstance(book.admit(answered(book, "wrong"), STRANGER, NOBODY, NOW + 60), Refusal)


def test_an_empty_password_proves_nothing() -> None:
    book = trunks(TrunkSettings("lost", digest=Credentials("branch", "")))
    found = book.admit(answered(book, ""), STRANGER, NOBODY, NOW)
    assert isinstance(found, Refusal)


def test_a_known_network_with_a_password_is_challenged_at_a_new_call_only() -> None:
    book = trunks(TrunkSettings("pbx", ("192.0.2.0/24",), digest=Credentials("branch", "open sesame")))
    assert isinstance(book.admit(parse(invite()), "192.0.2.7", NOBODY, NOW), Refusal)
    for method in ("OPTIONS", "ACK", "CANCEL", "BYE"):
        assert name_of(book.admit(parse(plain(method)), "192.0.2.7", NOBODY, NOW)) == "pbx"
    assert book.admit(parse(invite()), STRANGER, NOBODY, NOW) is None


@pytest.mark.parametrize("method", ["OPTIONS", "BYE", "REGISTER", "INFO"])
def test_of_strangers_only_a_call_is_challenged(method: str) -> None:
    assert trunks(ROAMING).admit(parse(plain(method)), STRANGER, NOBODY, NOW) is None


def test_a_strangers_cancel_is_let_in_only_to_what_is_there() -> None:
    found = trunks(ROAMING).admit(parse(plain("CANCEL")), STRANGER, NOBODY, NOW)
    assert isinstance(found, Known) and not found.proven


def test_a_challenge_is_the_same_kind_for_everybody_and_shows_no_name() -> None:
    found = trunks(ROAMING, public_host="gw.example.dk").admit(parse(invite()), STRANGER, NOBODY, NOW)
    assert isinstance(found, Refusal)
    assert [re.sub(rb"nonce=\"[0-9a-f]{40}\"", b"nonce=N", h.value) for h in found.headers] == [
        b'Digest realm="gw.example.dk", nonce=N, qop="auth", algorithm=' + name
        for name in (b"SHA-256", b"MD5")
    ]
