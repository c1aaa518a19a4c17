"""A preview foretells exactly what applying the settings then does, on archives of every kind of call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from benchmarks import bulk
from storage import artifacts, preview
from storage.books import By
from storage.database import Database
from storage.keys import Keys
from storage.model import Ground
from storage.policy import events as e
from storage.policy import grounds
from storage.policy.settings import PolicySettings
from storage.tables import Artifact
from tests.storage.world import database_url

NOW = bulk.NOW - timedelta(minutes=2)
"""The evening before: nothing is due."""

Change = Callable[[PolicySettings], PolicySettings]
CHANGES: dict[str, Change] = {
    "fewer days": lambda s: replace(s, retention=replace(s.retention, callcenter_days=20)),
    "more days": lambda s: replace(s, retention=replace(s.retention, callcenter_days=40)),
    "from the end": lambda s: replace(s, retention=replace(s.retention, anchor="ended_at")),
    "by the hour": lambda s: replace(s, retention=replace(s.retention, day_count="exact_24h")),
    "longer proof": lambda s: replace(s, consent_evidence=replace(s.consent_evidence, grace_days=60)),
    "shorter logs": lambda s: replace(s, logs=replace(s.logs, declined_days=3)),
}
MOVES = {*CHANGES} - {"from the end"}
"""Those that move something there: a call is a minute long, and none goes over midnight."""


def kept(db: Database) -> dict[str, tuple[Ground, ...]]:
    """The active grounds of everything that is kept, by artifact."""

    def look(session: artifacts.Session) -> dict[str, tuple[Ground, ...]]:
        found = {}
        for row in session.query(Artifact).filter(Artifact.blocked_at.is_(None)):
            found[row.id] = grounds.active(artifacts.grounds_of(session, row.id), NOW)
        return found

    return db.read_sync(look)


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_foretold_is_what_happens(home: Path, change: str) -> None:
    keys = Keys.open(home / "key")
    bulk.archive(home / "tast1.db", keys, 400)
    if not (url := database_url(home)).startswith("sqlite"):
        bulk.to_postgres(home / "tast1.db", url)
    db = Database(url)
    try:
        settings = CHANGES[change](PolicySettings())
        before = kept(db)
        moved: list[preview.Moved] = []
        found = preview.preview(db, settings, NOW, on_moved=moved.append)
        assert found.looked_at == len(before) == 400
        assert bool(moved) == (change in MOVES)

        preview.apply(db, keys, settings, NOW, e.Restated(later=True, reason="a new policy"), By())
        after = kept(db)
        foretold = {each.artifact: (each.was, None if each.at_once else each.until) for each in moved}
        happened = {
            each: (_until(before[each]), _until(after[each]))
            for each in before
            if _moves(before, after, each)
        }
        assert foretold == happened
    finally:
        db.close()


def _moves(before: dict[str, tuple[Ground, ...]], after: dict[str, tuple[Ground, ...]], each: str) -> bool:
    if not after[each]:
        return True
    return grounds.expires_at(before[each]) != grounds.expires_at(after[each])


def _until(held: tuple[Ground, ...]) -> date | None:
    return grounds.until(held) if held else None
