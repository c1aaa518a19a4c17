"""A story on another day, ready to be copied many times: its rows, and what every copy has of its own."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from benchmarks import stories
from benchmarks.stories import Story
from storage import calls, certificates, consents
from storage.ids import new_id
from storage.keys import Keys, new_data_key
from storage.media import media_name
from storage.policy.clocks import COPENHAGEN
from storage.policy.grounds import UNCOUNTED
from storage.sealed import seal_bytes

AUDIT_LOG = "audit_log"
HASHED = ("at", "actor", "action", "subject", "detail")
"""The fields of an audit entry that its place in the chain does not change."""

_NIGHT_ENDS_HOUR = 1  # what happens before is of the night's sweep, whenever the call came in
_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d"
_INSTANT_OR_DAY = re.compile(rf"({_INSTANT})|\b\d{{4}}-\d\d-\d\d\b")
_IDS = {
    "calls": ("id", "arrived_at"),
    "consent_records": ("id", "decided_at"),
    "artifacts": ("id", "created_at"),
    "tombstones": ("dc_id", "purged_at"),
}
"""Names that each copy has of its own, and the instants from which they are made."""
_MADE_ANEW = {
    "caller_numbers": ("number", "call_id"),
    "data_keys": ("wrapped", "artifact_id"),
    "peaks": ("sealed", "artifact_id"),
    "documents": ("sealed", "artifact_id"),
    "consent_records": ("signature", "id"),
}
_PLAIN = {"peaks": ("peaks", stories.PEAKS), "documents": ("words", stories.WORDS)}

Bind = Callable[[sa.Table, dict[str, Any]], list[Any]]
"""A row's values as the database's driver takes them, in the order of the table's columns."""


@dataclass(frozen=True)
class Line:
    """A row whose values stand fast but for the swaps: position, the names in it, whether it is one."""

    table: str
    values: list[Any]
    swaps: tuple[tuple[int, tuple[Any, ...], bool], ...]

    def with_names(self, new: dict[Any, Any]) -> list[Any]:
        """The values of a copy whose names are these."""
        values = self.values.copy()
        for position, names, whole in self.swaps:
            if whole:
                values[position] = new[names[0]]
                continue
            for name in names:
                values[position] = values[position].replace(name, new[name])
        return values


