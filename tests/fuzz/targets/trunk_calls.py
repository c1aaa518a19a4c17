"""A trunk's file of calls: calls, or what is wrong in which line, and no telephone number in that."""

from __future__ import annotations

import math
import re

from storage.trunk_calls import TrunkFileError, read
from tests.fuzz.feed import Feed, folder

SEEDS = (
    b"\x00start,duration,from,to,callid\n2025-01-15T10:00:00+01:00,61,+4570101010,+4520202020,a@b\n",
    b"\x00calldate;billsec;src;dst\r\n15-01-2025 10:00:00;1:01;7010;2020\r\n26-10-2025 02:30:00;0:59;;\r\n",
    b'\x00"date"\t"time"\t"varighed"\n"20250115"\t"100000"\t"01:00:61,5"\n',
    b"\x01start|seconds\n1736931600|7s\n\n1736931600.5|8 sek\n",
    b"\x00start,duration\n0001-01-01,1\n9999-12-31T23:59:59,9\n",
    b"\x0070 10 10 10,20 20 20 20\n1,2\n",
)
WORDS = (
    b"start",
    b"duration",
    b"dato+tid",
    b"date",
    b"time",
    b"from",
    b";",
    b"\t",
    b"|",
    b'"',
    b"\r",
    b"\0",
    b"+01:00",
)
_FILE = folder() / "calls.csv"
MOST_CALL_S = 1e9


def run(data: bytes) -> None:
    feed = Feed(data)
    given = feed.pick(({}, {"start": "start", "duration": "seconds"}))
    _FILE.write_bytes(feed.rest())
    try:
        for call in read(_FILE, given):
            assert math.isfinite(call.duration_s) and 0 <= call.duration_s <= MOST_CALL_S
            assert 1 <= len(call.starts) <= 2
    except TrunkFileError as error:
        told = str(error.values.get("columns", ""))
        assert not re.search(r"\d(?:\W?\d){5}", told), "a telephone number is told"
        assert told.isprintable()
