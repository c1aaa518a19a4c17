"""The audit log as a hash chain. Pure: standard library only.

Every entry carries the hash of the one before it, and its own hash over all its fields, so a changed,
dropped, swapped or inserted entry is found. What a chain alone cannot show is that its newest entries
are missing; for that, give `verify` the last hash somebody noted elsewhere (`expect_last`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

GENESIS = "0" * 64
"""`prev_hash` of the first entry."""


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


@dataclass(frozen=True)
class Verdict:
    """What a check of a chain found. `broken_at` is the `seq` of the first entry that does not fit."""

    entries: int
    last_hash: str
    broken_at: int | None = None
    reason: str = ""

    @property
    def intact(self) -> bool:
        """Whether the chain holds."""
        return not self.reason


def canonical(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces, no escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def seal(
    previous: tuple[int, str] | None,
    at: datetime,
    actor: dict[str, Any],
    action: str,
    subject: str,
    detail: dict[str, Any],
) -> Entry:
    """The entry that follows `previous` (its seq and hash; None for the first)."""
    seq, prev_hash = (previous[0] + 1, previous[1]) if previous else (1, GENESIS)
    when = at.astimezone(timezone.utc).isoformat(timespec="microseconds")
    fields = (when, canonical(actor), action, subject, canonical(detail))
    return Entry(seq, *fields, prev_hash=prev_hash, hash=_hash(seq, fields, prev_hash))


def verify(
    entries: Iterable[Entry], start: tuple[int, str] | None = None, expect_last: str | None = None
) -> Verdict:
    """Check a chain from its start (or from the entry after `start`) to its end."""
    seq, last = start if start else (0, GENESIS)
    count = 0
    for entry in entries:
        fields = (entry.at, entry.actor, entry.action, entry.subject, entry.detail)
        reason = ""
        if entry.seq != seq + 1:
            reason = f"entry {seq + 1} is missing or out of place"
        elif entry.prev_hash != last:
            reason = f"entry {entry.seq} does not follow the one before it"
        elif entry.hash != _hash(entry.seq, fields, entry.prev_hash):
            reason = f"entry {entry.seq} was changed"
        if reason:
            return Verdict(count, last, entry.seq, reason)
        seq, last = entry.seq, entry.hash
        count += 1
    if expect_last is not None and expect_last != last:
        return Verdict(count, last, seq + 1, f"entries after {seq} are missing")
    return Verdict(count, last)


def _hash(seq: int, fields: tuple[str, ...], prev_hash: str) -> str:
    return hashlib.sha256(canonical([seq, *fields, prev_hash]).encode()).hexdigest()
