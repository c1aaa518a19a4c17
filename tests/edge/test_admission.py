"""Who may send what, how much and how often."""

from __future__ import annotations

import pytest

from gateway.edge import admission
from gateway.edge.admission import Buckets
from gateway.edge.lexer import parse
from gateway.edge.settings import LimitSettings
from tests.edge.peers import SDP, invite, plain

LIMITS = LimitSettings()


def test_a_bucket_gives_a_burst_and_then_its_rate() -> None:
    buckets = Buckets(rate=2.0, burst=3)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b", 0.0)
    assert buckets.take("a", 0.5)
    assert not buckets.take("a", 0.5)
    assert [buckets.take("a", 100.0) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    buckets = Buckets(rate=1.0, burst=1)
    assert buckets.take("a", 10.0)
    assert not buckets.take("a", 5.0)


@pytest.mark.parametrize(
    ("method", "status"),
    [("REGISTER", 405), ("MESSAGE", 405), ("SUBSCRIBE", 405), ("REFER", 405), ("FOO", 501)],
)
def test_other_methods_are_refused(method: str, status: int) -> None:
    refusal = admission.refuse_method(parse(plain(method)))
    assert refusal is not None
    assert refusal.status == status
    assert refusal.headers[0].raw.startswith(b"Allow: INVITE, ACK")


@pytest.mark.parametrize("method", ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK"])
def test_the_methods_of_a_call_are_not_refused(method: str) -> None:
    assert admission.refuse_method(parse(plain(method))) is None


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (invite(kind="multipart/mixed;boundary=x"), 415),
        (invite(kind="Multipart/Related ; boundary=x"), 415),
        (invite(kind="text/plain"), 415),
        (invite(kind=""), 400),
        (invite(body=SDP + b"a=x\r\n" * 200), 488),
        (invite(body=SDP + b"a=x\n" * 200), 488),
        (invite(body=SDP + b"a=crypto:1\r\n" * 9), 488),
        (invite(body=SDP + b"a=" + b"x" * 2047), 513),
        (invite(extra=("Subject: a\0b",)), 400),
    ],
)
def test_a_body_no_worker_should_see_is_refused(data: bytes, status: int) -> None:
    refusal = admission.refuse_body(parse(data), LIMITS)
    assert refusal is not None
    assert refusal.status == status


@pytest.mark.parametrize(
    "data",
    [
        invite(),
        invite(kind="Application/SDP;charset=utf-8"),
        plain("BYE", to_tag="x"),
        invite(method="INFO", kind="application/dtmf-relay", body=b"Signal=1\r\nDuration=160\r\n"),
        invite(body=SDP + b"a=x\r\n" * 194),
        invite(body=SDP + b"a=crypto:1\r\n" * 8),
    ],
)
def test_an_ordinary_body_passes(data: bytes) -> None:
    assert admission.refuse_body(parse(data), LIMITS) is None


def test_proxy_require_is_refused_by_name() -> None:
    refusal = admission.refuse_extensions(parse(invite(extra=("Proxy-Require: a, b", "Proxy-Require: c"))))
    assert refusal is not None
    assert (refusal.status, refusal.headers[0].value) == (420, b"a, b, c")
    assert admission.refuse_extensions(parse(invite(extra=("Require: 100rel",)))) is None


@pytest.mark.parametrize("uri", ["tel:+4570101010", "sip:x@y", "sips:x@y"])
def test_a_number_or_a_sip_uri_may_be_called(uri: str) -> None:
    assert admission.refuse_uri(parse(invite(uri=uri))) is None
