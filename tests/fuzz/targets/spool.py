"""A spool, damaged: the pieces up to the damage, or an error that tells what to do; taken up again."""

from __future__ import annotations

from storage.sealed import MediaError
from storage.spool import Spool, SpoolReader
from tests.fuzz.feed import Feed, folder
from tests.fuzz.targets.sealed import ID, KEY, damage

HOME = folder()
PIECES = (b"\1\2\3\4" * 50, b"", b"\5\6\7\x08", b"\0" * 4000)
SEEDS = (
    bytes([0, 0]),
    bytes([0, 1, 20, 0, 0]),
    bytes([0, 1, 9, 0, 1, 1, 3]),
    bytes([1, 9, 0, 2, 7, 7]),
    bytes([1, 31, 0, 0]),
    bytes([0, 3, 0, 1, 2, 200, 0, 3, 4]),
)
MOST_BYTES = 400


def _whole() -> bytes:
    path = HOME / "whole"
    with Spool.create(path, ID, KEY) as spool:
        for piece in PIECES:
            spool.append(piece)
    return path.read_bytes()


WHOLE = _whole()
PLAIN = b"".join(PIECES)
MORE = b"\x09\x0a\x0b\x0c" * 10


def run(data: bytes) -> None:
    feed = Feed(data)
    path = HOME / "broken"
    path.write_bytes(damage(feed, WHOLE))
    try:
        reader = SpoolReader(path, ID, KEY)
        found = b"".join(reader)
    except MediaError as error:
        assert str(error)
        return
    assert PLAIN.startswith(found), "what is read was never recorded"
    assert reader.format.frame_bytes > 0 and reader.format.sample_rate_hz > 0
    try:
        spool = Spool.resume(path, ID, KEY)
    except MediaError as error:
        assert str(error)
        return
    with spool:
        assert spool.frames == len(found) // spool.format.frame_bytes
        spool.append(MORE)
    again = SpoolReader(path, ID, KEY)
    assert b"".join(again) == found + MORE, "a spool taken up again loses what is recorded"
    assert again.torn_bytes == 0
