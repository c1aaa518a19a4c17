"""An archive that was made fast is one that the program could have made: row by row, and as a whole."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks import archive, bulk, measured, stories
from benchmarks.bulk import Batch
from benchmarks.stories import Rows, Teller
from storage import audit_log, calls, consents, preview, remains
from storage.database import Database
from storage.keys import Keys
from storage.media import MediaStore
from storage.policy.clocks import COPENHAGEN
from storage.policy.settings import PolicySettings
from storage.sweep import sweep
from storage.tables import Artifact, Consent
from tests.storage.world import database_url

NAMES = re.compile(r"(?:\b[0-9a-f]{2}/)?[0-9a-f]{32,128}|K-\d+|sealed:[A-Za-z0-9+/=]+")


def as_compared(rows: Rows) -> Counter[str]:
    """Rows without their names and what is sealed, and without the numbers that the database counts."""
    return Counter(repr([table.name, *(_plain(table, *each) for each in row.items())]) for table, row in rows)


def _plain(table: sa.Table, column: str, value: Any) -> Any:
    if table.columns[column] is table.autoincrement_column or isinstance(value, bytes):
        return column
    if column == "seq":  # a sweep takes artifacts in the order of their ids, which are drawn
        return column
    return NAMES.sub("#", str(value))


@pytest.mark.sqlite  # the next test reads everything back from both
@pytest.mark.parametrize("days", [61, 5])
@pytest.mark.parametrize("story", bulk.STORIES)
def test_a_copy_is_what_the_program_writes_for_a_call_of_that_day(
    home: Path, story: str, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys.open(home / "key")
    monkeypatch.setattr(bulk, "plan", lambda artifacts: [Batch(story, days, 1)])
    bulk.archive(home / "tast1.db", keys, 3)
    db = Database(database_url(home))
    copied = db.read_sync(stories.everything)
    db.close()

    day = bulk.TODAY - timedelta(days=days)
    began = stories.BEGAN.astimezone(COPENHAGEN)
    on_that_day = datetime.combine(day, began.time(), COPENHAGEN).astimezone(stories.BEGAN.tzinfo)
    monkeypatch.setattr(stories, "BEGAN", on_that_day)
    told = getattr(Teller(keys, PolicySettings()), story)().rows
    assert as_compared(copied) == as_compared(told)
    assert {"calls", "consent_records", "artifacts", "grounds"} <= {table.name for table, _ in copied}


def test_a_plan_has_as_many_artifacts_as_asked_for_and_as_many_due() -> None:
    kept = {"recorded": 3, "complained": 3, "ordered": 3, "declined": 1, "aged": 1}
    for artifacts in (500, 1234, 100_000, 1_000_000):
        batches = bulk.plan(artifacts)
        assert sum(kept[batch.story] * batch.calls for batch in batches) == artifacts
        assert [batch.days for batch in batches] == sorted((b.days for b in batches), reverse=True)
    assert bulk.due(1_000_000) == 30_000
    assert {batch.story for batch in bulk.plan(100_000)} == set(bulk.STORIES)


def test_a_whole_archive_holds_together_and_is_swept_like_any_other(home: Path) -> None:
    keys, store = Keys.open(home / "key"), MediaStore(home / "audio")
    told: list[int] = []
    bulk.archive(home / "tast1.db", keys, 2000, told.append)
    if not (url := database_url(home)).startswith("sqlite"):
        bulk.to_postgres(home / "tast1.db", url)
    db = Database(url)
    try:
        assert told[-1] == preview.count(db) == 2000
        assert db.read_sync(audit_log.verify).intact
        assert db.read_sync(dangling) == []
        genuine = db.read_sync(
            lambda s: [consents.is_genuine(row, keys.public_key) for row in s.scalars(sa.select(Consent))]
        )
        assert genuine and all(genuine)
        assert remains.search(db, store, keys, bulk.NOW) == []
        assert db.read_sync(lambda s: numbers_of(s, keys)) > 1

        assert sweep(db, store, bulk.NOW - timedelta(minutes=2), dry_run=True).erased == ()
        erased = sweep(db, store, bulk.NOW).erased
        assert len(erased) == bulk.due(2000)
        assert {each.kind for each in erased} == {"AUD", "TRS", "CE", "NL"}
        assert preview.count(db) == 2000 - bulk.due(2000)
        assert db.read_sync(audit_log.verify).intact
        assert remains.search(db, store, keys, bulk.NOW) == []
    finally:
        db.close()


@pytest.mark.sqlite  # the measurements ask what the tests of storage ask of both
def test_each_measurement_of_an_archive_is_of_all_of_it(home: Path) -> None:
    bulk.archive(home / "tast1.db", Keys.open(home / "key"), 2000)
    db = Database(database_url(home))
    try:
        asked = measured.all_over(db, 20)
        assert len(set(asked)) == 20 and asked == sorted(asked)
        found = {name: measure(db, home) for name, measure in measured.MEASURES.items()}
        assert preview.count(db) == 2000 - bulk.due(2000)
    finally:
        db.close()
    assert list(found) == list(archive.MEASURES)
    assert found["number"]["most"] > 1 and found["preview"]["looked_at"] == 2000
    assert found["sweep"]["erased"] == bulk.due(2000) and found["sweep"]["files_s"] > 0


def numbers_of(session: Session, keys: Keys) -> int:
    """How many numbers a few recorded calls have; each is found again by it."""
    query = sa.select(Artifact.call_id).where(Artifact.kind == "AUD", Artifact.blocked_at.is_(None)).limit(20)
    found = set()
    for call_id in session.scalars(query):
        number = calls.caller_number(session, keys, str(call_id), bulk.NOW - timedelta(minutes=2))
        assert number is not None
        assert call_id in [call.id for call in calls.of_caller(session, keys, number)]
        found.add(number)
    return len(found)


def dangling(session: Session) -> list[str]:
    """Foreign keys of rows that name nothing."""
    found = []
    for table in Artifact.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            columns = [(element.parent, element.column) for element in key.elements]
            other = columns[0][1].table.alias("named")
            named = sa.select(other).where(*(own == other.c[named.name] for own, named in columns)).exists()
            broken = sa.select(sa.func.count()).where(*(own.is_not(None) for own, _ in columns), ~named)
            if session.scalar(broken):
                found.append(str(key.name))
    return found
