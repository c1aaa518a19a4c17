"""The audit log as a hash chain. Pure: standard library only.

Every entry carries the hash of the one before it, and its own hash over all its fields, so a changed,
dropped, swapped or inserted entry is found. Entries whose time is over (R-62) leave a gap: what they said is
gone, the hashes that hold the chain together stay, and a later entry (`DROP`) says which were dropped; a gap
that no entry speaks of is found too. What a chain alone cannot show is that its newest entries are missing;
for that, give `verify` the last hash somebody noted elsewhere (`expect_last`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from json.encoder import encode_basestring
from typing import Any

GENESIS = "0" * 64
"""`prev_hash` of the first entry."""

DROP = "audit.drop"
"""The entry that says which were dropped, `{"dropped": [[first, last], ...]}`; it is never dropped itself."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Entry:
    """One entry, in exactly the text that is hashed."""

    seq: int
    at: str  # ISO 8601, UTC
    actor: str  # canonical JSON
    action: str
    subject: str  # an artifact or call id
    detail: str  # canonical JSON
    prev_hash: str
    hash: str

    @property
    def last_seq(self) -> int:
        """The number of the entry itself."""
        return self.seq

    def genuine(self) -> bool:
        """Whether the hash is that of the fields."""
        fields = (self.at, self.actor, self.action, self.subject, self.detail)
        return self.hash == _hash(self.seq, fields, self.prev_hash)


@dataclass(frozen=True)
class Gap:
    """Entries that were dropped on time, `seq` to `last_seq`: only what holds the chain together."""

    seq: int
    last_seq: int
    prev_hash: str  # of the first of them
    hash: str  # of the last of them


@dataclass(frozen=True)
class Verdict:
    """What a check of a chain found. `broken_at` is the `seq` of the first entry that does not fit.

    `entries` counts the dropped ones too.
    """

    entries: int
    last_hash: str
    broken_at: int | None = None
    reason: str = ""
    dropped: int = 0

    @property
    def intact(self) -> bool:
        """Whether the chain holds."""
        return not self.reason


def canonical(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces, no escapes."""
    return _CANONICAL.encode(value)


def seal(
    previous: tuple[int, str] | None,
    at: datetime,
    actor: dict[str, Any],
    action: str,
    subject: str,
    detail: dict[str, Any],
) -> Entry:
    """The entry that follows `previous` (its seq and hash; None for the first)."""
    return follow(previous, (when(at), canonical(actor), action, subject, canonical(detail)))


def when(at: datetime) -> str:
    """An instant as an entry says it."""
    return at.astimezone(timezone.utc).isoformat(timespec="microseconds")


def follow(previous: tuple[int, str] | None, fields: tuple[str, str, str, str, str]) -> Entry:
    """The entry after `previous` that says this: at, actor, action, subject and detail, as hashed."""
    seq, prev_hash = (previous[0] + 1, previous[1]) if previous else (1, GENESIS)
    return Entry(seq, *fields, prev_hash=prev_hash, hash=_hash(seq, fields, prev_hash))


@dataclass(frozen=True)
class Fault:
    """Where a chain stops being the log. `place` is the number the entry should have, `at` what it says."""

    at: int
    place: int
    reason: str
    missing: bool = False  # the entry is whole, and others should stand before it


@dataclass
class Check:
    """A chain being checked, entry by entry. `seq` and `last` are the number and hash it has come to."""

    seq: int = 0
    last: str = GENESIS
    count: int = 0
    dropped: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    declared: list[tuple[int, int]] = field(default_factory=list)
    _after_gap: Gap | None = None

    def take(self, entry: Entry | Gap) -> Fault | None:
        """Let the next entry follow; what is wrong, if it does not fit."""
        fault = self._fault(entry)
        if fault is not None:
            return fault
        self._after_gap = entry if isinstance(entry, Gap) else None
        if isinstance(entry, Gap):
            self.gaps.append((entry.seq, entry.last_seq))
            self.dropped += entry.last_seq - entry.seq + 1
        elif entry.action == DROP:
            self.declared += dropped_in(entry)
        self.count += entry.last_seq - entry.seq + 1
        self.seq, self.last = entry.last_seq, entry.hash
        return None

    def _fault(self, entry: Entry | Gap) -> Fault | None:
        whole = entry.last_seq >= entry.seq if isinstance(entry, Gap) else entry.genuine()
        place = self.seq + 1
        follows = entry.seq == place and entry.prev_hash == self.last
        if not follows and whole and isinstance(entry, Entry) and self._after_gap is not None:
            # The entry is what it was; then it is the gap before it that says something else.
            gap = self._after_gap.seq
            return Fault(gap, gap, f"the gap at {gap} was changed")
        if entry.seq != place:
            missing = whole and entry.seq > place
            return Fault(entry.seq, place, f"entry {place} is missing or out of place", missing)
        if entry.prev_hash != self.last:
            return Fault(place, place, f"entry {place} does not follow the one before it")
        return None if whole else Fault(place, place, f"entry {place} was changed")

    def undeclared(self) -> Fault | None:
        """The first dropped entry that no entry speaks of; asked after the last entry."""
        declared = iter([*sorted(self.declared), (self.seq + 1, self.seq + 1)])
        start, end = next(declared)
        for first, last in self.gaps:
            missing = first
            while missing <= last:
                while end < missing:
                    start, end = next(declared)
                if start > missing:
                    return Fault(missing, missing, f"entry {missing} was removed, and no entry says so")
                missing = end + 1
        return None


def dropped_in(entry: Entry) -> list[tuple[int, int]]:
    """The entries that a drop says it dropped, as first and last numbers."""
    try:
        return [(int(first), int(last)) for first, last in json.loads(entry.detail)["dropped"]]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return []  # then they are undeclared


def verify(
    entries: Iterable[Entry | Gap], start: tuple[int, str] | None = None, expect_last: str | None = None
) -> Verdict:
    """Check a chain from its start (or from the entry after `start`) to its end."""
    check = Check(*start) if start else Check()
    for entry in entries:
        if (fault := check.take(entry)) is not None:
            return Verdict(check.count, check.last, fault.at, fault.reason, check.dropped)
    if (fault := check.undeclared()) is not None:
        return Verdict(check.count, check.last, fault.at, fault.reason, check.dropped)
    if expect_last is not None and expect_last != check.last:
        reason = f"entries after {check.seq} are missing"
        return Verdict(check.count, check.last, check.seq + 1, reason, check.dropped)
    return Verdict(check.count, check.last, dropped=check.dropped)


def _hash(seq: int, fields: tuple[str, ...], prev_hash: str) -> str:
    """Over the canonical JSON of `[seq, *fields, prev_hash]`, put together here: that is twice as fast."""
    said = ",".join(map(encode_basestring, (*fields, prev_hash)))
    return hashlib.sha256(f"[{seq},{said}]".encode()).hexdigest()
