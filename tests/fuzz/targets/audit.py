"""An exported audit log, changed in any way: the check says so, and never stumbles."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import datetime, timedelta, timezone

from storage.audit_chain import DROP, GENESIS, Entry, Gap, canonical, seal
from storage.audit_export import PURPOSE, sealed_header, verify
from storage.keys import Keys
from tests.fuzz.feed import Feed, damaged

KEYS = Keys(bytes(range(32)))
AT = datetime(2025, 1, 15, 9, tzinfo=timezone.utc)
FAULTS = {
    *(
        "header",
        "signature",
        "key",
        "altered",
        "missing",
        "unexpected",
        "cut_short",
        "undeclared",
        "rewritten",
    ),
    "forked",
}


def _entries() -> list[Entry | Gap]:
    entries: list[Entry] = []
    last: tuple[int, str] | None = None
    for at in range(8):
        detail = {"dropped": [[2, 3]]} if at == 5 else {"n": at, "text": "ø"}
        action = DROP if at == 5 else "look"
        entries.append(seal(last, AT + timedelta(minutes=at), {"user": "u"}, action, f"c{at}", detail))
        last = entries[-1].seq, entries[-1].hash
    gap = Gap(2, 3, entries[1].prev_hash, entries[2].hash)
    return [entries[0], gap, *entries[3:]]


ENTRIES = _entries()


def written(entries: list[Entry | Gap], count: int, last_hash: str) -> bytes:
    header = sealed_header(count, last_hash, KEYS)
    return b"".join(canonical(each).encode() + b"\n" for each in (header, *map(vars, entries)))


WHOLE = written(ENTRIES, 8, ENTRIES[-1].hash)
OLDER = written(ENTRIES[:4], 5, ENTRIES[3].hash)
SEEDS = (
    bytes([0, 0]),
    bytes([0, 1, 100, 0, 1, 1, 65]),
    bytes([1, 2, 3, 0, 5]),
    bytes([2, 2, 0, 7, 0, 3, 1, 200]),
    bytes([3]) + WHOLE,
    bytes([4]) + b'{"dropped": [[1e999, 2], [3, 4]]}',
    bytes([4]) + b'{"dropped": [[2, 3]]}',
    bytes([4]) + b"[" * 3000,
)
WORDS = (
    b'"seq":',
    b'"last_seq":',
    b'"dropped"',
    b'"count":',
    b"1e999",
    b"NaN",
    b"\n",
    b"\\ud800",
    b"[[2,3]]",
)
MOST_BYTES = 6000


def run(data: bytes) -> None:
    feed = Feed(data)
    match feed.number(0, 4):
        case 0:
            changed = damaged(feed, WHOLE)
        case 1:
            changed = shuffled(feed)
        case 2:
            changed = resigned(feed)
        case 3:
            changed = feed.rest()
        case _:
            changed = told(feed.rest().decode("utf-8", "replace"))
    verdict = verify(io.BytesIO(changed))
    assert verdict.intact or verdict.fault in FAULTS
    by_key = verify(io.BytesIO(changed), KEYS.public_key, io.BytesIO(OLDER))
    assert verdict.intact or not by_key.intact
    if changed != WHOLE:
        assert not by_key.intact or _made_by_hand(changed), "a changed log is taken for the log"


def _made_by_hand(changed: bytes) -> bool:
    """Whether the key's owner signed this very log: only the fuzz target itself can have done that."""
    header = json.loads(changed.partition(b"\n")[0])
    unsigned = {name: value for name, value in header.items() if name != "signature"}
    return bool(KEYS.sign(PURPOSE, canonical(unsigned)) == header["signature"])


def shuffled(feed: Feed) -> bytes:
    """The lines, some left out, repeated or in another order."""
    lines = WHOLE.splitlines(keepends=True)
    return b"".join(lines[feed.number(0, len(lines) - 1)] for _ in range(feed.number(0, 12)))


def resigned(feed: Feed) -> bytes:
    """Some entries changed or gone, and the header signed anew by the owner of the key."""
    entries: list[Entry | Gap] = [each for each in ENTRIES if feed.number(0, 7)]
    at = feed.number(0, max(0, len(entries) - 1))
    if entries and isinstance(entries[at], Gap):
        entries[at] = Gap(feed.number(0, 9), feed.number(0, 2**33), feed.word(64), feed.word(64))
    elif entries:
        entries[at] = dataclasses.replace(entries[at], detail=feed.word(40))
    count = feed.number(0, 12)
    return written(entries, count, entries[-1].hash if entries else GENESIS)


def told(detail: str) -> bytes:
    """A log in which the entry that says what was dropped says anything."""
    entries = list(ENTRIES[:4])
    previous = ENTRIES[3]
    odd = seal((previous.seq, previous.hash), AT, {}, DROP, "", {})
    remade = _remade(odd, detail)
    return written([*entries, remade], remade.seq, remade.hash)


def _remade(entry: Entry, detail: str) -> Entry:
    from storage.audit_chain import _hash

    detail = detail.encode("utf-8", "replace").decode()
    fields = (entry.at, entry.actor, entry.action, entry.subject, detail)
    return Entry(
        entry.seq, *fields, prev_hash=entry.prev_hash, hash=_hash(entry.seq, fields, entry.prev_hash)
    )
