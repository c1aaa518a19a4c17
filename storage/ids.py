"""Names of what is stored: the day on which it began, and chance."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

_DAY_S = int(timedelta(days=1).total_seconds())
_VERSION, _VARIANT = 8 << 76, 2 << 62
_FIXED = (15 << 76) | (3 << 62)
_VERSION_AT = 12  # of the 32 hex digits
SHARDS = 2  # hex digits that name a folder


def new_id(at: datetime) -> str:
    """32 hex digits: a UUID of version 8 (RFC 9562 §5.8), of which the first 16 bits are the UTC day of `at`.

    What began on one day ends on one day. Its rows lie together in every index, so that erasing thousands of
    them touches few pages. A name tells the day and nothing finer, for certificates outlive what it names.
    """
    day = int(at.timestamp()) // _DAY_S % 2**16
    number = (day << 112 | secrets.randbits(112)) & ~_FIXED | _VERSION | _VARIANT
    return f"{number:032x}"


def shard(name: str) -> str:
    """The folder of a file of that name: digits of chance, so that folders fill alike."""
    start = 4 if name[_VERSION_AT : _VERSION_AT + 1] == "8" else 0  # earlier names are chance throughout
    return name[start : start + SHARDS]
