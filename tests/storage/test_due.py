"""What a sweep finds in an archive that is larger than what it looks at together."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from storage import artifacts, due
from storage.sweep import sweep
from storage.tables import GroundRow
from tests.storage.test_sweep import MIDNIGHT, hold
from tests.storage.world import ARRIVED, World, begin, record_call


def test_a_walk_goes_through_all_pages_and_passes_over_what_is_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "PAGE", 1)
    recordings = [record_call(world, ARRIVED + timedelta(minutes=m), seconds=0.1)[1] for m in range(4)]
    world.db.write_sync(lambda s: artifacts.add_ground(s, recordings[1], hold(), ARRIVED))
    walked = [each for page in due.walk(world.db, MIDNIGHT, None) for each in page]
    assert sorted(walked) == sorted({*recordings} - {recordings[1]})

    assert {e.artifact_id for e in sweep(world.db, world.store, MIDNIGHT).erased} == set(walked)
    assert sweep(world.db, world.store, MIDNIGHT).erased == ()


def test_evidence_goes_in_the_same_sweep_after_what_rested_on_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "PAGE", 2)
    for day in range(3):
        record_call(world, ARRIVED + timedelta(days=day), seconds=0.1)
    kinds = [e.kind for e in sweep(world.db, world.store, ARRIVED + timedelta(days=200)).erased]
    assert sorted(kinds) == ["AUD"] * 3 + ["CE"] * 3


def test_a_part_of_a_large_archive_is_looked_at_in_turn_until_all_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = {begin(world, ARRIVED + timedelta(minutes=m))[1].artifact_id for m in range(6)}
    world.db.write_sync(lambda s: s.query(GroundRow).filter(GroundRow.artifact_id.in_(recordings)).delete())
    assert set(world.db.read_sync(lambda s: due.groundless(s, ARRIVED))) == recordings
    assert set(world.db.read_sync(lambda s: due.groundless(s, ARRIVED, None))) == recordings

    found: set[str] = set()
    for minute in range(500):
        at = datetime(2025, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=minute)
        some = world.db.read_sync(lambda s, at=at: due.groundless(s, at, 1))
        assert len(some) <= 2
        found |= set(some)
    assert found == recordings


def test_the_beginning_of_an_id_finds_it_and_nothing_else(world: World) -> None:
    recording = begin(world)[1].artifact_id

    def beginning(prefix: str) -> list[str]:
        return list(world.db.read_sync(lambda s: artifacts.beginning(s, prefix)))

    assert beginning(recording) == beginning(recording[:9]) == [recording]
    assert beginning("") == beginning(recording + "0") == beginning("%") == beginning("_") == []
