"""Bodies and methods are refused with an answer that can be sent; rates and trunks hold for any sources."""

from __future__ import annotations

import dataclasses
import re

from gateway.edge import admission
from gateway.edge.answers import _REASONS, answer
from gateway.edge.fields import Malformed
from gateway.edge.lexer import parse
from gateway.edge.settings import EdgeSettings, LimitSettings, TrunkSettings
from gateway.edge.trunks import Trunks
from tests.edge.peers import SDP, invite
from tests.fuzz.feed import Feed
from tests.fuzz.targets import lexer
from tests.fuzz.targets.lexer import refused

SEEDS = (
    *(bytes([0, 20, 20, 4]) + data for data in lexer.SEEDS),
    bytes([0, 20, 20, 4]) + invite(body=SDP + b"a=crypto:1 x\r\n" * 9),
    bytes([0, 200, 20, 4]) + invite(extra=("Proxy-Require: a, b",), kind="multipart/mixed"),
    bytes([1, 10, 5, *range(60)]),
    bytes([2, *range(60)]),
)
WORDS = (*lexer.WORDS, b"a=crypto:", b"Content-Type: ", b"Proxy-Require: ", b"application/sdp", b"multipart/")


def run(data: bytes) -> None:
    feed = Feed(data)
    (message, rates, trunks)[feed.number(0, 2)](feed)


def message(feed: Feed) -> None:
    limits = dataclasses.replace(
        LimitSettings(),
        sdp_lines=feed.number(1, 200),
        line_bytes=feed.number(8, 263),
        crypto_lines=feed.number(0, 8),
    )
    try:
        read = parse(feed.rest(), headers=100, line_bytes=2048)
        refusals = [
            admission.refuse_method(read),
            admission.refuse_extensions(read),
            admission.refuse_body(read, limits),
            admission.refuse_uri(read),
        ]
    except Malformed as error:
        refused(error)
        return
    if refusals[2] is None and read.body.strip():
        lines = read.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        assert len(lines) <= limits.sdp_lines + 1 and max(map(len, lines)) <= limits.line_bytes
        assert sum(b"crypto" in line.lower() and b"a" in line.lower() for line in lines) <= len(lines)
    for refusal in filter(None, refusals):
        assert refusal.status in _REASONS
        said = answer(read.headers, refusal.status, b"etag", refusal.headers)
        assert said.startswith(b"SIP/2.0 %d " % refusal.status)
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n", said), "an answer holds a lone line end"


def rates(feed: Feed) -> None:
    rate, burst = feed.number(1, 20), feed.number(1, 20)
    buckets = admission.Buckets(float(rate), burst)
    now, taken = 0.0, dict.fromkeys("abc", 0)
    while feed.left:
        now += feed.number(0, 255) / 100
        host = feed.pick("abc")
        taken[host] += buckets.take(host, now)
        assert taken[host] <= burst + rate * now + 1e-6


def trunks(feed: Feed) -> None:
    known = Trunks(EdgeSettings(trunks=(TrunkSettings("t", ("192.0.2.0/24", "2001:db8::/32")),)))
    while feed.left:
        parts = [feed.number(0, 255) for _ in range(4)]
        inside = parts[:3] == [192, 0, 2]
        written = ".".join(map(str, parts))
        for host in (written, f"::ffff:{written}"):
            assert (known.name(host) == "t") == inside
