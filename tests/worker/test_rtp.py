"""Who may send a leg its sound, and how long nothing may come: the decisions, and the kernel's part."""

from __future__ import annotations

import socket

import pytest

from gateway.worker.rtp import LOOK_EVERY_S, LOOKS, SETTLE_S, PeerSearch, Silence, address_of, keep_to

TOLD, NAT, STRANGER = ("192.0.2.1", 4000), ("198.51.100.7", 61000), ("203.0.113.9", 4000)
ENOUGH = max(LOOKS, round(SETTLE_S / LOOK_EVERY_S) + 2)


def looked(search: PeerSearch, sources: list[tuple[str, int] | None], now: float = 0.0) -> float:
    """Look once for each source; the time after that."""
    for source in sources:
        now += LOOK_EVERY_S
        if search.wanted(now):
            search.look(source, now)
    return now


def begun(symmetric: bool = True) -> PeerSearch:
    search = PeerSearch(symmetric)
    assert search.begin(TOLD)
    return search


def test_the_address_in_sdp_settles_it_at_once() -> None:
    search = begun()
    looked(search, [STRANGER, STRANGER, TOLD, STRANGER])
    assert search.found == TOLD


def test_another_address_must_have_been_the_only_one_for_a_while() -> None:
    search = begun()
    now = looked(search, [None] * 40 + [NAT] * (ENOUGH - 4))
    assert search.found is None
    looked(search, [NAT] * 4, now)
    assert search.found == NAT


def test_two_that_send_at_once_settle_nothing() -> None:
    search = begun()
    now = looked(search, [NAT, STRANGER] * 50)
    assert search.found is None
    looked(search, [TOLD], now)
    assert search.found == TOLD


def test_without_symmetric_rtp_only_the_address_in_sdp_counts() -> None:
    search = begun(symmetric=False)
    looked(search, [NAT])
    assert search.found == TOLD


def test_what_was_found_stays_until_sdp_names_another_address() -> None:
    search = begun()
    now = looked(search, [NAT] * ENOUGH)
    assert not search.begin(TOLD) and not search.begin(None), "hold and resume"
    assert (search.found, search.wanted(now + 60)) == (NAT, False)
    assert search.begin(STRANGER)
    assert (search.found, search.wanted(now + 60)) == (None, True)


def test_nothing_is_looked_for_before_there_is_a_stream() -> None:
    assert not PeerSearch(True).wanted(1e9)


def test_silence_is_too_long_when_no_packet_came_for_that_time() -> None:
    silence = Silence(60.0)
    assert [silence.look(packets, now) for packets, now in ((0, 0), (0, 59), (0, 60))] == [False, False, True]
    assert not silence.look(1, 61)
    assert [silence.look(1, now) for now in (120, 121)] == [False, True]


def test_a_stream_that_begins_anew_or_is_held_is_no_silence() -> None:
    silence = Silence(60.0)
    silence.look(500, 0)
    assert not silence.look(0, 70), "a re-INVITE: the count begins anew"
    assert not silence.look(None, 200) and not silence.look(None, 900), "held"
    assert not silence.look(0, 901)
    assert silence.look(0, 961)


def test_silence_of_any_length_is_fine_when_it_is_never_too_long() -> None:
    assert not Silence(0.0).wanted(1e9)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1:4000", ("192.0.2.1", 4000)),
        ("[2001:db8::1]:4000", ("2001:db8::1", 4000)),
        ("", None),
        ("192.0.2.1", None),
        ("192.0.2.1:0", None),
        (":4000", None),
    ],
)
def test_addresses_as_pjsua_writes_them(text: str, address: tuple[str, int] | None) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_kernel_keeps_others_out_and_lets_them_in_again(family: socket.AddressFamily, host: str) -> None:
    try:
        ours, peer, stranger = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(3))
        for each in (ours, peer, stranger):
            each.bind((host, 0))
            each.settimeout(10)
    except OSError:
        pytest.skip(f"no {host} on this machine")
    with ours, peer, stranger:
        port = ours.getsockname()[1]

        def came() -> bytes:
            for sender, what in ((stranger, b"stranger"), (peer, b"peer")):
                sender.sendto(what, (host, port))
            return ours.recv(100)

        assert came() == b"stranger"
        assert ours.recv(100) == b"peer"
        assert keep_to(port, peer.getsockname()[:2])
        assert came() == b"peer"
        ours.sendto(b"to anywhere", stranger.getsockname()[:2])
        assert stranger.recv(100) == b"to anywhere", "sending is not changed"
        assert keep_to(port, None)
        assert came() == b"stranger"
    assert not keep_to(port, ("127.0.0.1", 9)), "there is no such socket any more"
