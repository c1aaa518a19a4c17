"""A sealed file, damaged: what is read is what was sealed, or the error that tells what to do."""

from __future__ import annotations

from storage.sealed import MediaError, SealedReader, SealedWriter, open_bytes, seal_bytes
from tests.fuzz.feed import Feed, damaged, folder

HOME = folder()
KEY, ID = bytes(range(32)), "11111111-2222-3333-4444-555555555555"
SIZES = (0, 1, 1000, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 3 * 64 * 1024)
SEEDS = (
    *(bytes([at, 0]) for at in range(len(SIZES))),
    bytes([2, 1, 10, 0, 0]),
    bytes([4, 2, 40, 0, 1, 3, 1, 2, 3, 200, 0, 2, 9]),
    bytes([6, 1, 255, 255, 0, 0]),
)
MOST_BYTES = 600


def _sealed(size: int) -> tuple[bytes, bytes]:
    plain = bytes(at * 7 % 251 for at in range(size))
    path = HOME / f"whole-{size}"
    writer = SealedWriter(path, ID, KEY)
    writer.write(plain)
    writer.close()
    return plain, path.read_bytes()


WHOLE = {size: _sealed(size) for size in SIZES}
BLOB = seal_bytes(KEY, "label", b"words")


def run(data: bytes) -> None:
    feed = Feed(data)
    plain, whole = WHOLE[feed.pick(SIZES)]
    broken = damage(feed, whole)
    path = HOME / "broken"
    path.write_bytes(broken)
    try:
        with SealedReader(path, ID, KEY) as reader:
            for _ in range(feed.number(0, 3)):
                at = reader.seek(feed.number(0, len(plain) + 10))
                piece = reader.read(feed.number(0, 70000))
                assert piece == plain[at : at + len(piece)], "what is read was never sealed"
            reader.seek(0)
            assert reader.read() == plain, "a damaged file is read as if it were whole"
            assert broken == whole
    except MediaError as error:
        assert broken != whole and str(error)
    blob = damaged(feed, BLOB, 2)
    try:
        assert open_bytes(KEY, "label", blob) == b"words" and blob == BLOB
    except MediaError:
        assert blob != BLOB


def damage(feed: Feed, whole: bytes) -> bytes:
    """Damages anywhere in a large file, and at its ends."""
    if not feed.maybe():
        return damaged(feed, whole)
    at = feed.number(0, len(whole))
    piece = feed.piece(40)
    return whole[:at] + piece + whole[at + (len(piece) if feed.maybe() else 0) :]