class Original:
    """A story that is ready to be copied."""

    def __init__(self, story: Story, bind: Bind, days: int, minutes: int) -> None:
        """The story `days` later on the civil calendar, its call `minutes` later in the day."""
        rows = tuple(
            (table, {name: moved(value, days, minutes) for name, value in row.items()})
            for table, row in story.rows
        )
        self._of = {table.name: [row for each, row in rows if each is table] for table, _ in rows}
        self._names = self._all_names()
        self.lines = tuple(
            _line(table.name, bind(table, _marked(table.name, row)), self._names)
            for table, row in rows
            if table.name != AUDIT_LOG
        )
        self.entries = tuple(
            _line(AUDIT_LOG, [row[name] for name in HASHED], self._names)
            for row in self._of.get(AUDIT_LOG, ())
        )

    def _all_names(self) -> tuple[str, ...]:
        """Everything in the story that is another in each copy."""
        of = self._of
        self._ids = {row[name]: row[at] for table, (name, at) in _IDS.items() for row in of.get(table, ())}
        lists = ("keys", "purposes", "questions")
        self._records = [
            {**row, **{name: json.loads(row[name]) for name in lists}} for row in of["consent_records"]
        ]
        signed = [row["record_hash"] for row in self._records]
        known = [row["sha256"] for row in of["artifacts"]]
        known += [row["content_sha256"] for row in of.get("tombstones", ())]
        self._hashes = [each for each in dict.fromkeys(known) if each is not None and each not in signed]
        files = [row["id"] for row in of["artifacts"] if row["media_name"]]
        self._files = {media_name(each): each for each in files}
        self._pseudonyms = {certificates.pseudonym(row["id"]): row["id"] for row in of["artifacts"]}
        call = of["calls"][0]
        self._call, self._caller, self._sip = call["id"], call["caller_pseudonym"], call["sip_call_ref"]
        return (
            *(*self._ids, *signed, *self._hashes, *self._files, *self._pseudonyms),
            *(self._caller, self._sip, stories.CASE),
        )

    def names(self, keys: Keys, caller: str, pseudonym: str, case: str) -> dict[Any, Any]:
        """The names of a copy, and its sealed and signed values."""
        new: dict[Any, Any] = {old: new_id(at) for old, at in self._ids.items()}
        new |= {old: os.urandom(32).hex() for old in self._hashes}
        new |= {old: media_name(new[artifact]) for old, artifact in self._files.items()}
        new |= {old: certificates.pseudonym(new[artifact]) for old, artifact in self._pseudonyms.items()}
        new |= {self._caller: pseudonym, stories.CASE: case}
        new[self._sip] = keys.pseudonym(f"call-id:{new[self._call]}")
        for row in self._of.get("caller_numbers", ()):
            call = row["call_id"]
            new["caller_numbers", call] = calls.sealed_number(keys, new[call], caller)
        self._seal(keys, new)
        for row in self._records:
            record = SimpleNamespace(**{name: _new(value, new) for name, value in row.items()})
            new[row["record_hash"]] = record_hash = consents.record_hash(record)  # type: ignore[arg-type]
            new["consent_records", row["id"]] = keys.sign(consents.PURPOSE, record_hash)
        return new

    def _seal(self, keys: Keys, new: dict[Any, Any]) -> None:
        data_keys = {row["artifact_id"]: new_data_key() for row in self._of.get("data_keys", ())}
        for old, key in data_keys.items():
            new["data_keys", old] = keys.wrap(new[old], key)
        for table, (label, plain) in _PLAIN.items():
            for row in self._of.get(table, ()):
                old = row["artifact_id"]
                new[table, old] = seal_bytes(data_keys[old], f"{label}:{new[old]}", plain)


def moved(value: Any, days: int, minutes: int) -> Any:
    """A value of a row that much later; JSON becomes its text."""
    if isinstance(value, datetime):
        return _later(value, days, minutes)
    if isinstance(value, date):
        return value + timedelta(days=days)
    if isinstance(value, (list, dict)):
        value = json.dumps(value)
    if isinstance(value, str):
        return _INSTANT_OR_DAY.sub(lambda found: _text_later(found, days, minutes), value)
    return value


def _later(at: datetime, days: int, minutes: int) -> datetime:
    """On the civil calendar: the same time of day in Copenhagen, so that midnights stay midnights."""
    if at == UNCOUNTED:
        return at
    local = at.astimezone(COPENHAGEN)
    later = datetime.combine(local.date() + timedelta(days=days), local.time(), COPENHAGEN)
    if local.hour >= _NIGHT_ENDS_HOUR:
        later += timedelta(minutes=minutes)
    return later.astimezone(at.tzinfo if at.utcoffset() == timedelta() else COPENHAGEN)


def _text_later(found: re.Match[str], days: int, minutes: int) -> str:
    if found[1] is None:
        return (date.fromisoformat(found[0]) + timedelta(days=days)).isoformat()
    digits = len(found[0].partition(".")[2].partition("+")[0])
    spec = {0: "seconds", 3: "milliseconds", 6: "microseconds"}[digits]
    return _later(datetime.fromisoformat(found[0]), days, minutes).isoformat(timespec=spec)


def _marked(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """What is sealed or signed gives place to a name of its own."""
    if table not in _MADE_ANEW:
        return row
    column, owner = _MADE_ANEW[table]
    return {**row, column: (table, row[owner])}


def _line(table: str, values: list[Any], names: Sequence[str]) -> Line:
    swaps: list[tuple[int, tuple[Any, ...], bool]] = []
    for position, value in enumerate(values):
        if isinstance(value, tuple) or value in names:
            swaps.append((position, (value,), True))
        elif isinstance(value, str) and (found := tuple(name for name in names if name in value)):
            swaps.append((position, found, False))
    return Line(table, values, tuple(swaps))


def _new(value: Any, new: dict[Any, Any]) -> Any:
    return new.get(value, value) if isinstance(value, str) else value
