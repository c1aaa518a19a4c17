"""Does an answer hold what a scenario expects of it? Pure.

An expectation names any of the answer's keys. Instants are compared as instants and dates as dates;
of a list of grounds each expected one must be found, with everything that it lists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from storage.policy.clocks import COPENHAGEN, local_date

_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ]+(\d{1,2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([Zz]|[+-]\d{2}(?::?\d{2})?)"
)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant with offset or Z; a date alone is 12:00 in Copenhagen. ValueError: neither."""
    text = text.strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return datetime.combine(date.fromisoformat(text), time(12), COPENHAGEN)
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("write an instant with its offset, such as 2025-01-15T10:00:00+01:00, or a date")
    day, hour_minute, second, fraction, offset = match.groups()
    if offset in "Zz":
        offset = "+00:00"
    elif len(offset) == 3:
        offset = f"{offset}:00"
    elif ":" not in offset:
        offset = f"{offset[:3]}:{offset[3:]}"
    micros = (fraction or "0").ljust(6, "0")[:6]
    return datetime.fromisoformat(f"{day}T{hour_minute:0>5}:{second or '00'}.{micros}{offset}")


def holds(expected: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether the whole expectation holds."""
    return not failures(expected, answer)


def failures(expected: Mapping[str, Any], answer: Mapping[str, Any]) -> list[str]:
    """The keys of the expectation that do not hold."""
    return [key for key, value in expected.items() if not _key_holds(key, value, answer)]


def _key_holds(key: str, expected: Any, answer: Mapping[str, Any]) -> bool:
    if key == "no_grounds":
        found = {ground["ground"] for ground in answer.get("grounds", ())}
        return found.isdisjoint(_names(expected))
    if key == "lawful_basis":
        basis = {item for ground in answer.get("grounds", ()) for item in ground["lawful_basis"]}
        return basis.issuperset(_names(expected))
    if key == "refused":
        return _refused(expected, answer["refused"])
    if key not in answer:
        return False
    if key == "grounds":
        return _grounds(expected, answer["grounds"])
    return same(expected, answer[key])


def _names(expected: Any) -> list[Any]:
    return list(expected) if isinstance(expected, (list, tuple)) else [expected]


def _grounds(expected: Any, found: Sequence[Mapping[str, Any]]) -> bool:
    if not isinstance(expected, (list, tuple)):
        return False
    if not expected:
        return not found
    wanted = [{"ground": ground} if isinstance(ground, str) else ground for ground in expected]
    return all(any(_within(ground, candidate) for candidate in found) for ground in wanted)


def _within(expected: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    for key, value in expected.items():
        if key not in found:
            return False
        if isinstance(found[key], list):
            if not all(any(same(item, other) for other in found[key]) for item in _names(value)):
                return False
            if value == [] and found[key]:
                return False
        elif not same(value, found[key]):
            return False
    return True


def _refused(expected: Any, found: Sequence[Mapping[str, Any]]) -> bool:
    if isinstance(expected, bool):
        return bool(found) is expected
    for item in _names(expected):
        wanted = {"event": item} if isinstance(item, str) else item
        if not any(_within(wanted, refusal) for refusal in found):
            return False
    return True


def same(expected: Any, found: Any) -> bool:
    """Equal; texts that are instants as instants, texts that are dates as dates."""
    if isinstance(expected, (list, tuple)) and isinstance(found, (list, tuple)):
        return len(expected) == len(found) and all(
            same(one, other) for one, other in zip(expected, found, strict=True)
        )
    if expected is None or found is None or isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if expected == found:
        return True
    if not isinstance(found, str):
        return False
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", found):
        return _as_date(expected) == found
    try:
        return _as_instant(expected) == datetime.fromisoformat(found)
    except (ValueError, TypeError):
        return False


def _as_date(expected: Any) -> str | None:
    if isinstance(expected, datetime):
        return local_date(expected).isoformat() if expected.tzinfo else expected.date().isoformat()
    if isinstance(expected, date):
        return expected.isoformat()
    return expected if isinstance(expected, str) else None


def _as_instant(expected: Any) -> datetime:
    if isinstance(expected, datetime):
        return expected
    if isinstance(expected, date):
        return datetime.combine(expected, time(12), COPENHAGEN)
    return parse_instant(str(expected))
