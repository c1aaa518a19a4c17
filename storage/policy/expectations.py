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
    r"(\d{4})-(\d{1,2})-(\d{1,2})[Tt\s]\s*(\d{1,2}:\d{2})(?::(\d{2})(?:[.,](\d{0,9}))?)?\s*"
    r"([Zz]|[+-]\d{1,2}(?::?[0-5]\d)?)"
)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant with offset or Z; a date alone is 12:00 in Copenhagen. ValueError: neither."""
    text = text.strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return datetime.combine(date.fromisoformat(text), time(12), COPENHAGEN)
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("write an instant with its offset, such as 2025-01-15T10:00:00+01:00, or a date")
    year, month, day, hour_minute, second, fraction, offset = match.groups()
    micros = (fraction or "0").ljust(6, "0")[:6]
    on = f"{year}-{month:0>2}-{day:0>2}"
    return datetime.fromisoformat(f"{on}T{hour_minute:0>5}:{second or '00'}.{micros}{_offset(offset)}")


def _offset(written: str) -> str:
    """`+hh:mm` of an offset as YAML and ISO 8601 allow it: Z, +1, +01, +1:00, +0100."""
    if written in "Zz":
        return "+00:00"
    hours, minutes = written[1:], "00"
    if ":" in hours:
        hours, minutes = hours.split(":")
    elif len(hours) > 2:
        hours, minutes = hours[:-2], hours[-2:]
    return f"{written[0]}{hours:0>2}:{minutes}"


def expectation_problem(key: str, value: Any) -> str | None:
    """Why `value` cannot be expected of `key`; None: it can."""
    if key in ("no_grounds", "lawful_basis") and not _are(value, str):
        return "must be a list of names"
    if key == "grounds" and not (isinstance(value, list) and _are(value, str, dict)):
        return "must be a list of grounds, such as [{ground: G-CONSENT}]"
    if key == "refused" and not isinstance(value, bool) and not _are(value, str, dict):
        return "must be true, false or a list of events"
    return None


def _are(value: Any, *types: type) -> bool:
    return all(isinstance(item, types) for item in _names(value))


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
    wanted = [{"ground": ground} if isinstance(ground, str) else ground for ground in expected]
    return all(any(_within(ground, candidate) for candidate in found) for ground in wanted)


def _within(expected: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    for key, value in expected.items():
        if key not in found:
            return False
        if isinstance(found[key], list):
            if not all(any(same(item, other) for other in found[key]) for item in _names(value)):
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
