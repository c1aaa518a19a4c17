"""Digest authentication by the examples of the RFC, and what is none of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.digest import Challenger, Verdict, challenge_of, parameters, respond

# RFC 7616 §3.9.1
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
REALM = "http-auth@example.org"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, expected: str) -> None:
    value = (
        f'Digest realm="{REALM}", qop="auth, auth-int", algorithm={algorithm}, nonce="{NONCE}", opaque="x"'
    )
    challenge = challenge_of([value.encode()])
    assert challenge is not None
    told = parameters(respond(challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html", 1, CNONCE))
    assert told is not None
    assert told["response"] == expected
    assert (told["nc"], told["qop"], told["opaque"]) == ("00000001", "auth", "x")


def test_a_server_without_qop_gets_the_old_answer() -> None:
    # RFC 2069 §2.4 as corrected by its erratum 749
    value = b'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    challenge = challenge_of([value])
    assert challenge is not None and challenge.algorithm == "MD5"
    told = parameters(respond(challenge, "Mufasa", "CircleOfLife", "GET", "/dir/index.html", 1, "unused"))
    assert told is not None
    assert told["response"] == "1949323746fe6a43ef61f9606e7febea"
    assert "qop" not in told and "cnonce" not in told


def test_the_first_challenge_that_can_be_answered_is() -> None:
    values = [
        b'Digest realm="r", nonce="n", algorithm=%s' % name for name in (b"SHA-512-256", b"SHA-256", b"MD5")
    ]
    found = challenge_of([b"Basic realm=x", *values])
    assert found is not None and found.algorithm == "SHA-256"
    assert challenge_of(values[:1]) is None
    assert challenge_of([b'Digest realm="r", nonce="n", qop="auth-int"']) is None


def test_quotes_and_backslashes_go_there_and_back() -> None:
    challenge = challenge_of([b'Digest realm="a \\"b\\" \\\\ c", nonce="n", qop="auth"'])
    assert challenge is not None and challenge.realm == 'a "b" \\ c'
    told = parameters(respond(challenge, 'u"\\', "p", "REGISTER", "sip:x", 1, "c"))
    assert told is not None and (told["username"], told["realm"]) == ('u"\\', challenge.realm)


@pytest.mark.parametrize(
    "value",
    [b"", b"Digest a=1, a=2", b'Digest a="1', b"Digest a b", b"Basic a=1", b"Digest " + b"a=1," * 2000],
)
def test_what_can_be_read_in_two_ways_is_not_read(value: bytes) -> None:
    assert parameters(value) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_to_nothing(data: bytes) -> None:
    challenger = Challenger(bytes(32), "tast1")
    for value in (data, b"Digest " + data, b'Digest realm="tast1", ' + data):
        verdict, user = challenger.verdict(value, b"INVITE", lambda user: "x", 1.0, "192.0.2.1", b"c")
        assert verdict is not Verdict.RIGHT and user == ""
