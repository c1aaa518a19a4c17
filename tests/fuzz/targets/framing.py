"""A stream gives the same messages however it is cut, holds only so much, and ends at what is unclear."""

from __future__ import annotations

from gateway.edge.fields import Malformed
from gateway.edge.framing import Framer
from tests.edge.peers import invite, plain
from tests.fuzz.feed import Feed

MOST = 600
SEEDS = (
    bytes([7]) + plain("OPTIONS") + b"\r\n\r\n" + plain("BYE"),
    bytes([200]) + invite() + b"\r\n",
    bytes([1]) + b"\r\n\r\nX\r\nl: 3\r\n\r\nabcX\r\nl:0\r\n\r\n",
)
WORDS = (b"\r\n\r\n", b"Content-Length: ", b"\r\nl:", b"\r\n ")


def run(data: bytes) -> None:
    feed = Feed(data)
    step = feed.number(1, 256)
    stream = feed.rest()
    by_step, broken = framed([stream[at : at + step] for at in range(0, len(stream), step)])
    by_byte, broken_too = framed([stream[at : at + 1] for at in range(len(stream))])
    assert broken == broken_too
    # What came whole in the same piece as what is unclear goes with it.
    assert by_byte == by_step or (broken and by_byte[: len(by_step)] == by_step)


def framed(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """The messages of a stream, and whether it was given up."""
    framer = Framer(MOST)
    messages: list[bytes] = []
    for piece in pieces:
        try:
            whole, pings = framer.feed(piece)
        except Malformed:
            return messages, True
        assert 0 <= pings <= (len(piece) + 3) // 4
        assert all(len(message) <= MOST for message in whole)
        assert len(framer._held) <= MOST + len(piece)
        messages += whole
    return messages, False
