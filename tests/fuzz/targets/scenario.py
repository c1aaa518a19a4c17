"""A scenario file: a story that can be rehearsed, or what is wrong, with its line."""

from __future__ import annotations

from pathlib import Path

from gateway.rehearsal.reading import NotAScenario, read
from gateway.rehearsal.run import rehearse
from tests.fuzz.feed import Feed, damaged

STORIES = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
TEXTS = tuple(path.read_bytes() for path in STORIES)
SEEDS = (
    *(bytes([0, at]) for at in range(0, len(TEXTS), 12)),
    *(bytes([1]) + TEXTS[at] for at in range(0, len(TEXTS), 40)),
    bytes([1]) + b"events: &a [*a]\n",
    bytes([1]) + b"a: &a [x,x,x]\nb: &b [*a,*a,*a]\nevents: [*b,*b,*b]\n",
    bytes([1]) + b"events:\n  - {at: 2999-12-31T23:59:59Z, event: call_arrived, call: c1}\n",
)
WORDS = (
    *(
        b"events:",
        b"ask:",
        b"settings:",
        b"at: ",
        b"event: ",
        b"call: c1",
        b"expect: ",
        b"2999-12-31",
        b"1971-01-01",
    ),
    *(b"&a ", b"*a", b"!!python/", b"<<: ", b"- {", b"{", b"}", b"\n  - ", b"calls: [", b"until: "),
)

DAMAGED = 20  # in the test of all targets: each takes its time


def run(data: bytes) -> None:
    feed = Feed(data)
    written = feed.rest() if feed.maybe() else damaged(feed, feed.pick(TEXTS))
    try:
        scenario = read(written.decode("utf-8", "replace"))
    except NotAScenario as error:
        assert error.line >= 1 and error.why and str(error).isprintable()
        return
    rehearse(scenario)
